"""Vectors, links, mined pairs and neighbours from the device: those of the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import CPU, Setting
from benchmarks.mine import make_vectors
from crosszero.align.linker import align_words
from crosszero.align.spans import Link
from crosszero.model.encoder import Encoder
from crosszero.model.options import MINI
from crosszero.search.neighbours import find_neighbours_both
from crosszero.search.vector_mining import mine_vectors

T = TypeVar("T")
_SAME_VALUE = 1e-4  # of a unit vector
_NEAR = 0.01  # of a cosine, in 16 bits
_SAME_SHARE, _NEAR_SHARE = 0.01, 0.1  # of links and of pairs; in 16 bits


@dataclass(frozen=True)
class Found:
    """What one encoder finds in the same sentence pairs.

    Attributes:
        vectors: of all sources, then of all targets.
        links: (sentence pair, source word, target word).
        pairs: (source, target) that were mined.
    """

    vectors: NDArray[np.float32]
    links: set[tuple[int, Link]]
    pairs: set[tuple[int, int]]


def check_inference(setting: Setting, journal: Journal) -> None:
    """Encode, align and mine on both devices."""
    rows = setting.read_rows(40 if setting.tiny else 400)
    texts = [row.source for row in rows], [row.target for row in rows]
    load = partial(Encoder.load, MINI, max_length=128)
    expected = find(load(device=CPU.type, precision="fp32"), *texts)
    found = find(load(device=setting.device.type, precision="fp32"), *texts)
    apart = float(np.abs(found.vectors - expected.vectors).max())
    journal.check("encode, against the CPU: largest difference of a value", apart, _SAME_VALUE)
    for name in ("links", "pairs"):
        apart = measure_difference(getattr(found, name), getattr(expected, name))
        journal.check(f"{name}, against the CPU: share that only one side has", apart, _SAME_SHARE)
    half = find(load(device=setting.device.type, precision="bf16"), *texts)
    cosines = (half.vectors * expected.vectors).sum(axis=1)
    journal.check("encode, bf16: largest distance of a direction", 1 - cosines.min(), _NEAR)
    apart = measure_difference(half.links, expected.links)
    journal.check("links, bf16: share that only one side has", apart, _NEAR_SHARE)
    # Of pairs that are wrong anyway others are mined: many candidates are as good.
    right = [sum(i == j for i, j in one.pairs) / len(rows) for one in (half, expected)]
    journal.check("pairs, bf16: share that is found less often", right[1] - right[0], _NEAR_SHARE)


def measure_difference(ours: set[T], theirs: set[T]) -> float:
    """What only one side has, as a share of `theirs`."""
    return len(ours ^ theirs) / max(1, len(theirs))


def find(encoder: Encoder, source: list[str], target: list[str]) -> Found:
    """Encode sentence pairs, link their words, and mine them."""
    vectors = encoder.encode(source + target)
    links = align_words(encoder, *([text.split() for text in side] for side in (source, target)))
    mined = mine_vectors(vectors[: len(source)], vectors[len(source) :])
    return Found(
        vectors,
        {(number, link) for number, some in enumerate(links) for link in some},
        {(pair.source, pair.target) for pair in mined},
    )


def check_search(setting: Setting, journal: Journal) -> None:
    """Look for neighbours on the device, copies among the rows, and compare with the CPU's."""
    count = 500 if setting.tiny else 8_192
    source, target = make_vectors(count, 64 if setting.tiny else 768, seed=1)
    source[-20:], target[-20:] = source[:20], target[:20]
    expected = find_neighbours_both(source, target, k=4, device="cpu")
    found = find_neighbours_both(source, target, k=4, device=setting.device.type)
    for direction, ours, theirs in zip(("there", "back"), found, expected, strict=True):
        apart = float(np.abs(ours.similarity - theirs.similarity).max())
        journal.check(f"neighbours {direction}: largest difference of a cosine", apart, 1e-6)
        share = float(np.mean(ours.index != theirs.index))
        journal.check(f"neighbours {direction}: share of other ones", share, 1e-4)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
