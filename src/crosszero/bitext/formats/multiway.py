"""Line-aligned files, in two languages (the Moses convention) or many: ``x.en``, ``x.fr``, …

Line *n* has the same meaning in every file. The files are named, or found by folder or prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import ClassVar

from crosszero.bitext.decoding import BadText
from crosszero.bitext.languages import (
    find_language,
    is_code,
    languages_in_name,
    pick_languages,
    same_language,
    split_suffix,
)
from crosszero.bitext.lines import check_file, read_lines
from crosszero.bitext.reader import FormatName, Reader, Row
from crosszero.errors import ConfigError, DataError, suggest

_SECOND = {"trg", "tgt", "ref"}  # endings of the second side; all others are the first


class MultiwayReader(Reader):
    """Read files that are aligned line by line, plain or gzip, in any number of languages.

    The path is a folder, or folder and prefix (``data/multi``), or the files themselves. Names tell
    the languages: ``x.en`` and ``x.fr.gz``, or ``x.en-fr.src`` and ``x.en-fr.trg``. In a folder, a
    file whose ending is no known language code is left out, and counted, unless it is named.

    With three or more languages, pairs from one line follow each other and share their ``group``,
    ``folder/multi:12``, and a line may be empty in some languages.
    """

    format: ClassVar[FormatName] = "multiway"
    several = True

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        if len(self.paths) > 1:
            files = _name(self.paths, languages)
        else:
            files, others = _find(self.paths[0], languages)
            for other in others if languages is None else ():
                self.skip_log.leave_out(other, None, "no known language code")
        asked = list(files) if languages is None else languages
        self.files = _pick(files, asked, self.name)
        for file in self.files:
            check_file(file)
        return asked

    def rows(self) -> Iterator[Row]:
        first = self.files[0]
        parts = split_suffix(first, self.languages)
        # With the folder, so that sets of one name in different folders stay apart.
        name = Path(first).parent / (parts[0] if parts else Path(first).name)
        for number, texts in read_parallel(self.files):
            yield Row(texts, [(path, number) for path in self.files], (name, number))


class MosesReader(MultiwayReader):
    """Read two files that are aligned line by line, or their prefix."""

    format = "moses"
    options = ()

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        found = super().look(languages)
        if len(found) != 2:
            raise ConfigError(
                f"{self.name}: {' '.join(found)} are {len(found)} languages, the format moses has "
                "two: name two, or use --format multiway for all of them"
            )
        return found


def read_parallel(
    paths: Sequence[str | Path],
) -> Iterator[tuple[int, list[str | BadText]]]:
    """Read line-aligned files in step: the number of a line, from 1, and that line of each.

    That one file ends before another (DataError) can't be skipped: where the missing line was, and
    so every pair, is in doubt.
    """
    streams = [read_lines(path) for path in paths]
    for number in count(1):
        row = [next(stream, None) for stream in streams]
        present = [line for line in row if line is not None]
        if len(present) == len(row):
            yield number, present
        elif not present:
            return
        else:
            counts = [
                number - (line is None) + sum(1 for _ in stream)
                for line, stream in zip(row, streams, strict=True)
            ]
            raise _explain_unequal(paths, counts)


def _explain_unequal(paths: Sequence[str | Path], counts: Sequence[int]) -> DataError:
    least = min(counts)
    short = paths[counts.index(least)]
    others = ", ".join(
        f"{path} has {count:,}" for path, count in zip(paths, counts, strict=True) if count != least
    )
    return DataError(
        short,
        f"ends after line {least:,}, but {others}: aligned files need the same number of lines; "
        "find the missing line (it can't be skipped, because every later pair may be wrong)",
        line=least,
    )


def _find(
    path: str | Path, languages: Sequence[str] | None
) -> tuple[dict[str, str | Path], list[Path]]:
    """Find the files ``<prefix>.<language>`` in a folder, or those that start with a prefix.

    Rare languages are found only if they are named; files of the prefix in no known language are
    given, too. Of several prefixes the languages pick one, if just one has them all.
    """
    folder, prefix = Path(path), None
    if not folder.is_dir():
        folder, prefix = folder.parent, folder.name.removesuffix(".*").removesuffix(".")
    if not folder.is_dir():
        raise DataError(path, "no such file or folder: check the spelling")
    sets: dict[str, dict[str, str | Path]] = {}
    others: list[Path] = []
    for file in sorted(file for file in folder.iterdir() if not file.is_dir()):
        parts = split_suffix(file, languages)
        if parts is None:
            others.append(file)
        elif prefix in (None, parts[0]):
            known = sets.setdefault(parts[0], {})
            if known.setdefault(parts[1], file) is not file:
                both = f"{known[parts[1]]} and {file} both exist"
                raise ConfigError(f"{both}: remove one of them, or name the files one by one")
    sets = {name: files for name, files in sets.items() if len(files) > 1}
    if len(sets) > 1 and languages is not None:
        whole = [name for name in sets if all(find_language(x, sets[name]) for x in languages)]
        sets = {name: sets[name] for name in whole or sets}
    if not sets:
        raise DataError(
            path,
            "no aligned files like multi.en and multi.fr in this folder: give unusual languages "
            "with --languages, or name the files"
            if prefix is None
            else f"no such file, and no files like {prefix}.en and {prefix}.fr: check the "
            "spelling, and give unusual languages with --languages",
        )
    if len(sets) > 1:
        several = f"files of several prefixes ({', '.join(sorted(sets))})"
        raise ConfigError(f"{path}: {several}: name one, like {folder / min(sets)}")
    ((name, files),) = sets.items()
    ending = re.compile(re.escape(name) + r"\.([^.]+)(\.gz)?")
    return files, [x for x in others if (m := ending.fullmatch(x.name)) and is_code(m[1])]


def _name(paths: Sequence[str | Path], languages: Sequence[str] | None) -> dict[str, str | Path]:
    """Say which language each file is in: what its name tells, else the next that was asked for."""
    where = ", ".join(map(str, paths))
    if len(set(map(Path, paths))) < len(paths):
        raise ConfigError(f"{where}: a file is named twice; one for each language is needed")
    told = _told_by_names(paths, languages)
    known = [code for code in told if code is not None]
    if len(set(known)) < len(known):
        problem = "two files of one language: name a source for each set of files"
        raise ConfigError(f"{where}: {problem}")
    if None not in told:
        return dict(zip(known, paths, strict=True))
    if languages is None or len(languages) != len(paths):
        needed = "give one for each file, in the same order: --languages en fr"
        raise ConfigError(f"{where}: the languages are not clear from the names; {needed}")
    meant = [next((x for x in languages if code and same_language(code, x)), None) for code in told]
    if len({x for x in meant if x}) < len(known):  # the names mean something else
        return dict(zip(languages, paths, strict=True))
    rest = iter([language for language in languages if language not in meant])
    return {language or next(rest): path for language, path in zip(meant, paths, strict=True)}


def _told_by_names(
    paths: Sequence[str | Path], languages: Sequence[str] | None
) -> Sequence[str | None]:
    """Read the languages of files from their names; ``None`` where a name tells nothing."""
    suffixes = [split_suffix(path, languages) for path in paths]
    codes = [None if parts is None else parts[1] for parts in suffixes]
    if len(paths) != 2:
        return codes
    if codes[0] == codes[1]:  # en/x.en-fr and fr/x.en-fr
        codes = [None, None]
    names = languages_in_name(paths[0])
    if None not in codes or names is None or names != (languages_in_name(paths[1]) or names):
        return codes
    # x.en-fr.fr and x.en-fr.ref: what one is, the other is not.
    if codes[0] in names or codes[1] in names:
        in_order = codes[0] == names[0] or codes[1] == names[1]
    else:
        in_order = Path(paths[0]).name.removesuffix(".gz").rpartition(".")[2] not in _SECOND
    return names if in_order else names[::-1]


def _pick(
    files: Mapping[str, str | Path], languages: Sequence[str], where: str
) -> list[str | Path]:
    """Pick each language's file: the same code, else the only one that can mean the same."""
    codes: list[str] = []
    picked = pick_languages(languages, files, where)
    for language, code in zip(languages, picked, strict=True):
        near = (x for x in files if x not in picked and same_language(x, language))
        code = code or next(near, None)
        if code is None or code in codes:
            raise ConfigError(f"{where}: no file for {language!r}; {suggest(language, files)}")
        codes.append(code)
    return [files[code] for code in codes]
