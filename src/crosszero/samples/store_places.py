"""Where stores of samples may be written: only a store is ever replaced or removed."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

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
        raise ConfigError(f"{path} can't be replaced as a whole; choose another --out")
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
    return out.parent / f"{out.name}{_HELD_OUT}"  # of a path without a name, too


def check_places(out: Path, held_out: Path, hold_out: int) -> None:
    """See that a store, and with `hold_out` its held-out store, can be written.

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
    """Remove stores that earlier runs held out: their texts may stand in the new store `out`.

    With `hold_out` 0 no second store was written, and an older one is stale.
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


def check_partner(path: Path) -> None:
    """See that a store and its held-out store, whichever `path` is, were made together.

    Each names what the other holds. The other one may be absent, or both may have been given
    another name; stores of older versions name none.

    Raises:
        DataError: another store stands in its place, so that texts held out of one may be training
            texts of the other: a run of ``prepare`` was killed, or a folder was exchanged.
    """
    path = path.resolve()
    content, named, wanted = _read_partner(path)
    stem = path.name.removesuffix(_HELD_OUT)
    usual = path.with_name(stem if stem != path.name else path.name + _HELD_OUT)
    wrong, together = None, False
    for place in dict.fromkeys([named or usual, usual]):
        other, its_place, its_wanted = _read_partner(place)
        if its_place == path and its_wanted != content:
            wrong, together = place, False
            break
        if its_wanted == content is not None and other == wanted:
            together = True
        elif named == place and other is not None:
            wrong = place
    if wrong is not None and not together:
        raise DataError(
            path,
            f"was not made together with {wrong}: texts held out of one may be training texts of "
            "the other, because a run of prepare was killed or a folder was exchanged; remove "
            "both and prepare them again",
        )


def _read_partner(store: Path) -> tuple[Any, Path | None, Any]:
    """Read the hash of what a store holds, and place and hash of the one that belongs to it."""
    metadata = _try_metadata(store)
    named = metadata.get(PARTNER)
    if isinstance(named, dict):
        with suppress(OSError, ValueError, RuntimeError):  # no path at all
            place = (store / str(named.get("folder"))).resolve()
            return metadata.get("content"), place, named.get("content")
    return metadata.get("content"), None, None


def _try_metadata(store: Path) -> dict[str, Any]:
    try:
        return read_json(store / METADATA, dict[str, Any])
    except DataError:
        return {}
