"""The whole chain: prepare, train, evaluate, page. A step whose inputs are the same is skipped."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from crosszero.bitext import BitextConfig, find_interface_strings
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.experiment.preparation import (
    StageLog,
    describe_summary,
    make_recipe_finder,
    read_sources,
)
from crosszero.experiment.recipe.config import INTERFACE_STRINGS, RecipeConfig
from crosszero.experiment.recipe.keys import (
    make_baseline_key,
    make_evaluate_key,
    make_page_key,
    make_prepare_key,
    make_train_key,
)
from crosszero.experiment.recipe.paths import Paths
from crosszero.experiment.recipe.scores import Score, measure, name_source
from crosszero.experiment.stamps import Stamps
from crosszero.files import atomic_file

_log = logging.getLogger("crosszero")


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
        ("prepare", make_prepare_key, made, _prepare),
        ("train", make_train_key, [paths.run / "config.json"], _train),
        ("baseline", make_baseline_key, [paths.before], _baseline),
        ("evaluate", make_evaluate_key, [paths.scores], _evaluate),
    ]
    if recipe.page:
        chain.append(("page", make_page_key, [paths.page], _page))
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
    from crosszero.align.gold import read_alignment_set
    from crosszero.model.loading import locate_encoder
    from crosszero.tasks.tatoeba_data import list_languages, read_tatoeba

    locate_encoder(recipe.encoder)
    for source in [*recipe.bitext, *recipe.evaluate.retrieval]:
        source.open()
    if recipe.evaluate.tatoeba:
        folder = recipe.evaluate.tatoeba
        for language in recipe.evaluate.tatoeba_languages or list_languages(folder):
            read_tatoeba(folder, language)
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
    from crosszero.model.encoder import Encoder

    loaded = Encoder.load(encoder, max_length=recipe.evaluate.max_length)
    return measure(loaded, recipe.evaluate, paths.held_out if recipe.evaluate.held_out else None)


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
    from crosszero.experiment.recipe.page import write_recipe_page

    held_out = paths.held_out if recipe.evaluate.held_out else None
    write_recipe_page(
        recipe, paths.run, held_out, read_scores(paths.scores), paths.page, command=command
    )
