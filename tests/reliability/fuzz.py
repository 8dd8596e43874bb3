"""Feed a reader with files like a sound one: it gives a result, or a CrosszeroError.

Files are made from the sound one by cutting, doubling, moving and replacing pieces, and by changing
what stands in a file whose outside stays sound: values of JSON, the header of safetensors, cells of
a table. Each must be read in bounded time and memory.
"""

from __future__ import annotations

import json
import struct
import time
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.memory import peak_memory, reset_memory
from tests.reliability.readers import Reader

SECONDS, MEGABYTES = 5.0, 300.0  # that one file may take: processor time, memory
INTEGERS = [struct.pack("<i", n) for n in (-1, 0, 1, 255, 65_535, 2**31 - 1, -(2**31))]
TEXTS = ["", "\0", "\ud800", "\x1b[2J", "../../x", "é" * 5_000, "a/b", "NaN", "\n"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 2**31, 2**64, 10**30, -0.5, 1e308, float("nan"), float("inf")]),
    st.sampled_from([*TEXTS, [], {}, [[]], [None], {"a": {}}, [1] * 1_000]),
    st.integers(),
    st.text(max_size=9),
)
CELLS = st.text(st.characters(), max_size=9) | st.sampled_from(["", " ", "0", "-1", "\u3000", "\0"])


@dataclass
class Tried:
    """What came of the files that a reader was fed with."""

    files: int = 0
    refused: int = 0
    seconds: float = 0.0  # of the slowest
    megabytes: float = 0.0  # of the largest

    def add(self, other: Tried) -> None:
        """Take in what came of others."""
        self.files += other.files
        self.refused += other.refused
        self.seconds = max(self.seconds, other.seconds)
        self.megabytes = max(self.megabytes, other.megabytes)


def feed(reader: Reader, desk: Path, *, examples: int, start: int) -> Tried:
    """Feed a reader.

    Args:
        reader: which.
        desk: where its file and what else it reads stand.
        examples: how many files.
        start: seed.

    Raises:
        AssertionError: a file took too much.
        Exception: what the reader raised, if it is no CrosszeroError.
    """
    (place,) = desk.glob(reader.file) if "*" in reader.file else (desk / reader.file,)
    sound, tried = place.read_bytes(), Tried()

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(like(sound, reader))
    def try_file(content: bytes) -> None:
        place.write_bytes(content)
        read(reader, tried)

    with chdir(desk):
        try:
            reader.read()  # what is sound is read
            try_file()
        finally:
            place.write_bytes(sound)
    return tried


def read(reader: Reader, tried: Tried) -> None:
    """Read the file that stands there, and see what came of it."""
    reset_memory()
    before, begun = peak_memory(), time.process_time()
    refused = False
    try:
        reader.read()
    except CrosszeroError:
        refused = True
    seconds, megabytes = time.process_time() - begun, peak_memory() - before
    assert seconds < SECONDS
    assert megabytes < MEGABYTES
    tried.add(Tried(1, refused, seconds, megabytes))


def like(sound: bytes, reader: Reader) -> st.SearchStrategy[bytes]:
    """Files like a sound one."""
    mutated = edit(sound, reader.tokens)
    if reader.shape == "lines":
        return mutated | change_lines(sound, reader.tokens)
    if reader.shape == "json":
        return mutated | change(json.loads(sound)).map(lambda value: json.dumps(value).encode())
    if reader.shape == "safetensors":
        size = 8 + struct.unpack("<Q", sound[:8])[0]
        header = change(json.loads(sound[8:size])).map(lambda value: json.dumps(value).encode())
        return mutated | header.map(lambda h: struct.pack("<Q", len(h)) + h + sound[size:])
    return mutated


@st.composite
def edit(draw: st.DrawFn, content: bytes, tokens: tuple[bytes, ...] = ()) -> bytes:
    """Cut, double, move, replace and insert pieces, a few of them or one."""
    pieces = st.sampled_from([*tokens, *INTEGERS, b"\0", b"\xff", b" ", b"\n", b'"'])
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 6]))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.sampled_from([0, 0, 1, 2, 4, 16, 100, 10**9])))
        piece = draw(pieces | st.binary(max_size=8) | st.sampled_from([b"", content[begin:end]]))
        times = draw(st.sampled_from([1, 1, 1, 1, 2, 3, 1000]))
        place = draw(st.sampled_from([begin, begin, begin, 0, len(content)]))
        if draw(st.booleans()):  # what stands behind keeps its place
            content = (content[:begin] + piece + content[begin + len(piece) :])[: len(content)]
            continue
        content = content[:begin] + content[end:]
        content = content[:place] + piece[:10_000] * times + content[place:]
    return content


@st.composite
def change_lines(draw: st.DrawFn, sound: bytes, tokens: tuple[bytes, ...]) -> bytes:
    """Change cells of a table, move lines, or leave some out."""
    lines = [line.split(b"\t") for line in sound.split(b"\n")[:-1]]
    cells = CELLS.map(lambda text: text.encode("utf-8", "surrogatepass"))
    cells |= st.sampled_from([b"", *tokens])
    places = st.integers(0, len(lines) - 1)
    for _ in range(draw(st.integers(1, 3))):
        line = list(draw(st.sampled_from(lines)))
        line[draw(st.integers(0, len(line) - 1))] = draw(cells)
        lines[draw(places)] = line
    return b"\n".join(map(b"\t".join, lines)) + draw(st.sampled_from([b"\n", b"", b"\r\n"]))


@st.composite
def change(draw: st.DrawFn, value: Any) -> Any:
    """Replace, remove or add values inside a value of JSON."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list_places(value)))
        value = put(value, path, draw(VALUES), draw(st.sampled_from(["set", "set", "add", "cut"])))
    return value


def list_places(value: Any, most: int = 400) -> list[tuple[Any, ...]]:
    """Paths to the values inside a value."""
    found: list[tuple[Any, ...]] = [()]
    for path in found:
        inside = value
        for key in path:
            inside = inside[key]
        keys = (
            inside
            if isinstance(inside, dict)
            else range(len(inside))
            if isinstance(inside, list)
            else ()
        )
        found += [(*path, key) for key in keys]
        if len(found) > most:
            break
    return found


def put(value: Any, path: tuple[Any, ...], new: Any, how: str) -> Any:
    """Give a value in which something stands elsewhere; the one given is left as it is."""
    if not path:
        return new if how == "set" else value
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[key] = put(copy[key], tuple(rest), new, how)
    elif how == "cut":
        del copy[key]
    elif how == "add" and isinstance(copy, dict):
        copy["unheard of"] = new
    else:
        copy[key] = new
    return copy
