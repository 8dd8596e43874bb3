"""Measure an encoder: sentence and word retrieval, word alignment, clusters, intervals.

Everything here works on NumPy arrays and on any object with the two methods of
:class:`~crosszero.evaluation.encoder.Encoder`; torch is not imported.
"""

from crosszero.evaluation.alignment import (
    AlignmentScore,
    align_words,
    link_words,
    score_aligner,
    score_alignment,
)
from crosszero.evaluation.clusters import ClusterScore, measure_clusters
from crosszero.evaluation.encoder import Encoder
from crosszero.evaluation.gold import AlignmentSet, GoldLinks, read_alignment_set, read_gold
from crosszero.evaluation.intervals import Comparison, Interval, compare_paired, measure_interval
from crosszero.evaluation.paired import adjust_holm, compare_corpora, measure_corpus
from crosszero.evaluation.retrieval import (
    RetrievalScore,
    RetrievalScores,
    score_aligned,
    score_retrieval,
)
from crosszero.evaluation.tatoeba import TatoebaSet, list_languages, read_tatoeba, score_tatoeba
from crosszero.evaluation.vectors import Neighbours, find_neighbours
from crosszero.evaluation.words import WordScore, score_words

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
    "adjust_holm",
    "align_words",
    "compare_corpora",
    "compare_paired",
    "find_neighbours",
    "link_words",
    "list_languages",
    "measure_clusters",
    "measure_corpus",
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
