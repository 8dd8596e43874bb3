"""Files of labelled texts, carried to their translations line by line in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, tee
from pathlib import Path

from crosszero.align.spans import LinkedPair, from_words
from crosszero.align.word_cutter import SAMPLE, cut_at_spaces, is_unsegmented
from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError
from crosszero.projection.conll import read_conll
from crosszero.projection.labelled_texts import Carried, Format, Labelled
from crosszero.projection.linking import Text

Pairs = Iterable[tuple[Text, Text]]
_log = logging.getLogger("crosszero")
_CONLL = {".conll", ".conllu", ".bio", ".iob", ".iob2"}


def project_file(
    source: str | Path,
    target: str | Path,
    way: Format,
    link: Callable[[Pairs], Iterator[LinkedPair]],
    *,
    raw: bool | None,
) -> Iterator[tuple[Labelled, Carried]]:
    """Carry the labels of a file to the translation of its texts.

    Args:
        source: texts with labels.
        target: a translation for each, one a line; or CoNLL, by the end of its name.
        way: how `source` holds its labels.
        link: links texts and translations.
        raw: whether the translation is plain text, in which words must be found; none: where a
            script without spaces is written without any.

    Raises:
        DataError: while iterating: a line can't be used, or the numbers of texts differ.
    """
    labelled, again = tee(way.read(source))

    def read_pairs() -> Iterator[tuple[Text, Text]]:
        targets = read_target(target, raw=raw)
        number = 0
        for number, one in enumerate(again, start=1):
            other = next(targets, None)
            if other is None:
                message = f"ends after {number - 1:,} texts, {source} goes on"
                raise DataError(target, f"{message}: a translation for each text is needed")
            plain = isinstance(one.text, str) and raw is False
            yield cut_at_spaces(str(one.text)) if plain else one.text, other
        if next(targets, None) is not None:
            message = f"goes on after {number:,} texts, {source} does not"
            raise DataError(target, f"{message}: a translation for each text is needed")

    for number, (one, texts) in enumerate(zip(labelled, link(read_pairs()), strict=True), start=1):
        try:
            yield one, way.carry(one, texts)
        except ValueError as error:
            raise DataError(target, str(error), number) from error


def read_target(path: str | Path, *, raw: bool | None) -> Iterator[Text]:
    """Read translations: plain lines, lines of words, or CoNLL, of which the words count.

    See :func:`project_file` for `raw`.
    """
    if Path(path).name.removesuffix(".gz").endswith(tuple(_CONLL)):
        for sentence in read_conll(path, tagged=False):
            yield from_words(sentence.words)
        return
    lines = require_lines(path, empty_lines=True)
    if raw is None:
        first = list(islice(lines, SAMPLE))
        lines, raw = chain(first, lines), is_unsegmented(first)
        if raw:
            _log.info(
                "%s has words without spaces between them: they are split as with --raw", path
            )
    for line in lines:
        yield line if raw else cut_at_spaces(line)
