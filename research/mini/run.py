"""One model in training: what a checkpoint has to hold, and what one step does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .checkpoints import load_checkpoint, save_checkpoint
from .evaluate import token_counts
from .masking import hide_tokens
from .model import Predictor, make_model
from .optimizers import base_rates, make_optimizers, pick_precision, rate_factor
from .rows import RowStream
from .settings import Settings
from .tokenizer import SPECIALS


class Run:
    """A model in training: everything that a checkpoint has to hold, and one step."""

    def __init__(
        self,
        settings: Settings,
        lines: dict[str, list[np.ndarray]],
        *,
        size: int,
        embeddings: np.ndarray | None = None,
    ) -> None:
        counts = sum(token_counts(encoded, size=size) for encoded in lines.values())
        self.settings = settings
        self.size = size
        self.model = make_model(
            settings, size=size, embeddings=embeddings, shares=counts / np.sum(counts)
        )
        self.optimizers = make_optimizers(self.model, settings)
        self.rates = base_rates(self.optimizers)
        self.stream = self._stream(lines)
        short = {
            name: [ids for ids in encoded if len(ids) <= settings.short_tokens]
            for name, encoded in lines.items()
        }
        self.short_stream = self._stream(short) if settings.short_steps else self.stream
        self.precision = pick_precision(settings.precision)
        self.predictor: Callable[..., torch.Tensor] = Predictor(self.model)
        if settings.compile:
            self.predictor = torch.compile(self.predictor, dynamic=None)
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0

    def _stream(self, lines: dict[str, list[np.ndarray]]) -> RowStream:
        chosen = self.settings
        return RowStream(
            lines,
            row=chosen.row,
            rows=chosen.rows,
            smoothing=chosen.smoothing,
            seed=chosen.seed,
        )

    def advance(self, *, until: int, decay: int) -> float:
        """One step; returns the loss. Masks depend on seed and step alone: resuming alters none."""
        chosen = self.settings
        start = time.perf_counter()
        stream = self.short_stream if self.step < chosen.short_steps else self.stream
        batch = stream.next_batch()
        generator = torch.Generator().manual_seed(chosen.seed * 1_000_003 + self.step)
        hidden = hide_tokens(
            batch.ids,
            share=chosen.masked,
            as_mask=chosen.as_mask,
            as_random=chosen.as_random,
            size=self.size,
            generator=generator,
        )
        factor = rate_factor(self.step, warmup=chosen.warmup, until=until, decay=decay)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        self.model.train()
        with torch.autocast("cpu", self.precision, enabled=self.precision != torch.float32):
            loss = self.predictor(
                hidden.ids, batch.segments, batch.positions, hidden.places, hidden.labels
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), chosen.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += int((batch.ids >= len(SPECIALS)).sum())
        self.seconds += time.perf_counter() - start
        return float(loss.detach())

    def save(self, folder: Path) -> Path:
        """Checkpoint."""
        progress: dict[str, Any] = {
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "stream": self.stream.state(),
            "short_stream": self.short_stream.state(),
        }
        return save_checkpoint(
            folder, model=self.model, optimizers=self.optimizers, progress=progress
        )

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        progress = load_checkpoint(folder, model=self.model, optimizers=self.optimizers)
        self.step, self.tokens = progress["step"], progress["tokens"]
        self.seconds = progress["seconds"]
        self.stream.load_state(progress["stream"])
        self.short_stream.load_state(progress["short_stream"])
