"""The three long jobs on many machines, with Ray: finding words, encoding, mining.

Needs the extra ``cluster``. Ray is imported when a :class:`Cluster` is opened, not before.
"""

from __future__ import annotations

from crosszero.cluster.session import Cluster, Job
from crosszero.cluster.text_encoding import encode_texts
from crosszero.cluster.text_mining import mine_texts
from crosszero.cluster.tile_mining import mine_files
from crosszero.cluster.word_finding import ClusterFill

__all__ = ["Cluster", "ClusterFill", "Job", "encode_texts", "mine_files", "mine_texts"]
