"""From token vectors to sentence and word vectors.

Paper, section 2.2: ``h = hidden_states[1] + hidden_states[L]`` (the outputs of the first and of the
last transformer layer), a sentence is the mean of h over its tokens, special tokens included and
padding not, a word is the mean of h over its sub-tokens. Encoders that were trained elsewhere pool
sentences otherwise; see :mod:`crosszero.model.readout`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from crosszero.model.options import PoolingMode


def pool_sentences(hidden: Tensor, mask: Tensor, mode: PoolingMode = "mean") -> Tensor:
    """Make one vector of the tokens of each row: (batch, H), in fp32 or wider.

    Args:
        hidden: (batch, tokens, H).
        mask: (batch, tokens), 1 for tokens and 0 for padding; each row has at least one token.
        mode: as sentence-transformers names them: ``mean`` over the tokens, ``cls`` (the first
            token), ``lasttoken``, ``max``, ``mean_sqrt_len_tokens`` (their sum by the root of their
            number) or ``weightedmean`` (the n-th token counts n times).
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    hidden, weights = hidden.to(wide), mask.to(wide)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    if mode in ("cls", "lasttoken"):
        nearness = -places if mode == "cls" else places
        chosen = torch.where(mask > 0, nearness, -mask.shape[1] - 1).argmax(dim=1)
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), chosen]
    if mode == "max":
        return hidden.masked_fill(mask[:, :, None] == 0, -torch.inf).amax(dim=1)
    if mode == "weightedmean":
        weights = weights * places
    with torch.autocast(hidden.device.type, enabled=False):  # it would add up in 16 bits
        summed = torch.einsum("bth,bt->bh", hidden, weights)
    counts = weights.sum(dim=1, keepdim=True)
    return summed / (counts.sqrt() if mode == "mean_sqrt_len_tokens" else counts)


def pool_tokens(hidden: Tensor, tokens: Tensor, owners: Tensor, counts: Tensor) -> Tensor:
    """Mean over the tokens of each of m spans, given token by token: (m, H), in fp32 or wider.

    Nothing here makes the processor wait for a GPU, as sizes that it has to look at would.

    Args:
        hidden: (batch, tokens, H).
        tokens: (t,) places, counted through all rows of the batch.
        owners: (t,) span of each.
        counts: (m,) tokens of each span, at least one.

    Example:
        >>> hidden = torch.arange(4.0).reshape(1, 4, 1)
        >>> pool_tokens(hidden, *map(torch.tensor, ([1, 2], [0, 0], [2]))).item()
        1.5
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    found = hidden.flatten(0, 1)[tokens].to(wide)  # (t, H)
    summed = found.new_zeros(len(counts), hidden.shape[-1]).index_add(0, owners, found)
    return summed / counts[:, None].to(wide)
