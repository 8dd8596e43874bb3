"""The encoders of an experiment, run for the page; what they gave before is read again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from crosszero.config import read_json, to_dict
from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.results import Results
from crosszero.files import atomic_file, make_key
from crosszero.model.encoder import Encoder

T = TypeVar("T")
_log = logging.getLogger("crosszero")


class Encoders:
    """The different encoders of the systems, and what could not be shown of them.

    Systems that only differ in how they are fine-tuned have one encoder, which is run once.
    """

    def __init__(self, results: Results) -> None:
        self.notes: list[str] = []
        self._folder = results.folder / "report"
        self._max_length = results.config.max_length if results.config else None
        self._encoders: dict[str, str] = {}  # by the hash of what they are
        self._names: dict[str, list[str]] = {}
        for system in results.systems:
            if system.encoder is not None:
                identity = hash_encoder(system.encoder)
                self._encoders.setdefault(identity, system.encoder)
                self._names.setdefault(identity, []).append(system.name)
            elif system.aligner is None:
                self.notes.append(
                    f"{system.name}: its encoder is not known here, or not trained yet"
                )

    def __len__(self) -> int:
        return len(self._encoders)

    def run(
        self, work: str, kind: type[T], settings: Mapping[str, object], make: Callable[[Encoder], T]
    ) -> dict[str, T]:
        """Do some work with each encoder, unless that was done before.

        Args:
            work: such as ``map``; the kept file is named by it.
            kind: of the result, as :func:`crosszero.config.read_json` reads it.
            settings: all that the result depends on besides the encoder; JSON can hold it.
            make: runs an encoder.

        Returns:
            Results by the names of the systems. An encoder that can't be used is noted instead.
        """
        found: dict[str, T] = {}
        for identity, encoder in self._encoders.items():
            name = ", ".join(self._names[identity])
            key = make_key({**settings, "encoder": identity, "length": self._max_length})
            path = self._folder / f"{work}-{key[:16]}.json"
            try:
                if not path.is_file():
                    _log.info("%s: running %s", work, encoder)
                    result = make(Encoder.load(encoder, max_length=self._max_length))
                    with atomic_file(path) as file:
                        json.dump(result, file, default=to_dict)
                found[name] = read_json(path, kind, "remove it")
            except MissingExtraError:
                raise
            except CrosszeroError as error:
                self.notes.append(f"{name}: {error}")
        return found
