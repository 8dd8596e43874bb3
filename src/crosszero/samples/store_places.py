"""Where stores of samples may stand: nothing but a store is ever replaced or removed."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.config import read_json
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.samples.columns import METADATA

PARTNER = "partner"  # in the metadata: the other one of two stores
_HELD_OUT = "-held-out"
_log = logging.getLogger("crosszero")


def is_store(path: str | Path) -> bool:
    """Tell whether a folder is a store and nothing else, so that nothing else can be lost with it.

    Only names are looked at: Parquet files, and the ``_metadata.json`` that :func:`write_store`
    leaves and other Parquet data sets have not.
    """
    path = Path(path)
    if not path.is_dir():
        return False
    members = list(path.iterdir())
    parts = [member for member in members if member.suffix == ".parquet"]
    return (
        bool(parts)
        and {member.name for member in members if member not in parts} == {METADATA}
        and all(member.is_file() for member in members)
    )


def check_place(path: str | Path) -> None:
    """See that a store may be written to a folder: it is absent, empty, or a store.

    Raises:
        ConfigError: it holds something else, or is a file.
    """
    path = Path(path)
    if path.name in ("", ".."):
        raise ConfigError(f"{path} is not a folder of its own; choose another --out")
    try:
        free = not path.exists() or (path.is_dir() and not any(path.iterdir())) or is_store(path)
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from error
    if not free:
        raise ConfigError(
            f"{path} is not a store of samples; choose another --out: a new folder, an empty one, "
            "or a store, which is replaced"
        )


def default_held_out(out: Path) -> Path:
    """Where the held-out texts of a store go if no place is given."""
    return out.with_name(out.name + _HELD_OUT)


def check_places(out: Path, held_out: Path, hold_out: int) -> None:
    """See that a store and its held-out store can be written, before anything is read.

    Args:
        out: folder of the store.
        held_out: folder of the second store.
        hold_out: how much goes into the second store; with 0 it is not written.

    Raises:
        ConfigError: one of them is no place for a store, or they overlap.
    """
    check_place(out)
    a, b = out.resolve(), held_out.resolve()
    if a == b or a in b.parents or b in a.parents:
        raise ConfigError(
            f"out ({out}) and held_out ({held_out}) must be two folders, neither inside the other"
        )
    if hold_out:
        check_place(held_out)


def remove_stale(out: Path, held_out: Path, hold_out: int) -> None:
    """Remove stores that earlier runs held out: their texts may stand in the new store.

    Args:
        out: folder of the new store.
        held_out: folder of its second store.
        hold_out: with 0 the second store was not written, and an older one is stale.

    Raises:
        CrosszeroError: a stale store can't be removed.
    """
    written = {held_out.resolve()} if hold_out else set()
    for path in {held_out.resolve(), default_held_out(out).resolve()} - written:
        if not _was_held_out(path):
            continue
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise CrosszeroError(
                f"{path}: can't be removed ({error.strerror}); remove it, texts held out by an "
                f"earlier run may be in {out} now"
            ) from error
        _log.warning("%s removed: texts held out by an earlier run may be in %s now", path, out)


def _was_held_out(path: Path) -> bool:
    """Tell whether a folder is the second store of a run of :func:`prepare`."""
    metadata = _try_metadata(path) if is_store(path) else {}
    options = metadata.get("options")
    return isinstance(options, dict) and bool(options.get("hold_out")) and "summary" not in metadata


def relative_path(path: Path, store: Path) -> str:
    """Say where another store stands, so that both may be moved together."""
    return os.path.relpath(path.resolve(), store.resolve())


def check_partner(path: Path) -> None:
    """See that a store and its held-out store, whichever `path` is, were made together.

    Each names what the other holds. The other one may be absent, or both may have been given
    another name; stores of older versions name none.

    Raises:
        DataError: another store stands in its place, so that texts held out of one may be training
            texts of the other: a run of ``prepare`` was killed, or a folder was exchanged.
    """
    path = path.resolve()
    mine = _Partner.of(path)
    stem = path.name.removesuffix(_HELD_OUT)
    usual = path.with_name(stem if stem != path.name else path.name + _HELD_OUT)
    wrong, together = None, False
    for place in dict.fromkeys([mine.place or usual, usual]):
        other = _Partner.of(place)
        if other.place == path and other.wanted != mine.content:
            wrong, together = place, False
            break
        if other.wanted == mine.content is not None and other.content == mine.wanted:
            together = True
        elif mine.place == place and other.content is not None:
            wrong = place
    if wrong is not None and not together:
        raise DataError(
            path,
            f"was not made together with {wrong}: texts held out of one may be training texts of "
            "the other, since a run of prepare was killed or a folder was exchanged; remove both, "
            "and prepare them again",
        )


class _Partner(NamedTuple):
    """What a store holds, and what it says of the store that belongs to it."""

    content: str | None = None
    place: Path | None = None
    wanted: str | None = None

    @classmethod
    def of(cls, store: Path) -> _Partner:
        metadata = _try_metadata(store)
        named = metadata.get(PARTNER)
        if not isinstance(named, dict):
            return cls(metadata.get("content"))
        try:
            place = (store / str(named.get("folder"))).resolve()
        except (OSError, ValueError, RuntimeError):  # no path at all
            place = None
        return cls(metadata.get("content"), place, named.get("content"))


def _try_metadata(store: Path) -> dict[str, Any]:
    try:
        return read_json(store / METADATA, dict[str, Any])
    except DataError:
        return {}
