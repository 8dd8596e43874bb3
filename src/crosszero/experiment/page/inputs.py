"""The inputs of a page: encoders, and sentences in several languages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from crosszero.align.gold import split_base
from crosszero.config import read_json, to_dict
from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.reading import Reading
from crosszero.experiment.results import Results
from crosszero.files import atomic_file, make_key
from crosszero.model.encoder import Encoder
from crosszero.model.hashing import hash_encoder
from crosszero.samples.store import SampleStore
from crosszero.tasks.tatoeba import SHORT_CODES, Tatoeba
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.tasks.word_retrieval import WordRetrieval

Lines = list[dict[str, str]]  # for each line its texts by language
T = TypeVar("T")
_log = logging.getLogger("crosszero")


class Encoders:
    """The different encoders of the systems, and what could not be shown of them.

    Each is read as for the scores of its system. Systems that only differ in how they are
    fine-tuned have one encoder, which is run once.
    """

    def __init__(self, results: Results) -> None:
        self.notes: list[str] = []
        self._folder = results.folder / "report"
        self._encoders: dict[str, tuple[str, Reading]] = {}  # by the hash of what they are
        self._names: dict[str, list[str]] = {}
        for system in results.systems:
            if results.config is not None and system.encoder is not None:
                reading = Reading.of(results.config, system.name)
                identity = make_key({"encoder": hash_encoder(system.encoder), **reading.describe()})
                self._encoders.setdefault(identity, (system.encoder, reading))
                self._names.setdefault(identity, []).append(system.name)
            elif system.aligner is None:
                self.notes.append(f"{system.name}: its encoder is unknown, or not trained yet")

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
        for identity, (encoder, reading) in self._encoders.items():
            name = ", ".join(self._names[identity])
            key = make_key({**settings, "encoder": identity})
            path = self._folder / f"{work}-{key[:16]}.json"
            try:
                if not path.is_file():
                    _log.info("%s: running %s", work, encoder)
                    result = make(reading.load(encoder))
                    with atomic_file(path) as file:
                        json.dump(result, file, default=to_dict)
                found[name] = read_json(path, kind, "remove it")
            except MissingExtraError:
                raise
            except CrosszeroError as error:
                self.notes.append(f"{name}: {error}")
        return found


def find_lines(results: Results) -> tuple[str, Lines]:
    """Read lines from held-out samples, Tatoeba or gold alignments: the first of them there is.

    Gives the name of the source, and its lines, or none; CrosszeroError if it can't be read.
    Tatoeba's languages meet where they translate the same English sentence.
    """
    held_out, data = results.locate_data("held_out"), results.locate_data("data")
    if held_out and (store := WordRetrieval().locate(held_out)).is_dir():
        return "held-out samples", read_lines(store)
    if data and (data / "tatoeba").is_dir():
        lines: dict[str, dict[str, str]] = {}
        chosen = results.config.languages if results.config else None
        known = Tatoeba().list_languages(data)
        asked = known if chosen is None else [SHORT_CODES.get(code, code) for code in chosen]
        for language, found in Tatoeba().load(data, [one for one in known if one in asked]):
            for english, row in zip(found.english, found.gold, strict=True):
                lines.setdefault(english, {"en": english}).setdefault(language, found.foreign[row])
        return "Tatoeba", list(lines.values())
    rows: Lines = []
    pairs, folder = list_pairs(results), results.locate_data("alignment")
    for pair, gold in WordAlignment().load(folder, pairs) if folder and pairs else ():
        first, _, second = pair.partition("-")
        for source, target in zip(gold.source, gold.target, strict=True):
            rows.append({first: " ".join(source), second or "?": " ".join(target)})
    return "the gold alignments" if pairs else "", rows


def read_lines(store: Path) -> Lines:
    """Put the sentence pairs of samples together that are of one line."""
    lines: dict[str, dict[str, str]] = {}
    for number, sample in enumerate(SampleStore.open(store)):
        line = lines.setdefault(sample.group or str(number), {})
        line[sample.source_language] = sample.source
        line[sample.target_language] = sample.target
    return list(lines.values())


def list_pairs(results: Results) -> list[str]:
    """The gold alignments that a page can show; none where the results name none."""
    folder = results.locate_data("alignment")
    if folder is None or not any((folder / WordAlignment.name).glob("*.gold")):
        return []
    found = WordAlignment().list_languages(folder)
    chosen = results.config.alignment_pairs if results.config else None
    asked = {split_base(pair)[0]: pair for pair in chosen or found}
    return [asked[pair] for pair in found if pair in asked]
