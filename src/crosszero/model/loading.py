"""Finding the files of an encoder, and limiting what loaders may do."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from crosszero.align.gold import GOLD_HASHES
from crosszero.errors import CheckpointError, one_line
from crosszero.model.options import BUNDLED
from crosszero.model.parts import MODULE, PARTS

SAFELY: dict[str, Any] = {
    "dtype": torch.float32, "trust_remote_code": False, "use_safetensors": True,
    "output_loading_info": True,
}  # fmt: skip
"""How weights are loaded: no code of a checkpoint runs, and what it lacks is told."""
_ASSETS = Path(str(resources.files("crosszero"))) / "assets"
_OLD_LAYOUT = "0_Transformer"  # where sentence-transformers 1 kept the model
_REVISION = re.compile(r"([\w.-]+/[\w.-]+)@([\w./-]+)")
_NO_SAFETENSORS = (
    "has no .safetensors weights; other formats can run code when they are loaded and are not "
    "read: save the model again with save_pretrained()"
)
_log = logging.getLogger("crosszero")
_VOCABULARIES = (
    "tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model",
    "spm.model",
)  # fmt: skip


def locate_encoder(name: str | Path) -> str:
    """Turn what a user calls an encoder into a folder or a hub id.

    ``user/name@revision`` names a branch, tag or commit of the hub; it is downloaded.

    Raises:
        CheckpointError: it looks like a path and is not there, the folder holds no model, or there
            is no such revision.
    """
    path = find_folder(name)
    if path.is_dir():
        if not (path / "config.json").is_file() and (path / _OLD_LAYOUT).is_dir():
            path /= _OLD_LAYOUT
        if not (path / "config.json").is_file():
            raise CheckpointError(
                f"{name}: has no config.json, so it is not a Hugging Face model folder"
            )
        if not any(path.glob("*.safetensors")):
            raise CheckpointError(f"{name}: {_NO_SAFETENSORS}")
        if not any((path / name).is_file() for name in _VOCABULARIES):
            # Without one transformers makes up an empty tokeniser and says nothing.
            raise CheckpointError(f"{name}: has no tokeniser (tokenizer.json)")
        return str(path)
    if path.exists():
        raise CheckpointError(f"{name}: this is a file; a model is a folder")
    if str(name).count("/") > 1 or str(name).startswith((".", "/", "~")) or not str(name):
        raise CheckpointError(f"{name or repr('')}: there is no such folder")
    return str(name)


def find_folder(name: str | Path) -> Path:
    """Give the folder of an encoder that is not a plain hub id; it need not exist.

    Raises:
        CheckpointError: the hub has no such revision, or can't be asked.
    """
    path = Path(name)
    if str(name) in BUNDLED and (_ASSETS / name).is_dir():
        _warn_of_namesake(path.absolute())
        path = _ASSETS / name
    parts = _REVISION.fullmatch(str(name))
    if parts is None or path.exists():
        return path
    return _fetch_revision(parts[1], parts[2])


@lru_cache  # said once
def _warn_of_namesake(path: Path) -> None:
    if (path / "config.json").is_file() and path != _ASSETS / path.name:
        _log.warning(
            "%s: is not read, because an encoder of the package has this name; to read the folder, "
            "write ./%s",
            path,
            path.name,
        )


@lru_cache  # asking the hub at each look would take long, and it may move a branch meanwhile
def _fetch_revision(name: str, revision: str) -> Path:
    with quiet_transformers(), explain_failure(f"{name}@{revision}"):
        parts = [*PARTS, *(f"{MODULE}/{part}" for part in PARTS), GOLD_HASHES]
        return Path(snapshot_download(name, revision=revision, allow_patterns=parts))


def resolve_encoder(name: str | Path) -> str:
    """Give a name that means the same in every working directory: folders as absolute paths."""
    return str(Path(name).resolve() if str(name) not in BUNDLED and Path(name).exists() else name)


def check_encoder(name: str | Path) -> None:
    """Fail early (CheckpointError) if there is no encoder of this name; no weights are read."""
    path = locate_encoder(name)
    with quiet_transformers(), explain_failure(str(name)):
        AutoConfig.from_pretrained(path, trust_remote_code=False)


def find_file(name: str | Path, file: str) -> Path | None:
    """Find the path on this machine of a file that an encoder may have, or ``None``.

    Raises:
        CheckpointError: the hub can't be asked for it.
    """
    folder = find_folder(name)
    if folder.is_dir():
        inside = (folder / file).is_file() and ".." not in Path(file).parts
        return folder / file if inside else None
    try:
        with quiet_transformers():
            return Path(hf_hub_download(str(name), file))
    except LocalEntryNotFoundError:  # no network; what loaded before is known to have it or not
        if try_to_load_from_cache(str(name), file) is None:
            _log.warning(
                "%s: the hub can't be asked for %s, which may stand beside the encoder",
                name,
                file,
            )
        return None
    except EntryNotFoundError:
        return None
    except Exception as error:  # huggingface_hub raises what it likes
        raise CheckpointError(f"{name}: {file} can't be loaded: {one_line(error)}") from error


def keep_pooler(model: PreTrainedModel, path: str | Path) -> None:
    """Put back the pooler that BERT's class for masked language modelling leaves out.

    Training does not use it, but whoever fine-tunes the result on sentence pairs starts from it,
    and would otherwise start from a random one.
    """
    base = model.base_model
    if getattr(base, "pooler", True) is not None:
        return
    whole, info = AutoModel.from_pretrained(path, **SAFELY)
    if not any("pooler" in key for key in info["missing_keys"]):
        base.pooler = whole.pooler


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and load reports off the terminal."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


@contextmanager
def explain_failure(name: str) -> Iterator[None]:
    """Turn whatever a broken checkpoint makes the loaders raise into one line."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # tokenizers, huggingface_hub and others raise what they like
        why = _explain_hub(error) or one_line(error)
        raise CheckpointError(f"{name}: can't be loaded: {why}") from error


def _explain_hub(error: BaseException | None) -> str | None:
    """Say that the hub can't be reached, or has no safetensors, if that lies behind an error."""
    while error is not None:
        if "`safetensors`" in str(error):  # the one word that all of transformers' messages have
            return f"{_NO_SAFETENSORS}, or name a revision that has them (NAME@refs/pr/NUMBER)"
        if isinstance(error, LocalEntryNotFoundError | ConnectionError):
            reached = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else f"{ENDPOINT} can't be reached"
            return (
                f"there is no such folder, the hub's cache does not hold it, and {reached}; check "
                "the name and the connection"
            )
        error = error.__cause__
    return None
