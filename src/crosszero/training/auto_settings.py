"""Settings that are ``auto``: chosen where they work and help, and kept when a run is resumed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import torch

from crosszero.errors import CheckpointError, ConfigError, quote
from crosszero.model.backbone import Backbone
from crosszero.model.packing import find_packing_obstacle
from crosszero.model.precision import autocast, choose_precision
from crosszero.training.progress import Progress
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig

DECIDED: dict[str, tuple[Any, Any]] = {"precision": ("fp32", "bf16"), "pack": (False, True)}
"""What they become; the first is what a checkpoint means that is older than the setting."""
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
        config = replace(config, precision=choose_precision(backbone, config.precision))
    config = replace(config, precision=ranks.share(config.precision))
    backbone.packs = ranks.share(_choose_packing(backbone, config))
    return replace(config, pack=backbone.packs)


def _keep(config: TrainConfig, progress: Progress, name: str) -> Any:
    given = getattr(config, name)
    before = progress.settings.get(name, DECIDED[name][0])
    if before not in DECIDED[name]:
        raise CheckpointError(f"the newest checkpoint is damaged ({name}: {quote(before)})")
    if given not in ("auto", before):
        raise CheckpointError(
            f"the run was started with {name}: {before}, but {given} is given now; keep {before}, "
            "or start a new run folder"
        )
    return before


def _choose_packing(backbone: Backbone, config: TrainConfig) -> bool:
    """Packing pays where no token is padding; a mask on a CPU costs more than sorting does."""
    if config.pack is False:
        return False
    flash = _prepare_packing(backbone, config)
    if config.pack == "auto" and not flash:
        return False
    with autocast(config.precision, next(backbone.parameters()).device):
        obstacle = find_packing_obstacle(backbone)
    if obstacle and config.pack is True:
        raise ConfigError(f"pack: true given, but {obstacle}; use auto or false")
    if obstacle:
        _log.info("padding texts: %s", obstacle)
    return not obstacle


def _prepare_packing(backbone: Backbone, config: TrainConfig) -> bool:
    """Switch to flash attention if it is there; it computes in 16 bits on a GPU only."""
    from transformers.utils.import_utils import is_flash_attn_2_available

    device: torch.device = next(backbone.parameters()).device
    if device.type != "cuda" or config.precision != "bf16" or not is_flash_attn_2_available():
        return False
    try:
        backbone.model.set_attn_implementation("flash_attention_2")
    except (ImportError, ValueError) as error:
        _log.info("no flash attention for %s: %s", backbone.name, error)
        return False
    return True
