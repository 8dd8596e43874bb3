"""The two files of the Moses convention: ``corpus.en`` and ``corpus.fr``, aligned by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.bitext.languages import check_languages, languages_in_name, split_suffix
from crosszero.bitext.lines import check_file, read_parallel
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.rows import cut_row
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError


class MosesReader:
    """Read two files that are aligned line by line, plain or gzip.

    Args:
        source: the file of the first language.
        target: the file of the second language.
        languages: their two languages. ``None`` takes them from the names: ``x.en`` and
            ``x.fr.gz``, or ``x.en-fr.src`` and ``x.en-fr.trg``.
        skip_log: takes what is left out; ``None`` raises at the first bad line.

    Raises:
        ConfigError: the languages are not known.
        DataError: a file can't be read; while iterating also: a line is bad, or the files have
            unequal numbers of lines.

    Example:
        >>> reader = MosesReader("corpus.en", "corpus.fr")  # doctest: +SKIP
    """

    def __init__(
        self,
        source: str | Path,
        target: str | Path,
        *,
        languages: Sequence[str] | None = None,
        skip_log: SkipLog | None = None,
    ) -> None:
        check_file(source)
        check_file(target)
        if Path(source) == Path(target):
            raise ConfigError(f"{source} is given for both languages; two files are needed")
        found = languages if languages is not None else _languages_of(source, target)
        if found is None:
            raise ConfigError(
                f"{source}, {target}: the names do not tell the languages; "
                "give them in the same order: --languages en fr"
            )
        self.paths = (source, target)
        self.languages = check_languages(found, exactly=2)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)

    def __iter__(self) -> Iterator[SentencePair]:
        for number, row in read_parallel(self.paths):
            yield from cut_row(
                row,
                [(path, number) for path in self.paths],
                languages=self.languages,
                plan=[(0, 1)],
                log=self.skip_log,
            )


def _languages_of(source: str | Path, target: str | Path) -> tuple[str, str] | None:
    first, second = split_suffix(source), split_suffix(target)
    if first and second and first[1] != second[1]:
        return first[1], second[1]
    return languages_in_name(source)
