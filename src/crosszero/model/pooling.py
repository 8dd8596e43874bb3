"""From token vectors to sentence and word vectors: average over the first and the last layer.

Paper, section 2.2: ``h = hidden_states[1] + hidden_states[L]`` (the outputs of the first and of the
last transformer layer), a sentence is the mean of h over its tokens, special tokens included and
padding not, a word is the mean of h over its sub-tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def add_first_last(hidden_states: Sequence[Tensor]) -> Tensor:
    """h = first layer's output + last layer's output.

    Args:
        hidden_states: L + 1 tensors (batch, tokens, H): the embeddings and each layer's output.

    Returns:
        (batch, tokens, H). With one layer this is twice its output.
    """
    return hidden_states[1] + hidden_states[-1]


def pool_sentences(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens of each row.

    Args:
        hidden: (batch, tokens, H).
        mask: (batch, tokens), 1 for tokens and 0 for padding; each row has at least one token.

    Returns:
        (batch, H), in fp32 or wider.
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    weights = mask.to(wide)
    summed = torch.einsum("bth,bt->bh", hidden.to(wide), weights)
    return summed / weights.sum(dim=1, keepdim=True)


def pool_spans(hidden: Tensor, rows: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Mean over the tokens of each span.

    Args:
        hidden: (batch, tokens, H).
        rows: (m,) the row of each span in the batch.
        starts: (m,) first token of each span.
        ends: (m,) one past the last token; every span has at least one token.

    Returns:
        (m, H), in fp32 or wider.

    Example:
        >>> hidden = torch.arange(4.0).reshape(1, 4, 1)
        >>> pool_spans(hidden, torch.tensor([0]), torch.tensor([1]), torch.tensor([3])).item()
        1.5
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    lengths = ends - starts
    spans = torch.repeat_interleave(torch.arange(len(rows), device=hidden.device), lengths)
    first = torch.cumsum(lengths, 0) - lengths
    inside = torch.arange(len(spans), device=hidden.device) - first[spans]
    tokens = hidden[rows[spans], starts[spans] + inside].to(wide)  # (sum of lengths, H)
    summed = tokens.new_zeros(len(rows), hidden.shape[-1]).index_add(0, spans, tokens)
    return summed / lengths[:, None].to(wide)
