"""Write crosszero-mini-aligned from a run of crosszero's own training, and measure it.

    sed 's|DATA|/the/folder|g' research/mini/aligned.yaml > mine.yaml && crosszero run mine.yaml
    python -m research.mini.aligned --run runs/mini-aligned/runs/crosszero-mini-aligned-1 \\
        --data DATA --to src/crosszero/assets/crosszero-mini-aligned
"""

from __future__ import annotations

import argparse
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import torch

import crosszero as cz
from crosszero.model.backbone import Backbone
from crosszero.model.parts import OWN_SETTINGS
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import read_settings

from .card import list_sources, loss_table
from .evaluate import score_folder
from .export import folder_size, write_model

MEASURED = {
    "tatoeba/accuracy": "Tatoeba, sentences found",
    "word-alignment/aer": "word alignment, AER: lower is better",
}
COMMAND = (
    "crosszero evaluate --encoder ENCODER --tasks tatoeba word-alignment --data DATA/xtreme-mini "
    "--alignment DATA"
)


def write_aligned(run: Path, folder: Path) -> int:
    """Write a run's encoder with its MLM head in float16; returns the number of parameters."""
    backbone = Backbone.load(run, mlm=True)
    count = write_model(backbone.model, backbone.tokenizer.backend_tokenizer, folder)
    if (run / OWN_SETTINGS).exists():
        shutil.copy2(run / OWN_SETTINGS, folder)
    return count


def measure(encoder: str | Path, data: Path) -> dict[tuple[str, str], float]:
    """Scores by name and language, or pair of languages."""
    tasks = [name.partition("/")[0] for name in MEASURED]
    scores = cz.evaluate(encoder, tasks=tasks, data=data / "xtreme-mini", alignment=data)
    return {(name, code): v for name in MEASURED for code, v in scores.by_language(name).items()}


def compare(before: dict[tuple[str, str], float], after: dict[tuple[str, str], float]) -> str:
    """One row per score and language."""
    rows = ["| score | language | crosszero-mini | crosszero-mini-aligned |", "|---|---|---:|---:|"]
    rows += [
        f"| {MEASURED[name]} | {language} | {before[name, language]:.1%} | {value:.1%} |"
        for (name, language), value in after.items()
    ]
    return "\n".join(rows)


def write_card(run: Path, folder: Path, data: Path, *, start: str, date: str) -> str:
    """The README.md of the folder: `aligned.md` filled in with what is measured here."""
    metrics, settings = read_metrics(run / METRICS), read_settings(run)
    template = (Path(__file__).parent / "aligned.md").read_text(encoding="utf-8")
    return template.format(
        date=date,
        measured=COMMAND,
        megabytes=f"{folder_size(folder) / 1e6:.1f}",
        comparison=compare(measure(start, data), measure(folder, data)),
        losses=loss_table(score_folder(folder, data, seed=0)),
        sources=list_sources(),
        steps=f"{int(metrics[-1]['step']):,}",
        lines=f"{int(metrics[-1]['step']) * settings['batch_size']:,}",
        settings=json.dumps(settings, indent=2),
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder that crosszero trained")
    parser.add_argument("--data", type=Path, required=True, help="bitext/, xtreme-mini/, ...")
    parser.add_argument("--to", type=Path, required=True, help="model folder to write")
    parser.add_argument("--start", default="crosszero-mini", help="what the run started from")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="for the card")
    args = parser.parse_args()
    torch.set_num_threads(2)
    write_aligned(args.run, args.to)
    card = write_card(args.run, args.to, args.data, start=args.start, date=args.date)
    (args.to / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
