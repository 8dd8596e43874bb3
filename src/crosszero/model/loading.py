"""Finding and loading checkpoints: what is refused, and in whose words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import cast

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from crosszero.errors import CheckpointError

MINI = "crosszero-mini"
_log = logging.getLogger("crosszero")
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
)


def locate_encoder(name: str | Path) -> str:
    """Turn what a user calls an encoder into a folder or a hub id.

    Raises:
        CheckpointError: it looks like a path and is not there, or the folder holds no model.
    """
    if str(name) == MINI:
        return str(resources.files("crosszero") / "assets" / MINI)
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise CheckpointError(
                f"{name}: no config.json there, so it is not a Hugging Face model folder"
            )
        if not any(path.glob("*.safetensors")):
            raise CheckpointError(
                f"{name}: no .safetensors weights there; other formats can run code when they are "
                "loaded and are not read: save the model again with save_pretrained()"
            )
        if not any((path / name).is_file() for name in _VOCABULARIES):
            # Without one transformers makes up an empty tokeniser and says nothing.
            raise CheckpointError(f"{name}: no tokeniser there (tokenizer.json)")
        return str(path)
    if path.exists():
        raise CheckpointError(f"{name}: a model is a folder, this is a file")
    if str(name).count("/") > 1 or str(name).startswith((".", "/", "~")) or not str(name):
        raise CheckpointError(f"{name or repr('')}: there is no such folder")
    return str(name)


def check_tokenizer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Refuse a tokeniser that can't pad or belongs to another model; warn of a slow one."""
    if not tokenizer.is_fast:
        _log.warning(
            "%s: its tokeniser is slow, and is not told the language of a text: if it has rules "
            "for each (XLM's has), all texts are cut by those that it takes by default",
            name,
        )
    if tokenizer.pad_token_id is None:
        raise CheckpointError(f"{name}: its tokeniser has no padding token")
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    if len(tokenizer) > rows:
        raise CheckpointError(
            f"{name}: the tokeniser has {len(tokenizer)} tokens, the model's embedding {rows} "
            "rows: they do not belong together"
        )


def check_weights(missing: set[str], model: PreTrainedModel, *, name: str, mlm: bool) -> None:
    """Refuse a checkpoint that lacks weights of the encoder; a head may be missing.

    Args:
        missing: names that the loader filled in at random.
        model: what was loaded.
        name: what messages call it.
        mlm: whether the model was loaded with a head.
    """
    lacking = {key for key in missing if _belongs_to_encoder(key, model, mlm)}
    if lacking:
        raise CheckpointError(
            f"{name}: weights are missing ({_list(lacking)}): "
            "the checkpoint is not of this architecture, or damaged"
        )


def keep_pooler(model: PreTrainedModel, path: str | Path) -> None:
    """Put back the pooler that BERT's class for masked language modelling leaves out.

    Training does not use it, but whoever fine-tunes the result on sentence pairs starts from it,
    and would otherwise start from a random one.
    """
    base = model.base_model
    if getattr(base, "pooler", True) is not None:
        return
    whole, info = AutoModel.from_pretrained(
        path,
        dtype=torch.float32,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
    )
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
        raise CheckpointError(f"{name}: can't be loaded: {_first_line(error)}") from error


def _belongs_to_encoder(key: str, model: PreTrainedModel, mlm: bool) -> bool:
    # A pooler belongs to next-sentence prediction and is never used here.
    if "pooler" in key.split("."):
        return False
    return key.startswith(model.base_model_prefix + ".") if mlm else True


def _list(keys: set[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 300 else text[:300] + " ..."
