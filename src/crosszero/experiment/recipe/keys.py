"""What each step of a chain depends on, as one hash."""

from __future__ import annotations

from pathlib import Path

from crosszero.align.gold import split_base
from crosszero.bitext import BitextConfig
from crosszero.config import to_dict
from crosszero.experiment.recipe.config import RecipeConfig
from crosszero.experiment.recipe.paths import Paths
from crosszero.files import make_key


def make_prepare_key(recipe: RecipeConfig, _: Paths) -> str:
    """Hash what the samples come from: sources, settings, lists, the encoder of a finder."""
    settings = {
        "bitext": [to_dict(source) for source in recipe.bitext],
        "prepare": to_dict(recipe.prepare),
        "words": to_dict(recipe.words),
    }
    encoder = []
    if recipe.words.kind == "encoder":
        settings["encoder"] = recipe.encoder
        encoder = [Path(recipe.encoder)]
    lists = [Path(entry.rpartition("=")[2]) for entry in recipe.words.lexicon]
    return make_key(settings, [f for s in recipe.bitext for f in _files(s)] + lists + encoder)


def make_train_key(recipe: RecipeConfig, paths: Paths) -> str:
    """Hash samples, encoder and settings of the training."""
    settings = {"encoder": recipe.encoder, "train": to_dict(recipe.train)}
    folder = Path(recipe.encoder)
    return make_key(settings, [paths.samples, *([folder] if folder.is_dir() else [])])


def make_baseline_key(recipe: RecipeConfig, paths: Paths) -> str:
    """Hash what the numbers before training depend on."""
    settings = {"evaluate": to_dict(recipe.evaluate), "encoder": recipe.encoder}
    folder = Path(recipe.encoder)
    files = [paths.held_out, *([folder] if folder.is_dir() else [])]
    files += [f for source in recipe.evaluate.retrieval for f in _files(source)]
    stems = [split_base(stem)[0] for stem in recipe.evaluate.alignment]
    files += [Path(f"{stem}.{kind}") for stem in stems for kind in ("src", "tgt", "gold")]
    if recipe.evaluate.tatoeba:
        files += [Path(recipe.evaluate.tatoeba) / name for name in ("tatoeba", "labels/tatoeba")]
    return make_key(settings, files)


def make_evaluate_key(recipe: RecipeConfig, paths: Paths) -> str:
    """Hash what the numbers after training depend on."""
    before = make_baseline_key(recipe, paths)
    return make_key({"baseline": before}, [paths.before, paths.run / "model.safetensors"])


def make_page_key(recipe: RecipeConfig, paths: Paths) -> str:
    """Hash what the page shows."""
    settings = {
        "name": recipe.name,
        "encoder": recipe.encoder,
        "bitext": [to_dict(source) for source in recipe.bitext],
        "evaluate": to_dict(recipe.evaluate),
    }
    return make_key(settings, [paths.scores, paths.held_out, paths.run / "metrics.jsonl"])


def _files(source: BitextConfig) -> list[Path]:
    """Files that a source reads: a path, or a prefix such as data/multi for data/multi.en."""
    found: list[Path] = []
    for name in [source.path] if isinstance(source.path, str) else source.path:
        path = Path(name)
        beside = sorted(path.parent.glob(f"{path.name}.*")) if path.parent.is_dir() else []
        found += [path] if path.exists() or not beside else beside
    return found
