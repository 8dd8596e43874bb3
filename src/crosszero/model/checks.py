"""Checks of an encoder before it is used."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crosszero.errors import CheckpointError, one_line, quote
from crosszero.model.padding import pad

SUPPORTED = (
    "crosszero reads encoders (BERT, RoBERTa, ModernBERT and similar) that take token ids and an "
    "attention mask, and return a vector for each token"
)
_NEAR = 1e-3  # rounding is a thousand times less
_NUMBERS = re.compile(r"\d+")
_TASK = re.compile(r"For(Sequence|Token)Classification|ForQuestionAnswering|ForMultipleChoice")
_log = logging.getLogger("crosszero")


def check_tokenizer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Refuse a tokeniser that can't pad or belongs to another model; warn of a slow one."""
    if not tokenizer.is_fast:
        _warn_of_slow(name)
    if tokenizer.pad_token_id is None:
        raise CheckpointError(f"{name}: its tokeniser has no padding token")
    longest = tokenizer.model_max_length
    if not isinstance(longest, int | float) or not longest >= 1:
        problem = f"model_max_length is {quote(longest)}; a number of tokens is needed"
        raise CheckpointError(f"{name}: its tokeniser's {problem}")
    weight = getattr(model.get_input_embeddings(), "weight", None)
    if weight is None:
        raise CheckpointError(f"{name}: has no table of token embeddings; {SUPPORTED}")
    if len(tokenizer) > len(weight):
        raise CheckpointError(
            f"{name}: the tokeniser has {len(tokenizer)} tokens, the model's embedding "
            f"{len(weight)} rows: they do not belong together"
        )
    if 2 * len(tokenizer) < len(weight):  # some tables have a few rows more, to be of a round size
        raise CheckpointError(
            f"{name}: the tokeniser has {len(tokenizer)} tokens, the model's embedding "
            f"{len(weight)} rows: is it the tokeniser of another model?"
        )


@lru_cache  # once for each encoder
def warn_of_task(name: str, architecture: str) -> None:
    """Say that a model was made for a task, where its architecture says so."""
    if _TASK.search(architecture):
        _log.warning(
            "%s: is a model for a task (%s): the encoder in it is read, not its head, and its "
            "vectors are made for that task",
            name,
            architecture,
        )


@lru_cache
def _warn_of_slow(name: str) -> None:
    _log.warning(
        "%s: its slow tokeniser is not told the language of a text; if it has rules for each "
        "language (as XLM's has), it uses its default rules for all texts",
        name,
    )


def check_weights(
    missing: set[str], unused: set[str], model: PreTrainedModel, *, name: str, mlm: bool
) -> None:
    """Refuse weights that are missing in the encoder (not in a head), unused, or no weights.

    Args:
        missing: names that the loader filled in at random.
        unused: names in the file for which the model has no place, such as those of a head.
        model, name: what was loaded.
        mlm: whether it has a head.

    Raises:
        CheckpointError: as said.
    """
    # A pooler belongs to next-sentence prediction and is never used here.
    own = {key for key in missing if "pooler" not in key.split(".")}
    lacking = {key for key in own if not mlm or key.startswith(model.base_model_prefix + ".")}
    if lacking:
        raise CheckpointError(
            f"{name}: weights are missing ({_list(lacking)}): the checkpoint belongs to another "
            "architecture, or is damaged"
        )
    named = dict(model.named_parameters())
    prefix = f"{model.base_model_prefix}."
    used = {key.removeprefix(prefix) for key in named}
    spare = {key for key in unused if key.removeprefix(prefix) not in used}
    alike = {_NUMBERS.sub("#", key) for key in used}
    if more := {key for key in spare if _NUMBERS.sub("#", key.removeprefix(prefix)) in alike}:
        raise CheckpointError(
            f"{name}: has weights that its config.json leaves out ({_list(more)}): is the number "
            "of layers right?"
        )
    if broken := {key for key, value in named.items() if not bool(value.isfinite().all())}:
        raise CheckpointError(
            f"{name}: weights are not finite ({_list(broken)}): the training that made them "
            "diverged; use an earlier checkpoint"
        )
    if whole := {key for key, value in named.items() if _is_whole(value)}:
        raise CheckpointError(
            f"{name}: weights are integers ({_list(whole)}), as in quantised models; save the "
            "model in float32, float16 or bfloat16"
        )


def is_padding_harmless(
    read: Callable[[Tensor, Tensor], Sequence[Tensor]],
    ordinary: NDArray[np.int64],
    padding: int,
    *,
    name: str,
) -> bool:
    """Find out by trying whether padding behind a text changes what a model makes of it.

    A decoder, whose tokens see only those before them, is warned of.

    Args:
        read: from token numbers and mask, (batch, tokens), to all hidden states.
        ordinary, padding: numbers of tokens that are not special, and of the padding token.
        name: what messages call the model.

    Raises:
        CheckpointError: the model can't be run, or another text of the same length changes it, too.
    """
    long = np.resize(ordinary, 12).tolist()
    text = long[:4]
    changed = [*text[:3], next((n for n in ordinary.tolist() if n != text[3]), text[3])]
    batches = [[text], [text, changed], [text, long]]
    try:
        with torch.no_grad():
            runs = [read(*pad(rows, padding)) for rows in batches]
        found = [[states[n][0, :4] for n in (1, -1)] for states in runs]
        shapes = {state.shape[:-1] for states in found for state in states}
    except Exception as error:
        raise fail(name, error) from error
    if shapes != {(4,)}:
        raise CheckpointError(f"{name}: its layers give no vector for each token; {SUPPORTED}")
    if not _is_near(found[1], found[0]):
        raise CheckpointError(
            f"{name}: gives the same text different vectors each time, or values that are not "
            f"finite; {SUPPORTED}"
        )
    one, other = runs[1][-1]
    if _is_near([other[:3]], [one[:3]]) and not _is_near([other[3]], [one[3]]):
        _log.warning(
            "%s: is a decoder: its tokens see only those before them, so word vectors, and means "
            "over a sentence, know half of it",
            name,
        )
    if _is_near(found[2], found[0]):
        return True
    _log.warning(
        "%s: its vectors depend on the padding after a text (it ignores the attention mask), so "
        "each text is encoded only with texts of the same length",
        name,
    )
    return False


def fail(name: str, error: Exception) -> CheckpointError:
    """Explain what a model raised when it was run."""
    kind = type(error).__name__
    return CheckpointError(f"{name}: can't be run ({kind}: {one_line(error)}); {SUPPORTED}")


def _is_near(found: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    """Whether all differ by rounding only; never with NaN."""
    return all(
        float((one - other).norm()) <= _NEAR * float(other.norm())
        for one, other in zip(found, expected, strict=True)
    )


def _is_whole(value: Tensor) -> bool:
    """Whether a matrix holds several whole numbers and no fraction; an identity is none such."""
    if value.dim() < 2:
        return False
    flat = value.detach().flatten()
    return not any(bool((x != x.round()).any()) for x in (flat[:4096], flat)) and bool(
        (flat != flat[0]).any() and (flat * (flat - 1)).any()
    )


def _list(keys: set[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
