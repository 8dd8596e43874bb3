"""Line-aligned files in many languages: ``multi.en``, ``multi.fr``, ``multi.ru``, …

Line *n* of every file means the same. The files are found by folder or by prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crosszero.bitext.languages import check_languages, find_language, is_code, split_suffix
from crosszero.bitext.lines import check_file, read_parallel
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import cut_row, plan_pairs
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, suggest


class MultiwayReader:
    """Read files that are aligned line by line, plain or gzip, in any number of languages.

    With three or more languages, pairs from one line follow each other and share their ``group``,
    ``folder/multi:12``, and a line may be empty in some languages; see
    :func:`~crosszero.bitext.reader.cut_row`.

    Args:
        path: a folder, or folder and prefix (``data/multi``), or the files themselves by language.
        languages: which to read, in this order. ``None`` reads all that are found, by name; a file
            whose ending is no known language code is then left out, and counted.
        pairs: ``"all"`` pairs of languages, or the pivot language that is paired with all others.
        skip_log: takes what is left out; ``None`` raises at the first bad line.

    Raises:
        ConfigError: a language is not there, or the folder holds files of several prefixes.
        DataError: a file can't be read; while iterating also: a line is bad, or the files have
            unequal numbers of lines.

    Example:
        >>> reader = MultiwayReader("data/bible", languages=["en", "fr"])  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path | Mapping[str, str | Path],
        *,
        languages: Sequence[str] | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        files = dict(path) if isinstance(path, Mapping) else find_files(path, languages)
        where = "the files" if isinstance(path, Mapping) else str(path)
        self.languages = check_languages(list(files) if languages is None else languages)
        self.paths = [_pick(files, language, where) for language in self.languages]
        for file in self.paths:
            check_file(file)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self._plan = plan_pairs(self.languages, pairs)
        if languages is None and not isinstance(path, Mapping):
            for file in _passed_over(self.paths[0]):
                self.skip_log.leave_out(file, None, "no known language code")

    def __iter__(self) -> Iterator[SentencePair]:
        name = _group_name(self.paths[0], self.languages)
        for number, row in read_parallel(self.paths):
            yield from cut_row(
                row,
                [(path, number) for path in self.paths],
                languages=self.languages,
                plan=self._plan,
                log=self.skip_log,
                group=f"{name}:{number}" if len(row) > 2 else "",
            )


def find_files(path: str | Path, languages: Sequence[str] | None = None) -> dict[str, str | Path]:
    """Find the files ``<prefix>.<language>`` in a folder, or those that start with a prefix.

    Args:
        path: a folder, or folder and prefix.
        languages: the languages that will be read; rare ones are found only if they are named
            here. In a folder with several prefixes these pick the prefix, if just one has them all.

    Raises:
        DataError: no such folder, or fewer than two files of one prefix.
        ConfigError: several prefixes fit.
    """
    folder, prefix = (Path(path), None) if Path(path).is_dir() else _split_prefix(path)
    if not folder.is_dir():
        raise DataError(path, "no such file or folder: check the spelling")
    sets: dict[str, dict[str, str | Path]] = {}
    for file in sorted(folder.iterdir()):
        parts = split_suffix(file, languages)
        if parts is None or (prefix is not None and parts[0] != prefix) or file.is_dir():
            continue
        # The path as the user gave it, without what Path() drops ("./"), stays readable.
        known = sets.setdefault(parts[0], {})
        if parts[1] in known:
            raise ConfigError(
                f"{known[parts[1]]} and {file} are both there: remove one of them, or name the "
                "files one by one"
            )
        known[parts[1]] = file
    sets = {name: files for name, files in sets.items() if len(files) > 1}
    if len(sets) > 1 and languages is not None:
        sets = {
            name: files
            for name, files in sets.items()
            if all(find_language(language, files) for language in languages)
        } or sets
    if not sets:
        raise DataError(
            path,
            f"no such file, and no files like {prefix or 'multi'}.en and {prefix or 'multi'}.fr: "
            "check the spelling, and name languages that are rare with --languages"
            if prefix is not None
            else "no aligned files like multi.en and multi.fr in this folder: name languages that "
            "are rare with --languages, or name the files",
        )
    if len(sets) > 1:
        raise ConfigError(
            f"{path}: files of several prefixes ({', '.join(sorted(sets))}): name one, "
            f"like {folder / min(sets)}"
        )
    return next(iter(sets.values()))


def _split_prefix(path: str | Path) -> tuple[Path, str]:
    name = Path(path).name
    for ending in (".*", "."):
        name = name.removesuffix(ending)
    return Path(path).parent, name


def _pick(files: Mapping[str, str | Path], language: str, where: str) -> str | Path:
    code = find_language(language, files)
    if code is None:
        raise ConfigError(f"{where}: no file for {language!r}; {suggest(language, files)}")
    return files[code]


def _passed_over(chosen: str | Path) -> list[Path]:
    """List files beside one that was chosen that could be its set's in an unknown language."""
    prefix = _split_name(chosen)[0]
    beside = [file for file in sorted(Path(chosen).parent.iterdir()) if split_suffix(file) is None]
    return [
        file
        for file in beside
        if _split_name(file)[0] == prefix and is_code(_split_name(file)[1]) and file.is_file()
    ]


def _split_name(path: str | Path) -> tuple[str, str]:
    stem, _, ending = Path(path).name.removesuffix(".gz").rpartition(".")
    return stem, ending


def _group_name(first: str | Path, languages: Sequence[str]) -> str:
    """Name a set of files, with its path, so that sets in different folders stay apart."""
    parts = split_suffix(first, languages)
    return str(Path(first).parent / (parts[0] if parts else Path(first).name))
