"""The table of formats, and how a path tells which one it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosszero.bitext.formats.chromium_pak import ChromiumReader
from crosszero.bitext.formats.gettext_catalogue import GettextReader
from crosszero.bitext.formats.huggingface import HuggingFaceReader
from crosszero.bitext.formats.moses import MosesReader
from crosszero.bitext.formats.multiway import MultiwayReader, find_files
from crosszero.bitext.formats.tmx import TmxReader
from crosszero.bitext.formats.tsv import TsvReader
from crosszero.bitext.languages import split_suffix
from crosszero.bitext.reader import Reader
from crosszero.errors import ConfigError, DataError

Paths = Sequence[str | Path]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that can be read.

    Attributes:
        summary: what it is, for people.
        open: makes the reader from the paths and the options.
        options: the settings, besides languages, that it knows.
        suffixes: endings of file names that tell it.
    """

    summary: str
    open: Callable[..., Reader]
    options: frozenset[str]
    suffixes: tuple[str, ...] = ()


def detect_format(paths: Paths, languages: Sequence[str] | None = None) -> str:
    """Tell the format from paths.

    Raises:
        ConfigError: they do not tell it.
        DataError: a path does not exist, nor do files that start with it.

    Example:
        >>> detect_format(["corpus.en", "corpus.fr"])
        'moses'
    """
    first = paths[0]
    by_suffix = {suffix: name for name, known in FORMATS.items() for suffix in known.suffixes}
    kinds = {
        by_suffix.get(Path(str(path).removesuffix(".gz")).suffix.lower(), "") for path in paths
    }
    if len(kinds) > 1:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: files of one format are needed in one source: "
            "name a source for each"
        )
    if kind := kinds.pop():
        return kind
    if len(paths) > 1:
        return "moses" if len(paths) == 2 else "multiway"
    if Path(first).is_dir():
        return _detect_folder(Path(first), first, languages)
    if Path(first).is_file():
        if split_suffix(first, languages):
            prefix = str(first).removesuffix(".gz").rpartition(".")[0]
            raise ConfigError(
                f"{first} is one side of aligned files: name both sides, or their prefix {prefix}"
            )
        raise ConfigError(
            f"{first}: the name does not tell the format; give it: --format {_names()}"
        )
    try:
        find_files(first, languages)
    except DataError as error:
        if (
            str(first).count("/") == 1
            and not Path(first).suffix
            and not Path(first).parent.exists()
        ):
            raise DataError(
                first,
                "no such file or folder; for a data set of the Hugging Face hub give "
                "--format huggingface",
            ) from error
        raise
    return "multiway"


def _detect_folder(folder: Path, given: str | Path, languages: Sequence[str] | None) -> str:
    names = [file.name.removesuffix(".gz") for file in folder.iterdir()]
    if any(name.endswith(".pak") for name in names):
        return "chromium"
    if any(name.endswith(".parquet") for name in names):
        return "huggingface"
    if not any(split_suffix(name, languages) for name in names):
        raise DataError(
            given,
            "nothing to read in this folder: files like multi.en and multi.fr, or *.pak, or "
            "*.parquet are needed; for other formats name the file, and name languages that are "
            "rare with --languages",
        )
    return "multiway"


def _names() -> str:
    return ", ".join(sorted(FORMATS))


def _one(paths: Paths, name: str) -> str | Path:
    if len(paths) != 1:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: the format {name} reads one path at a time: "
            "name a source for each"
        )
    return paths[0]


def _open_tsv(paths: Paths, **options: Any) -> Reader:
    return TsvReader(_one(paths, "tsv"), **options)


def _open_moses(paths: Paths, **options: Any) -> Reader:
    languages = options.get("languages")
    if len(paths) == 1:
        reader = MultiwayReader(paths[0], languages=languages, skip_log=options.get("skip_log"))
        if len(reader.paths) != 2:
            raise ConfigError(
                f"{paths[0]}: {' '.join(reader.languages)} are {len(reader.paths)} languages, the "
                "format moses has two: name two, or use --format multiway for all of them"
            )
        paths, options = reader.paths, options | {"languages": reader.languages}
    if len(paths) != 2:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: the format moses needs two files, or their prefix"
        )
    return MosesReader(paths[0], paths[1], **options)


def _open_multiway(paths: Paths, **options: Any) -> Reader:
    if len(paths) == 1:
        return MultiwayReader(paths[0], **options)
    languages = options.get("languages")
    parts = [split_suffix(path, languages) for path in paths]
    if all(parts):
        codes = [part[1] for part in parts if part]
        if len(set(codes)) < len(codes):
            raise ConfigError(
                f"{', '.join(map(str, paths))}: two files of one language: name a source for each "
                "set of files"
            )
        return MultiwayReader(dict(zip(codes, paths, strict=True)), **options)
    if languages is None or len(languages) != len(paths):
        raise ConfigError(
            f"{', '.join(map(str, paths))}: the names do not tell the languages; give one for each "
            "file: --languages en fr de"
        )
    return MultiwayReader(dict(zip(languages, paths, strict=True)), **options)


def _open_tmx(paths: Paths, **options: Any) -> Reader:
    return TmxReader(_one(paths, "tmx"), **options)


def _open_gettext(paths: Paths, **options: Any) -> Reader:
    return GettextReader(paths, **options)


def _open_chromium(paths: Paths, **options: Any) -> Reader:
    return ChromiumReader(paths[0] if len(paths) == 1 else list(paths), **options)


def _open_huggingface(paths: Paths, **options: Any) -> Reader:
    return HuggingFaceReader(_one(paths, "huggingface"), **options)


_PAIRS = frozenset({"pairs"})

FORMATS: dict[str, Format] = {
    "tsv": Format(
        summary="tab-separated columns",
        open=_open_tsv,
        options=_PAIRS | {"columns", "header"},
        suffixes=(".tsv", ".tab"),
    ),
    "moses": Format(
        summary="two aligned files, x.en and x.fr", open=_open_moses, options=frozenset()
    ),
    "multiway": Format(
        summary="aligned files in many languages, multi.en, multi.fr, …",
        open=_open_multiway,
        options=_PAIRS,
    ),
    "tmx": Format(
        summary="Translation Memory eXchange", open=_open_tmx, options=_PAIRS, suffixes=(".tmx",)
    ),
    "gettext": Format(
        summary="PO or MO catalogues",
        open=_open_gettext,
        options=_PAIRS,
        suffixes=(".po", ".mo", ".gmo"),
    ),
    "chromium": Format(
        summary="Chromium .pak string files",
        open=_open_chromium,
        options=_PAIRS,
        suffixes=(".pak",),
    ),
    "huggingface": Format(
        summary="a hub data set, or local Parquet",
        open=_open_huggingface,
        options=_PAIRS | {"columns", "subset", "split", "revision"},
        suffixes=(".parquet",),
    ),
}
