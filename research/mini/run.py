"""One model in training: what a checkpoint has to hold, and what one step does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .masking import hide_in_rows
from .model import Predictor, compile_layers, make_model, undo_compiling
from .optimizers import base_rates, make_optimizers, pick_precision
from .rows import RowStream
from .settings import Settings
from .tokenizer import SPECIALS

CHECKPOINT = "checkpoint.pt"
_log = logging.getLogger(__name__)


class Run:
    """A model in training: everything that a checkpoint has to hold, and one step.

    Nothing in a step waits for a GPU: losses stay there until somebody reads them.
    """

    def __init__(
        self,
        settings: Settings,
        packed: Mapping[str, NDArray[np.uint16]],
        *,
        size: int,
        embeddings: np.ndarray | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        counts = sum(np.bincount(rows.ravel(), minlength=size) for rows in packed.values())
        counts[: len(SPECIALS)] = 0
        self.settings, self.size, self.device = settings, size, torch.device(device)
        self.model = make_model(
            settings,
            size=size,
            embeddings=embeddings,
            shares=counts / np.sum(counts),
            dropout=settings.dropout,
        ).to(self.device)
        self.predictor = Predictor(self.model)
        self.optimizers = make_optimizers(self.model, settings)
        self.rates = base_rates(self.optimizers)
        self.precision = pick_precision(settings.precision, self.device)
        self.stream = RowStream(
            packed,
            rows=settings.rows,
            smoothing=settings.smoothing,
            seed=settings.seed,
            device=self.device,
        )
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0
        if settings.compile:
            self._compile()

    def _compile(self) -> None:
        """Compile, and see on one batch, without taking a step, that it works."""
        compile_layers(self.model)
        try:
            self._loss(
                torch.full((self.settings.rows, self.settings.row), self.size - 1)
            ).backward()
        except Exception as error:  # a compiler that is missing or broken fails as it likes
            _log.warning("not compiled: %s", str(error).strip().splitlines()[0])
            undo_compiling(self.model)
        self.model.zero_grad(set_to_none=True)

    def _loss(self, ids: Tensor) -> Tensor:
        chosen = self.settings
        ids = ids.to(self.device)
        hidden = hide_in_rows(
            ids,
            share=chosen.masked,
            as_mask=chosen.as_mask,
            as_random=chosen.as_random,
            size=self.size,
        )
        self.model.train()
        fast = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=fast):
            loss: Tensor = self.predictor(ids, hidden)
        return loss

    def advance(self, factor: float) -> Tensor:
        """One step at `factor` times the learning rates; returns the loss, on the device.

        All that is random depends on seed and step alone, so resuming changes nothing.
        """
        ids, ordinary = self.stream.next_batch()
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        loss = self._loss(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += ordinary
        return loss.detach()

    def save(self, folder: Path) -> Path:
        """Checkpoint: moved into place only when complete."""
        path = folder / CHECKPOINT
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": {
                "step": self.step,
                "tokens": self.tokens,
                "seconds": self.seconds,
                "stream": self.stream.state(),
            },
        }
        torch.save(state, path.with_suffix(".part"))
        return path.with_suffix(".part").replace(path)

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        path = folder / CHECKPOINT
        if not path.exists():
            raise FileNotFoundError(f"no {path}: start without --resume")
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        progress = state["progress"]
        self.step, self.tokens = progress["step"], progress["tokens"]
        self.seconds = progress["seconds"]
        self.stream.load_state(progress["stream"])

    def save_weights(self, folder: Path) -> None:
        """The weights alone, in float16, in files that fit through narrow doors."""
        half = {name: weight.half() for name, weight in self.model.named_parameters()}  # tied once
        self.model.save_pretrained(folder, state_dict=half, max_shard_size="12MB")
