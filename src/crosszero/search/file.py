"""Mined pairs as a file: what a person looks at, and ``crosszero prepare`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.files import atomic_file
from crosszero.search.mined_pairs import MinedPairs


def write_pairs(
    out: str | Path,
    pairs: MinedPairs,
    source: Sequence[str],
    target: Sequence[str],
    *,
    threshold: float | None = None,
) -> int:
    """Write pairs as TSV: score with six digits, source text, target text.

    Args:
        out: the file; it takes its name when it is whole.
        pairs: rows of `source` and `target`, best first.
        source, target: texts of one line; a tab in them becomes a space.
        threshold: pairs with a lower score are left out.

    Returns:
        How many pairs were written.

    Raises:
        CrosszeroError: the folder can't be written.
    """
    count = 0
    with atomic_file(out) as file:
        for i, j, score in pairs:
            if threshold is not None and score < threshold:
                break
            texts = (text.replace("\t", " ") for text in (source[i], target[j]))
            file.write("\t".join([f"{score:.6f}", *texts]) + "\n")
            count += 1
    return count
