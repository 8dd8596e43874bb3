"""Find the pairs of sentences that mean the same among sentences that nobody has aligned.

Works on NumPy arrays and on any object with the ``encode`` of
:class:`~crosszero.evaluation.encoder.Encoder`; torch is not imported.
"""

from crosszero.mine.file import write_pairs
from crosszero.mine.margin import MARGINS, Margin, score_margins
from crosszero.mine.mining import mine
from crosszero.mine.pairs import MinedPair, MinedPairs
from crosszero.mine.texts import mine_texts
from crosszero.mine.threshold import PairScore, score_pairs, tune_threshold

__all__ = [
    "MARGINS",
    "Margin",
    "MinedPair",
    "MinedPairs",
    "PairScore",
    "mine",
    "mine_texts",
    "score_margins",
    "score_pairs",
    "tune_threshold",
    "write_pairs",
]
