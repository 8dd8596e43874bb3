"""The settings of training. The defaults are the paper's recipe (docs/method.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from crosszero.config import build, check_finite, read_json, require, require_seed, to_dict
from crosszero.model.options import HeadStart, LayerName, Level, LossName, Precision

SETTINGS = "training.json"  # in the folder of a run
Schedule = Literal["constant", "linear", "cosine", "multistep"]
Switch = Literal["auto"] | bool


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Adapters that are trained instead of the encoder and merged into it at the end.

    Attributes:
        rank: width of an adapter; raise it for large data.
        alpha: the adapter's output is scaled by alpha / rank.
        dropout: before an adapter, in training.
        targets: names of the linear layers that get one, such as query; all by default.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require("rank", self.rank, self.rank >= 1, "1 or more")
        require("alpha", self.alpha, self.alpha >= 1, "1 or more")
        require("dropout", self.dropout, 0 <= self.dropout < 1, "at least 0 and below 1")


@dataclass(frozen=True, kw_only=True)
class LayersConfig:
    """Layers that the vectors of sentences and of words are read from, in training and afterwards.

    Attributes:
        sentence: ``first-last`` (paper: their sum), ``last``, or the number of a layer from 1.
        word: the same for words. They are aligned best by a layer in the middle, such as 7 of 12.
    """

    sentence: LayerName | int = "first-last"
    word: LayerName | int = "first-last"

    def __post_init__(self) -> None:
        for name, layer in (("sentence", self.sentence), ("word", self.word)):
            natural = not isinstance(layer, int) or layer >= 1
            require(f"layers.{name}", layer, natural, "first-last, last, or a layer from 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of one training run.

    Attributes:
        loss: ``cz-nce`` (paper) or ``info-nce``.
        level: ``multi`` contrasts [sentence ; word] (paper), ``sentence`` the sentence alone;
            ``split`` contrasts sentences with those of the batch and, beside it, words with the
            other words of their own sentence pair, without a projection head.
        layers: which layers sentences and words are read from.
        word_weight: weight of the words' loss with level ``split``.
        anchor_weight: weight of the squared distance between the vectors of the sentences and those
            that the encoder gave them before training; above 0, it keeps what the encoder can do.
        head_start: how the projection head starts: ``random`` (paper) or as the ``identity``, with
            which the encoder itself learns more. A head of this level that stands beside the
            encoder goes on as it is.
        temperature: divides cosines; lower it when the nearest negatives matter most.
        mlm_weight: alpha, the weight of masked language modelling; 0 turns it off.
        mlm_probability: share of tokens to predict.
        mask_contrastive_input: true lets one pass serve both losses (paper); false adds a second
            pass over the unmasked text.
        batch_size: distinct meanings in a batch: sentence pairs, or multi-way lines with all their
            languages. Their number sets the pool of negatives; mini-batches do not change it.
        words_per_sentence: word pairs used per sentence pair; they share its encoding. With level
            ``split``, where they are each other's negatives, 2 or more.
        pairs_per_group: language pairs used per multi-way line; 0 uses all.
        max_length: longest sentence in tokens; longer ones are truncated.
        steps: number of optimiser steps; 0 uses `epochs`.
        epochs: passes over the samples, if `steps` is 0.
        learning_rate: highest learning rate of AdamW.
        head_learning_rate: that of the projection head, which is new; 0 uses `learning_rate`.
        embedding_learning_rate: that of the token embeddings, of which a batch uses few rows; a
            small encoder gains from a higher rate. 0 uses `learning_rate`.
        schedule: how the learning rate changes after warm-up.
        milestones: fractions of the run after which ``multistep`` multiplies the rate by `decay`.
        decay: factor of ``multistep``.
        warmup: fraction of the run over which the learning rate rises from 0.
        weight_decay: of AdamW, on matrices only.
        adam_beta2: how slowly AdamW forgets the size of past gradients. 0.98 is better for a run of
            a few hundred steps: with 0.999 an early spike of the loss dampens the whole run.
        max_grad_norm: gradients are clipped to this norm; 0 turns clipping off.
        precision: ``auto`` measures which is fastest on this machine.
        compile: compile the encoder's layers first, which takes seconds on a GPU (8 s on an H200)
            and minutes on a CPU; for long runs with large batches on a GPU.
        freeze_embeddings: keep the token embeddings fixed, which saves their gradient and both
            their moments; the bias and layers of an MLM head tied to them still train.
        lora: train adapters instead of the encoder's own weights (extra ``peft``); they need a
            learning_rate near 2e-4.
        pack: put several texts into one row instead of padding; ``auto`` does so on a GPU with
            bf16, where it is faster.
        mini_batch_num_tokens: padded tokens in one forward pass; a batch is cut into mini-batches
            of similar length. ``auto`` takes 4,096 on a CPU, and on a GPU up to 65,536, as its
            memory allows. Apart from dropout the losses do not change.
        num_workers: processes that make batches ahead of the step, with the same results; ``auto``
            takes up to 16 where there is a GPU to feed, and none on a CPU.
        gradient_cache: hold one mini-batch in memory instead of the whole batch, for a third more
            computation. The gradients are the same. Use it when a batch does not fit into memory.
        refresh_words_every: steps after which the encoder in training finds the word pairs again; 0
            keeps those of the store, as it must where people made them.
        refresh_layer: layer for that; 0 takes that of ``layers.word``, or the one that words are
            best linked by.
        seed: of every random choice.
        checkpoint_every: steps between checkpoints; 0 goes by minutes alone.
        checkpoint_minutes: minutes between checkpoints; with 0 here, too, only the end is saved.
        keep_checkpoints: how many of the newest checkpoints to keep.
        log_every: steps between lines of metrics.jsonl.
    """

    OLD_NAMES: ClassVar = {
        "slice_tokens": "it is now called 'mini_batch_num_tokens'",
        "sparse_embeddings": "it was removed, leave it out: AdamW updates all rows",
    }

    loss: LossName = "cz-nce"
    level: Level = "multi"
    layers: LayersConfig = field(default_factory=LayersConfig)
    word_weight: float = 1.0
    anchor_weight: float = 0.0
    head_start: HeadStart = "random"
    temperature: float = 0.07
    mlm_weight: float = 0.1
    mlm_probability: float = 0.15
    mask_contrastive_input: bool = True
    batch_size: int = 64
    words_per_sentence: int = 1
    pairs_per_group: int = 0
    max_length: int = 128
    steps: int = 0
    epochs: float = 1.0
    learning_rate: float = 2e-6
    head_learning_rate: float = 0.0
    embedding_learning_rate: float = 0.0
    schedule: Schedule = "multistep"
    milestones: tuple[float, ...] = (2 / 6, 4 / 6, 5 / 6)
    decay: float = 0.1
    warmup: float = 0.0
    weight_decay: float = 0.0
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0
    precision: Precision = "auto"
    compile: bool = False
    freeze_embeddings: bool = False
    lora: LoraConfig | None = None
    pack: Switch = "auto"
    mini_batch_num_tokens: Literal["auto"] | int = "auto"
    num_workers: Literal["auto"] | int = "auto"
    gradient_cache: bool = False
    refresh_words_every: int = 0
    refresh_layer: int = 0
    seed: int = 1
    checkpoint_every: int = 0
    checkpoint_minutes: float = 10.0
    keep_checkpoints: int = 2
    log_every: int = 10

    def __post_init__(self) -> None:
        positive = (
            "temperature", "learning_rate", "decay", "max_length", "words_per_sentence",
            "keep_checkpoints", "log_every",
        )  # fmt: skip
        natural = (
            "mlm_weight", "steps", "epochs", "head_learning_rate", "embedding_learning_rate",
            "weight_decay", "max_grad_norm", "pairs_per_group", "refresh_words_every",
            "refresh_layer", "checkpoint_every", "checkpoint_minutes", "word_weight",
            "anchor_weight",
        )  # fmt: skip
        check_finite(self, positive=positive, natural=natural)
        require("batch_size", self.batch_size, self.batch_size >= 2, "2 or more, for negatives")
        for name, least in (("mini_batch_num_tokens", 1), ("num_workers", 0)):
            value = getattr(self, name)
            require(name, value, value == "auto" or value >= least, f"auto, or {least} or more")
        share = "between 0 and 1"
        require("decay", self.decay, self.decay <= 1, "at most 1")
        require_seed(self.seed)
        level = not (self.refresh_words_every and self.level == "sentence")
        require("refresh_words_every", self.refresh_words_every, level, "0 with level: sentence")
        require("mlm_probability", self.mlm_probability, 0 < self.mlm_probability < 1, share)
        require("adam_beta2", self.adam_beta2, 0 < self.adam_beta2 < 1, share)
        require("warmup", self.warmup, 0 <= self.warmup < 1, "at least 0 and below 1")
        ordered = tuple(sorted(self.milestones)) == tuple(self.milestones)
        inside = all(0 < m < 1 for m in self.milestones)
        require("milestones", self.milestones, ordered and inside, f"rising and {share}")
        _check_words(self)
        require("epochs", self.epochs, self.steps > 0 or self.epochs > 0, "above 0 without steps")


