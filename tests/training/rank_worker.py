"""What each of two processes does in test_ranks.py: ``torchrun ... -m tests.training.rank_worker``.

All in one launch, because starting processes is what takes the time.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from crosszero.cli import main
from crosszero.errors import DataError
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training import feeder, loop
from crosszero.training.batch import build_batch
from crosszero.training.gradients import compute_gradients
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner, StartEncoder
from crosszero.training.ranks import ALONE, Ranks, join_ranks
from crosszero.training.train_config import LayersConfig, LoraConfig, TrainConfig
from tests.training.conftest import make_samples

Result = dict[str, torch.Tensor]
CASES: dict[str, dict[str, Any]] = {
    "plain": {"mini_batch_num_tokens": 70},
    "cached": {"mini_batch_num_tokens": 50, "gradient_cache": True},
    "two passes": {
        "mask_contrastive_input": False,
        "mini_batch_num_tokens": 60,
        "gradient_cache": True,
    },
    "sentence": {"level": "sentence", "mlm_weight": 0.0},
    "split": {
        "level": "split",
        "words_per_sentence": 2,
        "layers": LayersConfig(sentence="last", word=1),
        "anchor_weight": 0.5,
        "mini_batch_num_tokens": 60,
        "gradient_cache": True,
    },
    "cut off": {"max_length": 4, "loss": "info-nce"},
}
TRAIN: dict[str, Any] = {
    "batch_size": 8, "steps": 20, "learning_rate": 1e-4, "head_learning_rate": 1e-3,
    "schedule": "linear", "max_length": 32, "precision": "fp32", "log_every": 1,
    "checkpoint_every": 8, "words_per_sentence": 2,
}  # fmt: skip
WORDS: dict[str, Any] = {  # found anew within and between checkpoints
    "steps": 11, "checkpoint_every": 4, "refresh_words_every": 3, "mlm_weight": 0.0,
    "batch_size": 2, "embedding_learning_rate": 1e-3, "weight_decay": 0.1,
}  # fmt: skip
LORA: dict[str, Any] = {"steps": 6, "lora": LoraConfig(rank=4), "learning_rate": 1e-3}
MESSAGE = "made:7: the second process finds this line bad"


def find_gradients(folder: Path, case: dict[str, Any], ranks: Ranks = ALONE) -> Result:
    """Gradients and numbers of one step on multi-way lines, some of them equal, in float64."""
    config = TrainConfig(**({"precision": "fp32", "max_length": 64} | case))
    torch.manual_seed(0)
    backbone = Backbone.load(folder, mlm=True).train().double()
    head = ProjectionHead(backbone.hidden_size, config.level).double()
    samples = make_samples(9, multiway=True)
    batch = build_batch(
        [tuple(samples[i : i + 3]) for i in range(0, 27, 3)] + [(samples[0],), (samples[4],)],
        TrainConfig(level=config.level, words_per_sentence=2),
        np.random.default_rng(0),
    )
    random = np.random.default_rng(3)
    start = StartEncoder(backbone, -1) if config.anchor_weight else None
    inputs = make_inputs(backbone, batch, config, random, ranks)
    learner = Learner(backbone=backbone, head=head, config=config, ranks=ranks, start=start)
    result = compute_gradients(learner, inputs)
    parameters = [*backbone.parameters(), *head.parameters()]
    part = torch.zeros(()) if result.mlm is None else result.mlm.detach()
    part = torch.stack([part.double(), result.drift.double()])
    mlm = ranks.add_gradients(parameters, part)
    named = [*backbone.named_parameters(), *head.named_parameters()]
    found = {name: p.grad.clone() for name, p in named if p.grad is not None}
    numbers = (result.contrast.loss.detach(), result.contrast.gap, result.contrast.accuracy)
    found["numbers"] = torch.stack(numbers)
    found["mlm"] = mlm
    found["counts"] = torch.tensor([len(inputs.left), inputs.cut, inputs.tokens])
    return found


def _count(calls: list[str], owner: Any, name: str) -> None:
    real = getattr(owner, name)

    def counted(*args: Any, **options: Any) -> Any:
        calls.append(name if name != "tokenize" else f"{len(args[1])} texts")
        return real(*args, **options)

    setattr(owner, name, counted)


def _work(model: Path, dropout: Path, store: Path, many: Path, out: Path) -> None:
    ranks = join_ranks()
    assert ranks.count == 2
    calls: list[str] = []
    _count(calls, torch.distributed, "all_reduce")
    _count(calls, Backbone, "tokenize")
    for name, case in CASES.items():
        calls.clear()
        found = find_gradients(model, case, ranks)
        assert calls.count("all_reduce") == 1, calls
        assert [c for c in calls if c.endswith("texts")] in (["14 texts"], ["13 texts"]), calls
        if ranks.first:
            save_file(found, out / f"{name}.safetensors")
    deal = Ranks.deal
    Ranks.deal = lambda self, texts: [np.arange(len(texts)), np.arange(0)]
    found = find_gradients(model, CASES["cached"], ranks)
    Ranks.deal = deal
    if ranks.first:
        save_file(found, out / "one has none.safetensors")

    def train(
        folder: Path, samples: Path, name: str, *, resume: bool = False, **settings: Any
    ) -> Path:
        config = TrainConfig(**(TRAIN | settings))
        return loop.train(
            folder, samples, config, out=out / name, resume=resume, show_progress=False
        )

    train(model, store, "twenty")
    train(model, many, "refreshed", steps=4, refresh_words_every=3, gradient_cache=True)
    train(model, store, "lora", **LORA)
    train(dropout, store, "whole", steps=6, checkpoint_every=4)
    _lose_end(out, "whole", "killed", ranks)
    train(dropout, store, "killed", resume=True, steps=6, checkpoint_every=4)
    train(model, store, "words", gradient_cache=True, **WORDS)
    _lose_end(out, "words", "words killed", ranks)
    train(model, store, "words killed", resume=True, gradient_cache=True, **WORDS)

    if ranks.first:
        (out / "all was well").touch()
    _fail(model, store, out / "bad", ranks)


def _lose_end(out: Path, whole: str, killed: str, ranks: Ranks) -> None:
    """Copy a run as it stands when it is killed after its last but one checkpoint."""
    if ranks.first:
        shutil.copytree(out / whole, out / killed)
        (out / killed / "model.safetensors").unlink()
        shutil.rmtree(max((out / killed / "checkpoints").iterdir()))
    ranks.wait()


def _fail(model: Path, store: Path, out: Path, ranks: Ranks) -> None:
    """The second process alone meets an error, in its third step."""
    if not ranks.first:
        real = feeder.build_batch

        def fail(*args: Any, **options: Any) -> Any:
            if len(seen) == 2:
                raise DataError("made", "the second process finds this line bad", 7)
            seen.append(1)
            return real(*args, **options)

        seen: list[int] = []
        feeder.build_batch = fail
    flags = [
        "--encoder",
        str(model),
        "--steps=5",
        "--batch-size=8",
        "--max-length=32",
        "--precision=fp32",
    ]
    main(["train", str(store), "--out", str(out), *flags])


if __name__ == "__main__":
    _work(*map(Path, sys.argv[1:]))
