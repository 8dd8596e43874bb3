"""What an encoder must be before it is used: what is refused, and in whose words."""

from __future__ import annotations

import logging
from typing import cast

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crosszero.errors import CheckpointError

_log = logging.getLogger("crosszero")


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


def first_line(error: BaseException) -> str:
    """Give what an error says on one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 300 else text[:300] + " ..."


def _belongs_to_encoder(key: str, model: PreTrainedModel, mlm: bool) -> bool:
    # A pooler belongs to next-sentence prediction and is never used here.
    if "pooler" in key.split("."):
        return False
    return key.startswith(model.base_model_prefix + ".") if mlm else True


def _list(keys: set[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
