"""Everything that is checked and made before the first step, so that errors come early."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from crosszero.config import to_dict
from crosszero.errors import CheckpointError, ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.compiling import compile_layers
from crosszero.model.hashing import hash_encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.loading import find_file
from crosszero.model.options import layer_number
from crosszero.model.parts import PROJECTION
from crosszero.model.saving import load_head, read_head_level
from crosszero.model.word_layers import OwnLayers, read_own_layers
from crosszero.samples.store import SampleStore
from crosszero.training.adapters import Adapters
from crosszero.training.auto_settings import DECIDED, decide
from crosszero.training.checkpoint import hash_frozen, list_checkpoints
from crosszero.training.learner import Learner, StartEncoder
from crosszero.training.optimizer import make_optimizer
from crosszero.training.progress import ENCODER_HASH, Progress, check_position, read_progress
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.refresh import WordRefresher
from crosszero.training.run_folder import CHECKPOINTS, check_disk, check_folder
from crosszero.training.stream import SampleStream
from crosszero.training.train_config import TrainConfig

_FREE_TO_CHANGE = (
    "keep_checkpoints", "log_every", "checkpoint_every", "checkpoint_minutes", "gradient_cache",
    "num_workers", "compile", *DECIDED,
)  # fmt: skip
_log = logging.getLogger("crosszero")


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Learner):
    """All parts of a training, ready for the first step.

    Attributes:
        settings: what must not change when the run is resumed.
        total: number of steps.
        checkpoint, progress: to go on from, or ``None``.
        given: batches of the stream that were used until then.
        own_layers: by which the encoder's folder said that words are linked and read.
    """

    optimizer: torch.optim.Optimizer
    stream: SampleStream
    refresher: WordRefresher | None
    adapters: Adapters | None
    settings: dict[str, Any]
    total: int
    out: Path
    progress: Progress | None
    given: int
    own_layers: OwnLayers
    checkpoint: Path | None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds the weights of."""
        return {"encoder": self.backbone.model, "head": self.head}


def prepare_run(
    name: str | Path,
    store: SampleStore,
    config: TrainConfig,
    out: Path,
    *,
    resume: bool,
    ranks: Ranks = ALONE,
) -> TrainingRun:
    """Check settings, encoder, samples, folder and disk, and make the parts.

    Arguments and errors are those of :func:`crosszero.train`.
    """
    if ranks.first:
        check_folder(out, resume=resume)
    device = Accelerator().device
    backbone = _load_backbone(name, config)
    backbone.check_length(config.max_length)
    for part, layer in (("sentence", config.layers.sentence), ("word", config.layers.word)):
        if isinstance(layer, int):
            backbone.check_layer(layer, f"layers.{part}")
    own_layers = read_own_layers(name, backbone)
    head = _make_head(name, backbone, config)
    backbone.to(device).train()
    if config.freeze_embeddings:
        backbone.table.weight.requires_grad_(False)  # and that of an output layer tied to it
    start = None
    if config.anchor_weight > 0:
        start = StartEncoder(backbone, layer_number(config.layers.sentence))
    adapters = Adapters(backbone, config.lora) if config.lora else None
    backbone.to(device).train()
    head.to(device).train()
    if ranks.first:
        check_disk(out, backbone, head, config)
    stream = SampleStream(
        store=store, batch_size=config.batch_size, level=config.level, seed=config.seed
    )
    settings = {k: v for k, v in to_dict(config).items() if k not in _FREE_TO_CHANGE}
    settings |= {"encoder": str(name), ENCODER_HASH: hash_encoder(name)}
    settings |= {"samples": store.fingerprint}
    settings |= {"frozen": hash_frozen(backbone)}
    _require_same(settings, backbone, head, ranks)
    found = list_checkpoints(out / CHECKPOINTS) if resume and ranks.first else []
    checkpoint = ranks.share(found[-1] if found else None)
    progress = _read_progress(checkpoint, settings, ranks) if checkpoint else None
    if resume and not checkpoint:
        _log.info("no checkpoint in %s: starting from the beginning", out)
    config = decide(backbone, config, progress, ranks)
    decided = {name: getattr(config, name) for name in DECIDED}
    if config.compile:
        compile_layers(backbone)
    batches = stream.count_batches()
    if not batches:
        next(stream.batches())  # raises, and says why there is no batch
    total = config.steps or math.ceil(config.epochs * batches)
    given = check_position(checkpoint, progress, stream, total) if checkpoint and progress else 0
    refresher = None
    if config.refresh_words_every:
        refresher = WordRefresher(backbone, config, store, out, total, ranks)
    return TrainingRun(
        backbone=backbone, head=head, optimizer=make_optimizer(backbone, head, config),
        ranks=ranks, config=config, stream=stream, refresher=refresher,
        adapters=adapters, start=start,
        settings=settings | decided | {"processes": ranks.count}, total=total, out=out,
        progress=progress, given=given, checkpoint=checkpoint, own_layers=own_layers,
    )  # fmt: skip


def _load_backbone(name: str | Path, config: TrainConfig) -> Backbone:
    """With its MLM head if it has one, so that a later training finds it in the saved folder."""
    backbone = Backbone.load(name, mlm=True)
    if backbone.mlm_head is not None and backbone.tokenizer.mask_token_id is not None:
        return backbone
    if config.mlm_weight > 0:
        raise ConfigError(
            f"{name} has no pretrained head for masked language modelling, or no mask token: "
            "set mlm_weight: 0"
        )
    return Backbone.load(name, mlm=False)


def _make_head(name: str | Path, backbone: Backbone, config: TrainConfig) -> ProjectionHead:
    """The head that was saved beside the encoder if it is of this level, else a new one."""
    head = ProjectionHead(backbone.hidden_size, config.level, config.head_start)
    path = find_file(name, PROJECTION) if head.state_dict() else None
    if path is None:
        return head
    level = read_head_level(path.parent)
    if level in (None, config.level):
        load_head(path.parent, head)
        how = "" if config.head_start == "random" else "; head_start is for a new one"
        _log.info("continuing with the projection head of %s%s", name, how)
    else:
        _log.info("%s: its projection head is of level %s; a new one is trained", name, level)
    return head


def _require_same(
    settings: dict[str, Any], backbone: Backbone, head: ProjectionHead, ranks: Ranks
) -> None:
    """Processes that start from different things would drift apart in silence."""
    if ranks.count == 1:
        return
    weights = [float(p.detach().double().sum()) for m in (backbone, head) for p in m.parameters()]
    mine = settings | {"weights": weights}
    theirs = ranks.share(mine)
    other = [name for name in mine if mine[name] != theirs.get(name)]
    if other:
        raise ConfigError(
            f"process {ranks.index} of {ranks.count} has different {', '.join(other)} than "
            "process 0; start all with the same encoder, samples and settings"
        )


def _read_progress(checkpoint: Path, settings: dict[str, Any], ranks: Ranks) -> Progress:
    if not checkpoint.is_dir():
        raise CheckpointError(
            f"{checkpoint}: process {ranks.index} does not see this folder of process 0; to "
            "continue a run all processes need a shared file system"
        )
    progress = read_progress(checkpoint, settings)
    before = progress.settings.get("processes", 1)
    if before != ranks.count and ranks.first:
        _log.warning(
            "the run was started with %s processes and continues with %d: samples and masks stay "
            "the same, but dropout and the last digits differ",
            before,
            ranks.count,
        )
    return progress
