"""The model card, written from what was measured and from the run's own records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .corpus import SOURCES
from .evaluate import DRAWS, SHARE, Score
from .settings import Settings

NAMES = {
    "en": "English",
    "ar": "Arabic",
    "es": "Spanish",
    "fr": "French",
    "ru": "Russian",
    "zh": "Chinese",
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the card tells about the run."""

    steps: int
    tokens: int
    """Ordinary tokens seen, repeats included."""
    minutes: float
    """Time spent in steps."""
    device: str
    """What computed them: `cpu` or the name of a GPU."""
    parameters: int
    megabytes: float
    """All files of the folder, in units of 1,000,000 bytes."""
    characters: int
    """Characters of the training lines."""
    lines: int
    date: str
    command: str
    decay: int
    """Steps over which the learning rate fell; 0 for an export from before that."""


def loss_table(scores: Sequence[Score]) -> str:
    """One row per language."""
    head = (
        "| language | held-out lines | hidden tokens scored | masked-token loss, nats | perplexity "
        "| unigram entropy, held-out tokens | unigram entropy, training tokens "
        "| loss below the lower entropy | right at first guess | [UNK] |"
    )
    rows = [head, "|---|" + "---:|" * 9]
    rows += [
        f"| {row.language} ({NAMES[row.language]}) | {row.lines:,} | {row.predictions:,} "
        f"| {row.loss:.2f} | {row.perplexity:.1f} | {row.entropy_heldout:.2f} "
        f"| {row.entropy_train:.2f} | **{row.gain:.2f}** | {row.accuracy:.1%} "
        f"| {row.unknown:.2%} |"
        for row in scores
    ]
    return "\n".join(rows)


def write_card(scores: Sequence[Score], facts: Facts, settings: Settings) -> str:
    """The README.md of the model folder: `card.md` filled in."""
    start = (
        "Embeddings start from a truncated SVD of positive pointwise mutual information, counted\n"
        "  on the monolingual training lines; all other weights start at random."
        if settings.ppmi
        else "All weights start at random."
    )
    muon = (
        f"Muon (learning rate {settings.muon_lr:g}) for the matrices inside the layers, AdamW\n"
        f"  ({settings.adam_lr:g}) for embeddings, norms and biases"
    )
    adam = f"AdamW (learning rate {settings.adam_lr:g})"
    interim = "\n> Interim export: the learning rate had not fallen yet when this was written.\n"
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    return template.format(
        codes=", ".join(NAMES),
        state="" if facts.decay else interim,
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        inner=settings.inner,
        parameters=f"{facts.parameters:,}",
        vocabulary=f"{settings.vocabulary:,}",
        megabytes=f"{facts.megabytes:.1f}",
        date=facts.date,
        table=loss_table(scores),
        share=f"{SHARE:.0%}",
        draws=DRAWS,
        sources="\n".join(
            f"| bitext/{source.folder} | {source.what} | {source.licence} |" for source in SOURCES
        ),
        lines=f"{facts.lines:,}",
        characters=f"{facts.characters / 1e6:.1f}",
        smoothing=f"{settings.smoothing:g}",
        steps=f"{facts.steps:,}",
        rows=settings.rows,
        row=settings.row,
        tokens=f"{facts.tokens / 1e6:.1f}",
        minutes=f"{facts.minutes:.1f}",
        device="a CPU" if facts.device == "cpu" else f"one {facts.device}",
        precision=settings.precision,
        seed=settings.seed,
        dropout=f"{settings.dropout:g}",
        masked=f"{settings.masked:.0%}",
        as_mask=f"{settings.as_mask:.0%}",
        as_random=f"{settings.as_random:.0%}",
        as_is=f"{1 - settings.as_mask - settings.as_random:.0%}",
        start=start,
        optimizer=muon if settings.optimizer == "muon" else adam,
        warmup=settings.warmup,
        decay=f" (the last {facts.decay:,} steps)" if facts.decay else "",
        command=facts.command,
    )
