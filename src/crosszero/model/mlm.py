"""Masked language modelling: which tokens are masked, and the model's own head on those rows only.

The vocabulary layer is the most expensive one of an encoder (119,547 rows in mBERT). It is run on
masked rows only: the same loss and the same gradients as over all positions, many times faster.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

IGNORED = -100


class MlmHead:
    """The pretrained head of a ``...ForMaskedLM`` model, callable on single rows.

    It is a shallow copy of `model` whose encoder is replaced by one that hands its input on. It
    shares all parameters, and knows nothing of how an architecture names its head; that it gives,
    for single rows, what the whole model gives is checked when it is made (else a ValueError).

    Example:
        >>> head = MlmHead(model)                                   # doctest: +SKIP
        >>> logits = head(hidden[masked])                           # doctest: +SKIP
    """

    def __init__(self, model: PreTrainedModel) -> None:
        head = copy.copy(model)
        # A copy of the registry: otherwise the encoder would vanish from the model itself.
        object.__setattr__(head, "_modules", dict(model._modules))
        head._modules[model.base_model_prefix] = _PassThrough(model.base_model)
        self._head = head
        self._check(model)

    def __call__(self, rows: Tensor) -> Tensor:
        """Logits (m, vocabulary) of rows (m, H) of the encoder's last hidden state."""
        with self._filling_up(rows.device):
            logits: Tensor = self._head(inputs_embeds=rows[None]).logits[0]
        return logits

    @contextmanager
    def _filling_up(self, device: torch.device) -> Iterator[None]:
        """Let the output layer have a multiple of 64 rows, on a GPU.

        For mBERT's 119,547 tokens, an odd number, a GPU falls back on kernels of an old kind, which
        take a quarter of all time of a step; the copy of the weights takes next to none.
        """
        layer = self._head.get_output_embeddings()
        if device.type != "cuda" or type(layer) is not nn.Linear or layer.out_features % 8 == 0:
            yield
            return
        vars(layer)["forward"] = partial(fill_up, layer)  # of the instance, for the time being
        try:
            yield
        finally:
            del vars(layer)["forward"]

    def _check(self, model: PreTrainedModel) -> None:
        training = model.training
        model.train(False)
        with torch.no_grad():
            ids = torch.arange(3, device=model.device)[None]
            mask = torch.ones_like(ids)
            try:
                whole = model(input_ids=ids, attention_mask=mask).logits[0]
                rows = self(model.base_model(input_ids=ids, attention_mask=mask)[0][0])
            except Exception as error:
                raise ValueError(f"its MLM head can't be run on single rows ({error})") from error
        model.train(training)
        if whole.shape != rows.shape or not torch.allclose(whole, rows, atol=1e-4, rtol=1e-3):
            raise ValueError(
                "its MLM head gives different logits for single rows than for a sentence"
            )


def fill_up(layer: nn.Linear, rows: Tensor) -> Tensor:
    """What a linear layer gives, computed with a multiple of 64 outputs."""
    more = -layer.out_features % 64
    weight = functional.pad(layer.weight, (0, 0, 0, more))
    bias = None if layer.bias is None else functional.pad(layer.bias, (0, more))
    return functional.linear(rows, weight, bias)[..., : layer.out_features]


class _PassThrough(nn.Module):
    """Stands for the encoder; some heads also look up its embeddings."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "_encoder", encoder)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_encoder"), name)

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=inputs_embeds)


def mask_tokens(
    ids: NDArray[np.int64],
    special: NDArray[np.bool_],
    *,
    probability: float,
    mask_id: int,
    ordinary: NDArray[np.int64],
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose tokens to predict and hide them: 80 % [MASK], 10 % another token, 10 % unchanged.

    Args:
        ids: (t,) token numbers of any number of texts, one after another.
        special: (t,) True for special tokens, which are never chosen.
        probability: share of the other tokens that is chosen, in [0, 1].
        mask_id: number of the mask token.
        ordinary: numbers of tokens that are not special, to draw replacements from.
        random: decides.

    Returns:
        (t,) token numbers to read, and (t,) labels: the original number where a token is chosen,
        :data:`IGNORED` elsewhere.

    Source:
        docs/method.md, Losses; Devlin et al. 2019, section 3.1.
    """
    chosen = (random.random(len(ids)) < probability) & ~special
    labels = np.where(chosen, ids, IGNORED)
    fate = random.random(len(ids))
    replacements = ordinary[random.integers(len(ordinary), size=len(ids))]
    masked = np.where(chosen & (fate < 0.8), mask_id, ids)
    masked = np.where(chosen & (fate >= 0.8) & (fate < 0.9), replacements, masked)
    return masked, labels
