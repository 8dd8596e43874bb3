"""One system on one task with one seed: what it reads, and a hash of all that it depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.config import build
from crosszero.errors import ConfigError
from crosszero.experiment.cache import CachedEncoder, hash_encoder
from crosszero.experiment.statistical import predict_links
from crosszero.files import hash_files, make_key
from crosszero.model.encoder import Encoder
from crosszero.model.options import Pooling
from crosszero.samples.store import SampleStore
from crosszero.tasks.fine_tuned_task import FineTunedTask
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.loop import is_finished, remove_stopped
from crosszero.tasks.score import Score
from crosszero.tasks.task import Task


class Measured(NamedTuple):
    """Scores, and how the encoder was read; of a fine-tuned model, which reads its own, nothing."""

    scores: tuple[Score, ...]
    layer: int | None = None
    pooling: str | None = None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One system on one task with one seed.

    Attributes:
        system: its name.
        task: the task.
        seed: of training and fine-tuning.
        data: folder that the task reads.
        folder: predictions go to ``<folder>/predictions``, fine-tuned models to
            ``<folder>/models``.
        record: where its record belongs.
        languages: to test, or pairs of them; none: all that the data have.
        fine_tune: settings that differ from the task's own.
        options: of the task's predictions, by name.
        max_length: tokens of a text where nothing is fine-tuned; none: as many as the encoder
            takes.
        layer, pooling: how the encoder is read there; none: as its folder says.
        aligner: statistical aligner in place of an encoder.
        samples: store that it learns from.
    """

    system: str
    task: Task
    seed: int
    data: Path
    folder: Path
    record: Path
    languages: Sequence[str] | None = None
    fine_tune: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    max_length: int | None = None
    layer: int | None = None
    pooling: Pooling | None = None
    aligner: str | None = None
    samples: Path = Path()

    def check(self) -> None:
        """See that settings and data can be used, before hours are spent on them.

        Raises:
            ConfigError, DataError: they can't.
        """
        if self.task.fine_tuned:
            self.make_config()
        self.task.check(self.data, self.languages)

    def make_config(self) -> FineTuneConfig:
        """The task's own settings of fine-tuning, with the changes.

        Raises:
            ConfigError: a setting is unknown, of the wrong type or out of range.
        """
        if not isinstance(self.task, FineTunedTask):
            raise ConfigError(f"fine_tune: {self.task.name} is not fine-tuned")
        values = dataclasses.asdict(self.task.make_config(seed=self.seed)) | dict(self.fine_tune)
        return build(FineTuneConfig, values, where=f"fine_tune: {self.task.name}")

    def make_key(self, encoder: str | None) -> tuple[str, str]:
        """Hash everything that the scores depend on.

        Args:
            encoder: of the system, trained; ``None`` for an aligner.

        Returns:
            The hash, and one of the data alone.

        Raises:
            DataError: the samples that an aligner learns from can't be read.
        """
        data = hash_files(*self.task.list_files(self.data))
        settings: dict[str, Any] = {"data": data, "task": self.task.name, "seed": self.seed}
        settings |= {"languages": self.languages, **self.options}
        if encoder is None:
            settings["aligner"] = self.aligner
            settings["samples"] = SampleStore.open(self.samples).fingerprint
        elif self.task.fine_tuned:  # such a model reads its own layer and length
            settings |= {"encoder": hash_encoder(encoder), "fine_tune": self.fine_tune}
        else:
            settings |= {"encoder": hash_encoder(encoder)}
            settings |= {"max_length": self.max_length, "layer": self.layer}
            settings |= {"pooling": self.pooling}
        return make_key(settings), data

    def locate_model(self, encoder: str | Path) -> Path:
        """Where a fine-tuned model belongs: its name is a hash of all that it depends on."""
        name = self.task.name
        files = [self.data / name / f"{split}-en.tsv" for split in ("train", "dev")]
        # epochs: 1 is read as 1.0, but gives the name that it always gave, so that models are found
        given = {key: value for key, value in self.fine_tune.items() if isinstance(value, int)}
        config = {**dataclasses.asdict(self.make_config()), **given}
        key = make_key({"encoder": hash_encoder(encoder), "config": config}, files)
        return self.folder / "models" / f"{name}-{key[:16]}"

    def run(self, encoder: str | None) -> Measured:
        """Predict, and score the files of predictions.

        Args:
            encoder: ``crosszero-mini``, a folder or a hub id; ``None`` for an aligner.

        Raises:
            CrosszeroError: settings, data or encoder can't be used.
        """
        self.check()
        predictions, layer, pooling = self.folder / "predictions", None, None
        if encoder is None:
            predict_links(
                self.data, predictions, self.samples, languages=self.languages, seed=self.seed
            )
        else:
            model: Any
            if isinstance(self.task, FineTunedTask):
                model = self._fine_tune(encoder, self.task)
            else:
                model = Encoder.load(
                    encoder, max_length=self.max_length, layer=self.layer, pooling=self.pooling
                )
                layer, pooling = model.layer, model.pooling
                if self.task.needs == "sentences":
                    model = CachedEncoder(model, hash_encoder(encoder), self.folder / "vectors")
            predict: Callable[..., list[Path]] = self.task.predict
            predict(model, self.data, predictions, self.languages, **self.options)
        scores = self.task.score(predictions, self.data, self.languages)
        return Measured(tuple(scores), layer, pooling)

    def _fine_tune(self, encoder: str, task: FineTunedTask[Any]) -> Any:
        folder = self.locate_model(encoder)
        if is_finished(folder):
            return task.load_model(folder)
        remove_stopped(folder)
        return task.fine_tune(encoder, self.data, self.make_config(), folder)
