"""Settings that are ``auto``: chosen where they work and help, and kept when a run is resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import torch

from crosszero.errors import CheckpointError, ConfigError, quote
from crosszero.model.backbone import Backbone
from crosszero.model.packing import find_packing_obstacle
from crosszero.model.precision import autocast, choose_precision
from crosszero.training.mini_batch import USUAL
from crosszero.training.progress import Progress
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig

DECIDED: dict[str, Callable[[Any], bool]] = {
    "precision": lambda value: value in ("fp32", "bf16"),
    "pack": lambda value: value in (False, True),
    "mini_batch_num_tokens": lambda value: type(value) is int and value > 0,
}
"""What they can become."""
_BEFORE = {"precision": "fp32", "pack": False, "mini_batch_num_tokens": USUAL}
"""What a checkpoint means that is older than the setting."""
_LARGEST = 65_536  # tokens of a mini-batch, with which a GPU is busy
_BYTES = 60  # that a mini-batch holds for a token, a layer and a number of the hidden state
_log = logging.getLogger("crosszero")


def decide(
    backbone: Backbone, config: TrainConfig, progress: Progress | None, ranks: Ranks = ALONE
) -> TrainConfig:
    """Replace the ``auto`` of :data:`DECIDED`, and tell the encoder whether to pack texts.

    A run that goes on (`progress`) keeps what was decided when it began, because deciding again
    could come out differently. Of several processes the first one's machine decides.

    Raises:
        ConfigError: a technique is asked for that the encoder can't do.
        CheckpointError: the run was begun otherwise than is now asked for.
    """
    if progress is not None:
        config = replace(config, **{name: _keep(config, progress, name) for name in DECIDED})
    elif ranks.first:
        config = replace(
            config,
            precision=choose_precision(backbone, config.precision),
            mini_batch_num_tokens=_choose_size(backbone, config),
        )
    precision, size = ranks.share((config.precision, config.mini_batch_num_tokens))
    config = replace(config, precision=precision, mini_batch_num_tokens=size)
    backbone.packs = ranks.share(_choose_packing(backbone, config))
    return replace(config, pack=bool(backbone.packs))


def _keep(config: TrainConfig, progress: Progress, name: str) -> Any:
    given = getattr(config, name)
    before = progress.settings.get(name, _BEFORE[name])
    if not DECIDED[name](before):
        raise CheckpointError(f"the newest checkpoint is damaged ({name}: {quote(before)})")
    if given not in ("auto", before):
        raise CheckpointError(
            f"the run was started with {name}: {before}, but {given} is given now; keep {before}, "
            "or start a new run folder"
        )
    return before


def _choose_size(backbone: Backbone, config: TrainConfig) -> int:
    """Tokens of a mini-batch: on a GPU a power of two for which half of its memory is enough."""
    if config.mini_batch_num_tokens != "auto":
        return config.mini_batch_num_tokens
    device = backbone.device
    if device.type != "cuda":
        return USUAL
    memory = torch.cuda.get_device_properties(device).total_memory
    room = memory // 2 // (_BYTES * backbone.layers * backbone.hidden_size)
    return max(USUAL, min(_LARGEST, 1 << (room.bit_length() - 1)))


def _choose_packing(backbone: Backbone, config: TrainConfig) -> bool | Literal["varlen"]:
    """Packing pays where no token is padding; a mask on a CPU costs more than sorting does."""
    device = backbone.device
    kernel = _has_kernel(device, config)
    if config.pack is False or (config.pack == "auto" and not kernel):
        return False
    packs: bool | Literal["varlen"] = "varlen" if kernel else True
    with autocast(config.precision, device):
        obstacle = find_packing_obstacle(backbone, packs)
    if obstacle and config.pack is True:
        raise ConfigError(f"pack: true given, but {obstacle}; use auto or false")
    if obstacle:
        _log.info("padding texts: %s", obstacle)
    return False if obstacle else packs


def _has_kernel(device: torch.device, config: TrainConfig) -> bool:
    """Whether torch has attention without padding for this: on a GPU, in 16 bits."""
    return device.type == "cuda" and config.precision == "bf16"
