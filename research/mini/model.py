"""The encoder of crosszero-mini: a small ModernBERT with full attention in every layer.

Pre-norm layers take a high learning rate without falling over, and rotary positions have no table
that would end where the longest row of training did.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from transformers import ModernBertConfig, ModernBertForMaskedLM

from .rows import sees
from .settings import Settings
from .tokenizer import SPECIALS


def make_config(settings: Settings, *, size: int) -> ModernBertConfig:
    """The model's configuration for a vocabulary of `size` tokens."""
    pad, _, cls, sep, _ = range(len(SPECIALS))
    return ModernBertConfig(
        vocab_size=size,
        hidden_size=settings.width,
        intermediate_size=settings.inner,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        layer_types=["full_attention"] * settings.layers,
        max_position_embeddings=512,
        rope_parameters={
            kind: {"rope_type": "default", "rope_theta": 10_000.0}
            for kind in ("full_attention", "sliding_attention")
        },
        pad_token_id=pad,
        cls_token_id=cls,
        bos_token_id=cls,
        sep_token_id=sep,
        eos_token_id=sep,
        initializer_range=0.02,
        classifier_pooling="mean",
        attn_implementation="sdpa",
    )


def make_model(
    settings: Settings,
    *,
    size: int,
    embeddings: np.ndarray | None = None,
    shares: np.ndarray | None = None,
) -> ModernBertForMaskedLM:
    """A fresh model; `embeddings` (size, width) and `shares` (size,) start table and bias."""
    torch.manual_seed(settings.seed)
    model = ModernBertForMaskedLM(make_config(settings, size=size))
    with torch.no_grad():
        if embeddings is not None:
            model.model.embeddings.tok_embeddings.weight.copy_(torch.from_numpy(embeddings))
        if shares is not None:
            # The model starts on the unigram plateau instead of spending steps to get there.
            bias = torch.from_numpy(np.log(shares + 1e-7)).float()
            model.decoder.bias.copy_(bias)
    return model


class Predictor(nn.Module):
    """The training view of the model: packed rows in, logits of the hidden tokens out."""

    def __init__(self, model: ModernBertForMaskedLM) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: torch.Tensor,
        segments: torch.Tensor,
        positions: torch.Tensor,
        places: torch.Tensor,
        labels: torch.Tensor,
    ) -> torch.Tensor:
        """Mean cross-entropy at the flat `places`; the head runs on these rows only."""
        mask = {"full_attention": sees(segments), "sliding_attention": None}
        states = self.model.model(
            input_ids=ids, attention_mask=mask, position_ids=positions
        ).last_hidden_state
        hidden = states.flatten(0, 1).index_select(0, places)
        logits = self.model.decoder(self.model.head(hidden))
        return nn.functional.cross_entropy(logits.float(), labels)
