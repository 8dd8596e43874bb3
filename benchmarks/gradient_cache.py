"""Peak memory and seconds of whole training steps, with the gradient cache and without it.

Every size runs in a process of its own, whose peak resident memory the system reports: weights,
gradients, both moments of AdamW, one slice, and the matrix of similarities. Texts are made up of
random words; what is measured does not depend on what they mean.

    python benchmarks/gradient_cache.py --pairs 64 1024 4096 --out gradient-cache.json
    python benchmarks/gradient_cache.py --layers 2 --hidden 64 --vocabulary 0 --pairs 64 256
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import BertConfig, BertForMaskedLM

from crosszero import __version__
from crosszero.files import atomic_file
from crosszero.model.encoder import MINI, Encoder
from crosszero.model.head import ProjectionHead
from crosszero.samples.sample import Sample, Span, WordPair
from crosszero.training.batch import Batch, build_batch
from crosszero.training.config import TrainConfig
from crosszero.training.gradient_cache import backpropagate
from crosszero.training.precision import autocast
from crosszero.training.setup import make_optimizer
from crosszero.training.step import StepResult, compute_losses

_CUDA = torch.cuda.is_available()


def measure(options: argparse.Namespace, pairs: int) -> dict[str, Any]:
    """Take whole steps with one size of batch, in this process."""
    torch.manual_seed(options.seed)
    encoder = make_encoder(options)
    head = ProjectionHead(encoder.hidden_size, "multi")
    device = torch.device("cuda" if _CUDA else "cpu")
    encoder.to(device).train()
    head.to(device).train()
    config = TrainConfig(
        precision=options.precision,
        slice_tokens=options.slice_tokens,
        gradient_cache=not options.plain,
    )
    optimizer = make_optimizer(encoder, head, config)
    batch = make_batch(encoder, pairs, options.words, options.seed)
    before, seconds = peak_bytes(), []
    for number in range(options.steps):
        begun = time.perf_counter()
        random = np.random.default_rng(number)
        result = add_gradients(encoder, head, batch, config, random)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if _CUDA:
            torch.cuda.synchronize()
        seconds.append(round(time.perf_counter() - begun, 3))
    return {
        "pairs": pairs,
        "gradient_cache": config.gradient_cache,
        "texts": result.texts,
        "tokens": result.tokens,
        "loss": float(result.loss.detach()),
        "peak_bytes": peak_bytes(),
        "bytes_before_the_first_step": before,
        "seconds": seconds,
        "parameters": sum(p.numel() for m in (encoder, head) for p in m.parameters()),
    }


def add_gradients(
    encoder: Encoder,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    random: np.random.Generator,
) -> StepResult:
    """Back-propagate as the training loop does."""
    if config.gradient_cache:
        return backpropagate(encoder, head, batch, config, random)
    with autocast(config.precision, next(encoder.parameters()).device):
        result = compute_losses(encoder, head, batch, config, random)
    result.loss.backward()
    return result


def make_encoder(options: argparse.Namespace) -> Encoder:
    """A BERT with random weights, behind the tokeniser of crosszero-mini."""
    tokenizer = Encoder.load(MINI).tokenizer
    shape = BertConfig(
        vocab_size=max(options.vocabulary, len(tokenizer)),
        hidden_size=options.hidden,
        num_hidden_layers=options.layers,
        num_attention_heads=max(1, options.hidden // 64),
        intermediate_size=4 * options.hidden,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Encoder(BertForMaskedLM(shape), tokenizer, name="random BERT", mlm=True)


def make_batch(encoder: Encoder, pairs: int, words: int, seed: int) -> Batch:
    """Pairs of texts of random words; the first words of a pair mean the same."""
    tokenizer = encoder.tokenizer
    pieces = tokenizer.convert_ids_to_tokens(encoder.ordinary_ids.tolist())
    known = [piece for piece in pieces if piece.isascii() and piece.isalpha()]
    random = np.random.default_rng(seed)
    samples = []
    for number in range(pairs):
        source, target = (random.choice(known, words).tolist() for _ in range(2))
        spans = Span(0, len(source[0])), Span(0, len(target[0]))
        samples.append(
            Sample(
                source=" ".join(source),
                target=" ".join(target),
                source_language="en",
                target_language="fr",
                origin=f"made:{number + 1}",
                group="",
                words=(WordPair(*spans),),
                finder="made",
            )
        )
    return build_batch(
        [(sample,) for sample in samples],
        level="multi", words_per_sentence=1, pairs_per_group=0, random=random,
    )  # fmt: skip


def peak_bytes() -> int:
    """Most memory held so far: on the GPU if there is one, else resident memory."""
    if _CUDA:
        return torch.cuda.max_memory_allocated()
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def read_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[64, 512, 4096])
    parser.add_argument("--words", type=int, default=6, help="words of a text")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=119_547, help="at least crosszero-mini's")
    parser.add_argument("--slice-tokens", type=int, default=4096)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--plain", action="store_true", help="without the gradient cache")
    parser.add_argument("--steps", type=int, default=2, help="the second has AdamW's moments")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file; without it the screen")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    options = read_options(arguments)
    torch.set_num_threads(options.threads)
    if options.one:
        json.dump(measure(options, options.pairs[0]), sys.stdout)
        return
    rows = []
    for pairs in options.pairs:
        command = [sys.executable, __file__, *arguments, "--one", "--pairs", str(pairs)]
        rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    settings = {k: str(v) if k == "out" else v for k, v in vars(options).items() if k != "one"}
    record = {
        "benchmark": "gradient_cache",
        "settings": settings,
        "device": torch.cuda.get_device_name() if _CUDA else platform.processor() or "cpu",
        "versions": {
            "crosszero": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "rows": rows,
    }
    if options.out is None:
        json.dump(record, sys.stdout, indent=2)
    else:
        with atomic_file(options.out) as file:
            json.dump(record, file, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
