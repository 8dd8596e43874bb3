"""Vectors of sentences and of words in their sentences, without gradients."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.align.accelerated import DeviceParts
from crosszero.align.spans import Span
from crosszero.align.subtokens import Parts
from crosszero.bitext.folding import has_text
from crosszero.errors import count_things
from crosszero.model.backbone import Backbone
from crosszero.model.options import BLOCK
from crosszero.model.padding import cut_mini_batches, pad
from crosszero.model.pooling import pool_tokens
from crosszero.model.ragged import Ragged, spread
from crosszero.model.readout import FIRST_LAST, Readout
from crosszero.model.threads import run_in_threads
from crosszero.model.transfer import send
from crosszero.model.windows import cut_windows

Vectors = NDArray[np.float32]
Spans = Sequence[Sequence[Span]]
Layers = Sequence[int | None]
"""Each from 1 to L, or -1 for the last; ``None`` for first + last."""
_CPU, _ACCELERATOR = 2048, 16384  # padded tokens of a pass
_log = logging.getLogger("crosszero")


def encode_sentences(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    max_length: int,
    readout: Readout = FIRST_LAST,
    mini_batch_num_tokens: int | None = None,
) -> Vectors:
    """Give each of n texts a unit vector: (n, width).

    A text that is empty, or of which the tokeniser leaves nothing, is a row of zeros, similar to
    nothing; how many there are is logged.

    Args:
        backbone: on any device, in any mode (dropout is off here).
        max_length: tokens of a text, special ones included; longer ones are cut.
        readout: what is made of the hidden states.
        mini_batch_num_tokens: padded tokens of a forward pass; ``None`` for 2,048 on a CPU, in
            whose caches more would not stay, and 16,384 elsewhere.
    """
    vectors = np.zeros((len(texts), readout.width(backbone.hidden_size)), np.float32)
    prompt = backbone.tokenize([readout.prepare("")], max_length)
    skipped = 0 if readout.pools_prompt else int(prompt.first[0] + prompt.inner[0])
    empty = lost = 0

    def begin(texts: Sequence[str]) -> list[tuple[NDArray[np.int64], Tensor]]:
        nonlocal empty, lost
        ids = backbone.tokenize([readout.prepare(text) for text in texts], max_length).ids
        seen = ids.lengths != len(prompt.ids.values)
        similar = np.flatnonzero(~seen)
        rows = ids.take(similar).values.reshape(len(similar), len(prompt.ids.values))
        seen[similar] = (rows != prompt.ids.values).any(axis=1)
        some = [has_text(texts[row]) for row in np.flatnonzero(~seen).tolist()]
        empty, lost = empty + some.count(False), lost + sum(some)
        pooled = []

        def keep(part: _Encoded) -> None:
            mask = part.mask.clone()
            mask[:, :skipped] = 0
            pooled.append((part.members, readout.pool(part.hidden, mask)))

        chosen = np.flatnonzero(seen)
        _encode(backbone, ids, chosen, readout.layers, mini_batch_num_tokens, keep)
        return pooled

    running: list[tuple[NDArray[np.int64], Tensor]] = []
    for start in range(0, len(texts), BLOCK):
        begun = begin(texts[start : start + BLOCK])
        for rows, found in running:  # an accelerator computed them while others were tokenised
            vectors[rows] = found.cpu().numpy()
        running = [(rows + start, found) for rows, found in begun]
    for rows, found in running:
        vectors[rows] = found.cpu().numpy()
    told = [count_things(empty, "text is empty", "texts are empty")] if empty else []
    if lost:
        told.append(
            f"{count_things(lost, 'text has', 'texts have')} no token that {backbone.name} knows"
        )
    if told:
        _log.warning("%s: vectors of zeros", ", ".join(told))
    return vectors


def encode_word_layers(
    backbone: Backbone,
    texts: Sequence[str],
    spans: Spans,
    *,
    layers: Layers,
    max_length: int,
    mini_batch_num_tokens: int | None = None,
) -> list[Vectors]:
    """Mean over the sub-tokens of each word in its sentence, of several layers from one pass.

    Args:
        spans: for each text the words, in characters.
        layers: each 1 to L, or ``None`` for first + last layer; ConfigError if there is none such.

    Returns:
        For each text (layers, words, H), not normalised. A word that `max_length` cut off, or that
        has no token, is a row of zeros.
    """
    width = backbone.hidden_size
    found = [np.zeros((len(layers), len(words), width), np.float32) for words in spans]
    tokens = backbone.tokenize(texts, max_length)
    places = tokens.locate_each(spans)

    def keep(part: _Encoded) -> None:
        located = [places[text] for text in part.members]
        counts = np.concatenate([last - first for first, last in located])
        if not counts.any():
            return
        width = part.mask.shape[1]
        starts = np.concatenate([row * width + first for row, (first, _) in enumerate(located)])
        borders = np.cumsum([np.count_nonzero(last) for _, last in located])
        starts, counts = starts[counts > 0], counts[counts > 0]
        owners = np.repeat(np.arange(len(counts)), counts)
        arrays = {"tokens": spread(starts, counts), "owners": owners, "counts": counts}
        sent = send(arrays, part.mask.device)
        for level, hidden in enumerate(part.hidden):
            vectors = np.split(pool_tokens(hidden, **sent).cpu().numpy(), borders[:-1])
            for text, (_, last), some in zip(part.members, located, vectors, strict=True):
                found[text][level, last > 0] = some

    read = np.flatnonzero(tokens.ids.lengths)
    _encode(backbone, tokens.ids, read, layers, mini_batch_num_tokens, keep)
    return found


def encode_subtoken_layers(
    backbone: Backbone,
    texts: Sequence[str],
    spans: Spans,
    *,
    layers: Layers,
    max_length: int,
    mini_batch_num_tokens: int | None = None,
    on_device: bool = False,
) -> list[list[Parts]]:
    """Vectors of all sub-tokens of texts of any length, of several layers from one pass.

    A text of more than 192 tokens is read in pieces of some sentences: among many others the words
    of a sentence lose what they are told by (AER of joined sentences of multilingual-e5-small:
    docs/alignment.md). A sentence that is too long itself is read in windows that overlap by half;
    each token is taken from the window in which it has most of the text on both sides.

    Args:
        backbone, texts, spans, layers, max_length, mini_batch_num_tokens: as in
            :func:`encode_word_layers`.
        on_device: leave the vectors on the backbone's device.

    Returns:
        For each text and layer the tokens that are not special, not normalised, and those of each
        word.
    """
    tokens = backbone.tokenize(texts, None)
    begins = np.cumsum(tokens.inner) - tokens.inner
    shape = (int(tokens.inner.sum()), backbone.hidden_size)
    found = [torch.zeros(shape, device=backbone.device) for _ in layers]
    windows = [
        window
        for number, (text, some) in enumerate(zip(texts, tokens, strict=True))
        for window in cut_windows(number, text, some, max_length)
    ]

    def keep(part: _Encoded) -> None:
        chosen = [windows[member] for member in part.members]
        owners, first = np.array([(window.text, window.first) for window in chosen]).T
        begin, end = np.array([window.kept for window in chosen]).T
        rows = np.arange(len(chosen)) * part.mask.shape[1] + tokens.first[owners] - first
        arrays = {
            "seen": spread(rows + begin, end - begin),
            "kept": spread(begins[owners] + begin, end - begin),
        }
        sent = send(arrays, part.mask.device)
        for vectors, hidden in zip(found, part.hidden, strict=True):
            vectors.index_copy_(0, sent["kept"], hidden.flatten(0, 1)[sent["seen"]].float())

    read = np.arange(len(windows))
    pieces = Ragged.of([window.ids for window in windows])
    _encode(backbone, pieces, read, layers, mini_batch_num_tokens, keep)
    places = [
        [np.maximum(side - first, 0) for side in sides]
        for first, sides in zip(tokens.first, tokens.locate_each(spans), strict=True)
    ]
    sizes = tokens.inner.tolist()
    make: Callable[..., Parts] = DeviceParts if on_device else Parts
    each = [
        vectors.split(sizes) if on_device else np.split(vectors.cpu().numpy(), begins[1:])
        for vectors in found
    ]
    return [[make(rows, *some) for rows in text] for *text, some in zip(*each, places, strict=True)]


@dataclass(frozen=True)
class _Encoded:
    """A mini-batch that was encoded.

    Attributes:
        members: (n,) indices of its texts.
        hidden: (n, tokens, H) of each layer that is wanted.
        mask: (n, tokens), 1 for tokens.
    """

    members: NDArray[np.int64]
    hidden: list[Tensor]
    mask: Tensor


def _encode(
    backbone: Backbone,
    ids: Ragged,
    chosen: NDArray[np.int64],
    layers: Layers,
    mini_batch_num_tokens: int | None,
    keep: Callable[[_Encoded], None],
) -> None:
    """Encode chosen texts in mini-batches, and hand each of these to `keep`."""
    for layer in layers:
        if layer is not None:
            backbone.check_layer(abs(layer))
    device = backbone.device
    budget = mini_batch_num_tokens or (_CPU if device.type == "cpu" else _ACCELERATOR)
    lengths = ids.lengths[chosen]
    groups = [np.arange(len(chosen))]
    if not backbone.pads:
        groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)[::-1]]
    parts = [g[part] for g in groups for part in cut_mini_batches(lengths[g].tolist(), budget)]
    with backbone.evaluating(), backbone.reading(layers) as read:

        @torch.no_grad()
        def work(part: NDArray[np.int64]) -> None:
            members = chosen[part]
            rows, mask = pad(ids.take(members), backbone.tokenizer.pad_token_id)
            sent = send({"ids": rows.numpy(), "mask": mask.numpy()}, device)
            keep(_Encoded(members, read(sent["ids"], sent["mask"]), sent["mask"]))

        run_in_threads(work, parts, device)
