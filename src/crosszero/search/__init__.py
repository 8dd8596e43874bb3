"""Find the pairs of sentences that mean the same among sentences that nobody has aligned.

Works on NumPy arrays and on any object with the ``encode`` of
:class:`~crosszero.model.encoder.Encoder`; torch is not imported.
"""

from crosszero.search.file import write_pairs
from crosszero.search.margin import MARGINS, Margin, score_margins
from crosszero.search.mined_pairs import MinedPair, MinedPairs
from crosszero.search.mining import mine_texts
from crosszero.search.threshold import PairScore, score_pairs, tune_threshold
from crosszero.search.vector_mining import mine_vectors

__all__ = [
    "MARGINS",
    "Margin",
    "MinedPair",
    "MinedPairs",
    "PairScore",
    "mine_texts",
    "mine_vectors",
    "score_margins",
    "score_pairs",
    "tune_threshold",
    "write_pairs",
]
