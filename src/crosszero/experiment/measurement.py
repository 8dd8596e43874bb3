"""One system on one task with one seed: its inputs, and a hash of everything it depends on."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.align.methods import METHOD
from crosszero.config import build
from crosszero.errors import ConfigError
from crosszero.experiment.cache import CachedEncoder
from crosszero.experiment.evaluation_folder import take_folder
from crosszero.experiment.reading import Reading
from crosszero.experiment.records import Record, read_record
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.experiment.statistical import predict_links
from crosszero.files import hash_files, make_key
from crosszero.model.hashing import hash_encoder
from crosszero.samples.store import SampleStore
from crosszero.tasks.fine_tuned_task import FineTunedTask
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.loop import is_finished, remove_stopped
from crosszero.tasks.finetune.robust.synonyms import read_synonyms
from crosszero.tasks.prediction_files import remove_files
from crosszero.tasks.score import Score
from crosszero.tasks.task import Task

_log = logging.getLogger("crosszero")


def list_measurements(config: ExperimentConfig) -> Iterator[Measurement]:
    """All measurements of an experiment, seed by seed.

    An encoder that is not trained gives the same numbers with every seed, but for the tasks that it
    is fine-tuned on: elsewhere it is measured once.
    """
    for seed in config.seeds:
        for system in config.systems:
            for task in config.tasks:
                again = seed == config.seeds[0] or depends_on_seed(config, system, task)
                if again and does_task(config, system, task):
                    yield Measurement(config, system, config.find_task(task), seed)


def depends_on_seed(config: ExperimentConfig, system: str, task: str) -> bool:
    """Whether a system's scores on a task differ from seed to seed."""
    return config.systems[system].has_seeds or config.find_task(task).fine_tuned


def does_task(config: ExperimentConfig, system: str, task: str) -> bool:
    """Whether a system is measured on a task.

    A statistical aligner aligns words and nothing else. A system that is fine-tuned robustly is
    measured on the tasks for which that is: elsewhere it would be the plain one again.
    """
    own, found = config.systems[system], config.find_task(task)
    if own.tasks is not None and task not in own.tasks:
        return False
    if own.aligner is not None:
        return found.data_setting == "alignment"
    return found.robust or not own.is_robust


class Measured(NamedTuple):
    """Scores, and how the encoder was read; of a fine-tuned model, which reads its own, nothing."""

    scores: tuple[Score, ...]
    layer: int | None = None
    pooling: str | None = None


