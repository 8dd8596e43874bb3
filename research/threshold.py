"""How far the threshold of ``crosszero mine --threshold auto`` is off, where gold is at hand.

    python -m research.threshold --data DATA --encoder ENCODER --out FOLDER

Mines the development half of BUCC (``xtreme-mini/bucc2018``), and NTREX-128 (``bitext/ntrex128``)
of which only a share of the lines has its translation on the other side: of the others one half
stands on this side, the other half on that. Prints a Markdown table; vectors are kept in the
folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosszero.bitext.lines import require_lines
from crosszero.experiment.cache import CachedEncoder
from crosszero.model.encoder import Encoder
from crosszero.model.hashing import hash_encoder
from crosszero.search.estimated_threshold import Estimate, estimate_threshold
from crosszero.search.gold_threshold import score_pairs, tune_threshold
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.mining import SentenceEncoder
from crosszero.search.vector_mining import mine_vectors
from crosszero.tasks.bucc import read_bucc, read_gold

LANGUAGES = ("ar", "de", "fr", "ru", "zh")
SHARES = (0.9, 0.5, 0.2, 0.05)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Two sides, and the rows that belong together."""

    name: str
    source: np.ndarray
    target: np.ndarray
    gold: set[tuple[int, int]]


def read_trials(
    data: Path, encoder: SentenceEncoder, languages: Sequence[str], seed: int
) -> Iterator[Trial]:
    """Encode BUCC and NTREX, and take the shares of NTREX."""
    bucc = read_bucc(data / "xtreme-mini", "zh", "dev")
    pairs = read_gold(data / "xtreme-mini", bucc, "dev")
    rows = [{name: row for row, name in enumerate(side)} for side in (bucc.foreign, bucc.english)]
    yield Trial(
        name="BUCC zh-en, dev half",
        source=encoder.encode(list(bucc.foreign.values())),
        target=encoder.encode(list(bucc.english.values())),
        gold={(rows[0][one], rows[1][other]) for one, other in pairs},
    )
    folder = data / "bitext" / "ntrex128"
    english = encoder.encode(list(require_lines(folder / "multi.en")))
    for language in languages:
        foreign = encoder.encode(list(require_lines(folder / f"multi.{language}")))
        for share in SHARES:
            draw = np.random.default_rng(seed)
            order, both = draw.permutation(len(english)), int(share * len(english))
            half = both + (len(order) - both) // 2
            ours = draw.permutation(order[:half])
            theirs = draw.permutation(np.concatenate([order[:both], order[half:]]))
            places = {line: place for place, line in enumerate(theirs.tolist())}
            yield Trial(
                name=f"NTREX {language}-en, {100 * share:.0f} %",
                source=foreign[ours],
                target=english[theirs],
                gold={(i, places[n]) for i, n in enumerate(ours.tolist()) if n in places},
            )


def describe(trial: Trial, pairs: MinedPairs, found: Estimate | None) -> list[str]:
    """Make a row of the table: what was estimated, and what is true."""

    def rate(threshold: float) -> tuple[float, float]:
        kept = [(pair.source, pair.target) for pair in pairs if pair.score >= threshold]
        score = score_pairs(kept, trial.gold)
        return score.precision, score.f1

    best = rate(tune_threshold(pairs, trial.gold))[1]
    row = [trial.name, f"{len(trial.gold):,}"]
    if found is None:
        return [*row, *["-"] * 5, f"{100 * best:.1f}"]
    precision, f1 = rate(found.threshold)
    numbers = (found.precision, precision, f1, best)
    return [*row, f"{found.threshold:.3f}", f"{found.kept:,}", *(f"{100 * n:.1f}" for n in numbers)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--out", type=Path, required=True, help="where vectors are kept")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--margin", choices=("ratio", "distance"), default="ratio")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    encoder = CachedEncoder(Encoder.load(given.encoder), hash_encoder(given.encoder), given.out)
    print("| text | right pairs | threshold | kept | precision, estimated | true | F1 | best F1 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for trial in read_trials(given.data, encoder, given.languages, given.seed):
        pairs = mine_vectors(trial.source, trial.target, margin=given.margin)
        if pairs.rival is not None:
            row = describe(trial, pairs, estimate_threshold(pairs.score, pairs.rival))
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
