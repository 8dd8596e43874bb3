"""The settings of an experiment: text, systems, training, tasks, seeds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from crosszero.bitext import BitextConfig
from crosszero.config import build, require, require_seed
from crosszero.errors import ConfigError, suggest
from crosszero.model.options import Pooling, Precision
from crosszero.samples.prepare_config import FinderConfig, PrepareConfig
from crosszero.search.margin import Margin
from crosszero.tasks.catalogue import find_task, list_tasks
from crosszero.tasks.fine_tuned_task import FineTunedTask
from crosszero.tasks.sentence_retrieval import SentenceRetrieval
from crosszero.tasks.task import DataSetting, Task
from crosszero.training.train_config import TrainConfig

INTERFACE_STRINGS = "qtwebengine-interface-strings"
"""As a path: the strings in the installed package PyQt6-WebEngine-Qt6 (extra ``demo``)."""


@dataclass(frozen=True, kw_only=True)
class SystemConfig:
    """One row of the table.

    Attributes:
        encoder: to measure, or to train first; none: the experiment's.
        train: settings of training that differ from the experiment's; ``null`` measures the
            encoder as it is.
        samples: store to train on, if not the experiment's.
        trained: instead of `encoder` and `train`: the folder of a finished training, with
            ``{seed}`` in it, such as ``runs/CZ-snt-{seed}``.
        aligner: instead of an encoder: ``eflomal``, a statistical aligner that learns from the
            samples. It is measured on gold alignments only.
        layer, pooling: how the encoder is read, if not as the experiment says.
        fine_tune: settings of fine-tuning that differ from the experiment's, for all tasks, such as
            ``robust: smoothing``. That works on pairs of sentences, so other tasks are not
            measured.
        tasks: those of the experiment that the system is measured on; none: all.
    """

    encoder: str | None = None
    train: dict[str, Any] | None = None
    samples: str | None = None
    trained: str | None = None
    aligner: Literal["eflomal"] | None = None
    layer: int | None = None
    pooling: Pooling | None = None
    fine_tune: dict[str, Any] = field(default_factory=dict)
    tasks: list[str] | None = None

    def __post_init__(self) -> None:
        if self.trained is not None and (self.encoder is not None or self.train is not None):
            raise ConfigError("trained: names a finished encoder; remove encoder and train")
        if self.samples is not None and self.train is None and self.aligner is None:
            raise ConfigError("samples: are to train on; give train, or remove them")
        given = self.encoder or self.trained or self.layer or self.pooling
        if self.aligner is not None and (given or self.train is not None):
            raise ConfigError(
                "aligner: uses no encoder; remove encoder, train, trained, layer and pooling"
            )

    @property
    def has_seeds(self) -> bool:
        """Whether the system is trained, and so is another one with each seed."""
        return any(value is not None for value in (self.train, self.trained, self.aligner))

    @property
    def is_robust(self) -> bool:
        """Whether the system is fine-tuned robustly, which is for some tasks alone."""
        return bool(self.fine_tune.get("robust", "none") != "none")


def _check_reading(layer: int | None, pooling: Pooling | None) -> None:
    if layer is not None and layer < 1:
        raise ConfigError(f"layer: {layer} given; layers count from 1")
    if layer is not None and pooling is not None:
        raise ConfigError("layer, pooling: give only one of them")


def _before_and_after() -> dict[str, SystemConfig]:
    return {"before": SystemConfig(), "after": SystemConfig(train={})}


@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """Systems, tasks, seeds.

    Attributes:
        name: of the tables and the page.
        out: folder for all results.
        encoder: from which systems start: ``crosszero-mini``, a folder or a hub id.
        samples: store of samples to train on.
        bitext: instead of `samples`: parallel text to make them from, as ``OUT/samples``.
        prepare: how samples are made from `bitext`.
        words: how their word pairs are found.
        train: settings of training that all systems share.
        systems: name and settings of each row of the table. By default ``before``, the encoder as
            it is, and ``after``, trained; it then stands in ``OUT/run``.
        tasks: by default all whose data is given.
        seeds: each training and each fine-tuning is done with every seed. By default 1, 2 and 3;
            with the default systems one, that of `train`.
        data: folder in XTREME's layout, with gold in ``labels``.
        languages: languages to test; none: all that a task has.
        alignment: folder that holds ``word-alignment/*.gold``.
        alignment_pairs: which of them, such as ``de-en``; ``de-en:1`` if the file counts words from
            1 and does not show it. None: all.
        held_out: store of samples for the held-out tasks; by default the one that is made with
            `samples` from `bitext`.
        texts: further texts in several languages by name; each is a task, sentence retrieval.
        fine_tune: for a task, settings that differ from XTREME's.
        max_length: longest text in tokens for the tasks without fine-tuning; none: as long as the
            encoder allows.
        margin: of ``bucc2018`` and the ``xsim`` tasks: ``ratio`` as in XTREME, ``distance`` or
            ``absolute``.
        layers: ``all`` also measures word alignment by layer.
        layer: hidden layer, from 1, that those tasks read; XTREME reads layer 8 of mBERT. None: as
            `pooling` says.
        pooling: how those tasks make vectors of sentences: ``first-last`` as crosszero trains, or
            ``mean``, ``cls`` or ``max`` of the last layer; none: as the encoder's folder says.
        precision: number format in which those tasks read texts; ``fp32`` gives the same scores on
            every machine, ``bf16`` half the time on some; see :class:`crosszero.Encoder`.
        jobs: how many trainings and measurements are done at a time, in processes that have the
            cores divided by `jobs` as threads. If one fails, the others are still done. Sums of
            floats depend on the number of threads, so records of other `jobs` may differ in their
            last digits.
        alone: there is one system with one seed, whose predictions are in ``OUT/predictions``, as
            ``crosszero evaluate`` writes them.
        page: write report.html.
        published: YAML file with rows that others reported, shown beside the measured ones.
    """

    name: str
    out: str
    encoder: str = "crosszero-mini"
    samples: str | None = None
    bitext: list[BitextConfig] = field(default_factory=list)
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    words: FinderConfig = field(default_factory=FinderConfig)
    train: dict[str, Any] = field(default_factory=dict)
    systems: dict[str, SystemConfig] = field(default_factory=_before_and_after)
    tasks: list[str] = field(default=None)  # type: ignore[arg-type]  # set when all is known
    seeds: list[int] = field(default=None)  # type: ignore[arg-type]
    data: str | None = None
    languages: list[str] | None = None
    alignment: str | None = None
    alignment_pairs: list[str] | None = None
    held_out: str | None = None
    texts: dict[str, BitextConfig] = field(default_factory=dict)
    fine_tune: dict[str, dict[str, Any]] = field(default_factory=dict)
    max_length: int | None = None
    margin: Margin = "ratio"
    layers: Literal["all"] | None = None
    layer: int | None = None
    pooling: Pooling | None = None
    precision: Precision = "fp32"
    jobs: int = 1
    alone: bool = False
    page: bool = True
    published: str | None = None

    def __post_init__(self) -> None:
        for name in ("name", "out", "encoder"):
            value = getattr(self, name)
            require(name, repr(value), bool(value.strip()), "text that is not empty")
        if vars(self)["tasks"] is None:
            no_words = bool(self.bitext) and self.words.kind == "none"
            found = [
                task.name
                for task in list_tasks()
                if self.folder_of(task.data_setting)
                and not task.on_demand
                and not (no_words and task.data_setting == "held_out" and task.needs == "words")
            ]
            object.__setattr__(self, "tasks", [*found, *self.texts])
        if vars(self)["seeds"] is None:
            given = {name: value for name, value in self.train.items() if name == "seed"}
            seed = build(TrainConfig, given, where="train").seed
            object.__setattr__(self, "seeds", [seed] if self.is_plain else [1, 2, 3])
        for name in [*self.systems, *self.texts]:
            if not re.fullmatch(r"[\w.+-]+", name):
                raise ConfigError(
                    f"{name!r} is used as a folder name: only letters, digits, - . + are allowed"
                )
        for kind in ("systems", "tasks", "seeds"):
            values = list(getattr(self, kind))
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"{kind}: at least one is needed, each once")
        if self.alone and (len(self.systems) > 1 or len(self.seeds) > 1):
            raise ConfigError("alone: is for one system and one seed")
        require("jobs", self.jobs, 1 <= self.jobs <= 1000, "between 1 and 1000")
        for seed in self.seeds:
            require_seed(seed)
        length = self.max_length
        require("max_length", length, length is None or length >= 1, "1 or more")
        for own in self.systems.values():
            _check_reading(own.layer, own.pooling)
        _check_reading(self.layer, self.pooling)
        if self.samples and self.bitext:
            raise ConfigError(
                "samples, bitext: give only one of them; samples are made from bitext"
            )
        if not self.samples and not self.bitext:
            trained = [
                name
                for name, own in self.systems.items()
                if own.has_seeds and not own.trained and not own.samples
            ]
            if trained:
                raise ConfigError(
                    f"samples: {', '.join(trained)} need samples to train on, or text to make "
                    "them from (bitext)"
                )
        self._check_tasks()
        for name, system in self.systems.items():
            self.training(name, self.seeds[0])
            path = system.trained or "{seed}"
            if len({path.replace("{seed}", str(seed)) for seed in self.seeds}) < len(self.seeds):
                raise ConfigError(
                    f"systems: {name}: trained: {path!r} is the same folder for all seeds; write "
                    "{seed} where their folders differ, or name it as encoder"
                )

    def _check_tasks(self) -> None:
        for name in self.tasks:
            task = self.find_task(name)
            if self.locate_data(name) is None:
                more = ", or prepare: hold_out above 0" if task.data_setting == "held_out" else ""
                raise ConfigError(f"{task.data_setting}: is needed by the task {name}{more}")
        for system, own in self.systems.items():
            for name in own.tasks or ():
                if name not in self.tasks:
                    known = suggest(name, self.tasks)
                    raise ConfigError(f"systems: {system}: tasks: unknown task {name!r}: {known}")
        for name, settings in self.fine_tune.items():
            task = self.find_task(name)
            if not isinstance(task, FineTunedTask):
                known = ", ".join(t.name for t in list_tasks() if t.fine_tuned and not t.on_demand)
                raise ConfigError(f"fine_tune: {name} is not fine-tuned: {known}")
            if task.source != name:
                raise ConfigError(f"fine_tune: {name} takes the models of {task.source}; name that")
            if settings.get("robust", "none") != "none" and not task.robust:
                known = " and ".join(t.name for t in list_tasks() if t.robust and not t.on_demand)
                raise ConfigError(f"fine_tune: {name}: robust is for {known} only")

    @property
    def is_plain(self) -> bool:
        """Whether the systems are the two of the default: an encoder before and after training."""
        return self.systems == _before_and_after()

    @property
    def samples_folder(self) -> Path:
        """The store that systems are trained on, if they name no other."""
        return Path(self.samples) if self.samples else Path(self.out) / "samples"

    def find_task(self, name: str) -> Task:
        """Give the task of a name, which may be that of a further text; ConfigError for none."""
        return SentenceRetrieval(name) if name in self.texts else find_task(name)

    def locate_data(self, task: str) -> Path | None:
        """The folder that a task reads; none where it is not named."""
        if task in self.texts:
            return Path(self.out) / "texts" / task
        return self.folder_of(self.find_task(task).data_setting)

    def folder_of(self, setting: DataSetting) -> Path | None:
        """The folder that tasks with this setting read; none where it is not named."""
        if setting == "held_out" and not self.held_out and self.bitext and self.prepare.hold_out:
            return Path(self.out) / "held-out"
        value = getattr(self, setting)
        return Path(value) if value else None

    def training(self, system: str, seed: int) -> TrainConfig | None:
        """Settings with which a system is trained, or ConfigError; ``None`` where it is not."""
        own = self.systems[system].train
        if own is None:
            return None
        config = build(TrainConfig, {**self.train, **own}, where=f"systems: {system}: train")
        return replace(config, seed=seed)

    def samples_of(self, system: str) -> Path:
        """The store that a system is trained on."""
        own = self.systems[system].samples
        return Path(own) if own else self.samples_folder

    def start_of(self, system: str, seed: int) -> str:
        """The encoder that a system is, or is trained from."""
        own = self.systems[system]
        if own.trained is not None:
            return own.trained.replace("{seed}", str(seed))
        return own.encoder or self.encoder
