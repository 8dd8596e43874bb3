"""Vectors of sentences and of words in their sentences, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.align.spans import Span
from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.mini_batches import cut_mini_batches, pad
from crosszero.model.pooling import pool_sentences, pool_spans
from crosszero.model.threads import run_in_threads
from crosszero.model.tokens import Tokens, locate_spans

Vectors = NDArray[np.float32]
_CPU, _ACCELERATOR = 2048, 16384  # padded tokens of a pass


def encode_sentences(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    max_length: int,
    layer: int | None = None,
    mini_batch_num_tokens: int | None = None,
) -> Vectors:
    """Mean over the tokens of each text, at unit length.

    Args:
        backbone: on any device, in any mode (dropout is off here).
        texts: n sentences; longer ones are cut.
        max_length: tokens of a text, special ones included.
        layer: 1 to L for the output of one layer; ``None`` for first + last layer.
        mini_batch_num_tokens: padded tokens of a forward pass; ``None`` for 2,048 on a CPU, in
            whose caches more would not stay, and 16,384 elsewhere.

    Returns:
        (n, H) in the order of `texts`.
    """
    vectors = np.empty((len(texts), backbone.hidden_size), np.float32)

    def keep(part: _Part) -> None:
        pooled = pool_sentences(part.hidden[0], part.mask)
        vectors[part.members] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()

    _run(backbone, texts, max_length, [layer], mini_batch_num_tokens, keep)
    return vectors


def encode_words(
    backbone: Backbone,
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    *,
    max_length: int,
    layer: int | None = None,
    mini_batch_num_tokens: int | None = None,
) -> list[Vectors]:
    """Mean over the sub-tokens of each word in its sentence.

    Args:
        backbone, texts, max_length, layer, mini_batch_num_tokens: as in :func:`encode_sentences`.
        spans: for each text the words, in characters.

    Returns:
        For each text (words, H), not normalised. A word that `max_length` cut off, or that has no
        token, is a row of zeros, similar to nothing.
    """
    found = encode_word_layers(
        backbone,
        texts,
        spans,
        layers=[layer],
        max_length=max_length,
        mini_batch_num_tokens=mini_batch_num_tokens,
    )
    return [vectors[0] for vectors in found]


def encode_word_layers(
    backbone: Backbone,
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    *,
    layers: Sequence[int | None],
    max_length: int,
    mini_batch_num_tokens: int | None = None,
) -> list[Vectors]:
    """Word vectors of several layers from one forward pass.

    Args:
        backbone, texts, max_length, mini_batch_num_tokens: as in :func:`encode_sentences`.
        spans: for each text the words, in characters.
        layers: each 1 to L, or ``None`` for first + last layer.

    Returns:
        For each text (layers, words, H); the n-th is what :func:`encode_words` gives for the n-th
        of `layers`.

    Raises:
        ConfigError: there is no such layer.
    """
    shape = (len(layers), backbone.hidden_size)
    found = [np.zeros((shape[0], len(words), shape[1]), np.float32) for words in spans]

    def keep(part: _Part) -> None:
        located = [
            locate_spans(tokenized, spans[text])
            for text, tokenized in zip(part.members, part.tokens, strict=True)
        ]
        rows = np.repeat(np.arange(len(part.members)), [len(ends) for _, ends in located])
        starts, ends = (np.concatenate(sides) for sides in zip(*located, strict=True))
        seen = np.flatnonzero(ends)
        if not len(seen):
            return
        borders = np.cumsum([np.count_nonzero(last) for _, last in located])
        device = part.mask.device
        places = [torch.from_numpy(side[seen]).to(device) for side in (rows, starts, ends)]
        for level, hidden in enumerate(part.hidden):
            vectors = np.split(pool_spans(hidden, *places).cpu().numpy(), borders[:-1])
            for text, (_, last), some in zip(part.members, located, vectors, strict=True):
                found[text][level, last > 0] = some

    _run(backbone, texts, max_length, layers, mini_batch_num_tokens, keep)
    return found


@dataclass(frozen=True)
class _Part:
    """A mini-batch that was encoded.

    Attributes:
        members: (n,) indices of its texts.
        hidden: (n, tokens, H) of each layer that is wanted.
        mask: (n, tokens), 1 for tokens.
        tokens: of each text.
    """

    members: NDArray[np.int64]
    hidden: list[Tensor]
    mask: Tensor
    tokens: list[Tokens]


def _run(
    backbone: Backbone,
    texts: Sequence[str],
    max_length: int,
    layers: Sequence[int | None],
    mini_batch_num_tokens: int | None,
    keep: Callable[[_Part], None],
) -> None:
    """Encode texts in mini-batches, and hand each to `keep`."""
    for layer in layers:
        if layer is not None and not 1 <= layer <= backbone.layers:
            raise ConfigError(
                f"layer: {layer} given; {backbone.name} has layers 1 to {backbone.layers}"
            )
    backbone.check_length(max_length)
    device = next(backbone.parameters()).device
    tokens = backbone.tokenize(texts, max_length)
    budget = mini_batch_num_tokens or (_CPU if device.type == "cpu" else _ACCELERATOR)

    mini_batches = cut_mini_batches([len(t) for t in tokens], budget)
    with _inference(backbone), backbone.reading(layers) as read:

        @torch.no_grad()
        def work(members: NDArray[np.int64]) -> None:
            chosen = [tokens[i] for i in members]
            ids, mask = pad([t.ids for t in chosen], backbone.tokenizer.pad_token_id)
            mask = mask.to(device)
            keep(_Part(members, read(ids.to(device), mask), mask, chosen))

        run_in_threads(work, mini_batches, device)


@contextmanager
def _inference(backbone: Backbone) -> Iterator[None]:
    training = backbone.training
    backbone.eval()
    try:
        yield
    finally:
        backbone.train(training)
