"""Word alignment without a neural encoder: what statistics of the same text reach."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import thot.alignment as thot

from crosszero.evaluation import read_alignment_set, score_alignment
from crosszero.recipe.config import RecipeConfig
from crosszero.samples import SampleStore
from crosszero.samples.words import word_spans

_PAIRS = 50_000
_LONGEST = 100
Rows = list[tuple[list[str], list[str]]]


def align_statistically(recipe: RecipeConfig, out: Path) -> list[float]:
    """AER of eflomal on each gold set of a recipe.

    Trained for each language pair on the gold set's own sentences and the first 50,000 sentence
    pairs of the training samples, in both directions, symmetrised by grow-diag-final-and.
    """
    rates = []
    for stem in recipe.evaluate.alignment:
        gold = read_alignment_set(stem)
        source, _, target = Path(stem).name.partition("-")
        rows: Rows = [(lower(a), lower(b)) for a, b in zip(gold.source, gold.target, strict=True)]
        size = len(rows)
        rows += islice(training_rows(out / "samples", source, target), _PAIRS)
        links = train_and_align(rows, size)
        rates.append(score_alignment(links, gold.gold).aer)
    return rates


def training_rows(samples: Path, source: str, target: str) -> Rows:
    """Words of the training samples of one language pair, in either order."""
    found: Rows = []
    for sample in SampleStore.open(samples):
        texts = {sample.source_language: sample.source, sample.target_language: sample.target}
        if set(texts) != {source, target}:
            continue
        row = tuple(
            [texts[code][a:b].lower() for a, b in word_spans(texts[code], code)][:_LONGEST]
            for code in (source, target)
        )
        if all(row):
            found.append(row)
        if len(found) == _PAIRS:
            break
    return found


def train_and_align(rows: Rows, size: int) -> list[set[tuple[int, int]]]:
    """Train two eflomal models on all rows and give the links of the first `size`."""
    models = []
    for flip in (False, True):
        model = thot.EflomalAlignmentModel()
        model.seed, model.deterministic = 1, True
        for a, b in rows:
            model.add_sentence_pair(*((b, a) if flip else (a, b)))
        model.start_training()
        for _ in range(model.scheduled_iterations):
            model.train()
        model.end_training()
        models.append(model)
    both = thot.SymmetrizedAligner(*models)
    both.heuristic = thot.SymmetrizationHeuristic.GROW_DIAG_FINAL_AND
    links = []
    for a, b in rows[:size]:
        matrix = both.get_best_alignment(a, b)[1].to_numpy()
        links.append({(int(i), int(j)) for i, j in zip(*matrix.nonzero(), strict=True)})
    return links


def lower(words: list[str]) -> list[str]:
    """Lower-case, as the training rows are."""
    return [word.lower() for word in words]
