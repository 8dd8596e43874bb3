"""Pretrain crosszero-mini: masked language modelling on six shuffled monolingual corpora.

    python -m research.mini.pretrain --data DATA --out RUN --recipe research/mini/mini.yaml \\
        --steps 20000 --decay 4000

In several sittings: leave --decay away, give --minutes, and go on later with --resume. A run that
has decayed is finished; RUN/stable keeps the checkpoint from just before the rate fell, and a
longer run may go on from there (--resume-from).
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from .checkpoints import NAME
from .corpus import read_corpus
from .evaluate import score_languages, token_counts
from .ppmi import embed_tokens
from .rows import encode_lines
from .run import Run
from .settings import Settings, load_settings, save_settings
from .tokenizer import train_tokenizer

# A quick look while training; the export measures all held-out lines.
SCORED_LINES = 300


def prepare_tokenizer(folder: Path, lines: dict[str, list[str]], settings: Settings) -> Tokenizer:
    """The run's tokeniser, trained once."""
    path = folder / "tokenizer.json"
    if not path.exists():
        train_tokenizer(lines, size=settings.vocabulary, seed=settings.seed).save(str(path))
    return Tokenizer.from_file(str(path))


def prepare_embeddings(
    folder: Path, lines: dict[str, list[np.ndarray]], settings: Settings, *, size: int
) -> np.ndarray | None:
    """The run's starting embeddings, computed once."""
    if not settings.ppmi:
        return None
    path = folder / "embeddings.npy"
    if not path.exists():
        table = embed_tokens(
            lines, size=size, width=settings.width, std=settings.ppmi_std, seed=settings.seed
        )
        np.save(path, table)
    return np.asarray(np.load(path))


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds bitext/")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--recipe", type=Path, help="YAML settings")
    parser.add_argument("--set", action="append", dest="changes", metavar="KEY=VALUE", default=[])
    parser.add_argument("--steps", type=int, required=True, help="train until this step")
    parser.add_argument("--decay", type=int, default=0, help="let the rate fall over the last N")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop early after so long")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--resume-from", type=Path, help="go on from another folder's checkpoint")
    parser.add_argument("--save-minutes", type=float, default=5.0, help="time between checkpoints")
    parser.add_argument("--score-minutes", type=float, default=10.0, help="time between scores")
    args = parser.parse_args(argv)

    began = time.monotonic()
    settings = load_settings(args.recipe, args.changes)
    torch.set_flush_denormal(True)  # squared gradients of rare tokens; before any thread starts
    torch.set_num_threads(settings.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    save_settings(settings, args.out / "settings.yaml")
    corpus = read_corpus(args.data, seed=settings.seed)
    texts = {name: split.train for name, split in corpus.items()}
    begin_at = args.resume_from or (args.out if args.resume else None)
    if begin_at and not (args.out / "tokenizer.json").exists():
        # Ids mean nothing without the vocabulary that they were trained with.
        shutil.copy2(begin_at / "tokenizer.json", args.out)
    tokenizer = prepare_tokenizer(args.out, texts, settings)
    size = tokenizer.get_vocab_size()
    lines = {name: encode_lines(tokenizer, t, longest=settings.row) for name, t in texts.items()}
    sample = {name: split.heldout[:SCORED_LINES] for name, split in corpus.items()}
    train_counts = {name: token_counts(encoded, size=size) for name, encoded in lines.items()}
    embeddings = None
    if not begin_at:
        embeddings = prepare_embeddings(args.out, lines, settings, size=size)
    run = Run(settings, lines, size=size, embeddings=embeddings)
    if begin_at:
        run.load(begin_at)

    stopping = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, ask_to_stop)

    with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:

        def note(**record: object) -> None:
            record["clock"] = time.strftime("%H:%M:%S")
            log.write(json.dumps(record) + "\n")
            log.flush()

        def score() -> None:
            rows = score_languages(run.model, tokenizer, sample, train_counts, draws=1)
            note(
                step=run.step,
                tokens=run.tokens,
                seconds=round(run.seconds, 1),
                heldout={row.language: round(row.loss, 4) for row in rows},
                gain={row.language: round(row.gain, 4) for row in rows},
                mean=round(sum(row.loss for row in rows) / len(rows), 4),
            )

        note(event="start", step=run.step, steps=args.steps, decay=args.decay)
        started = saved = scored = time.monotonic()
        losses: list[float] = []
        mark = (run.tokens, run.seconds)
        while run.step < args.steps and not stopping:
            if args.decay and run.step == args.steps - args.decay:
                stable = args.out / "stable"
                stable.mkdir(exist_ok=True)
                shutil.copy2(run.save(args.out), stable / NAME)
                shutil.copy2(args.out / "tokenizer.json", stable)
            losses.append(run.advance(until=args.steps, decay=args.decay))
            now = time.monotonic()
            if run.step % 50 == 0:
                speed = (run.tokens - mark[0]) / (run.seconds - mark[1])
                mean = sum(losses) / len(losses)
                note(step=run.step, loss=round(mean, 4), speed=round(speed))
                losses, mark = [], (run.tokens, run.seconds)
            if now - scored > args.score_minutes * 60:
                score()
                scored = time.monotonic()
            if now - saved > args.save_minutes * 60:
                run.save(args.out)
                saved = now
            stopping = stopping or now - started > args.minutes * 60
        run.save(args.out)
        score()
        note(event="end", step=run.step, minutes=round((time.monotonic() - began) / 60, 2))


if __name__ == "__main__":
    main()
