"""The whole chain: prepare, train, evaluate, page. A step whose inputs are the same is skipped."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from crosszero.bitext import BitextConfig, SentencePair, find_interface_strings
from crosszero.bitext.skip import SkipLog
from crosszero.config import to_dict
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.evaluation.gold import split_base
from crosszero.files import atomic_file, make_key
from crosszero.recipe.config import INTERFACE_STRINGS, RecipeConfig
from crosszero.recipe.scores import Score, measure, name_source
from crosszero.recipe.stamps import Stamps
from crosszero.samples.config import FinderConfig, make_finder
from crosszero.samples.finder import Finder

_log = logging.getLogger("crosszero")


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where a chain keeps its results.

    Attributes:
        samples, held_out: stores of samples.
        run: the trained encoder.
        before: numbers of the encoder before training, as JSON.
        scores: numbers before and after, as JSON.
        page: the HTML page.
    """

    samples: Path
    held_out: Path
    run: Path
    before: Path
    scores: Path
    page: Path

    @classmethod
    def of(cls, out: str | Path) -> Paths:
        """The paths below an output folder."""
        out = Path(out)
        return cls(
            samples=out / "samples",
            held_out=out / "held-out",
            run=out / "run",
            before=out / "before.json",
            scores=out / "scores.json",
            page=out / "report.html",
        )


def run_recipe(
    recipe: RecipeConfig, *, command: str = "", steps: Sequence[str] | None = None
) -> Paths:
    """Do every step of a recipe whose inputs changed since it was last done.

    A training that was interrupted goes on from its newest checkpoint.

    Args:
        recipe: what to do.
        command: the command line, for the page.
        steps: some of ``prepare``, ``train``, ``baseline`` (measures before training),
            ``evaluate`` (measures after), ``page``; all by default.

    Returns:
        Where the results stand.

    Raises:
        CrosszeroError: see the steps' own functions.

    Example:
        >>> run_recipe(read_recipe("recipes/demo.yaml"))            # doctest: +SKIP
    """
    recipe = dataclasses.replace(recipe, bitext=[_locate(source) for source in recipe.bitext])
    check_recipe(recipe)
    paths = Paths.of(recipe.out)
    stamps = Stamps(Path(recipe.out) / ".stamps")
    made = [paths.samples, *([paths.held_out] if recipe.prepare.hold_out else [])]
    chain = [
        ("prepare", _prepare_key, made, _prepare),
        ("train", _train_key, [paths.run / "config.json"], _train),
        ("baseline", _baseline_key, [paths.before], _baseline),
        ("evaluate", _evaluate_key, [paths.scores], _evaluate),
    ]
    if recipe.page:
        chain.append(("page", _page_key, [paths.page], _page))
    for name, make, outputs, act in chain:
        if steps is not None and name not in steps:
            continue
        key = make(recipe, paths)
        if stamps.current(name, key, outputs):
            _log.info("%s: nothing has changed, skipped", name)
            continue
        _log.info("%s ...", name)
        begun = time.monotonic()
        again = stamps.begun(name, key)
        if name == "train" and not again:
            _set_aside(paths.run)
        stamps.write(name, key, done=False)
        act(recipe, paths, again, command)
        stamps.write(name, key, done=True)
        _log.info("%s: done in %.0f s", name, time.monotonic() - begun)
    return paths


def check_recipe(recipe: RecipeConfig) -> None:
    """Tell now what would fail after hours: missing files, a missing extra, a length too long.

    Raises:
        CrosszeroError: of the kind that the step itself would raise.
    """
    from crosszero.evaluation import list_languages, read_alignment_set
    from crosszero.model.encoder import locate_encoder

    locate_encoder(recipe.encoder)
    for source in [*recipe.bitext, *recipe.evaluate.retrieval]:
        source.open()
    if recipe.evaluate.tatoeba:
        list_languages(recipe.evaluate.tatoeba)
    for stem in recipe.evaluate.alignment:
        read_alignment_set(stem)
    names = [name_source(source) for source in recipe.evaluate.retrieval]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"evaluate: retrieval: sources are told apart by their names, given {', '.join(names)}"
        )
    if recipe.page:
        for package in ("matplotlib", "sklearn"):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package, "report", "the page (page: true)")


