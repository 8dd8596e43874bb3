"""The entry point to all formats: :func:`read_bitext`, and the configuration for recipes."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crosszero.bitext.columns import check_columns
from crosszero.bitext.formats import FORMATS, detect_format
from crosszero.bitext.languages import check_languages
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import FormatName, Reader
from crosszero.bitext.skip import SkipLog
from crosszero.config import build, require
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.locks import made_folder

_log = logging.getLogger("crosszero")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BitextConfig:
    """One source of parallel text.

    Attributes:
        path: file, folder, prefix of aligned files (``data/multi``), hub id, or a list of files.
        format: name of the format; ``None`` infers it from the path.
        languages: language codes, in order; ``None`` takes them from the names or files.
        pairs: with three or more languages, ``all`` pairs, or the pivot that all pairs start with.
        columns: TSV, data sets: which columns, as positions from 0 or names; ``None`` for all.
        header: TSV: the first line names the columns; the codes of the languages say their order.
        subset: hub data sets: name of the configuration.
        split: data sets: which split.
        revision: hub data sets: commit or tag; give one to make a run repeatable.
        skip_bad: leave bad text out, count and list it; ``False`` stops at the first.
        every: read every n-th pair, or line of multi-way text: an even part of a corpus that would
            outweigh the others.

    Raises:
        ConfigError: a value is out of range, or an option does not belong to the format.

    Example:
        >>> pairs = BitextConfig(path="corpus.en-fr.tsv").open()        # doctest: +SKIP
    """

    path: str | list[str]
    format: FormatName | None = None
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
        if not self.path or (isinstance(self.path, list) and not all(self.path)):
            raise ConfigError(f"path is {self.path!r}; a file, folder or list of files is needed")
        if self.format is not None and self.format not in FORMATS:
            raise ConfigError(f"unknown format {self.format!r}: {suggest(self.format, FORMATS)}")
        if self.languages is not None:
            check_languages(self.languages)
        if self.columns is not None:
            check_columns(self.columns, self.languages)
        require("every", self.every, self.every >= 1, "a whole number, 1 or more")

    def open(self, skip_log: SkipLog | None = None) -> Reader:
        """Check files and languages, and make a reader; raises as :func:`read_bitext`.

        What is left out goes to the skip log, which decides whether bad text raises, or is reported
        as a warning to the log ``crosszero.bitext``.
        """
        if skip_log is not None and self.skip_bad and not skip_log.skip_bad:
            made = "the skip log was made with skip_bad=False"
            raise ConfigError(f"skip_bad is true, but {made}: remove one of them")
        paths = [self.path] if isinstance(self.path, str) else self.path
        log = skip_log if skip_log is not None else SkipLog(skip_bad=self.skip_bad)
        try:
            name = self.format or detect_format(paths, self.languages)
            options = self._choose_options(name)
            reader = FORMATS[name](*paths, languages=self.languages, skip_log=log, **options)
        except OSError as error:  # a folder without permission, a name that is too long
            reason = error.strerror or str(error)
            raise DataError(", ".join(paths), f"can't be read ({reason})") from error
        reader.every, reader.report = self.every, skip_log is None
        return reader

    def _choose_options(self, name: FormatName) -> dict[str, Any]:
        """Pick the settings that the format's reader knows; no other may be set."""
        for field in dataclasses.fields(self):
            homes = [other for other, reader in FORMATS.items() if field.name in reader.options]
            if homes and name not in homes and getattr(self, field.name) != field.default:
                known = f"not an option of the format {name}, only of {', '.join(homes)}"
                raise ConfigError(f"{field.name} is {known}: remove it or correct the format")
        return {option: getattr(self, option) for option in FORMATS[name].options}


def read_bitext(
    source: str | Path | Sequence[str | Path],
    *,
    format: FormatName | None = None,  # noqa: A002 - the name of the flag and of the YAML key
    languages: Sequence[str] | None = None,
    skip_bad: bool = False,
    skip_log: SkipLog | None = None,
    **options: Any,
) -> Iterator[SentencePair]:
    """Read parallel text of any format as a stream of sentence pairs, in constant memory.

    Files, languages and options are checked when this function is called; the text is read while
    the stream is iterated.

    Args:
        source: a file, a folder, the prefix of aligned files, a list of files, or a hub id.
        format, languages, options: as in :class:`BitextConfig`: pairs, columns, header, subset,
            split, revision, every.
        skip_bad: leave bad text out. At the end a summary goes to the log ``crosszero.bitext``,
            unless `skip_log` takes it.
        skip_log: counts and lists what is left out; skips bad text unless it was made with
            ``skip_bad=False``.

    Raises:
        ConfigError: format, option or language is unknown.
        DataError: a file can't be read; while iterating: bad text (with file and line), or no
            usable pair at all.
        MissingExtraError: the format needs a package that is not installed.

    Example:
        >>> log = SkipLog()
        >>> pairs = list(read_bitext("data/multi", pairs="en", skip_log=log))  # doctest: +SKIP
        >>> pairs[0].target                                    # doctest: +SKIP
        'Bonjour.'
        >>> log.summary()                                      # doctest: +SKIP
        '2 skipped: not UTF-8 2 (first: data/multi.fr:17: not UTF-8)'
    """
    if not isinstance(source, str | Path | Sequence):
        raise ConfigError(f"source is {source!r}; a path or a list of paths is needed")
    path = str(source) if isinstance(source, str | Path) else [str(path) for path in source]
    settings = {"path": path, "format": format, "languages": languages, "skip_bad": skip_bad}
    return iter(build(BitextConfig, settings | options).open(skip_log))


def read_sources(sources: Sequence[BitextConfig], skipped: Path) -> Iterator[SentencePair]:
    """Read all sources one after another; what each leaves out is listed beside `skipped`."""
    for number, source in enumerate(sources, start=1):
        place = skipped.with_name(f"{skipped.stem}-{number}{skipped.suffix}")
        paths = [source.path] if isinstance(source.path, str) else source.path
        if os.path.realpath(place) in map(os.path.realpath, paths):
            raise DataError(place, "the list of skipped lines would replace it; rename this file")
        whole = False
        with made_folder(place.parent):
            try:
                with SkipLog(skip_bad=source.skip_bad, to=place) as log:
                    yield from source.open(log)
                whole = log.total > 0
                if whole:
                    _log.info("%s (all of them: %s)", log.summary(), place)
            finally:
                if not whole:
                    place.unlink(missing_ok=True)
