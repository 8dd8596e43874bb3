"""What an encoder is, in one hash: results that were made with it are known by that."""

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from pathlib import Path

from crosszero.files import hash_files
from crosszero.model.loading import find_folder, quiet_transformers
from crosszero.model.parts import PARTS, PROJECTION, list_parts
from crosszero.model.readout import FIRST_LAST, read_readout

_log = logging.getLogger("crosszero")


def hash_encoder(name: str | Path) -> str:
    """Hash what an encoder is: weights, configuration and tokeniser, and how it is read.

    What else stands in its folder (metrics, checkpoints, notes) does not count. An encoder of the
    hub is hashed as its newest revision, which is fetched first, or, without network, as the one
    that the hub's cache holds; a process asks the hub once. Where there is neither, its name is
    hashed; to load it will be an error.
    """
    folder = find_folder(name)
    if not folder.is_dir():
        folder = _find_snapshot(str(name)) or folder
    if not folder.is_dir():
        return hashlib.sha256(f"hub\0{name}".encode()).hexdigest()
    readout = read_readout(name).name
    files = [path for path in list_parts(folder) if path.name != PROJECTION]
    if readout == FIRST_LAST.name:
        return hash_files(*(path for path in files if path.parent == folder))
    return hashlib.sha256(f"{hash_files(*files)}\0{readout}".encode()).hexdigest()


def _find_snapshot(name: str) -> Path | None:
    """Folder of the revision of a hub's encoder that is going to be loaded."""
    try:
        return _fetch_snapshot(name)
    except Exception as error:  # no such name, no network, no right: loading says which
        _log.debug("%s: no snapshot: %s", name, error)
        return None


@lru_cache
def _fetch_snapshot(name: str) -> Path:
    from huggingface_hub import snapshot_download

    with quiet_transformers():  # it keeps the hub's bars off, too
        return Path(snapshot_download(name, allow_patterns=[*PARTS], ignore_patterns="*/*"))
