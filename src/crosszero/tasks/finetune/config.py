"""The settings of fine-tuning. The defaults are XTREME's for mBERT (docs/xtreme.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from crosszero.config import check_finite, require, require_seed
from crosszero.errors import ConfigError, suggest
from crosszero.model.options import Precision

Robust = Literal["none", "synonyms", "adversarial", "smoothing", "ear"]


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig:
    """Settings of one fine-tuning. Radii are shares of the mean length of token embeddings.

    Attributes:
        learning_rate: highest learning rate of AdamW; XTREME uses 3e-5 for XLM-R large on XNLI.
        epochs: passes over the examples, if `steps` is 0.
        steps: number of optimiser steps; 0 uses `epochs`.
        batch_size: examples of one optimiser step; for tagging, sentences or parts of long ones.
        max_length: longest example in tokens, special tokens included. Pairs are truncated, longest
            side first; sentences to tag are split.
        eval_every: steps between scores on the development set; the best model is kept. The final
            model is always scored.
        adam_epsilon: of AdamW.
        weight_decay: of AdamW.
        warmup: fraction of the run over which the learning rate rises from 0; then it falls to 0.
        max_grad_norm: gradients are clipped to this norm; 0 turns clipping off.
        freeze_embeddings: leave the embeddings of tokens as they are. They are most of the weights
            of a multilingual encoder, and few of their rows occur in English: a step takes less
            time and memory, and the rows of other languages stay beside those of English.
        precision: number format of the forward pass, in training and on the development set; what
            is tested is computed in fp32. bf16 is faster on some machines only; ``auto`` tries both
            and takes bf16 where it is.
        mini_batch_num_tokens: padded tokens in one forward pass; a batch is cut into mini-batches
            of similar length. Larger is faster on a GPU; apart from dropout the losses do not
            change.
        seed: of every random choice.
        robust: how classification is made robust to shifted embeddings, such as those of other
            languages: ``none`` (XTREME), ``synonyms``, ``adversarial``, ``smoothing`` or
            ``ear``.
        synonyms: JSON file of words and their synonyms, which ``synonyms`` and ``ear`` need.
        copies: with other words of each training pair, for ``synonyms`` and ``ear``; an epoch goes
            over all of them. The papers take 3 for XNLI and 10 for PAWS-X.
        adversarial_radius: of the ball around each sub-token's embedding that is searched.
        adversarial_steps: of projected gradient ascent; each costs a forward and a backward pass.
        adversarial_step_size: length of one, as a share of the radius.
        smoothing_radius: of the ball around each sub-token's embedding that noise is drawn from.
        ear_embedding_weight: weight of the embedding-push; with `freeze_embeddings` there is little
            that it can move.
        ear_attention_weight: weight of the attention-pull.
        ear_layer: whose attention is pulled, from 1; by default the middle one.

    Raises:
        ConfigError: a value is out of range.

    Example:
        >>> FineTuneConfig(steps=500).batch_size
        32
    """

    OLD_NAMES: ClassVar = {
        "slice_tokens": "it is now called 'mini_batch_num_tokens'",
        "ear_radius": "EAR takes synonyms now, as its authors do: name their file in 'synonyms'",
        "ear_steps": "EAR takes synonyms now, as its authors do: name their file in 'synonyms'",
        "ear_target_weight": "the target counts 1, as its authors have it",
    }

    learning_rate: float = 2e-5
    epochs: float = 5.0
    steps: int = 0
    batch_size: int = 32
    max_length: int = 128
    eval_every: int = 100
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    warmup: float = 0.0
    max_grad_norm: float = 1.0
    freeze_embeddings: bool = False
    precision: Precision = "fp32"
    mini_batch_num_tokens: int = 4096
    seed: int = 42
    robust: Robust = "none"
    synonyms: str = ""
    copies: int = 3
    adversarial_radius: float = 0.1
    adversarial_steps: int = 3
    adversarial_step_size: float = 0.5
    smoothing_radius: float = 0.5
    ear_embedding_weight: float = 0.1
    ear_attention_weight: float = 1.0
    ear_layer: int | None = None

    def __post_init__(self) -> None:
        positive = (
            "learning_rate", "batch_size", "max_length", "eval_every", "adam_epsilon",
            "mini_batch_num_tokens", "adversarial_steps", "adversarial_step_size", "copies",
        )  # fmt: skip
        natural = (
            "epochs", "steps", "weight_decay", "max_grad_norm", "adversarial_radius",
            "smoothing_radius", "ear_embedding_weight", "ear_attention_weight",
        )  # fmt: skip
        check_finite(self, positive=positive, natural=natural)
        require("epochs", self.epochs, self.steps > 0 or self.epochs > 0, "above 0 without steps")
        require("warmup", self.warmup, 0 <= self.warmup < 1, "at least 0 and below 1")
        require_seed(self.seed)
        for name, allowed in (("robust", get_args(Robust)), ("precision", get_args(Precision))):
            value = getattr(self, name)
            if value not in allowed:
                raise ConfigError(f"{name}: {value!r} given; {suggest(str(value), allowed)}")
        layer = self.ear_layer
        require("ear_layer", layer, layer is None or layer > 0, "1 or more")
        if self.robust in ("synonyms", "ear") and not self.synonyms:
            raise ConfigError(
                f"synonyms: robust: {self.robust} needs a JSON file of words and their synonyms, "
                'such as {"good": ["fine", "great"]}'
            )
