"""The training loop."""

from __future__ import annotations

import json
import logging
import math
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from crosszero.align.gold import GOLD
from crosszero.errors import ConfigError, TrainingError
from crosszero.files import atomic_file, check_output
from crosszero.locks import lock_output
from crosszero.model.options import layer_number
from crosszero.model.saving import save_encoder
from crosszero.model.word_layers import find_alignment_layer
from crosszero.samples.gold import collect_gold, hash_texts, read_hashes, write_hashes
from crosszero.samples.store import SampleStore, collect
from crosszero.training.alignment_layer import choose_alignment_layer
from crosszero.training.checkpoint import load_checkpoint, remove_torn
from crosszero.training.checkpoint_saver import CheckpointSaver
from crosszero.training.feeder import Feeder, draw_step
from crosszero.training.gradients import compute_gradients
from crosszero.training.inputs import Inputs
from crosszero.training.metrics import METRICS, MetricsLog, read_metrics
from crosszero.training.model_card import write_card
from crosszero.training.optimizer import clip_gradients, find_reached, learning_rate_factor
from crosszero.training.ranks import join_ranks
from crosszero.training.run_folder import CHECKPOINTS, describe_batch, explain_disk, name_last
from crosszero.training.setup import TrainingRun, prepare_run
from crosszero.training.step import Compared, StepResult, describe
from crosszero.training.stream import Position
from crosszero.training.train_config import SETTINGS, TrainConfig, change_settings

_log = logging.getLogger("crosszero")


def train(
    encoder: str | Path,
    samples: str | Path | SampleStore | None = None,
    config: TrainConfig | None = None,
    *,
    out: str | Path,
    gold: Sequence[str | Path] = (),
    resume: bool = False,
    show_progress: bool = True,
    **settings: Any,
) -> Path:
    """Post-train an encoder on word positioned samples.

    Processes started by ``torchrun`` or ``accelerate launch`` share the work of each batch. They
    end with the weights of a single process; see docs/guides/scale.md.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        samples: a store that :func:`crosszero.prepare` wrote, or its folder.
        gold: train on links that people made instead: paths such as ``gold/de-en``, see
            :func:`crosszero.samples.gold.read_gold_samples`. They are kept in ``out/gold``, and
            word alignment is not measured on any of these sentences afterwards, neither with this
            encoder nor with what is trained from it.
        config: settings; by default the paper's.
        out: folder of the run. Afterwards ``AutoModel`` and ``SentenceTransformer`` load it; it
            also holds training.json, metrics.jsonl, the projection head and the checkpoints.
        resume: continue from the newest checkpoint in `out`. On a CPU the weights are bit for bit
            those of a run that was never interrupted on the same machine.
        show_progress: draw a progress bar, or log now and then if there is no terminal.
        settings: single settings of :class:`TrainConfig`, which override `config`.

    Returns:
        The folder `out`.

    Raises:
        ConfigError: a setting is unknown, out of range, or does not fit encoder or samples; or
            `out` is no place for a run.
        CheckpointError: encoder or checkpoint can't be loaded, or the run was started with other
            settings.
        DataError: the store can't be read.
        CrosszeroError: another process is writing to `out`, or it can't be written.
        TrainingError: the loss is not finite, or the disk can't take the checkpoints.
        PeerError: another process of the run failed, and reports why.

    Example:
        >>> import crosszero as cz
        >>> cz.train("crosszero-mini", "samples", out="run", loss="info-nce")   # doctest: +SKIP
        PosixPath('run')

    Source:
        docs/method.md; arXiv 2202.13083.
    """
    out, config = Path(out), change_settings(config or TrainConfig(), settings)
    ranks = join_ranks()
    with ranks.ending_together(), ExitStack() as stack:
        if samples is not None and not gold:
            store = samples if isinstance(samples, SampleStore) else SampleStore.open(samples)
        elif samples is None and gold:
            if config.level == "sentence":
                raise ConfigError(
                    "gold: level: sentence learns from no links; take level: split or multi, or "
                    "train on samples"
                )
            aside = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            store = collect_gold(gold, aside / GOLD)
        else:
            raise ConfigError("give either samples or gold to train on")
        check_output(out, inputs=[store.path], folder=True)
        if ranks.first:
            stack.enter_context(lock_output(out, inside=True))
        stack.enter_context(torch.random.fork_rng())  # the caller's random state stays
        torch.manual_seed(config.seed)
        run = prepare_run(encoder, store, config, out, resume=resume, ranks=ranks)
        if run.checkpoint and run.progress:
            vouched = bool(run.progress.files)
            trained = None if vouched else find_reached(run)
            load_checkpoint(run.checkpoint, run.modules, run.optimizer, run.progress, trained)
        if gold and ranks.first:
            collect(store, out / GOLD)
        if ranks.first:
            write_hashes(read_hashes(encoder) | hash_texts(store if gold else ()), out)
        _run_steps(run, show_progress=show_progress)
        if run.adapters:
            run.adapters.merge()
        if ranks.first:
            own, word = run.own_layers, run.config.layers.word
            usual = own.alignment_layer or find_alignment_layer(run.backbone)
            word_layer = layer_number(word)
            if word_layer is None and run.config.level == "sentence":  # which trains no words
                word_layer = own.word_layer
            _check_word_loss(run)
            card = write_card(run.backbone, store, run.config, steps=run.total, out=out)
            with explain_disk(run.out):
                save_encoder(
                    run.backbone,
                    out,
                    head=run.head,
                    card=card,
                    layer=layer_number(run.config.layers.sentence),
                    word_layer=word_layer,
                    alignment_layer=choose_alignment_layer(
                        run.backbone,
                        store,
                        usual=word if isinstance(word, int) else usual,
                        max_length=config.max_length,
                        seed=config.seed,
                    )
                    or own.alignment_layer,
                )
        ranks.wait()  # whoever goes on finds the model
    return out