def _locate(source: BitextConfig) -> BitextConfig:
    if source.path != INTERFACE_STRINGS:
        return source
    return dataclasses.replace(source, path=str(find_interface_strings()), format="chromium")


def _files(source: BitextConfig) -> list[Path]:
    """Files that a source reads: a path, or a prefix such as data/multi for data/multi.en."""
    found: list[Path] = []
    for name in [source.path] if isinstance(source.path, str) else source.path:
        path = Path(name)
        beside = sorted(path.parent.glob(f"{path.name}.*")) if path.parent.is_dir() else []
        found += [path] if path.exists() or not beside else beside
    return found


def _prepare_key(recipe: RecipeConfig, _: Paths) -> str:
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


def _train_key(recipe: RecipeConfig, paths: Paths) -> str:
    settings = {"encoder": recipe.encoder, "train": to_dict(recipe.train)}
    folder = Path(recipe.encoder)
    return make_key(settings, [paths.samples, *([folder] if folder.is_dir() else [])])


def _baseline_key(recipe: RecipeConfig, paths: Paths) -> str:
    settings = {"evaluate": to_dict(recipe.evaluate), "encoder": recipe.encoder}
    folder = Path(recipe.encoder)
    files = [paths.held_out, *([folder] if folder.is_dir() else [])]
    files += [f for source in recipe.evaluate.retrieval for f in _files(source)]
    stems = [split_base(stem)[0] for stem in recipe.evaluate.alignment]
    files += [Path(f"{stem}.{kind}") for stem in stems for kind in ("src", "tgt", "gold")]
    if recipe.evaluate.tatoeba:
        files += [Path(recipe.evaluate.tatoeba) / name for name in ("tatoeba", "labels/tatoeba")]
    return make_key(settings, files)


def _evaluate_key(recipe: RecipeConfig, paths: Paths) -> str:
    before = _baseline_key(recipe, paths)
    return make_key({"baseline": before}, [paths.before, paths.run / "model.safetensors"])


def _page_key(recipe: RecipeConfig, paths: Paths) -> str:
    settings = {
        "name": recipe.name,
        "encoder": recipe.encoder,
        "bitext": [to_dict(source) for source in recipe.bitext],
        "evaluate": to_dict(recipe.evaluate),
    }
    return make_key(settings, [paths.scores, paths.held_out, paths.run / "metrics.jsonl"])


def _prepare(recipe: RecipeConfig, paths: Paths, again: bool, command: str) -> None:
    from crosszero.samples import Summary, prepare

    store = prepare(
        read_sources(recipe.bitext, Path(recipe.out) / "skipped.txt"),
        out=paths.samples,
        finder=make_recipe_finder(recipe.words, recipe.encoder),
        max_length=recipe.prepare.max_length,
        deduplicate=recipe.prepare.deduplicate,
        hold_out=recipe.prepare.hold_out,
        held_out=paths.held_out,
        seed=recipe.prepare.seed,
        progress=StageLog(),
    )
    summary = Summary.of(store)
    if summary is not None:
        _log.info(describe_summary(summary))


def make_recipe_finder(words: FinderConfig, encoder: str) -> FinderConfig | Finder:
    """The finder of a configuration; ``kind: encoder`` uses the encoder's middle layer."""
    if words.kind != "encoder":
        return words
    from crosszero.embed.embedder import Embedder

    embedder = Embedder.load(encoder)
    embedder.layer = (embedder.encoder.layers + 1) // 2
    return make_finder(words, vectors=embedder.encode_words)


