"""One encoder on some tasks, from Python or by a command: an experiment of one system."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from crosszero.errors import ConfigError, suggest
from crosszero.experiment.engine import run_experiment
from crosszero.experiment.scores import Scores
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.model.hashing import hash_encoder
from crosszero.model.options import Pooling, Precision
from crosszero.search.margin import Margin
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.fine_tuned_task import FineTunedTask
from crosszero.tasks.task import Task

_TABLE, _SEARCH = ("synonyms", "ear"), ("adversarial",)
_ROBUST = {
    "synonyms": _TABLE, "copies": _TABLE, "smoothing_radius": ("smoothing",),
    "adversarial_radius": _SEARCH, "adversarial_steps": _SEARCH, "adversarial_step_size": _SEARCH,
    "ear_layer": ("ear",), "ear_attention_weight": ("ear",), "ear_embedding_weight": ("ear",),
}  # fmt: skip
"""The kinds of robust fine-tuning that look at a setting."""


def evaluate(
    encoder: str | Path,
    *,
    tasks: Sequence[str] | None = None,
    data: str | Path | None = None,
    alignment: str | Path | None = None,
    held_out: str | Path | None = None,
    languages: Sequence[str] | None = None,
    pairs: Sequence[str] | None = None,
    out: str | Path | None = None,
    layers: Literal["all"] | None = None,
    max_length: int | None = None,
    margin: Margin = "ratio",
    layer: int | None = None,
    pooling: Pooling | None = None,
    precision: Precision = "fp32",
    seed: int = 1,
    fine_tune: Mapping[str, Mapping[str, Any]] | None = None,
) -> Scores:
    """Measure an encoder.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        tasks: names such as ``tatoeba``, or ``["all"]``; by default all whose data is there. Those
            of two languages in a pair (``xnli-mixed``, ``pawsx-mixed``) have to be named.
        data: folder in XTREME's layout, with gold in ``labels``.
        alignment: folder that holds ``word-alignment/*.gold``; by default `data`.
        held_out: store of samples for the held-out tasks, or folder that holds it; by default
            `data`.
        languages: to test; by default all that a task has.
        pairs: of gold alignments, such as ``en-fr``; ``de-en:1`` says that the file of that pair
            counts words from 1, if it does not show it. By default all.
        out: folder for predictions, fine-tuned models, records and ``scores.json``. What was
            already measured there in the same way is not measured again; predictions and records of
            another encoder are removed. By default nothing is kept.
        layers: ``all`` also measures word alignment by layer.
        max_length: longest text in tokens for the tasks without fine-tuning; by default as long as
            the encoder allows.
        margin: of ``bucc2018`` and the ``xsim`` tasks.
        layer: hidden layer, from 1, that those tasks read.
        pooling: instead of `layer`: how those tasks read sentences; by default as the encoder's
            folder says. See :meth:`crosszero.Encoder.load`.
        precision: number format in which those tasks read texts; by default the one that gives the
            same scores on every machine. See :class:`crosszero.Encoder`.
        seed: of fine-tuning.
        fine_tune: for a task, settings that differ from XTREME's.

    Returns:
        The scores: a sequence with means by task and a table.

    Raises:
        CrosszeroError: settings, data or encoder can't be used, or none of the tasks uses a
            setting. All data is read before anything is run.

    Example:
        >>> import crosszero as cz
        >>> scores = cz.evaluate("run", tasks=["tatoeba"], data="xtreme")     # doctest: +SKIP
        >>> scores.mean("tatoeba")                                            # doctest: +SKIP
        0.028
    """
    places = {"data": data, "alignment": alignment or data, "held_out": held_out or data}
    found = {name: str(place) if place else None for name, place in places.items()}
    name = re.sub(r"[^\w.+-]", "-", Path(encoder).name) or "encoder"
    with ExitStack() as stack:
        folder = Path(out or stack.enter_context(tempfile.TemporaryDirectory()))
        config = ExperimentConfig(
            name=f"{encoder}, seed {seed}", out=str(folder), encoder=str(encoder),
            systems={name: SystemConfig()}, tasks=_choose(tasks, found), seeds=[seed],
            data=found["data"], alignment=found["alignment"], held_out=found["held_out"],
            languages=None if languages is None else list(languages),
            alignment_pairs=None if pairs is None else list(pairs),
            fine_tune={task: dict(changes) for task, changes in (fine_tune or {}).items()},
            max_length=max_length, margin=margin, layers=layers, layer=layer,
            pooling=pooling, precision=precision, page=False, alone=True,
        )  # fmt: skip
        _check_used(config)
        records = run_experiment(config).records
        scores = Scores(
            [score for record in records for score in record.scores],
            title=config.name,
            encoder=hash_encoder(encoder),
        )
        scores.write(folder / "scores.json")
    return scores


def _check_used(config: ExperimentConfig) -> None:
    """Refuse (ConfigError) settings that none of the tasks looks at."""
    tasks, asked = [config.find_task(name) for name in config.tasks], ", ".join(config.tasks)
    if config.languages and all(task.pairs_of_languages for task in tasks):
        raise ConfigError(f"languages: {asked} work on pairs of languages; use pairs (--pairs)")
    uses: dict[str, tuple[object, Callable[[Task], bool]]] = {
        "pairs": (config.alignment_pairs, lambda task: task.data_setting == "alignment"),
        "layers": (config.layers, lambda task: "layers" in task.options),
        "margin": (config.margin != "ratio", lambda task: "margin" in task.options),
        "pooling": (config.pooling, lambda task: task.needs == "sentences"),
        "layer": (config.layer, lambda task: task.needs != "model"),
        "max_length": (config.max_length, lambda task: task.needs != "model"),
        "precision": (config.precision != "fp32", lambda task: task.needs != "model"),
    }
    for name, (given, is_used) in uses.items():
        if given and not any(map(is_used, tasks)):
            others = ", ".join(task.name for task in list_tasks() if is_used(task))
            raise ConfigError(
                f"{name} (--{name.replace('_', '-')}): is for {others}, not for {asked}; leave it "
                "out, or name such a task (--tasks)"
            )
    sources = {task.source for task in tasks if isinstance(task, FineTunedTask)}
    for name, settings in config.fine_tune.items():
        if name not in sources:
            raise ConfigError(
                f"fine_tune (--set): {name} is not measured, only {asked}; leave its settings out, "
                "or name it (--tasks)"
            )
        for key, kinds in _ROBUST.items():
            if key in settings and settings.get("robust", "none") not in kinds:
                known = " and ".join(kinds)
                raise ConfigError(
                    f"fine_tune (--set): {name}.{key} is for {known}; leave it out, or set "
                    f"{name}.robust"
                )


def _choose(asked: Sequence[str] | None, places: Mapping[str, str | None]) -> list[str]:
    known = list_tasks()
    usual = [task for task in known if not task.on_demand]
    names = [task.name for task in known]
    if asked is None:
        there = [t for t in usual if (place := places[t.data_setting]) and t.locate(place).is_dir()]
        given = ", ".join(dict.fromkeys(place for place in places.values() if place))
        if not given:
            raise ConfigError(
                "nothing to measure on: give data (--data), alignment (--alignment) or held_out "
                "(--held-out)"
            )
        if not there:
            raise ConfigError(f"{given}: has no task folder ({', '.join(names)})")
        for setting in ("alignment", "held_out"):
            place = places[setting]
            if place != places["data"] and all(task.data_setting != setting for task in there):
                wanted = ", ".join(task.name for task in usual if task.data_setting == setting)
                raise ConfigError(f"{place}: has no task folder ({wanted})")
        return [task.name for task in there]
    for name in asked:
        if name not in ("all", *names):
            raise ConfigError(f"unknown task {name!r}: {suggest(name, ('all', *names))}")
    every = [task.name for task in usual]
    return list(dict.fromkeys(n for name in asked for n in (every if name == "all" else [name])))
