"""The encoder of crosszero-mini: a small ModernBERT with full attention in every layer.

Pre-norm layers take a high learning rate without falling over, and rotary positions have no table
that would end where the longest row of training did.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertForMaskedLM

from .masking import IGNORED, Masked
from .rows import find_sentences, sees
from .settings import Settings
from .tokenizer import SPECIALS


def make_config(settings: Settings, *, size: int, dropout: float = 0.0) -> ModernBertConfig:
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
        embedding_dropout=dropout,
        attention_dropout=dropout,
        mlp_dropout=dropout,
        attn_implementation="sdpa",
    )


def make_model(
    settings: Settings,
    *,
    size: int,
    embeddings: np.ndarray | None = None,
    shares: np.ndarray | None = None,
    dropout: float = 0.0,
) -> ModernBertForMaskedLM:
    """A fresh model; `embeddings` (size, width) and `shares` (size,) start table and bias."""
    torch.manual_seed(settings.seed)
    model = ModernBertForMaskedLM(make_config(settings, size=size, dropout=dropout))
    with torch.no_grad():
        if embeddings is not None:
            model.model.embeddings.tok_embeddings.weight.copy_(torch.from_numpy(embeddings))
        if shares is not None:
            # The model starts on the unigram plateau instead of spending steps to get there.
            bias = torch.from_numpy(np.log(shares + 1e-7)).float()
            model.decoder.bias.copy_(bias)
    return model


class Predictor(nn.Module):
    """The training view of the model: packed rows in, loss of the hidden tokens out."""

    def __init__(self, model: ModernBertForMaskedLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, hidden: Masked) -> Tensor:
        """Mean cross-entropy of the hidden tokens of packed rows; the head sees these alone.

        `ids` are the rows before anything was hidden: they say where sentences begin.
        """
        segments, positions = find_sentences(ids)
        mask = {"full_attention": sees(segments), "sliding_attention": None}
        states = self.model.model(
            input_ids=hidden.ids, attention_mask=mask, position_ids=positions
        ).last_hidden_state
        chosen = states.flatten(0, 1).index_select(0, hidden.places)
        logits = self.model.decoder(self.model.head(chosen))
        return nn.functional.cross_entropy(logits.float(), hidden.labels, ignore_index=IGNORED)


def compile_layers(model: ModernBertForMaskedLM) -> None:
    """Compile the layers, which share their code: one is compiled, not the whole model."""
    for layer in model.model.layers:
        layer.compile()


def undo_compiling(model: ModernBertForMaskedLM) -> None:
    """Go back to the layers as they were."""
    for layer in model.model.layers:
        layer._compiled_call_impl = None
