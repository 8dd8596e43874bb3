"""LoRA: training small adapters beside the encoder's matrices, merged at the end.

Trained are the adapters and the projection head. The MLM head keeps its pretrained weights: its
loss still reaches the adapters, and training it would bring back the largest tensor of a
multilingual encoder, the token embeddings that it is tied to. ``peft`` puts the adapters in and
merges them; what is saved is a plain model folder.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from torch import nn

from crosszero.errors import ConfigError, MissingExtraError, suggest
from crosszero.model.backbone import Backbone
from crosszero.training.train_config import LoraConfig

_log = logging.getLogger("crosszero")


class Adapters:
    """LoRA adapters inside an encoder; only they require a gradient afterwards.

    Raises:
        ConfigError: the encoder has no layer of a name in the targets of `config`.
        MissingExtraError: ``peft`` is not installed.

    Example:
        >>> adapters = Adapters(backbone, LoraConfig(rank=8))        # doctest: +SKIP
        >>> adapters.merge()                                        # doctest: +SKIP

    Source:
        Hu et al. 2021, arXiv 2106.09685, section 4.1.
    """

    def __init__(self, backbone: Backbone, config: LoraConfig) -> None:
        try:
            import peft
        except ImportError as error:
            raise MissingExtraError("peft", "peft", "lora") from error
        names = choose_targets(backbone, config.targets)
        self._backbone = backbone
        options = peft.LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=names,
        )
        self._tuner: Any = peft.LoraModel(backbone.model, options, "crosszero")
        for name, parameter in backbone.model.named_parameters():
            parameter.requires_grad_("lora_" in name)
        trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
        _log.info("LoRA: %d adapters, %d trainable parameters", len(names), trained)

    def merge(self) -> None:
        """Add the adapters to the weights they stand beside, and take them out."""
        config = self._backbone.model.config
        tied = config.tie_word_embeddings
        with warnings.catch_warnings():
            # peft takes DeBERTa-v2's head, which ties itself in its own way, for an untied one.
            warnings.filterwarnings("ignore", message="Input and output embeddings are no longer")
            self._tuner.merge_and_unload()
        config.tie_word_embeddings = tied


def choose_targets(backbone: Backbone, wanted: tuple[str, ...] = ()) -> list[str]:
    """Full names of the linear layers that get an adapter.

    `wanted` are last parts of names, such as ``query``; empty takes all linear layers of the
    transformer's layers (not those of poolers and heads). ConfigError if there is none.
    """
    stacks = [
        (name, module)
        for name, module in backbone.base.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == backbone.layers
    ]
    prefix = "" if backbone.base is backbone.model else backbone.model.base_model_prefix + "."
    found = [
        f"{prefix}{stack}.{name}"
        for stack, modules in stacks
        for name, module in modules.named_modules()
        if isinstance(module, nn.Linear)
    ]
    if not found:
        raise ConfigError(f"lora: no linear layers found in {backbone.name}")
    known = {name.rpartition(".")[2] for name in found}
    for name in wanted:
        if name not in known:
            raise ConfigError(f"lora: targets: {name!r} given; {suggest(name, known)}")
    return [name for name in found if not wanted or name.rpartition(".")[2] in wanted]
