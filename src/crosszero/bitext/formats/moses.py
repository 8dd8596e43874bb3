"""The two files of the Moses convention: ``corpus.en`` and ``corpus.fr``, aligned by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.bitext.languages import (
    check_languages,
    languages_in_name,
    same_language,
    split_suffix,
)
from crosszero.bitext.lines import check_file, read_parallel
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import cut_row
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError

_ROLES = {"trg": 1, "tgt": 1, "ref": 1}  # endings of the second side; all others are the first


class MosesReader:
    """Read two files that are aligned line by line, plain or gzip.

    Args:
        source: the file of the first language.
        target: the file of the second language.
        languages: their two languages. ``None`` takes them from the names: ``x.en`` and
            ``x.fr.gz``, or ``x.en-fr.src`` and ``x.en-fr.trg``. Where names tell them, languages
            only say which comes first, and the files are picked by their names.
        skip_log: takes what is left out; ``None`` raises at the first bad line.

    Raises:
        ConfigError: the languages are not known, or not those of the names.
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
        told = _languages_of(source, target, languages)
        found = languages if languages is not None else told
        if found is None or None in found:
            raise ConfigError(
                f"{source}, {target}: the names do not tell the languages; "
                "give them in the same order: --languages en fr"
            )
        self.languages = check_languages([code for code in found if code], exactly=2)
        self.paths = _pick(source, target, told, self.languages)
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


def _languages_of(
    source: str | Path, target: str | Path, named: Sequence[str] | None
) -> tuple[str | None, str | None]:
    """Read the languages of the two files from their names; ``None`` where a name tells nothing."""
    first, second = (_suffix(path, named) for path in (source, target))
    if first == second:  # en/x.en-fr and fr/x.en-fr
        first = second = None
    names = languages_in_name(source)
    if (first and second) or names is None or names != (languages_in_name(target) or names):
        return first, second
    # x.en-fr.fr and x.en-fr.ref: what one is, the other is not.
    if first in names or second in names:
        is_first = first == names[0] or second == names[1]
    else:
        is_first = _ROLES.get(Path(source).name.removesuffix(".gz").rpartition(".")[2], 0) == 0
    return names if is_first else names[::-1]


def _suffix(path: str | Path, named: Sequence[str] | None) -> str | None:
    parts = split_suffix(path, named)
    return None if parts is None else parts[1]


def _pick(
    source: str | Path,
    target: str | Path,
    told: tuple[str | None, str | None],
    languages: Sequence[str],
) -> tuple[str | Path, str | Path]:
    """Put the files in the order of the languages, if the names tell which is which."""

    def fit(codes: Sequence[str | None]) -> bool:
        return all(
            code is None or same_language(code, language)
            for code, language in zip(codes, languages, strict=True)
        )

    if fit(told):
        return source, target
    if fit(told[::-1]):
        return target, source
    if None in told:
        return source, target
    raise ConfigError(
        f"{source}, {target}: the names say {' '.join(map(str, told))}, --languages says "
        f"{' '.join(languages)}: name these languages, or rename the files"
    )
