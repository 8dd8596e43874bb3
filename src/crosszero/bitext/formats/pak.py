"""The syntax of Chromium's ``.pak`` files: numbered resources, version 4 and 5.

    version 4   u32 version, u32 count, u8 encoding
    version 5   u32 version, u8 encoding, 3 bytes of padding, u16 count, u16 number of aliases
    both        (count + 1) × (u16 resource id, u32 offset): a resource ends where the next starts
    version 5   aliases × (u16 resource id, u16 index of the entry with the same content)

All numbers are little-endian.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

from crosszero.bitext.lines import read_block
from crosszero.errors import DataError
from crosszero.files import open_bytes

_ENCODINGS = {1: "utf-8", 2: "utf-16-le"}
_MAX_SIZE = 1 << 28


def read_pak(path: str | Path) -> dict[int, str | None]:
    """Read the texts of a string file.

    Args:
        path: the file, plain or gzip.

    Returns:
        The text by resource id; ``None`` for content that is not text (pictures and packed scripts
        occur among the strings). Resources that are stored come first, in the order of their ids,
        then the aliases.

    Raises:
        DataError: the file can't be read, is damaged, or has another version or no text at all.
    """
    with open_bytes(path) as file:
        data = read_block(file, path, _MAX_SIZE)
    try:
        return _parse(path, data)
    except struct.error as error:
        raise DataError(path, "the .pak file is cut off: fetch it again") from error


def _parse(path: str | Path, data: bytes) -> dict[int, str | None]:
    (version,) = struct.unpack_from("<I", data)
    if version == 4:
        count, encoding = struct.unpack_from("<IB", data, 4)
        table, aliases = 9, 0
    elif version == 5:
        encoding, count, aliases = struct.unpack_from("<B3xHH", data, 4)
        table = 12
    else:
        raise DataError(
            path, f"is a .pak file of version {version}, or none at all; 4 and 5 can be read"
        )
    if encoding not in _ENCODINGS:
        raise DataError(
            path,
            f"the .pak file says encoding {encoding}; 1 (UTF-8) and 2 (UTF-16) hold text: "
            "take a file of a locales folder, like fr.pak",
        )
    end = table + 6 * (count + 1)
    struct.unpack_from("<HI", data, end - 6)  # before the loop: a false count is found at once
    entries = list(struct.iter_unpack("<HI", data[table:end]))
    contents = []
    for (_, start), (_, stop) in pairwise(entries):
        if not end <= start <= stop <= len(data):
            raise DataError(path, "the .pak file is damaged or cut off: fetch it again")
        contents.append(_decode(data[start:stop], _ENCODINGS[encoding]))
    texts = {number: text for (number, _), text in zip(entries, contents, strict=False)}
    for position in range(aliases):
        number, index = struct.unpack_from("<HH", data, end + 4 * position)
        if index >= len(contents):
            raise DataError(path, f"the .pak file is damaged: alias {number} leads nowhere")
        texts[number] = contents[index]
    return texts


def _decode(content: bytes, encoding: str) -> str | None:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
