"""The model card, written from what was measured and from the run's own records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .corpus import SOURCES
from .evaluate import DRAWS, SHARE, Score
from .settings import Settings

COMMAND = """\
python -m research.mini.pretrain --data DATA --out RUN --recipe research/mini/mini.yaml \\
    --{length} --decay {decay:g}
python -m research.mini.export --data DATA --run RUN --to src/crosszero/assets/crosszero-mini"""
NAMES = {
    "en": "English",
    "ar": "Arabic",
    "es": "Spanish",
    "fr": "French",
    "ru": "Russian",
    "zh": "Chinese",
}


@dataclass(frozen=True, kw_only=True)
class History:
    """How the weights of RUN/best came about, by the run's log.

    Attributes:
        device: what computed them: ``cpu`` or the name of a GPU.
        length: as the command was told: ``steps 20000`` or ``seconds 240``.
        share: last share of the run over which the learning rate fell.
        steps: up to these weights.
        tokens: ordinary ones seen, repeats included.
        seconds: spent in steps.
        decay: steps over which the learning rate fell; 0 for an export from before that.
    """

    device: str
    length: str
    share: float
    steps: int
    tokens: int
    seconds: float
    decay: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the card tells about the export.

    Attributes:
        parameters: their number.
        size: bytes of all files of the folder.
        characters, lines: of the training text.
    """

    parameters: int
    size: int
    characters: int
    lines: int
    date: str


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


def list_sources() -> str:
    """One row per data set."""
    return "\n".join(f"| bitext/{s.folder} | {s.what} | {s.licence} |" for s in SOURCES)


def write_card(scores: Sequence[Score], facts: Facts, history: History, settings: Settings) -> str:
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
        history=history,
        facts=facts,
        settings=settings,
        codes=", ".join(NAMES),
        state="" if history.decay else interim,
        megabytes=facts.size / 1e6,
        table=loss_table(scores),
        share=SHARE,
        draws=DRAWS,
        sources=list_sources(),
        characters=facts.characters / 1e6,
        tokens=history.tokens / 1e6,
        minutes=history.seconds / 60,
        device="a CPU" if history.device == "cpu" else f"one {history.device}",
        as_is=1 - settings.as_mask - settings.as_random,
        start=start,
        optimizer=muon if settings.optimizer == "muon" else adam,
        decay=f" (the last {history.decay:,} steps)" if history.decay else "",
        command=COMMAND.format(length=history.length, decay=history.share),
    )
