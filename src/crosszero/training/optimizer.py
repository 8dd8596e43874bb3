"""Which AdamW: fused, and over the rows in use where the table of embeddings allows it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training.config import TrainConfig
from crosszero.training.course import LEAST_BETA2
from crosszero.training.frozen import get_table
from crosszero.training.lookup import add_in_place, is_plain
from crosszero.training.rows import RowAdamW

# Below this many numbers in the table a dense step takes less than finding its rows (measured on
# CPUs: benchmarks/embedding_step.py; elsewhere rows are stepped only if asked for).
_SMALL = 8_000_000
_log = logging.getLogger("crosszero")


def make_optimizer(
    backbone: Backbone, head: ProjectionHead, config: TrainConfig
) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices only, head and token embeddings at their own rates.

    Lookups in the table of embeddings are told how to give their gradient, too: as rows, or added
    in place where they are plain ones.

    Args:
        backbone: on its device; what does not require a gradient is left out.
        head: likewise.
        config: `sparse_embeddings` as :func:`choose_sparse` resolved it.
    """
    rate = config.learning_rate
    embeddings = get_table(backbone)
    table = list(embeddings.parameters())
    inside = {id(p) for p in table}
    groups: list[dict[str, Any]] = []
    for parameters, own_rate in (
        ([p for p in backbone.parameters() if id(p) not in inside], rate),
        (table, config.embedding_learning_rate or rate),
        (list(head.parameters()), config.head_learning_rate or rate),
    ):
        for matrices in (True, False):
            chosen = [p for p in parameters if p.requires_grad and (p.dim() > 1) == matrices]
            decay = config.weight_decay if matrices else 0.0
            if chosen:
                groups.append({"params": chosen, "base_lr": own_rate, "weight_decay": decay})
    device = next(head.parameters()).device.type
    options: dict[str, Any] = {
        "lr": rate,
        "betas": (0.9, config.adam_beta2),
        "fused": device in ("cpu", "cuda"),  # several times faster; others may lack it
    }
    if config.sparse_embeddings is True:
        return RowAdamW(groups, embeddings, **options)
    if device == "cpu" and is_plain(embeddings):
        add_in_place(embeddings)
    return torch.optim.AdamW(groups, **options)


def choose_sparse(backbone: Backbone, config: TrainConfig) -> bool:
    """Decide whether the table of embeddings is stepped row by row.

    Args:
        backbone: as it will be trained, frozen parts marked.
        config: gives `sparse_embeddings`; ``auto`` takes it where it is possible and gains, which
            is known of CPUs only.

    Raises:
        ConfigError: it is asked for and not possible.
    """
    table = get_table(backbone)
    if config.sparse_embeddings is False or not table.weight.requires_grad:
        return False
    gains = table.weight.device.type == "cpu" and table.weight.numel() >= _SMALL
    if config.sparse_embeddings == "auto" and not gains:
        return False
    if reason := _find_obstacle(backbone, config):
        if config.sparse_embeddings is True:
            raise ConfigError(f"sparse_embeddings: true given, but {reason}; take auto or false")
        _log.info("embeddings: AdamW steps over all %d rows: %s", table.num_embeddings, reason)
        return False
    _log.info("embeddings: AdamW steps over the rows in use, of %d", table.num_embeddings)
    return True


def clip_gradients(parameters: Sequence[nn.Parameter], most: float) -> Tensor:
    """Scale gradients, sparse ones among them, down to a norm.

    Args:
        parameters: all that are trained.
        most: largest norm of all gradients together; 0 leaves them.

    Returns:
        The norm before.
    """
    holders: list[Tensor] = []
    for parameter in parameters:
        holder: Tensor = parameter
        if parameter.grad is not None and parameter.grad.is_sparse:
            # Rows used by several slices come several times: their sum counts.
            parameter.grad = parameter.grad.coalesce()
            values = parameter.grad.values()
            holder = values.detach()
            holder.grad = values
        holders.append(holder)
    return torch.nn.utils.clip_grad_norm_(holders, most or math.inf)


def _find_obstacle(backbone: Backbone, config: TrainConfig) -> str:
    if config.mlm_weight > 0 and _reads_table(backbone):
        return "the MLM head is tied to them, so that every row has a gradient"
    if config.adam_beta2 < LEAST_BETA2:
        return f"adam_beta2 {config.adam_beta2} is below {LEAST_BETA2}"
    if not _gives_rows(get_table(backbone)):
        return "their lookups, which are the architecture's own, give no gradient by rows"
    return ""


def _gives_rows(table: nn.Embedding) -> bool:
    """Whether lookups give a sparse gradient if asked; a lookup of nothing tells."""
    before, table.sparse = table.sparse, True
    nothing = torch.zeros(0, dtype=torch.long, device=table.weight.device)
    try:
        return torch.autograd.grad(table(nothing).sum(), table.weight)[0].is_sparse
    except RuntimeError:  # torch can't, with scale_grad_by_freq
        return False
    finally:
        table.sparse = before


def _reads_table(backbone: Backbone) -> bool:
    """Whether the MLM head gives the table a gradient, however the architecture ties them."""
    if backbone.mlm_head is None:
        return False
    weight = get_table(backbone).weight
    logits = backbone.mlm_head(weight.new_zeros(1, backbone.hidden_size))
    found = torch.autograd.grad(logits.sum(), weight, allow_unused=True)
    return found[0] is not None
