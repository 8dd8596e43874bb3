"""Measure an encoder: sentence and word retrieval, word alignment, clusters, intervals.

Everything here works on NumPy arrays and on any object with the two methods of
:class:`~crosszero.evaluate.encoder.Encoder`; torch is not imported.
"""

from crosszero.evaluate.alignment import (
    AlignmentScore,
    align_words,
    link_words,
    score_aligner,
    score_alignment,
)
from crosszero.evaluate.clusters import ClusterScore, measure_clusters
from crosszero.evaluate.encoder import Encoder
from crosszero.evaluate.gold import AlignmentSet, GoldLinks, read_alignment_set, read_gold
from crosszero.evaluate.intervals import Comparison, Interval, compare_paired, measure_interval
from crosszero.evaluate.retrieval import (
    RetrievalScore,
    RetrievalScores,
    score_aligned,
    score_retrieval,
)
from crosszero.evaluate.tatoeba import TatoebaSet, list_languages, read_tatoeba, score_tatoeba
from crosszero.evaluate.vectors import Neighbours, find_neighbours
from crosszero.evaluate.words import WordScore, score_words

__all__ = [
    "AlignmentScore",
    "AlignmentSet",
    "ClusterScore",
    "Comparison",
    "Encoder",
    "GoldLinks",
    "Interval",
    "Neighbours",
    "RetrievalScore",
    "RetrievalScores",
    "TatoebaSet",
    "WordScore",
    "align_words",
    "compare_paired",
    "find_neighbours",
    "link_words",
    "list_languages",
    "measure_clusters",
    "measure_interval",
    "read_alignment_set",
    "read_gold",
    "read_tatoeba",
    "score_aligned",
    "score_aligner",
    "score_alignment",
    "score_retrieval",
    "score_tatoeba",
    "score_words",
]
