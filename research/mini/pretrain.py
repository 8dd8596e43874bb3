"""Pretrain crosszero-mini: masked language modelling on six shuffled monolingual corpora.

    python -m research.mini.pretrain --data DATA --out RUN --recipe research/mini/mini.yaml \\
        --seconds 240 --decay 0.7

The text is read, tokenised and packed once, into RUN. A machine that has no corpus, such as a
borrowed GPU, only needs that folder: `--prepare` makes it and stops.

In several sittings: leave --decay away, give --minutes, and go on later with --resume. A run that
has decayed is finished; RUN/stable keeps the checkpoint from just before the rate fell, and a
longer run may go on from there (--resume-from).

RUN/best holds the weights with the lowest held-out loss, in float16.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from .corpus import read_corpus
from .evaluate import masked_loss
from .optimizers import rate_factor
from .ppmi import embed_tokens
from .run import CHECKPOINT, Run
from .settings import Settings, load_settings, save_settings
from .text import NAME as TEXT
from .text import Text
from .tokenizer import train_tokenizer

# A quick look while training; the export measures all held-out lines.
SCORED_LINES = 300
LOG_EVERY = 50


def prepare_text(folder: Path, data: Path | None, settings: Settings) -> Text:
    """The run's tokeniser and tokenised text, made once."""
    if (folder / TEXT).exists() and (folder / "tokenizer.json").exists():
        return Text.load(folder)
    if data is None:
        raise SystemExit(f"{folder} has no {TEXT} yet: --data must name the folder of bitext/")
    corpus = read_corpus(data, seed=settings.seed)
    path = folder / "tokenizer.json"
    if not path.exists():
        lines = {name: split.train for name, split in corpus.items()}
        train_tokenizer(lines, size=settings.vocabulary, seed=settings.seed).save(str(path))
    text = Text.of(corpus, Tokenizer.from_file(str(path)), row=settings.row)
    text.save(folder)
    return text


def prepare_embeddings(
    folder: Path, text: Text, settings: Settings, *, size: int
) -> np.ndarray | None:
    """The run's starting embeddings, computed once."""
    if not settings.ppmi:
        return None
    path = folder / "embeddings.npy"
    if not path.exists():
        table = embed_tokens(
            text.train_lines(),
            size=size,
            width=settings.width,
            std=settings.ppmi_std,
            seed=settings.seed,
        )
        np.save(path, table.astype(np.float16))
    return np.load(path).astype(np.float32)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds bitext/; read once")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--recipe", type=Path, help="YAML settings")
    parser.add_argument("--set", action="append", dest="changes", metavar="KEY=VALUE", default=[])
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--prepare", action="store_true", help="stop when the text is ready")
    length.add_argument("--steps", type=int, help="train until this step")
    length.add_argument("--seconds", type=float, help="train until so long after the start")
    parser.add_argument(
        "--decay", type=float, default=0.0, help="the rate falls over this last share of the run"
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="stop early after so long")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--resume-from", type=Path, help="go on from another folder's checkpoint")
    parser.add_argument("--save-minutes", type=float, default=5.0, help="time between checkpoints")
    parser.add_argument("--score-minutes", type=float, default=10.0, help="time between scores")
    parser.add_argument("--device", help="cpu, cuda, ...; by default a GPU if there is one")
    args = parser.parse_args(argv)

    began = time.monotonic()
    settings = load_settings(args.recipe, args.changes)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cuda.enable_cudnn_sdp(False)  # it would plan anew for each shape
    else:
        # Squared gradients of rare tokens; before any thread starts.
        torch.set_flush_denormal(True)
        torch.set_num_threads(settings.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    save_settings(settings, args.out / "settings.yaml")
    begin_at = args.resume_from or (args.out if args.resume else None)
    if begin_at and not (args.out / "tokenizer.json").exists():
        # Ids mean nothing without the vocabulary that they were trained with.
        shutil.copy2(begin_at / "tokenizer.json", args.out)
    text = prepare_text(args.out, args.data, settings)
    size = Tokenizer.from_file(str(args.out / "tokenizer.json")).get_vocab_size()
    embeddings = None
    if not begin_at:
        embeddings = prepare_embeddings(args.out, text, settings, size=size)
    if args.prepare:
        return
    sample = {name: lines[:SCORED_LINES] for name, lines in text.heldout_lines().items()}
    run = Run(settings, text.train, size=size, embeddings=embeddings, device=device)
    if begin_at:
        run.load(begin_at)

    stopping = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    lowest = float("inf")

    with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:

        def note(**record: object) -> None:
            record["clock"] = time.strftime("%H:%M:%S")
            log.write(json.dumps(record) + "\n")
            log.flush()

        def score() -> None:
            nonlocal lowest
            # Lines have all lengths; each would be compiled anew.
            eager = torch.compiler.set_stance("force_eager") if settings.compile else nullcontext()
            with eager:
                losses = {
                    name: masked_loss(run.model, lines, draws=1)[0]
                    for name, lines in sample.items()
                }
            mean = sum(losses.values()) / len(losses)
            if best := mean < lowest:
                lowest = mean
                run.save_weights(args.out / "best")
            note(
                step=run.step,
                tokens=run.tokens,
                seconds=round(run.seconds, 1),
                heldout={name: round(loss, 4) for name, loss in losses.items()},
                mean=round(mean, 4),
                best=best,
            )

        started = saved = scored = time.monotonic()
        note(
            event="start",
            step=run.step,
            steps=args.steps,
            for_seconds=args.seconds,
            decay=args.decay,
            device=torch.cuda.get_device_name() if device.type == "cuda" else device.type,
            after=round(started - began, 1),
        )
        losses: list[torch.Tensor] = []
        mark = now = started
        seen = run.tokens
        falling = False
        while not stopping:
            if args.seconds:
                spent = (now - started) / max(1e-9, began + args.seconds - started)
            else:
                spent = run.step / args.steps
            if spent >= 1:
                break
            if args.decay and not falling and spent >= 1 - args.decay:
                falling = True
                stable = args.out / "stable"
                stable.mkdir(exist_ok=True)
                shutil.copy2(run.save(args.out), stable / CHECKPOINT)
                shutil.copy2(args.out / "tokenizer.json", stable)
                note(event="decay", step=run.step)
            factor = rate_factor(run.step, warmup=settings.warmup, spent=spent, decay=args.decay)
            losses.append(run.advance(factor))
            if run.step % LOG_EVERY == 0:
                mean = float(torch.stack(losses).mean())  # waits for a GPU
                speed = (run.tokens - seen) / (time.monotonic() - mark)
                note(step=run.step, loss=round(mean, 4), speed=round(speed), rate=round(factor, 4))
                losses, mark, seen = [], time.monotonic(), run.tokens
            run.seconds += time.monotonic() - now
            now = time.monotonic()
            if now - scored > args.score_minutes * 60:
                score()
                scored = time.monotonic()
            if now - saved > args.save_minutes * 60:
                run.save(args.out)
                saved = time.monotonic()
            now = time.monotonic()
            stopping = stopping or now - started > args.minutes * 60
        score()
        run.save(args.out)
        note(event="end", step=run.step, minutes=round((time.monotonic() - began) / 60, 2))


if __name__ == "__main__":
    main()
