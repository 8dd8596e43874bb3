"""The formats, each a :class:`~crosszero.bitext.reader.Reader`, found by itself here.

A new format is a new module in this folder, and its name in ``FormatName`` of ``reader``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from crosszero.bitext.languages import split_suffix
from crosszero.bitext.reader import FormatName, Reader
from crosszero.errors import ConfigError, DataError

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

FORMATS = Reader.known


def detect_format(
    paths: Sequence[str | Path], languages: Sequence[str] | None = None
) -> FormatName:
    """Tell the format from paths.

    Raises:
        ConfigError: they do not tell it.
        DataError: there is nothing to read.

    Example:
        >>> detect_format(["corpus.en", "corpus.fr"])
        'moses'
    """
    first = paths[0]
    kinds = {_by_suffix(path) for path in paths}
    if len(kinds) > 1:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: one source takes files of one format: name a source "
            "for each"
        )
    if kind := kinds.pop():
        return kind
    if len(paths) > 1:
        return "moses" if len(paths) == 2 else "multiway"
    if Path(first).is_dir():
        return _by_content(Path(first), languages)
    if Path(first).is_file():
        if split_suffix(first, languages):
            prefix = str(first).removesuffix(".gz").rpartition(".")[0]
            raise ConfigError(
                f"{first} is one side of aligned files: name both sides, or their prefix {prefix}"
            )
        names = ", ".join(sorted(FORMATS))
        raise ConfigError(
            f"{first}: the format is not clear from the name; give it: --format {names}"
        )
    like_hub_id = str(first).count("/") == 1 and not Path(first).suffix
    if like_hub_id and not Path(first).parent.exists():
        remedy = "for a data set of the Hugging Face hub give --format huggingface"
        raise DataError(first, f"no such file or folder; {remedy}")
    return "multiway"


def _by_suffix(path: str | Path) -> FormatName | None:
    suffix = Path(str(path).removesuffix(".gz")).suffix.lower()
    return next((name for name, reader in FORMATS.items() if suffix in reader.suffixes), None)


def _by_content(folder: Path, languages: Sequence[str] | None) -> FormatName:
    names = [file.name for file in folder.iterdir()]
    for name in map(_by_suffix, names):
        if name is not None and FORMATS[name].folders:
            return name
    if not any(split_suffix(name, languages) for name in names):
        endings = [f"*{reader.suffixes[0]}" for reader in FORMATS.values() if reader.folders]
        raise DataError(
            folder,
            "nothing to read in this folder: files like multi.en and multi.fr, or "
            f"{', or '.join(endings)} are needed; for other formats name the file, and give "
            "unusual languages with --languages",
        )
    return "multiway"
