"""What UDPOS and PANX share: a tag for each word, their files, their score.

Files have one word or tag a line and an empty line between sentences. A line is cleared of spaces
and tabs around it, and of them alone: a no-break space is a word to those who made the data. XTREME
counts an empty line after an empty line as a sentence without words. Such a sentence can't be
meant, so it is refused, but for empty lines at the end of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError
from crosszero.tasks.fine_tuned_task import FineTunedTask, Lines, Split
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import TaggedSentence
from crosszero.tasks.hub import Rows
from crosszero.tasks.prediction_files import name_file
from crosszero.tasks.tag_spans import find_spans, score_spans
from crosszero.tasks.task import Folder, Items, Measures

if TYPE_CHECKING:
    from crosszero.tasks.finetune.tagging import Tagger

Blocks = list[tuple[str, ...]]  # the lines of each sentence


class TaggingTask(FineTunedTask[TaggedSentence]):
    """A tag for each word, scored by the F1 of spans.

    Example:
        >>> task = find_task("panx")                                               # doctest: +SKIP
        >>> task.predict(task.load_model(Path("model")), "xtreme", "out", ["fr"])  # doctest: +SKIP
        [PosixPath('out/panx/test-fr.tsv')]
    """

    metric = "f1"
    unit = "spans"
    note = "F1 of spans as seqeval 1.2.2 counts them; accuracy over words."
    column: ClassVar[str]  # of the hub: the tags

    def read(
        self, data: Folder, split: Split, language: str, *, gold: bool = False
    ) -> list[TaggedSentence]:
        """Read sentences. Spaces within a word stay, those around it go."""
        path = self.find_split(data, split, language)
        blocks = read_blocks(path)
        if split == "test":
            for at, word in self.number(blocks):
                if columns := word.count("\t"):
                    raise DataError(
                        path,
                        f"{columns + 1} columns found, but only a word is allowed; tags of the "
                        "test split belong to labels/",
                        at,
                    )
            if not gold:
                return [TaggedSentence(words) for words in blocks]
            tags = self.read_labels(Path(data) / "labels", language)
            place = name_file(Path(data) / "labels", self.name, language)
            self.check_fit(place, tags, blocks, str(path))
            return [TaggedSentence(*both) for both in zip(blocks, tags, strict=True)]
        sentences = []
        for number, block in _number_lines(blocks):
            pairs = [_split_word(path, line, at) for at, line in enumerate(block, start=number)]
            for at, (_, tag) in enumerate(pairs, start=number):
                self.check_label(tag, path, at)
            words, found = zip(*pairs, strict=True)
            sentences.append(TaggedSentence(words, found))
        return sentences

    def parse(self, path: Path) -> Blocks:
        """Read a tag a line, an empty line between sentences."""
        return read_blocks(path)

    def number(self, found: Iterable[Sequence[str]]) -> Iterator[tuple[int, str]]:
        """A tag a line, and an empty line after each sentence."""
        for number, tags in _number_lines(found):
            yield from enumerate((*tags, ""), start=number)

    def check_fit(
        self, path: Path, found: Blocks, gold: Sequence[Sequence[str]], place: str
    ) -> None:
        """There must be the same sentences, by their numbers of words."""
        both = zip(_number_lines(found), _number_lines(gold), strict=False)
        for (number, one), (line, two) in both:
            if len(one) != len(two):
                raise DataError(
                    path,
                    f"the sentence that begins here has {len(one)} lines, but {len(two)} in "
                    f"{place}, line {line}",
                    number,
                )
        if len(found) != len(gold):
            numbers = [number for number, _ in _number_lines(found)]
            raise DataError(
                path,
                f"{len(found)} sentences, but {place} has {len(gold)}",
                numbers[min(len(found) - 1, len(gold))],
            )

    def measure(self, found: Blocks, gold: Blocks) -> Measures:
        """Give the F1 of spans and the accuracy over words."""
        spans = score_spans(found, gold)
        words = list(zip(chain(*found), chain(*gold), strict=True))
        hits = sum(one == other for one, other in words)
        return {"f1": (spans.f1, spans.gold), "accuracy": (hits / len(words), len(words))}

    def count(self, found: Blocks, gold: Blocks) -> Items:
        """Items are sentences: twice the right spans, predicted and gold spans that end in them."""
        one, other = find_spans(found), find_spans(gold)
        ends = np.cumsum([len(tags) + 1 for tags in gold])  # one empty place after each sentence

        def count(spans: Iterable[tuple[str, int, int]]) -> Items:
            places = np.searchsorted(ends, [last for _, _, last in spans], side="right")
            return np.bincount(places, minlength=len(gold)).astype(np.int64)

        return np.stack([2 * count(one & other), count(one) + count(other)], axis=1)

    def write(self, predictions: Folder, language: str, found: Sequence[Sequence[str]]) -> Path:
        """Write a tag a line, an empty line between sentences."""
        path = name_file(predictions, self.name, language)
        for number, tags in _number_lines(found):
            if not tags:
                raise DataError(path, "a sentence without words can't be written", number)
        return super().write(predictions, language, found)

    def fine_tune(
        self, encoder: str | Path, data: Folder, config: FineTuneConfig, out: Path
    ) -> Tagger:
        """Fine-tune; the F1 of spans on English dev decides."""
        from crosszero.tasks.finetune.tagging import fine_tune_tagger

        train, dev = self.read_english(data)
        return fine_tune_tagger(
            encoder, train, dev, config, metric=lambda a, b: score_spans(b, a).f1, out=out
        )

    def load_model(self, folder: Path) -> Tagger:
        """Load a tagger."""
        from crosszero.tasks.finetune.tagging import Tagger

        return Tagger.load(folder)

    def clear_word(self, word: str) -> str:
        """A word as XTREME's script writes it, in one line; if nothing is left of it, ``_``."""
        return re.sub(r"[\t\r\n]", "", word).strip(" ") or "_"

    def list_lines(self, source: Rows) -> Iterator[Lines]:
        """A word or tag a line, and an empty line."""
        for number, row in enumerate(source.rows, start=1):
            words, tags = row.get("tokens"), row.get(self.column)
            if not words or not tags or len(words) != len(tags):
                message = f"tokens and {self.column}: as many words as tags"
                raise DataError(source.place, message, number)
            for tag in tags:
                self.check_label(tag, source.place, number)
            clear = [self.clear_word(word) for word in words]
            both = map("\t".join, zip(clear, tags, strict=True))
            yield Lines([*clear, ""], [*tags, ""], [*both, ""])


def read_blocks(path: str | Path) -> Blocks:
    """Read the lines of each sentence of a file, plain or gzip-compressed.

    DataError if the file is missing, damaged or without any word, or a sentence is empty.
    """
    lines = list(require_lines(path, empty_lines=True))
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError(path, "holds nothing but empty lines: words or tags are needed", 1)
    blocks: list[list[str]] = [[]]
    for number, line in enumerate(lines, start=1):
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
        else:
            message = (
                "the line is empty where a sentence begins; one empty line parts two sentences"
            )
            raise DataError(path, message, number)
    return [tuple(block) for block in blocks]


def _number_lines(blocks: Iterable[Sequence[str]]) -> Iterator[tuple[int, Sequence[str]]]:
    """Sentences, each with the number of its first line, from 1."""
    number = 1
    for block in blocks:
        yield number, block
        number += len(block) + 1


def _split_word(path: Path, line: str, number: int) -> tuple[str, str]:
    columns = [column.strip(" ") for column in line.split("\t")]
    if len(columns) != 2 or not all(columns):
        full = f"{sum(map(bool, columns))} of {len(columns)} columns are filled"
        raise DataError(path, f"a word, a tab and its tag are needed; {full}", number)
    return columns[0], columns[1]