def _check_word_loss(run: TrainingRun) -> None:
    """Warn of words that were to be trained and were not."""
    lines = read_metrics(run.out / METRICS)
    if run.config.level == "split" and all(line.get("word_loss") is None for line in lines):
        _log.warning(
            "words were not trained: no sentence pair had two word pairs with negatives; prepare "
            "samples with more words, or take level: sentence or multi"
        )


def _run_steps(run: TrainingRun, *, show_progress: bool) -> None:
    done = run.progress.step if run.progress else 0
    position = Position(*run.progress.position) if run.progress else Position()
    if run.ranks.first:
        remove_torn(run.out / CHECKPOINTS)
        with atomic_file(run.out / SETTINGS) as file:
            json.dump(run.settings, file, indent=2)
    refreshed = None
    if run.refresher:
        refreshed = run.refresher.refresh(run.stream.batches(position), run.given)
    feeder = Feeder(run, position, refreshed)
    with explain_disk(run.out), ExitStack() as stack:
        stack.callback(feeder.close)
        log, saver = None, None
        if run.ranks.first:
            saver = stack.enter_context(CheckpointSaver(run))
            log = MetricsLog(
                run.out,
                total=run.total,
                done=done,
                every=run.config.log_every,
                show_progress=show_progress,
            )
            stack.enter_context(log)
        for step in range(done, run.total):
            begun = time.perf_counter()
            inputs, position = feeder.take(step)
            line = _take_step(run, inputs, step)
            if log:
                log.add({**line, "seconds": round(time.perf_counter() - begun, 4)})
            if saver:
                saver.save(step + 1, position)


def _take_step(run: TrainingRun, inputs: Inputs, step: int) -> dict[str, Any]:
    config = run.config
    factor = learning_rate_factor(step, run.total, config)
    for group in run.optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    # Dropout differs between ranks, everything else is drawn alike on all of them.
    torch.manual_seed(draw_step(config, step)[0] + run.ranks.index)
    result = _add_gradients(run, inputs, parameters)
    norm = clip_gradients(parameters, config.max_grad_norm)
    found = _read(run, result, norm)
    _require_finite(run, found, step, inputs.origins)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return {
        "step": step + 1,
        **found,
        "learning_rate": config.learning_rate * factor,
        "texts": inputs.texts,
        "tokens": inputs.tokens,
        "samples": len(inputs.left),
        "cut_samples": inputs.cut,
    }


def _read(run: TrainingRun, result: StepResult, norm: Tensor) -> dict[str, float | None]:
    """Numbers of a step for its line of metrics, in one read: each would wait for the GPU."""
    values: dict[str, Tensor | None] = {
        "loss": result.loss,
        "contrastive_loss": result.contrast.loss,
        "mlm_loss": result.mlm,
        "accuracy": result.contrast.accuracy,
        "gap": result.contrast.gap,
    }
    if run.config.level == "split":
        words = result.words
        values["word_loss"] = None if words is None else words.loss
        values["word_accuracy"] = None if words is None else words.accuracy
    if run.start:
        values["drift"] = result.drift
    values["grad_norm"] = norm
    known = {name: value.detach() for name, value in values.items() if value is not None}
    numbers = torch.stack([value.to(result.loss) for value in known.values()]).tolist()
    return dict.fromkeys(values) | dict(zip(known, numbers, strict=True))


def _add_gradients(
    run: TrainingRun, inputs: Inputs, parameters: Sequence[nn.Parameter]
) -> StepResult:
    """Back-propagate a batch; the result and the gradients are those of all ranks together."""
    result = compute_gradients(run, inputs)
    if run.ranks.count == 1:
        return result
    compared = Compared(result.contrast, result.words).detach()
    like = compared.contrast.loss
    mlm = like.new_zeros(()) if result.mlm is None else result.mlm.detach().to(like)
    own = torch.stack([mlm, result.drift.detach().to(like)])
    mlm, drift = run.ranks.add_gradients(parameters, own).to(like)
    return describe(compared, None if result.mlm is None else mlm, drift, run.config)


def _require_finite(
    run: TrainingRun, found: dict[str, float | None], step: int, origins: list[str]
) -> None:
    names = {"loss": "loss", "grad_norm": "norm of the gradient"}
    bad = next((n for n in names if not math.isfinite(found[n] or 0.0)), None)
    if bad is None:
        return
    where = describe_batch(run.out, step + 1, origins, write=run.ranks.first)
    raise TrainingError(
        f"step {step + 1}: the {names[bad]} is {found[bad]}; {where}; {name_last(run.out)}; "
        "nothing was saved. Start a new --out with a lower learning_rate, a higher temperature or "
        "precision: fp32"
    )
