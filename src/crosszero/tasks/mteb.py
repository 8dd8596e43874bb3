"""Tatoeba as mteb scores it, by mteb's own function; the package is not needed for anything else.

In mteb foreign lines look for English ones, and the score is an F1: each line is a class of its
own, precision and recall of a class are those of the lines that name it, and the mean over classes
is weighted by how often a class is right. It is a little below the accuracy of that direction, as a
line that is named by many has a low precision. XTREME's accuracy is of the other direction.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence


def score_as_mteb(found: Sequence[int], gold: Sequence[int]) -> float | None:
    """Give mteb's main score of its task Tatoeba.

    Args:
        found: for each foreign line the number of an English line, -1 for none.
        gold: for each English line the number of its foreign line.

    Returns:
        A share in [0, 1]; ``None`` where mteb is not installed, or lines are not translated one by
        one, which mteb takes for granted.
    """
    if importlib.util.find_spec("mteb") is None or sorted(gold) != list(range(len(found))):
        return None
    import mteb

    english = {foreign: line for line, foreign in enumerate(gold)}
    pairs = [(line, english[line]) for line in range(len(found))]
    answers = [{"corpus_id": line, "score": 1.0} for line in found]
    return float(mteb.get_task("Tatoeba")._compute_metrics(answers, pairs)["f1"])
