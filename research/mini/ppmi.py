"""Embeddings that start from co-occurrence statistics.

A random embedding table spends its first thousands of steps finding out which tokens occur near
which; that much can be counted. Positive pointwise mutual information of tokens within a window,
cut to `width` singular vectors, gives it in about a minute. Only the monolingual training lines
are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import svds

from .tokenizer import SPECIALS

WINDOW = 4  # tokens on either side


def count_neighbours(lines: Sequence[np.ndarray], *, size: int) -> sparse.csr_array:
    """How often two tokens stand near each other in a line (size x size)."""
    joined = np.concatenate([np.append(ids, -1) for ids in lines])  # -1 parts the lines
    line = np.cumsum(joined == -1)
    ordinary = joined >= len(SPECIALS)
    total = sparse.csr_array((size, size), dtype=np.float64)
    for distance in range(1, WINDOW + 1):
        left, right = joined[:-distance], joined[distance:]
        good = ordinary[:-distance] & ordinary[distance:] & (line[:-distance] == line[distance:])
        weight = np.full(int(good.sum()), 1.0 / distance)
        total = total + sparse.csr_array((weight, (left[good], right[good])), shape=(size, size))
    return (total + total.T).tocsr()


def positive_pmi(counts: sparse.csr_array) -> sparse.csr_array:
    """max(0, log p(a, b) / p(a) q(b)), the context's share smoothed."""
    rows = np.asarray(counts.sum(axis=1)).ravel()
    context = rows**0.75
    context /= context.sum()
    table = counts.tocoo()
    pmi = np.log(table.data / (rows[table.row] * context[table.col]))
    keep = pmi > 0
    return sparse.csr_array((pmi[keep], (table.row[keep], table.col[keep])), shape=counts.shape)


def embed_tokens(
    lines: Mapping[str, Sequence[np.ndarray]], *, size: int, width: int, std: float, seed: int = 0
) -> np.ndarray:
    """Embeddings (size, width) of standard deviation `std`; tokens without neighbours get noise."""
    counts = count_neighbours([ids for own in lines.values() for ids in own], size=size)
    chance = np.random.default_rng(seed)
    start = chance.standard_normal(size)
    left, values, _ = svds(positive_pmi(counts), k=width, v0=start)
    table = left * np.sqrt(values)  # (size, width)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    known = lengths[:, 0] > 1e-8
    # All rows get one length: otherwise rare tokens would start as nearly nothing.
    table[known] *= np.sqrt(width) * std / lengths[known]
    table[~known] = chance.standard_normal((int((~known).sum()), width)) * std
    # A random rotation spreads the few strong singular directions over all coordinates.
    turn, _ = np.linalg.qr(chance.standard_normal((width, width)))
    return (table @ turn).astype(np.float32)
