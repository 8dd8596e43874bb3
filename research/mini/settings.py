"""What one pretraining run is: every choice in one frozen record, saved beside the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from crosszero.config import build
from crosszero.errors import ConfigError
from crosszero.experiment.recipes import set_value
from crosszero.experiment.yaml_text import read_yaml


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run; ``mini.yaml`` holds those of the published model.

    Attributes:
        seed: seed of the split, the vocabulary, the rows, the masks and the weights.
        vocabulary: number of word pieces.
        width: hidden size.
        layers: transformer layers.
        heads: attention heads.
        inner: width inside the gated feed-forward layer.
        row: tokens of a packed row; longer lines are cut.
        rows: rows of a batch.
        smoothing: exponent of the language sampling (1: as the text is, 0: all alike).
        masked: share of the tokens to predict.
        as_mask: of these, the share that is replaced by [MASK].
        as_random: of these, the share that is replaced by a random token; the rest stays as it is.
        optimizer: ``muon`` (hidden matrices; AdamW holds the rest) or ``adamw`` (for all).
        muon_lr: learning rate of the hidden matrices under ``muon``.
        adam_lr: learning rate of all that AdamW holds.
        weight_decay: decoupled weight decay of the matrices inside the layers.
        dropout: of embeddings, attention and the feed-forward layers, while training.
        warmup: steps of linear warm-up.
        clip: largest norm of the gradient.
        ppmi: start the embeddings from co-occurrence statistics instead of noise.
        ppmi_std: standard deviation of the embeddings so started.
        compile: compile the layers (falls back to eager where that fails).
        precision: ``float32``, ``bfloat16``, or ``measure``: whichever multiplies matrices faster
            on this machine.
        threads: threads of torch on a CPU.
    """

    seed: int = 0
    vocabulary: int = 12_000
    width: int = 320
    layers: int = 6
    heads: int = 5
    inner: int = 512
    row: int = 128
    rows: int = 512
    smoothing: float = 0.5
    masked: float = 0.35
    as_mask: float = 0.8
    as_random: float = 0.1
    optimizer: Literal["muon", "adamw"] = "muon"
    muon_lr: float = 0.01
    adam_lr: float = 1e-3
    weight_decay: float = 0.1
    dropout: float = 0.1
    warmup: int = 100
    clip: float = 1.0
    ppmi: bool = True
    ppmi_std: float = 0.04
    compile: bool = True
    precision: Literal["float32", "bfloat16", "measure"] = "float32"
    threads: int = 2

    def __post_init__(self) -> None:
        if self.as_mask + self.as_random > 1:
            raise ConfigError("as_mask + as_random must not exceed 1")


def load_settings(path: Path | None, changes: Sequence[str] = ()) -> Settings:
    """A recipe file with ``key=value`` changes on top; ConfigError for an unknown key or value."""
    values: dict[str, Any] = {} if path is None else read_yaml(path)
    for change in changes:
        set_value(values, change)
    return build(Settings, values)


def save_settings(settings: Settings, path: Path) -> None:
    """Write the resolved settings as YAML."""
    path.write_text(yaml.safe_dump(asdict(settings), sort_keys=False), encoding="utf-8")
