"""The learning rate as a function of the step alone, so that resuming needs no state."""

from __future__ import annotations

import math

from crosszero.training.train_config import TrainConfig


def learning_rate_factor(step: int, total: int, config: TrainConfig) -> float:
    """Factor of the highest learning rate at a step.

    Args:
        step: from 0 to `total` - 1.
        total: number of steps of the run.
        config: gives schedule, warm-up, milestones and decay.

    Example:
        >>> config = TrainConfig(schedule="multistep", milestones=(0.5,), decay=0.1)
        >>> [learning_rate_factor(step, 4, config) for step in range(4)]
        [1.0, 1.0, 0.1, 0.1]
    """
    warm = math.ceil(config.warmup * total)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = (step - warm) / max(1, total - warm)
    if config.schedule == "linear":
        return 1 - done
    if config.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if config.schedule == "multistep":
        return config.decay ** sum(step / total >= milestone for milestone in config.milestones)
    return 1.0