class StageLog:
    """Logs how far the preparation of samples is, now and then."""

    _WHAT: ClassVar = {"read": "read", "fit": "learnt from", "find": "searched for words"}

    def __init__(self, every: float = 15.0) -> None:
        self._every, self._said = every, time.monotonic()

    def __call__(self, stage: str, done: int) -> None:
        if time.monotonic() - self._said >= self._every:
            self._said = time.monotonic()
            _log.info("%s sentence pairs %s", f"{done:,}", self._WHAT.get(stage, stage))


def describe_summary(summary: Any) -> str:
    """One line on what became of the sentence pairs."""
    left_out = ", ".join(f"{n} {reason}" for reason, n in summary.skipped.items())
    return (
        f"{summary.pairs_read} sentence pairs read, {summary.pairs_written} stored with "
        f"{summary.words_per_pair:.1f} word pairs each ({summary.pairs_with_words} have any), "
        f"{summary.pairs_held_out} held out" + (f"; left out: {left_out}" if left_out else "")
    )


def read_sources(sources: list[BitextConfig], skipped: Path) -> Iterator[SentencePair]:
    """Read all sources one after another; what is left out is listed in the file `skipped`."""
    for number, source in enumerate(sources):
        skipped.parent.mkdir(parents=True, exist_ok=True)
        place = skipped.with_name(f"{skipped.stem}-{number + 1}{skipped.suffix}")
        whole = False
        try:
            with SkipLog(skip_bad=source.skip_bad, to=place) as log:
                yield from source.open(log)
            whole = log.total > 0
            if whole:
                _log.info("%s (all of them: %s)", log.summary(), place)
        finally:
            if not whole:
                place.unlink(missing_ok=True)


def _train(recipe: RecipeConfig, paths: Paths, again: bool, command: str) -> None:
    from crosszero.training.loop import train

    train(recipe.encoder, paths.samples, recipe.train, out=paths.run, resume=again)


def _set_aside(run: Path) -> None:
    """Keep an encoder that was trained from other inputs: hours of work are never thrown away."""
    if run.exists():
        number = 1
        while (aside := run.with_name(f"{run.name}-{number}")).exists():
            number += 1
        os.replace(run, aside)
        _log.info("%s was trained from other inputs; it is kept as %s", run, aside)


def _baseline(recipe: RecipeConfig, paths: Paths, again: bool, command: str) -> None:
    _write_scores(paths.before, {"before": _measure(recipe, recipe.encoder, paths)})


def _evaluate(recipe: RecipeConfig, paths: Paths, again: bool, command: str) -> None:
    before = read_scores(paths.before)["before"]
    after = _measure(recipe, str(paths.run), paths)
    _write_scores(paths.scores, {"before": before, "after": after})


def _measure(recipe: RecipeConfig, encoder: str, paths: Paths) -> list[Score]:
    from crosszero.embed.embedder import Embedder

    embedder = Embedder.load(encoder, max_length=recipe.evaluate.max_length)
    return measure(embedder, recipe.evaluate, paths.held_out if recipe.evaluate.held_out else None)


def _write_scores(path: Path, scores: dict[str, list[Score]]) -> None:
    rows = {name: [score._asdict() for score in found] for name, found in scores.items()}
    with atomic_file(path) as file:
        json.dump(rows, file, indent=1, ensure_ascii=False)


def read_scores(path: Path) -> dict[str, list[Score]]:
    """Read what a chain measured: lists ``before`` and ``after`` with the same rows.

    Raises:
        CrosszeroError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: [Score(**row) for row in rows] for name, rows in content.items()}
    except (OSError, ValueError, TypeError) as error:
        raise CrosszeroError(
            f"{path}: no scores can be read there; run the recipe again"
        ) from error


def _page(recipe: RecipeConfig, paths: Paths, again: bool, command: str) -> None:
    from crosszero.recipe.page import write_recipe_page

    held_out = paths.held_out if recipe.evaluate.held_out else None
    write_recipe_page(
        recipe, paths.run, held_out, read_scores(paths.scores), paths.page, command=command
    )
