"""Transformer layers compiled by torch: fewer, larger kernels, where a device waits for small ones.

All layers are alike, so one graph serves them all, with texts of any number and length. Compiling
takes some ten seconds in each process.
"""

from __future__ import annotations

from torch import nn

from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone


def compile_layers(backbone: Backbone, backend: str = "inductor") -> None:
    """Let the layers of an encoder be compiled when they next run.

    Args:
        backbone: its weights and their names stay as they are.
        backend: of ``torch.compile``.

    Raises:
        ConfigError: its layers can't be told.
    """
    layers = backbone.blocks
    if layers is None:
        raise ConfigError(
            f"compile: true given, but the layers of {backbone.name} can't be told from the rest; "
            "leave compile out"
        )
    for layer in layers:
        _drop_hooks(layer)
        layer.compile(dynamic=True, backend=backend)


def _drop_hooks(layer: nn.Module) -> None:
    """Let the parts of a layer hand nothing to transformers, which would cut the graph in two.

    Attention weights are what it collects there; nobody asks for them.
    """
    for part in layer.modules():
        if part is not layer:
            for number, hook in list(part._forward_hooks.items()):
                if hook.__module__.startswith("transformers."):
                    del part._forward_hooks[number]
