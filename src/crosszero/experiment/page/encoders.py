"""The encoders of an experiment, run for the page; what they gave before is read again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.overview.runs import Runs
from crosszero.files import atomic_folder, make_key
from crosszero.model.encoder import Encoder

T = TypeVar("T")
_FILE = "found.json"
_log = logging.getLogger("crosszero")


class Encoders:
    """The different encoders of the systems, and what could not be shown of them.

    Systems that only differ in how they are fine-tuned have one encoder, which is run once.

    Args:
        runs: with the systems; says the length of texts, and where results are kept.
    """

    def __init__(self, runs: Runs) -> None:
        self.notes: list[str] = []
        self._folder, self._max_length = runs.folder / "report", runs.max_length
        self._encoders: dict[str, str] = {}  # by the hash of what they are
        self._names: dict[str, list[str]] = {}
        for system in runs.systems:
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
        self,
        work: str,
        settings: Mapping[str, object],
        make: Callable[[Encoder, Path], object],
        read: Callable[[Path], T],
    ) -> dict[str, T]:
        """Do some work with each encoder, unless that was done before; what it left is read.

        Args:
            work: what it is, such as ``map``; the kept folder is named by it.
            settings: all that the result depends on besides the encoder; JSON can hold it.
            make: runs an encoder and writes files into an empty folder.
            read: reads such a folder.

        Returns:
            What was read, by the names of the systems. An encoder that can't be used is left out
            and noted.

        Raises:
            MissingExtraError: a package is not installed that the work needs.
        """
        found = {}
        for identity, encoder in self._encoders.items():
            name = ", ".join(self._names[identity])
            key = make_key({**settings, "encoder": identity, "length": self._max_length})
            folder = self._folder / f"{work}-{key[:16]}"
            try:
                if not folder.is_dir():
                    _log.info("%s: running %s", work, encoder)
                    loaded = Encoder.load(encoder, max_length=self._max_length)
                    with atomic_folder(folder) as made:
                        make(loaded, made)
                found[name] = read(folder)
            except MissingExtraError:
                raise
            except CrosszeroError as error:
                self.notes.append(f"{name}: {error}")
        return found

    def compute(
        self, work: str, settings: Mapping[str, object], make: Callable[[Encoder], object]
    ) -> dict[str, Any]:
        """Do work that gives one value, which JSON can hold; the rest is as in :meth:`run`."""

        def write(encoder: Encoder, folder: Path) -> None:
            (folder / _FILE).write_text(json.dumps(make(encoder)), encoding="utf-8")

        def read(folder: Path) -> Any:
            return json.loads((folder / _FILE).read_text(encoding="utf-8"))

        return self.run(work, settings, write, read)
