"""Attention over texts that share one row, each of which sees itself alone ("varlen").

torch brings FlashAttention's kernel for this with it: no mask, no padding, dropout inside. It
computes in 16 bits on CUDA; elsewhere a mask of blocks gives the same, slowly, as a reference.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

NAME = "crosszero_varlen"
"""Under this name transformers finds it; see :func:`register`."""


def register() -> None:
    """Make the attention known to transformers, which gives a model no mask with it."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend within each text.

    Args:
        module: the layer; not read.
        query, key, value: (1, heads, tokens, head width).
        attention_mask: not there.
        scaling: of the products; by default one by the root of the head width.
        dropout: of the attention weights.
        cu_seq_lens_q: (texts + 1,) where each text begins, and the last one ends.
        max_length_q: tokens of the longest text.
        sliding_window: tokens each side that a token sees, itself counted; all by default.

    Returns:
        (1, tokens, heads, head width), and no weights.

    Raises:
        ValueError: there is a mask, or no borders: this row was not made for it.
    """
    if attention_mask is not None or cu_seq_lens_q is None or max_length_q is None:
        raise ValueError("packed texts need their borders, and no mask")
    if query.is_cuda and torch.is_autocast_enabled("cuda"):
        kind = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(kind), key.to(kind), value.to(kind)
    near = -1 if sliding_window is None else sliding_window - 1
    if not query.is_cuda or query.dtype not in (torch.bfloat16, torch.float16):
        mask = _mask_blocks(cu_seq_lens_q, query.shape[2], near)
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
        )
        return out.transpose(1, 2), None
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    out = torch.ops.aten._flash_attention_forward(
        q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, dropout, False, False,
        scale=scaling, window_size_left=near, window_size_right=near,
    )[0]  # fmt: skip
    return out[None], None


def _mask_blocks(borders: Tensor, tokens: int, near: int) -> Tensor:
    """(tokens, tokens): True where both belong to one text, and are near enough."""
    places = torch.arange(tokens, device=borders.device)
    owner = torch.bucketize(places, borders[1:], right=True)
    mask = owner[:, None] == owner[None, :]
    if near >= 0:
        mask &= (places[:, None] - places[None, :]).abs() <= near
    return mask
