"""Parts of an encoder that a training leaves as they are."""

from __future__ import annotations

import hashlib
from typing import cast

import torch
from torch import nn

from crosszero.model.backbone import Backbone


def get_table(backbone: Backbone) -> nn.Embedding:
    """The table of token embeddings."""
    return cast(nn.Embedding, backbone.base.get_input_embeddings())


def freeze_table(backbone: Backbone) -> None:
    """Leave the table of token embeddings, and an output layer tied to it, as it is."""
    get_table(backbone).weight.requires_grad_(False)


def hash_frozen(backbone: Backbone) -> str | None:
    """Fingerprint of the frozen weights, which checkpoints leave out; ``None`` without any."""
    frozen = [(n, p) for n, p in backbone.model.named_parameters() if not p.requires_grad]
    if not frozen:
        return None
    found = hashlib.blake2b(digest_size=16)
    for name, parameter in frozen:
        found.update(f"{name} {tuple(parameter.shape)}".encode())
        content = parameter.detach().cpu().contiguous().reshape(-1)
        found.update(content.view(torch.uint8).numpy().data)
    return found.hexdigest()
