"""How a system's encoder is read: for its scores, and for whatever is shown beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from crosszero.experiment.settings import ExperimentConfig
from crosszero.model.encoder import Encoder
from crosszero.model.options import Pooling, Precision


class Reading(NamedTuple):
    """How the tasks without fine-tuning read an encoder; see :meth:`crosszero.Encoder.load`."""

    max_length: int | None
    layer: int | None
    pooling: Pooling | None
    precision: Precision

    @classmethod
    def of(cls, config: ExperimentConfig, system: str) -> Reading:
        """That of a system: its own `layer` or `pooling`, or else the experiment's."""
        own = config.systems[system]
        given = own if own.layer or own.pooling else config
        return cls(config.max_length, given.layer, given.pooling, config.precision)

    def load(self, encoder: str | Path) -> Encoder:
        """Load an encoder that reads so."""
        return Encoder.load(encoder, **self._asdict())

    def describe(self) -> dict[str, Any]:
        """What a hash of all that a result depends on is made of."""
        settings = self._asdict()
        if self.precision == "fp32":  # keys of records from before there was a choice stay
            del settings["precision"]
        return settings