@dataclass(frozen=True)
class Measurement:
    """One system of an experiment on one task with one seed (of training and fine-tuning).

    Attributes:
        folder: of its ``predictions``, of ``models`` that are fine-tuned, of ``vectors``.
        record: where its record belongs.
        data: folder that the task reads.
        languages: to test, or pairs of them; none: all that the data have.
    """

    config: ExperimentConfig
    system: str
    task: Task
    seed: int

    @property
    def folder(self) -> Path:
        run = "." if self.config.alone else f"runs/{self.system}-{self.seed}"
        return Path(self.config.out) / run

    @property
    def record(self) -> Path:
        name = self.task.name
        name = name if self.config.alone else f"{self.system}-{name}-{self.seed}"
        return Path(self.config.out) / "records" / f"{name}.json"

    @property
    def data(self) -> Path:
        return self.config.locate_data(self.task.name) or Path()

    @property
    def languages(self) -> Sequence[str] | None:
        if self.task.data_setting == "alignment":
            return self.config.alignment_pairs
        return None if self.task.pairs_of_languages else self.config.languages

    @property
    def source(self) -> str:
        """Name of the task whose fine-tuned model is taken, if it takes one."""
        return self.task.source if isinstance(self.task, FineTunedTask) else self.task.name

    @property
    def own(self) -> SystemConfig:
        return self.config.systems[self.system]

    @property
    def _options(self) -> dict[str, object]:
        """Those of the task's predictions that are set."""
        given = {"margin": self.config.margin, "layers": self.config.layers, "method": METHOD}
        return {name: given[name] for name in self.task.options if given.get(name)}

    @property
    def _fine_tune(self) -> dict[str, Any]:
        """Settings of fine-tuning that differ from the task's own."""
        return {**self.config.fine_tune.get(self.source, {}), **self.own.fine_tune}

    @property
    def _table(self) -> list[Path]:
        """The file of synonyms, if there is one."""
        path = self.make_config().synonyms if self.task.fine_tuned else ""
        return [Path(path)] if path else []

    def check(self) -> None:
        """See that settings and data can be used, before hours are spent; or CrosszeroError."""
        for path in self._table:
            read_synonyms(path)
        self.task.check(self.data, self.languages)

    def make_config(self) -> FineTuneConfig:
        """The task's own settings of fine-tuning, with the changes; or ConfigError."""
        if not isinstance(self.task, FineTunedTask):
            raise ConfigError(f"fine_tune: {self.task.name} is not fine-tuned")
        values = dataclasses.asdict(self.task.make_config(seed=self.seed)) | self._fine_tune
        return build(FineTuneConfig, values, where=f"fine_tune: {self.task.name}")

    def make_key(self, encoder: str | None, origin: str | None = None) -> tuple[str, str]:
        """Hash everything that the scores depend on, and the data alone.

        `encoder` is that of the system, trained; ``None`` for an aligner. `origin`, a hash of what
        it was trained from, stands in for its weights.
        """
        data = hash_files(*self.task.list_files(self.data))
        settings: dict[str, Any] = {"data": data, "task": self.task.name, "seed": self.seed}
        settings |= {"languages": self.languages, **self._options}
        if encoder is None:
            settings["aligner"] = self.own.aligner
            settings["samples"] = SampleStore.open(self.config.samples_of(self.system)).fingerprint
        elif self.task.fine_tuned:  # such a model reads its own layer and length
            settings |= {"encoder": origin or hash_encoder(encoder), "fine_tune": self._fine_tune}
            if self._table:
                settings["synonyms"] = hash_files(*self._table)
        else:
            identity = origin or hash_encoder(encoder)
            settings |= {"encoder": identity, **Reading.of(self.config, self.system).describe()}
        return make_key(settings), data

    def locate_model(self, encoder: str | Path) -> Path:
        """Where a fine-tuned model belongs: its name is a hash of all that it depends on."""
        name = self.source
        files = [self.data / name / f"{split}-en.tsv" for split in ("train", "dev")]
        files += self._table
        # epochs: 1 is read as 1.0, but gives the name that it always gave, so that models are found
        given = {key: value for key, value in self._fine_tune.items() if isinstance(value, int)}
        config = {**dataclasses.asdict(self.make_config()), **given}
        key = make_key({"encoder": hash_encoder(encoder), "config": config}, files)
        return self.folder / "models" / f"{name}-{key[:16]}"

    def run(self, encoder: str | None) -> Measured:
        """Predict, and score the files of predictions; `encoder` as for :meth:`make_key`.

        What was measured before in other ways goes as soon as the encoder is loaded.
        """
        self.check()
        predictions, languages = self.folder / "predictions", self.languages
        layer: int | None = None
        pooling: str | None = None
        if encoder is None:
            samples = self.config.samples_of(self.system)
            self._make_room(encoder)
            predict_links(self.data, predictions, samples, languages=languages, seed=self.seed)
        else:
            model: Any
            if isinstance(self.task, FineTunedTask):
                model = self._train_or_load(encoder, self.task)
            else:
                read = Reading.of(self.config, self.system)
                model = read.load(encoder)
                layer, pooling = read.layer, model.pooling
                if self.task.needs == "sentences":
                    model = CachedEncoder(model, hash_encoder(encoder), self.folder / "vectors")
            predict: Callable[..., list[Path]] = self.task.predict
            self._make_room(encoder)
            predict(model, self.data, predictions, languages, **self._options)
        scores = self.task.score(predictions, self.data, languages)
        return Measured(tuple(scores), layer, pooling)

    def _make_room(self, encoder: str | None) -> None:
        """Remove record and predictions of other settings, encoders or data.

        Predictions of the same encoder, read in the same way, for other languages stay.
        """
        if self.config.alone:
            take_folder(self.config)
        adds = False
        if self.record.is_file():
            adds = self._adds_languages(read_record(self.record), encoder)
            self.record.unlink()  # before the predictions that it vouches for
        if not adds and remove_files(self.folder / "predictions", self.task.name):
            _log.info("%s: predictions of another measurement are removed", self.task.name)

    def _adds_languages(self, record: Record, encoder: str | None) -> bool:
        """Whether a record is of this measurement in all but the languages."""
        asked = None if record.languages is None else list(record.languages)
        # records from before do not say what was asked; de-en:1 and fra have scores of de-en and fr
        measured = list(dict.fromkeys(score.language for score in record.scores))
        configs = (
            dataclasses.replace(self.config, languages=some, alignment_pairs=some)
            for some in (asked, None, measured)
        )
        others = (dataclasses.replace(self, config=config) for config in configs)
        return any(other.make_key(encoder)[0] == record.key for other in others)

    def _train_or_load(self, encoder: str, task: FineTunedTask[Any]) -> Any:
        folder = self.locate_model(encoder)
        if is_finished(folder):
            return task.load_model(folder)
        remove_stopped(folder)
        return task.fine_tune(encoder, self.data, self.make_config(), folder)
