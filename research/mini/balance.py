"""Give the first and the last layer's states one length, without changing what the model predicts.

In a pre-norm encoder the stream between the layers grows freely, because every reader normalises
it first; only the last state comes out of a norm. Pooling that adds the first layer's output to
the last would then see the first layer alone. Whatever writes to the stream (the embedding norm,
the output matrices) can be scaled by one factor, and the one reader without a norm of its own
(the first attention) by its inverse: all predictions stay, and `hidden_states[1]` and
`hidden_states[-1]` become comparable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import ModernBertForMaskedLM

from .rows import pad_lines


@torch.no_grad()
def state_lengths(model: ModernBertForMaskedLM, lines: Sequence[np.ndarray]) -> list[float]:
    """Mean length of the token states, for the embeddings and each layer."""
    model.eval()
    ids, attention = pad_lines(lines)
    states = model.model(
        input_ids=ids, attention_mask=attention, output_hidden_states=True
    ).hidden_states
    return [float(state[attention.bool()].norm(dim=-1).mean()) for state in states]


@torch.no_grad()
def balance_layers(model: ModernBertForMaskedLM, lines: Sequence[np.ndarray]) -> float:
    """Make the first layer's states as long as the last's; returns the factor."""
    lengths = state_lengths(model, lines)
    factor = lengths[-1] / lengths[1]
    model.model.embeddings.norm.weight.mul_(factor)
    for layer in model.model.layers:
        layer.attn.Wo.weight.mul_(factor)
        layer.mlp.Wo.weight.mul_(factor)
    model.model.layers[0].attn.Wqkv.weight.div_(factor)
    return factor
