"""Nearest neighbours by cosine, and mining of translated sentence pairs.

Works on NumPy arrays and on any object with an ``encode`` such as that of
:class:`~crosszero.Encoder`; torch is not imported.
"""

from crosszero.search.estimated_threshold import Estimate, estimate_threshold
from crosszero.search.gold_threshold import PairScore, score_pairs, tune_threshold
from crosszero.search.margin import MARGINS, Margin, score_margins
from crosszero.search.mined_pairs import MinedPair, MinedPairs, write_pairs
from crosszero.search.mining import MinedTexts, mine, mine_texts
from crosszero.search.neighbours import find_neighbours, find_neighbours_both, unit_rows
from crosszero.search.top_k import Neighbours
from crosszero.search.vector_mining import Retrieval, mine_vectors

__all__ = [
    "MARGINS",
    "Estimate",
    "Margin",
    "MinedPair",
    "MinedPairs",
    "MinedTexts",
    "Neighbours",
    "PairScore",
    "Retrieval",
    "estimate_threshold",
    "find_neighbours",
    "find_neighbours_both",
    "mine",
    "mine_texts",
    "mine_vectors",
    "score_margins",
    "score_pairs",
    "tune_threshold",
    "unit_rows",
    "write_pairs",
]
