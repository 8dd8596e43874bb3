"""Export a run: float16 weights, tokeniser, configuration, and a model card with measured numbers.

python -m research.mini.export --data DATA --run RUN --to src/crosszero/assets/crosszero-mini
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import ModernBertForMaskedLM, PreTrainedModel

from crosszero.model.saving import write_readout

from .balance import balance_layers
from .card import Facts, History, write_card
from .corpus import read_corpus
from .evaluate import score_folder
from .model import make_model
from .settings import Settings, load_settings
from .text import Text
from .tokenizer import save_tokenizer

LIMIT = 25_000_000


def write_model(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> int:
    """Write the model folder in float16; returns the number of parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    count = sum(weight.numel() for weight in model.parameters())
    model.to(torch.float16).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    config = model.config
    write_readout(
        folder,
        hidden_size=config.hidden_size,
        layers=config.num_hidden_layers,
        max_length=config.max_position_embeddings,
    )
    for path in folder.rglob("*.*"):
        path.chmod(0o644)  # safetensors are written for their owner's eyes only
    return count


def folder_size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_history(run: Path) -> History:
    """Read RUN/log.jsonl."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    start = [record for record in records if record.get("event") == "start"][-1]
    best = [record for record in records if record.get("best")][-1]
    falls = [record["step"] for record in records if record.get("event") == "decay"]
    steps = start["steps"]
    return History(
        device=start["device"],
        length=f"steps {steps}" if steps else f"seconds {start['for_seconds']:g}",
        share=start["decay"],
        steps=best["step"],
        tokens=best["tokens"],
        seconds=best["seconds"],
        decay=max(0, best["step"] - falls[-1]) if falls else 0,
    )


def write_best(run: Path, folder: Path, settings: Settings) -> int:
    """Write the run's best weights as a model folder; returns the number of parameters."""
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    model = make_model(settings, size=tokenizer.get_vocab_size())
    best = ModernBertForMaskedLM.from_pretrained(run / "best", dtype=torch.float32)
    model.load_state_dict(best.state_dict())
    lines = Text.load(run).train_lines().values()
    balance_layers(model, [ids for own in lines for ids in own[:64]])
    return write_model(model, tokenizer, folder)


def export_run(run: Path, data: Path, target: Path, *, settings: Settings, date: str) -> History:
    """Write the folder, measure it as a user would load it, write the card."""
    history = read_history(run)
    lines = [x for s in read_corpus(data, seed=settings.seed).values() for x in s.train]
    parameters = write_best(run, target, settings)
    scores = score_folder(target, data, seed=settings.seed, longest=settings.row)
    facts = Facts(
        parameters=parameters,
        size=folder_size(target),
        characters=sum(map(len, lines)),
        lines=len(lines),
        date=date,
    )
    card = write_card(scores, facts, history, settings)
    (target / "README.md").write_text(card, encoding="utf-8")
    if folder_size(target) > LIMIT:
        raise ValueError(f"{target} holds {folder_size(target):,} bytes; {LIMIT:,} are allowed")
    return history


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds bitext/")
    parser.add_argument("--run", type=Path, required=True, help="run folder")
    parser.add_argument("--to", type=Path, required=True, help="model folder to write")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="for the card")
    args = parser.parse_args()
    torch.set_num_threads(2)
    settings = load_settings(args.run / "settings.yaml")
    export_run(args.run, args.data, args.to, settings=settings, date=args.date)


if __name__ == "__main__":
    main()
