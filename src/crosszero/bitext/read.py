"""One door to all formats: :func:`read_bitext`, and the configuration that recipes write."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crosszero.bitext.formats import FORMATS, detect_format
from crosszero.bitext.languages import check_languages
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import Reader
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, suggest

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BitextConfig:
    """One source of parallel text.

    Attributes:
        path: file, folder, prefix of aligned files (``data/multi``), hub id, or a list of files.
        format: name of the format; ``None`` tells it from the path.
        languages: language codes, in order; ``None`` takes those that names or files tell.
        pairs: with three or more languages, ``all`` pairs, or the pivot that all pairs start with.
        columns: TSV, data sets: which columns, as positions from 0 or names; ``None`` for all.
        header: TSV: the first line names the columns; the codes of the languages say their order.
        subset: hub data sets: name of the configuration.
        split: data sets: which split.
        revision: hub data sets: commit or tag; name one to be able to repeat a run.
        skip_bad: leave bad text out, count and list it; ``False`` stops at the first.
        every: read the first of this many pairs, or lines of multi-way text, and so an even part of
            a corpus that would outweigh the others.

    Raises:
        ConfigError: a value is of the wrong type, or an option does not belong to the format.

    Example:
        >>> config = BitextConfig(path="corpus.en-fr.tsv")
        >>> for pair in config.open():                              # doctest: +SKIP
        ...     print(pair.source, pair.target)
    """

    path: str | list[str]
    format: str | None = None
    languages: list[str] | None = None
    pairs: str = "all"
    columns: list[int | str] | None = None
    header: bool = False
    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    skip_bad: bool = False
    every: int = 1

    def __post_init__(self) -> None:
        paths = [self.path] if isinstance(self.path, str) else self.path
        listed = isinstance(paths, list) and all(isinstance(path, str) and path for path in paths)
        if not listed or not paths:
            raise ConfigError(f"path is {self.path!r}; a file, folder or list of files is needed")
        if self.format is not None and self.format not in FORMATS:
            raise ConfigError(
                f"unknown format {str(self.format)!r}: {suggest(str(self.format), FORMATS)}"
            )
        if self.languages is not None:
            check_languages(self.languages)
        if not isinstance(self.pairs, str):
            raise ConfigError(f"pairs is {self.pairs!r}; 'all' or a language code is needed")
        if self.columns is not None and not isinstance(self.columns, list | tuple):
            raise ConfigError(
                f"columns is {self.columns!r}; a list of positions from 0, or of names, is needed"
            )
        for name in ("subset", "split", "revision"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "split"):
                raise ConfigError(f"{name} is {value!r}; a text is needed")
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ConfigError(f"every is {self.every!r}; a whole number from 1 is needed")
        for name in ("header", "skip_bad"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; true or false is needed")

    def open(self, skip_log: SkipLog | None = None) -> Reader:
        """Check files and languages, and make a reader.

        Args:
            skip_log: takes what is left out, and decides whether bad text raises. Without one,
                what was left out is reported as a warning to the log ``crosszero.bitext``.

        Raises:
            ConfigError: format or languages are not known, or an option does not fit.
            DataError: a file can't be read.
        """
        if skip_log is not None and self.skip_bad and not skip_log.skip_bad:
            raise ConfigError(
                "skip_bad is true, but the skip log was made with skip_bad=False: drop one of them"
            )
        paths = [self.path] if isinstance(self.path, str) else list(self.path)
        try:
            return self._open(paths, skip_log)
        except OSError as error:  # a folder without permission, a name that is too long
            reason = error.strerror or str(error)
            raise DataError(", ".join(paths), f"can't be read ({reason})") from error

    def _open(self, paths: list[str], skip_log: SkipLog | None) -> Reader:
        name = self.format or detect_format(paths, self.languages)
        format_ = FORMATS[name]
        options: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            if field.name in ("path", "format", "languages", "skip_bad", "every"):
                continue
            value = getattr(self, field.name)
            if field.name in format_.options:
                options[field.name] = value
            elif value != field.default:
                homes = [other for other, known in FORMATS.items() if field.name in known.options]
                raise ConfigError(
                    f"{field.name} is no option of the format {name}, only of {', '.join(homes)}: "
                    f"remove it or correct the format"
                )
        log = skip_log if skip_log is not None else SkipLog(skip_bad=self.skip_bad)
        reader = format_.open(paths, languages=self.languages, skip_log=log, **options)
        name = ", ".join(map(str, paths))
        return _Source(reader, name, every=self.every, report=skip_log is None)


def read_bitext(
    source: str | Path | Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the name of the flag and of the YAML key
    languages: Sequence[str] | None = None,
    skip_bad: bool = False,
    skip_log: SkipLog | None = None,
    **options: Any,
) -> Iterator[SentencePair]:
    """Read parallel text of any format as a stream of sentence pairs, in constant memory.

    Files, languages and options are checked at once, when this function is called; the text is
    read while the stream is iterated.

    Args:
        source: a file, a folder, the prefix of aligned files, a list of files, or a hub id.
        format: ``tsv``, ``moses``, ``multiway``, ``tmx``, ``gettext``, ``chromium`` or
            ``huggingface``; ``None`` tells it from the names.
        languages: language codes, in order; ``None`` takes those that names or files tell.
        skip_bad: leave bad text out. What was left out is reported to the log
            ``crosszero.bitext`` at the end, unless `skip_log` takes it.
        skip_log: counts and lists what is left out; skips bad text unless it was made with
            ``skip_bad=False``.
        options: any other field of :class:`BitextConfig`: pairs, columns, header, subset, split,
            revision, every.

    Raises:
        ConfigError: format, option or language is unknown.
        DataError: a file can't be read; while iterating: bad text (with file and line), or no
            usable pair at all.
        MissingExtraError: the format needs a package that is not installed.

    Example:
        >>> pairs = read_bitext("corpus.en-fr.tsv")            # doctest: +SKIP
        >>> next(pairs).target                                 # doctest: +SKIP
        'Bonjour.'
        >>> log = SkipLog()
        >>> pairs = list(read_bitext("data/multi", pairs="en", skip_log=log))  # doctest: +SKIP
        >>> log.summary()                                      # doctest: +SKIP
        '2 skipped: not UTF-8 2 (first: data/multi.fr:17: not UTF-8)'
    """
    known = {field.name for field in dataclasses.fields(BitextConfig)} - {"path"}
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}: {suggest(name, known)}")
    single = isinstance(source, str | Path)
    if not single and not isinstance(source, Sequence):
        raise ConfigError(f"source is {source!r}; a path or a list of paths is needed")
    config = BitextConfig(
        path=str(source) if single else [str(path) for path in source],  # type: ignore[union-attr]
        format=format,
        languages=list(languages) if isinstance(languages, tuple) else languages,  # type: ignore[arg-type]
        skip_bad=skip_bad,
        **options,
    )
    return iter(config.open(skip_log))


class _Source:
    """A reader whose end is checked: no pair at all is an error, and skips are reported."""

    def __init__(self, reader: Reader, name: str, *, every: int, report: bool) -> None:
        self._reader, self._name, self._every, self._report = reader, name, every, report
        self.languages, self.skip_log = reader.languages, reader.skip_log

    def __iter__(self) -> Iterator[SentencePair]:
        count, unit, group = 0, -1, ""
        for pair in self._reader:
            count += 1
            unit += not pair.group or pair.group != group
            group = pair.group or ""
            if unit % self._every == 0:
                yield pair
        summary = self.skip_log.summary()
        if count == 0:
            raise DataError(
                self._name,
                "no sentence pair in "
                + " ".join(self.languages)
                + (f"; {summary}" if summary else "")
                + ": check format and languages",
            )
        if self._report and summary:
            _logger.warning("%s: %s", self._name, summary)
