"""The texts that a user gives to be aligned, as words."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from crosszero.align.eflomal import LONGEST, TwoWayModel, fits
from crosszero.align.spans import CutPair, CutText, Span, from_words
from crosszero.align.text_pairs import ONE_FILE, TextPair, read_pairs
from crosszero.align.word_boundaries import stretch_pattern
from crosszero.align.word_cutter import cut_at_spaces, is_unsegmented, make_cutter, sample_texts
from crosszero.bitext.decoding import find_control
from crosszero.bitext.folding import has_text
from crosszero.errors import ConfigError, count_things, quote
from crosszero.files import check_inputs

_COUNTED = 100_000  # pairs that a statistical aligner learns from
_FEW = 200  # pairs from which it learns little
# A path, or a name with an ending; but no abbreviation, as "U.S.A" is.
_FILE = re.compile(
    r"\A(?:~|\.{1,2})?/\S.*(?<!\s)\Z|[^\s./\\]{2}\.[A-Za-z][A-Za-z0-9]{0,4}\Z"
    r"|[^\s./\\]\.[A-Za-z][A-Za-z0-9]{1,4}\Z",
    re.DOTALL,
)
_log = logging.getLogger("crosszero")


class Corpus:
    """Pairs of texts, cut into words.

    Args:
        source: a file, ``-``, or a text.
        target: the same of the translations; none: `source` is a file that holds both.
        raw: whether words are cut out of plain text, rather than being what stands between spaces;
            none: of two texts, and where a script without spaces is written without any.
        languages: codes of both.

    Attributes:
        given: whether the texts themselves were given, not files.
        files: that are read.

    Raises:
        ConfigError: a text and a file were given, or files that are not there and might be texts,
            or standard input twice.

    Example:
        >>> corpus = Corpus("The house.", "Das Haus.")
        >>> [source.keys for source, _ in corpus]
        [['the', 'house']]
    """

    def __init__(
        self,
        source: str,
        target: str | None = None,
        *,
        raw: bool | None = None,
        languages: tuple[str, str] = ("", ""),
    ) -> None:
        names = [source] if target is None else [source, target]
        texts = [_is_text(name) for name in names]
        self.given = all(texts) and target is not None
        lost = [x for x, text in zip(names, texts, strict=True) if text and _FILE.search(x)]
        if lost and (len(lost) == len(names) or not self.given):
            raise _make_missing(lost)
        if any(texts) and not self.given:
            if target is None:
                raise ConfigError(f"{source!r}: give its translation too, or a file with both")
            raise ConfigError("give two texts or two files, not one of each")
        for name in names if self.given else []:
            if (problem := find_control(name)) and problem.reason == "not text":
                raise ConfigError(f"{quote(name)}: is not UTF-8; set the terminal to UTF-8")
        check_inputs(*names, advice=ONE_FILE)
        words = not any(_is_there(name) or {*name} & {*"./\\"} for name in names)
        if target is not None and not self.given and words:
            raise _make_missing(names)
        self.files = [] if self.given else [Path(name) for name in names]
        self._texts = (source, target or "")
        self._raw = True if raw is None and self.given else raw
        self._languages = languages

    @property
    def can_be_read_again(self) -> bool:
        """Whether no side is a stream."""
        return self.given or all(path.is_file() for path in self.files)

    def __iter__(self) -> Iterator[CutPair]:
        """Read the pairs, in constant memory.

        Raises:
            DataError: a line can't be used.
        """
        pairs: Iterator[TextPair] = iter([TextPair(*self._texts)])
        if not self.given:
            pairs = read_pairs(*self.files)
        known, pairs = sample_texts(pairs)
        cutters = []
        for side, language in enumerate(self._languages):
            raw = self._raw
            if raw is None and is_unsegmented(known[side]):
                raw = True
                _log.info(
                    "the %s has words without spaces between them: they are split as with --raw; "
                    "with --format jsonl the output has them",
                    ("source", "target")[side],
                )
            cutters.append(make_cutter(known[side], language) if raw else None)
        for pair in pairs:
            source, target = map(_cut, pair, cutters)
            yield source, target


def count_words(corpus: Corpus) -> TwoWayModel:
    """Train a statistical aligner on the first 100,000 pairs of a corpus.

    Raises:
        ConfigError: the corpus can be read only once.
    """
    if not corpus.can_be_read_again:
        raise ConfigError(
            "standard input can't be read twice, once to count and once to link: give a file, or "
            "load a statistical aligner that --save has written with --load"
        )
    pairs = ((source.keys, target.keys) for source, target in islice(corpus, _COUNTED))
    rows = [row for row in pairs if fits(*row)]
    if rows:
        few = "; a few hundred are needed for good counts" if len(rows) < _FEW else ""
        _log.info("counting the words of %s%s", count_things(len(rows), "pair", "pairs"), few)
    else:
        _log.warning("no words are counted: no pair has 1 to %d words on each side", LONGEST)
    return TwoWayModel(lambda: rows, seeds=(2, 3))


def _cut(text: str | list[str], cut: Callable[[str], list[Span]] | None) -> CutText:
    """Cut a text into words; one that shows nothing, only invisible characters, has none."""
    whole = text if isinstance(text, str) else " ".join(text)
    if not has_text(whole):
        return CutText(whole, [])
    if isinstance(text, list):
        return from_words(text)
    return cut_at_spaces(text) if cut is None else CutText(text, cut(text))


def _is_text(name: str) -> bool:
    """Tell a text from the name of a file, which may not be there."""
    if _is_there(name):
        return False
    return any(letter.isspace() for letter in name) or bool(stretch_pattern().search(name))


def _make_missing(names: list[str]) -> ConfigError:
    files = "no such file" if len(names) == 1 else "no such files"
    return ConfigError(
        f"{' and '.join(map(quote, names))}: {files}; a text that is a single word, or looks like "
        "the name of a file, needs a space behind it"
    )


def _is_there(name: str) -> bool:
    return name == "-" or Path(name[:200]).exists()  # a longer name would be an error
