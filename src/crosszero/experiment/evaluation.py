"""One encoder on one task: predictions in XTREME's format, and the scores of the files written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crosszero.config import build
from crosszero.errors import ConfigError, suggest
from crosszero.experiment.cache import CachedEncoder, hash_encoder
from crosszero.experiment.settings import TASKS, resolve_path
from crosszero.files import atomic_file, hash_files, make_key
from crosszero.model.encoder import Encoder
from crosszero.search.margin import Margin
from crosszero.tasks.catalogue import find_task, list_tasks
from crosszero.tasks.fine_tuned_task import FineTunedTask
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.loop import is_finished, remove_stopped
from crosszero.tasks.task import Score, Task
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.tasks.word_retrieval import WordRetrieval

SETUP = "evaluation.json"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured, and where results go.

    Attributes:
        data: folder in XTREME's layout, with gold in ``labels``; ``word-alignment/*.gold`` and the
            store ``word-retrieval`` stand there too, unless `alignment` or `held_out` say where.
        out: predictions go to ``<out>/predictions``, fine-tuned models to ``<out>/models``.
        alignment: folder that holds ``word-alignment/``; none: `data`.
        held_out: store of ``word-retrieval``, or folder that holds it by that name; none: `data`.
        languages: to test; none: all that a task has. Pairs, for the two tasks about words.
        layers: ``all`` also measures word alignment by layer.
        fine_tune: for a task, settings that differ from XTREME's.
        max_length: tokens of a text in the tasks without fine-tuning; none: as many as the
            encoder takes.
        margin: of ``bucc2018``; see :func:`crosszero.search.vector_mining.mine_vectors`.
        layer: hidden layer, from 1, that those tasks read; none: the mean of first and last.
        seed: of fine-tuning.
    """

    data: Path
    out: Path
    alignment: Path | None = None
    held_out: Path | None = None
    languages: list[str] | None = None
    layers: Literal["all"] | None = None
    fine_tune: dict[str, dict[str, Any]] = field(default_factory=dict)
    max_length: int | None = None
    margin: Margin = "ratio"
    layer: int | None = None
    seed: int = 1

    def folder(self, task: str) -> Path:
        """The folder that a task reads."""
        own: Path | None = getattr(self, find_task(task).data_setting)
        return own or self.data

    def locate(self, task: str) -> Path:
        """Where the data of a task stand, if they are there."""
        return find_task(task).locate(self.folder(task))


def choose_tasks(asked: Sequence[str]) -> list[str]:
    """Expand ``all`` and check names.

    Raises:
        ConfigError: an unknown task.
    """
    chosen = list(TASKS) if list(asked) == ["all"] else list(dict.fromkeys(asked))
    for task in chosen:
        if task not in TASKS:
            raise ConfigError(f"unknown task {task!r}: {suggest(task, ('all', *TASKS))}")
    return chosen


def measure_task(encoder: str | Path, task: str, bench: Bench) -> list[Score]:
    """Predict and score one task.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        task: one of :data:`TASKS`.
        bench: data and settings.

    Returns:
        Scores by language, read back from the files of predictions.

    Raises:
        CrosszeroError: settings, data or encoder can't be used.

    Example:
        >>> bench = Bench(data=Path("xtreme"), out=Path("out"))
        >>> measure_task("crosszero-mini", "tatoeba", bench)          # doctest: +SKIP
        [Score(task='tatoeba', metric='accuracy', language='ar', ...)]
    """
    made, data, predictions = find_task(task), bench.folder(task), bench.out / "predictions"
    made.check(data, bench.languages)
    model = _make_model(encoder, made, bench)
    options = {name: getattr(bench, name) for name in made.options if hasattr(bench, name)}
    predict: Callable[..., list[Path]] = made.predict
    predict(model, data, predictions, bench.languages, **options)
    return made.score(predictions, data, bench.languages)


def _make_model(encoder: str | Path, task: Task, bench: Bench) -> Any:
    """What a task runs: the encoder fine-tuned for it, or its vectors."""
    if isinstance(task, FineTunedTask):
        folder = locate_model(encoder, task.name, bench)
        if is_finished(folder):
            return task.load_model(folder)
        remove_stopped(folder)
        return task.fine_tune(encoder, bench.data, settings_of(task.name, bench), folder)
    loaded = Encoder.load(encoder, max_length=bench.max_length, layer=bench.layer)
    if task.needs == "sentences":
        return CachedEncoder(loaded, hash_encoder(encoder), bench.out / "vectors")
    return loaded


def settings_of(task: str, bench: Bench) -> FineTuneConfig:
    """XTREME's settings of a task with the changes of the bench.

    Raises:
        ConfigError: a setting is unknown, of the wrong type or out of range.
    """
    made = find_task(task)
    if not isinstance(made, FineTunedTask):
        known = [one.name for one in list_tasks() if one.fine_tuned]
        raise ConfigError(f"{task} is not fine-tuned: {suggest(task, known)}")
    defaults = dataclasses.asdict(made.make_config(seed=bench.seed))
    changes = bench.fine_tune.get(task, {})
    return build(FineTuneConfig, {**defaults, **changes}, where=f"fine_tune: {task}")


def locate_model(encoder: str | Path, task: str, bench: Bench) -> Path:
    """Where a fine-tuned model belongs: its name is a hash of all that it depends on."""
    files = [bench.data / task / f"{split}-en.tsv" for split in ("train", "dev")]
    # epochs: 1 is read as 1.0, but gives the name that it always gave, so that models are found
    given = {k: v for k, v in bench.fine_tune.get(task, {}).items() if isinstance(v, int)}
    values = {**dataclasses.asdict(settings_of(task, bench)), **given}
    settings = {"encoder": hash_encoder(encoder), "config": values}
    return bench.out / "models" / f"{task}-{make_key(settings, files)[:16]}"


def write_setup(encoder: str, bench: Bench, pairs: Sequence[str] | None = None) -> None:
    """Note beside the scores of one encoder what was measured on what, for its page."""
    content = {
        "encoder": resolve_path(encoder),
        "data": resolve_path(str(bench.data)),
        "alignment": resolve_path(str(bench.folder(WordAlignment.name))),
        "held_out": resolve_path(str(bench.folder(WordRetrieval.name))),
        "languages": bench.languages,
        "pairs": pairs,
        "max_length": bench.max_length,
        "margin": bench.margin,
        "layer": bench.layer,
        "seed": bench.seed,
    }
    with atomic_file(bench.out / SETUP) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)


def hash_data(task: str, bench: Bench) -> str:
    """SHA-256 over the files that a task reads."""
    return hash_files(*find_task(task).list_files(bench.folder(task)))
