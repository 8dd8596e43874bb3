"""EAR: embedding-push, attention-pull and robust target (arXiv 2210.09934).

The original pair and a copy with synonyms go through one encoder together. Their embeddings are
driven apart, so that the copy stands for sentences of other languages; the attention is pulled
together, so that it is still understood in the same way; and both learn the label.

Source: https://github.com/KB-Ding/EAR. Padding beyond the longer of the two is not counted here, so
that it does not matter how a batch is cut into mini-batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from crosszero.errors import ConfigError


class EarTerms(NamedTuple):
    """The parts of the loss, scalars, means over the batch.

    Attributes:
        task: cross-entropy of the originals, in nats.
        target: cross-entropy of the copies.
        embedding: squared distance of mean embeddings, mean over their H numbers.
        attention: squared distance of attention probabilities, mean over heads and pairs of tokens.
    """

    task: Tensor
    target: Tensor
    embedding: Tensor
    attention: Tensor

    def add_up(self, embedding_weight: float, attention_weight: float) -> Tensor:
        """The loss; embeddings are pushed, hence the minus."""
        pull = attention_weight * self.attention
        return self.task + self.target - embedding_weight * self.embedding + pull


def measure_ear(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor, *, layer: int
) -> EarTerms:
    """Measure the four terms.

    Args:
        model: loaded with ``attn_implementation="eager"``, to give its attention probabilities.
        inputs: each (2 x batch, tokens): the copies, and below them the originals.
        labels: (batch,).
        layer: whose attention is compared, from 1.

    Raises:
        ConfigError: the model does not give its attention, or has no such layer.
    """
    output = model(**inputs, output_attentions=True, output_hidden_states=True)
    attentions = output.attentions or ()
    if not attentions or attentions[0] is None:
        raise ConfigError(
            f"{type(model).__name__} gives no attention probabilities: load it with "
            'attn_implementation="eager"'
        )
    if not 1 <= layer <= len(attentions):
        raise ConfigError(f"ear_layer: {layer} given; the model has layers 1 to {len(attentions)}")
    copy_mask, mask = inputs["attention_mask"].chunk(2)
    copy, original = output.hidden_states[0].chunk(2)
    copy_attention, attention = attentions[layer - 1].chunk(2)
    copy_logits, logits = output.logits.chunk(2)
    return EarTerms(
        task=cross_entropy(logits.float(), labels),
        target=cross_entropy(copy_logits.float(), labels),
        embedding=(_average(copy, copy_mask) - _average(original, mask)).square().mean(),
        attention=measure_attention(copy_attention, attention, copy_mask | mask),
    )


def measure_attention(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Squared distance of attention, mean over heads, pairs of tokens, and then the batch.

    Args:
        first, second: (batch, heads, tokens, tokens).
        mask: (batch, tokens), 0 for what is padding in both.
    """
    used = (mask[:, :, None] * mask[:, None, :]).float()  # (batch, tokens, tokens)
    apart = (first.float() - second.float()).square().mean(1) * used
    return (apart.sum((1, 2)) / used.sum((1, 2))).mean()


def _average(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are not padding: (batch, tokens, H) to (batch, H)."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1)
