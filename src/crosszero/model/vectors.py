"""Vectors of sentences and of words in their sentences, without gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.errors import ConfigError
from crosszero.model.encoder import Encoder
from crosszero.model.pooling import add_first_last, pool_sentences, pool_spans
from crosszero.model.slices import cut_slices, pad
from crosszero.model.spans import Tokens, locate_span
from crosszero.samples.sample import Span

Vectors = NDArray[np.float32]


def encode_sentences(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    max_length: int,
    layer: int | None = None,
    slice_tokens: int = 4096,
) -> Vectors:
    """Mean over the tokens of each text, at unit length.

    Args:
        encoder: on any device, in any mode (dropout is off here).
        texts: n sentences; longer ones are cut.
        max_length: tokens of a text, special ones included.
        layer: 1 to L for the output of one layer; ``None`` for first + last layer.
        slice_tokens: padded tokens of a forward pass.

    Returns:
        (n, H) in the order of `texts`.
    """
    vectors = np.empty((len(texts), encoder.hidden_size), np.float32)
    for members, (hidden,), mask, _ in _run(encoder, texts, max_length, [layer], slice_tokens):
        pooled = pool_sentences(hidden, mask)
        vectors[members] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
    return vectors


def encode_words(
    encoder: Encoder,
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    *,
    max_length: int,
    layer: int | None = None,
    slice_tokens: int = 4096,
) -> list[Vectors]:
    """Mean over the sub-tokens of each word in its sentence.

    Args:
        encoder, texts, max_length, layer, slice_tokens: as in :func:`encode_sentences`.
        spans: for each text the words, in characters.

    Returns:
        For each text (words, H), not normalised. A word that `max_length` cut off, or that has no
        token, is a row of zeros, similar to nothing.
    """
    found = encode_word_layers(
        encoder, texts, spans, layers=[layer], max_length=max_length, slice_tokens=slice_tokens
    )
    return [vectors[0] for vectors in found]


def encode_word_layers(
    encoder: Encoder,
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    *,
    layers: Sequence[int | None],
    max_length: int,
    slice_tokens: int = 4096,
) -> list[Vectors]:
    """Word vectors of several layers from one forward pass.

    Args:
        encoder, texts, max_length, slice_tokens: as in :func:`encode_sentences`.
        spans: for each text the words, in characters.
        layers: each 1 to L, or ``None`` for first + last layer.

    Returns:
        For each text (layers, words, H); the n-th is what :func:`encode_words` gives for the n-th
        of `layers`.

    Raises:
        ConfigError: there is no such layer.
    """
    shape = (len(layers), encoder.hidden_size)
    found = [np.zeros((shape[0], len(words), shape[1]), np.float32) for words in spans]
    for members, chosen, _, tokens in _run(encoder, texts, max_length, layers, slice_tokens):
        places: list[tuple[int, int]] = []
        bounds: list[tuple[int, int, int]] = []
        for row, (text, tokenized) in enumerate(zip(members, tokens, strict=True)):
            for number, span in enumerate(spans[text]):
                if (located := locate_span(tokenized, span[0], span[1])) is not None:
                    places.append((int(text), number))
                    bounds.append((row, *located))
        if not bounds:
            continue
        rows, starts, ends = torch.tensor(bounds, device=chosen[0].device).unbind(1)
        for level, hidden in enumerate(chosen):
            pooled = pool_spans(hidden, rows, starts, ends).cpu().numpy()
            for (text, number), vector in zip(places, pooled, strict=True):
                found[text][level, number] = vector
    return found


def _run(
    encoder: Encoder,
    texts: Sequence[str],
    max_length: int,
    layers: Sequence[int | None],
    slice_tokens: int,
) -> Iterator[tuple[NDArray[np.int64], list[Tensor], Tensor, list[Tokens]]]:
    for layer in layers:
        if layer is not None and not 1 <= layer <= encoder.layers:
            raise ConfigError(
                f"layer: {layer} given; {encoder.name} has layers 1 to {encoder.layers}"
            )
    encoder.check_length(max_length)
    device = next(encoder.parameters()).device
    tokens = encoder.tokenize(texts, max_length)
    with _inference(encoder):
        for members in cut_slices([len(t) for t in tokens], slice_tokens):
            chosen = [tokens[i] for i in members]
            ids, mask = pad([t.ids for t in chosen], encoder.tokenizer.pad_token_id)
            mask = mask.to(device)
            states = encoder.hidden_states(ids.to(device), mask)
            levels = [add_first_last(states) if n is None else states[n] for n in layers]
            yield members, levels, mask, chosen


@contextmanager
def _inference(encoder: Encoder) -> Iterator[None]:
    training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        encoder.train(training)
