"""What a suite is told: which encoders, trained how, on which tasks, with which seeds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosszero.config import build, read_yaml, to_dict
from crosszero.errors import ConfigError, suggest
from crosszero.files import atomic_file
from crosszero.search.margin import Margin
from crosszero.tasks.catalogue import find_task, list_tasks
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.training.train_config import TrainConfig

TASKS = tuple(task.name for task in sorted(list_tasks(), key=lambda task: task.fine_tuned))
SETTINGS = "suite.yaml"  # in the folder of a suite
FINE_TUNED = tuple(task.name for task in list_tasks() if task.fine_tuned)
ROBUST = tuple(task.name for task in list_tasks() if task.robust)
ALIGNERS = ("eflomal",)


@dataclass(frozen=True, kw_only=True)
class SystemConfig:
    """One row of the table.

    Attributes:
        encoder: to measure, or to train first; none: the suite's.
        train: settings of training that differ from the suite's; ``null`` measures the encoder as
            it is.
        trained: instead of `encoder` and `train`: the folder of a training that is done, with
            ``{seed}`` in it, such as ``runs/ablation/CZ-snt-{seed}/run``.
        aligner: instead of an encoder: ``eflomal``, a statistical aligner that learns from the
            suite's samples. It is measured on word-alignment alone.
        layer: that is read instead of the suite's.
        fine_tune: settings of fine-tuning that differ from the suite's, for all tasks, such as
            ``robust: smoothing``, which is for xnli and pawsx: other tasks then are not measured.
    """

    encoder: str | None = None
    train: dict[str, Any] | None = None
    trained: str | None = None
    aligner: str | None = None
    layer: int | None = None
    fine_tune: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trained is not None and (self.encoder is not None or self.train is not None):
            raise ConfigError("trained: names an encoder that is ready; drop encoder and train")
        if self.aligner is not None:
            if self.aligner not in ALIGNERS:
                hint = suggest(self.aligner, ALIGNERS)
                raise ConfigError(f"aligner: {self.aligner!r} given; {hint}")
            if self.encoder or self.train is not None or self.trained or self.layer:
                raise ConfigError("aligner: has no encoder; drop encoder, train, trained and layer")


@dataclass(frozen=True, kw_only=True)
class SuiteConfig:
    """Encoders, variants, tasks, seeds.

    Attributes:
        name: of the table.
        out: folder for trained encoders, predictions, records and tables.
        systems: name and settings of each row.
        tasks: some of tatoeba, bucc2018, xnli, pawsx, udpos, panx, word-alignment, word-retrieval.
        seeds: each training and each fine-tuning is done with every seed.
        encoder: that systems start from.
        samples: store of samples that systems are trained on.
        train: settings of training that all systems share.
        data: folder in XTREME's layout, with gold in ``labels``.
        languages: languages to test; none: all that a task has.
        alignment: folder that holds ``word-alignment/*.gold``.
        alignment_pairs: which of them, such as ``de-en``; ``de-en:1`` where the file counts words
            from 1 and does not show it. None: all.
        held_out: store of samples that ``word-retrieval`` asks, or folder that holds it by that
            name.
        fine_tune: for a task, settings that differ from XTREME's.
        max_length: tokens of a text in the tasks without fine-tuning; none: as many as the encoder
            takes.
        margin: of ``bucc2018``: ``ratio`` as in XTREME, ``distance`` or ``absolute``.
        layer: hidden layer, from 1, that those tasks read; none: the mean of first and last, which
            training uses. XTREME reads layer 8 of mBERT.
        jobs: how many systems and seeds are trained and measured at a time, each in a process of
            its own with the cores divided by `jobs` as threads. Sums of floats depend on the number
            of threads, so records of other `jobs` may differ in their last digits.
    """

    name: str
    out: str
    systems: dict[str, SystemConfig]
    tasks: list[str] = field(
        default_factory=lambda: [t for t in TASKS if find_task(t).data_setting != "held_out"]
    )
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])
    encoder: str = "crosszero-mini"
    samples: str | None = None
    train: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    languages: list[str] | None = None
    alignment: str | None = None
    alignment_pairs: list[str] | None = None
    held_out: str | None = None
    fine_tune: dict[str, dict[str, Any]] = field(default_factory=dict)
    max_length: int | None = None
    margin: Margin = "ratio"
    layer: int | None = None
    jobs: int = 1

    def __post_init__(self) -> None:
        if not self.systems:
            raise ConfigError("systems: at least one is needed")
        for name in self.systems:
            if not re.fullmatch(r"[\w.+-]+", name):
                raise ConfigError(f"systems: {name!r} names a folder: letters, digits, - . + only")
        for task in [*self.tasks, *self.fine_tune]:
            if task not in TASKS:
                raise ConfigError(f"tasks: unknown task {task!r}: {suggest(task, TASKS)}")
        for task, settings in self.fine_tune.items():
            if settings.get("robust", "none") != "none" and task not in ROBUST:
                raise ConfigError(f"fine_tune: {task}: robust is for {' and '.join(ROBUST)} only")
            if task not in FINE_TUNED:
                raise ConfigError(f"fine_tune: {task} is not fine-tuned: {', '.join(FINE_TUNED)}")
        for name, values in (("seeds", self.seeds), ("tasks", self.tasks)):
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"{name}: at least one is needed, each once")
        if self.jobs < 1:
            raise ConfigError(f"jobs: {self.jobs} given; at least 1 is needed")
        for layer in (self.layer, *(system.layer for system in self.systems.values())):
            if layer is not None and layer < 1:
                raise ConfigError(f"layer: {layer} given; layers count from 1")
        self._check_needs()
        for name in self.systems:
            self.training(name, self.seeds[0])
            self._check_trained(name)

    def _check_needs(self) -> None:
        trained = [
            name for name, system in self.systems.items()
            if system.train is not None or system.aligner is not None
        ]  # fmt: skip
        if trained and not self.samples:
            raise ConfigError(f"samples: {', '.join(trained)} need a store to be trained on")
        for task in self.tasks:
            setting = find_task(task).data_setting
            if not getattr(self, setting):
                raise ConfigError(f"{setting}: is needed by the task {task}")

    def _check_trained(self, system: str) -> None:
        path = self.systems[system].trained
        if path is None:
            return
        if len({path.replace("{seed}", str(seed)) for seed in self.seeds}) < len(self.seeds):
            raise ConfigError(
                f"systems: {system}: trained: {path!r} is the same folder for all seeds; write "
                "{seed} where their folders differ, or name it as encoder"
            )

    def training(self, system: str, seed: int) -> TrainConfig | None:
        """Settings with which a system is trained; ``None`` where it is measured as it is.

        Raises:
            ConfigError: a setting is unknown or out of range.
        """
        own = self.systems[system].train
        if own is None:
            return None
        values = {**self.train, **own, "seed": seed}
        return build(TrainConfig, values, where=f"systems: {system}: train")

    def locate_trained(self, system: str, seed: int) -> Path | None:
        """The folder of a training that was done before; ``None`` for other systems.

        Example:
            >>> SuiteConfig(
            ...     name="x", out="y", tasks=["tatoeba"], data="xtreme",
            ...     systems={"CZ": SystemConfig(trained="runs/CZ-{seed}")},
            ... ).locate_trained("CZ", 2).as_posix()
            'runs/CZ-2'
        """
        path = self.systems[system].trained
        return None if path is None else Path(path.replace("{seed}", str(seed)))

    def has_seeds(self, system: str) -> bool:
        """Whether a system is trained, and so is another one with each seed."""
        own = self.systems[system]
        return any(value is not None for value in (own.train, own.trained, own.aligner))

    def is_robust(self, system: str) -> bool:
        """Whether a system is fine-tuned robustly, which is for the tasks :data:`ROBUST` alone."""
        return bool(self.systems[system].fine_tune.get("robust", "none") != "none")

    def measures(self, system: str, task: str) -> bool:
        """Whether a system is measured on a task.

        A statistical aligner aligns words and nothing else. A system that is fine-tuned robustly is
        measured on pairs of sentences alone: elsewhere it would be the plain one again.
        """
        if self.systems[system].aligner is not None:
            return task == WordAlignment.name
        return task in ROBUST or not self.is_robust(system)

    def layer_of(self, system: str) -> int | None:
        """The layer that a system is read at, where it is not fine-tuned."""
        return self.systems[system].layer or self.layer

    def encoder_of(self, system: str) -> str:
        """The encoder that a system is, or starts from."""
        return self.systems[system].encoder or self.encoder


def read_suite(path: str | Path) -> SuiteConfig:
    """Read and check a suite.

    Raises:
        ConfigError: no YAML, an unknown key (with a suggestion), or a value out of range.

    Example:
        >>> read_suite("suites/mini.yaml").seeds                    # doctest: +SKIP
        [1, 2, 3]
    """
    return build(SuiteConfig, read_yaml(path), where=str(path))


def write_suite(config: SuiteConfig) -> None:
    """Save the settings as ``<out>/suite.yaml``, so that what was made can be read alone.

    Paths are made absolute, but for `out`, which is where the file stands.
    """
    values = to_dict(config)
    for name in ("samples", "data", "alignment", "held_out", "encoder"):
        values[name] = resolve_path(values[name])
    for system in values["systems"].values():
        system["encoder"] = resolve_path(system["encoder"])
        if system["trained"]:  # a form with {seed} in it, so that nothing has that name
            system["trained"] = str(Path(system["trained"]).resolve())
    import yaml

    with atomic_file(Path(config.out) / SETTINGS) as file:
        yaml.safe_dump(values, file, allow_unicode=True, sort_keys=False)


def resolve_path(path: str | None) -> str | None:
    """Absolute path of what is there; anything else may be the id of an encoder."""
    return str(Path(path).resolve()) if path and Path(path).exists() else path
