"""What one pretraining run is: every choice in one frozen record, saved beside the run."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run; `mini.yaml` holds those of the published model."""

    seed: int = 0
    """Seed of the split, the vocabulary, the rows, the masks and the weights."""
    vocabulary: int = 12_000
    """Number of word pieces."""
    width: int = 320
    """Hidden size."""
    layers: int = 6
    """Transformer layers."""
    heads: int = 5
    """Attention heads."""
    inner: int = 512
    """Width inside the gated feed-forward layer."""
    row: int = 128
    """Tokens of a packed row; longer lines are cut."""
    rows: int = 512
    """Rows of a batch."""
    smoothing: float = 0.5
    """Exponent of the language sampling (1: as the text is, 0: all alike)."""
    masked: float = 0.35
    """Share of the tokens to predict."""
    as_mask: float = 0.8
    """Of these, the share that is replaced by [MASK]."""
    as_random: float = 0.1
    """Of these, the share that is replaced by a random token; the rest stays as it is."""
    optimizer: str = "muon"
    """`muon` (hidden matrices; AdamW holds the rest) or `adamw` (for all)."""
    muon_lr: float = 0.01
    """Learning rate of the hidden matrices under `muon`."""
    adam_lr: float = 1e-3
    """Learning rate of all that AdamW holds."""
    weight_decay: float = 0.1
    """Decoupled weight decay of the matrices inside the layers."""
    dropout: float = 0.1
    """Of embeddings, attention and the feed-forward layers, while training."""
    warmup: int = 100
    """Steps of linear warm-up."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ppmi: bool = True
    """Start the embeddings from co-occurrence statistics instead of noise."""
    ppmi_std: float = 0.04
    """Standard deviation of the embeddings so started."""
    compile: bool = True
    """Compile the layers (falls back to eager where that fails)."""
    precision: str = "float32"
    """`float32`, `bfloat16`, or `measure`: whichever multiplies matrices faster on this machine."""
    threads: int = 2
    """Threads of torch on a CPU."""

    def __post_init__(self) -> None:
        for name, allowed in {
            "optimizer": ("muon", "adamw"),
            "precision": ("float32", "bfloat16", "measure"),
        }.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}: allowed are {', '.join(allowed)}"
                )
        if self.as_mask + self.as_random > 1:
            raise ValueError("as_mask + as_random must not exceed 1")


def make_settings(values: dict[str, Any]) -> Settings:
    """Settings from plain values; an unknown key is an error that names the nearest known one."""
    known = [field.name for field in fields(Settings)]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise ValueError(f"unknown setting {key!r}{hint}")
    return replace(Settings(), **values)


def load_settings(path: Path | None, changes: list[str] | None = None) -> Settings:
    """A recipe file with `key=value` changes on top."""
    values: dict[str, Any] = {}
    if path is not None:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    for change in changes or []:
        key, sign, value = change.partition("=")
        if not sign:
            raise ValueError(f"--set takes key=value, not {change!r}")
        values[key] = yaml.safe_load(value)
    # YAML reads 1e-3 as text; the fields say what is a number.
    kinds = {field.name: field.type for field in fields(Settings)}
    for key, value in values.items():
        if kinds.get(key) == "float" and isinstance(value, (str, int)):
            values[key] = float(value)
    return make_settings(values)


def save_settings(settings: Settings, path: Path) -> None:
    """Write the resolved settings as YAML."""
    path.write_text(yaml.safe_dump(asdict(settings), sort_keys=False), encoding="utf-8")
