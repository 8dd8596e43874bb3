"""Extraction of word links as two published tools do it, for comparison.

``simalign`` (Jalili Sabet et al. 2020) is the package itself. ``awesome-align`` (Dou & Neubig 2021)
brings its own copy of BERT and reads no other model, so its extraction is written here from the
paper, section 2.1: our reading of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.model.backbone import Backbone

Sentences = Sequence[Sequence[str]]
Links = list[set[tuple[int, int]]]
_THRESHOLD, _BATCH = 1e-3, 32  # awesome-align's defaults


def run_simalign(aligner: Any, source: Sentences, target: Sentences) -> Links:
    """Align pair by pair, as the package offers it."""
    (method,) = aligner.matching_methods
    return [
        set(aligner.get_word_aligns(list(left), list(right))[method])
        for left, right in zip(source, target, strict=True)
    ]


def make_simalign(folder: Path, layer: int, method: str, device: str = "cpu") -> Any:
    """Load the package on a model folder; `method` is ``a`` (argmax) or ``i`` (itermax)."""
    from simalign import SentenceAligner

    return SentenceAligner(
        model=str(folder), token_type="word", matching_methods=method, device=device, layer=layer
    )


def run_softmax(backbone: Backbone, layer: int, source: Sentences, target: Sentences) -> Links:
    """awesome-align's softmax extraction, 32 pairs at a time.

    Dot products of sub-tokens of one layer, a softmax over each row and over each column, links
    where both are above 0.001; two words are linked if any of their sub-tokens are.
    """
    import torch

    found: Links = []
    for start in range(0, len(source), _BATCH):
        pairs = zip(source[start : start + _BATCH], target[start : start + _BATCH], strict=True)
        left, right = zip(*pairs, strict=True)
        coded = [_encode(backbone, layer, side) for side in (left, right)]
        states, owners = zip(*coded, strict=True)
        scores = torch.bmm(states[0], states[1].transpose(1, 2))
        inside = [torch.from_numpy(owner >= 0) for owner in owners]
        hidden = ~(inside[0][:, :, None] & inside[1][:, None, :])
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        both = (scores.softmax(dim=2) > _THRESHOLD) & (scores.softmax(dim=1) > _THRESHOLD) & ~hidden
        links: Links = [set() for _ in left]
        for row, i, j in both.nonzero().tolist():
            links[row].add((int(owners[0][row, i]), int(owners[1][row, j])))
        found += links
    return found


def _encode(backbone: Backbone, layer: int, sentences: Sentences) -> tuple[Any, np.ndarray]:
    import torch

    coded = backbone.tokenizer(
        [list(words) for words in sentences],
        is_split_into_words=True,
        padding=True,
        truncation=True,
        max_length=backbone.max_length,
        return_tensors="pt",
    )
    with torch.no_grad():
        states = backbone(coded["input_ids"], coded["attention_mask"]).read(layer)
    rows = [coded.word_ids(row) for row in range(len(sentences))]
    owners = np.array([[-1 if word is None else word for word in row] for row in rows])
    return states, owners
