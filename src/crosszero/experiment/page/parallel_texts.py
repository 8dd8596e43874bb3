"""Sentences that stand in several languages, for maps and nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.experiment.page.link_matrices import list_pairs
from crosszero.experiment.results import Results
from crosszero.samples.store import SampleStore
from crosszero.tasks.tatoeba import list_languages, read_tatoeba
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.tasks.word_retrieval import WordRetrieval

Lines = list[dict[str, str]]  # for each line its texts by language


def find_lines(results: Results) -> tuple[str, Lines]:
    """Read lines from held-out samples, Tatoeba or gold alignments: the first of them there is.

    Tatoeba's languages meet where they translate the same English sentence.

    Returns:
        Name of the source, and its lines; no lines where there is no source.

    Raises:
        CrosszeroError: a source is there but can't be read.
    """
    held_out, data = results.locate_data("held_out"), results.locate_data("data")
    if held_out and (store := WordRetrieval().locate(held_out)).is_dir():
        return "held-out samples", _read_samples(store)
    if data and (data / "tatoeba").is_dir():
        return "Tatoeba", _read_tatoeba(data, results.config.languages if results.config else None)
    if pairs := list_pairs(results):
        return "the gold alignments", _read_gold(results.locate_data("alignment"), pairs)
    return "", []


def _read_samples(folder: Path) -> Lines:
    lines: dict[str, dict[str, str]] = {}
    for number, sample in enumerate(SampleStore.open(folder)):
        line = lines.setdefault(sample.group or str(number), {})
        line[sample.source_language] = sample.source
        line[sample.target_language] = sample.target
    return list(lines.values())


def _read_tatoeba(data: Path, languages: Sequence[str] | None) -> Lines:
    lines: dict[str, dict[str, str]] = {}
    for language in list_languages(data):
        if languages is None or language in languages:
            found = read_tatoeba(data, language)
            for english, row in zip(found.english, found.gold, strict=True):
                lines.setdefault(english, {"en": english}).setdefault(language, found.foreign[row])
    return list(lines.values())


def _read_gold(folder: Path | None, pairs: Sequence[str]) -> Lines:
    lines = []
    for pair, gold in WordAlignment().load(folder or Path(), pairs):
        first, _, second = pair.partition("-")
        for source, target in zip(gold.source, gold.target, strict=True):
            lines.append({first: " ".join(source), second or "?": " ".join(target)})
    return lines