def _check_words(config: TrainConfig) -> None:
    """With level ``split`` a word is contrasted with the other words of its own sentence pair."""
    words = config.words_per_sentence
    enough = config.level != "split" or words >= 2
    require("words_per_sentence", words, enough, "2 or more with level: split")


def list_unread(config: TrainConfig) -> list[str]:
    """List settings that were changed although nothing reads them, and why.

    Example:
        >>> list_unread(TrainConfig(refresh_layer=7))
        ['refresh_layer: nothing reads it without refresh_words_every']
    """
    reasons = {
        "word_weight": "" if config.level == "split" else f"with level: {config.level}",
        "head_learning_rate": "with level: split" if config.level == "split" else "",
        "head_start": "with level: split" if config.level == "split" else "",
        "embedding_learning_rate": "with freeze_embeddings" if config.freeze_embeddings else "",
        "milestones": "" if config.schedule == "multistep" else f"with schedule: {config.schedule}",
        "decay": "" if config.schedule == "multistep" else f"with schedule: {config.schedule}",
        "mlm_probability": "" if config.mlm_weight else "without mlm_weight",
        "mask_contrastive_input": "" if config.mlm_weight else "without mlm_weight",
        "epochs": "with steps" if config.steps else "",
        "refresh_layer": "" if config.refresh_words_every else "without refresh_words_every",
    }
    usual = TrainConfig(level=config.level, words_per_sentence=config.words_per_sentence)
    return [
        f"{name}: nothing reads it {why}"
        for name, why in reasons.items()
        if why and getattr(config, name) != getattr(usual, name)
    ]


def change_settings(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Replace single settings; ConfigError if one is unknown, of the wrong type or out of range."""
    plain = {name: to_dict(v) if is_dataclass(v) else v for name, v in changes.items()}
    return build(TrainConfig, to_dict(config) | plain)


def read_settings(run: str | Path) -> dict[str, Any]:
    """Read the settings of a run, by the names of today; DataError if they are damaged."""
    return update_names(read_json(Path(run) / SETTINGS, dict[str, Any]))


def update_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings that an older version wrote the names of today.

    Example:
        >>> update_names({"slice_tokens": 1024, "sparse_embeddings": False})
        {'mini_batch_num_tokens': 1024}
    """
    names = {"slice_tokens": "mini_batch_num_tokens"}
    gone = set() if settings.get("sparse_embeddings") is True else {"sparse_embeddings"}
    return {names.get(name, name): value for name, value in settings.items() if name not in gone}
