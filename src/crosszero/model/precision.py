"""Which number format is faster on this machine, and encoders that read in 16 bits.

bf16 takes half the time of fp32 on GPUs since 2020 and on processors with instructions for it; on
others it is several times slower. On a processor it is therefore measured, once: what was found is
kept in the user's cache folder, so that two runs decide alike.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import platform
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor, nn

from crosszero.config import read_json
from crosszero.errors import CheckpointError, ConfigError, CrosszeroError, DataError, suggest
from crosszero.files import atomic_file
from crosszero.model.backbone import Backbone
from crosszero.model.options import Precision
from crosszero.model.threads import run_in_threads

_GAIN = 1.1  # bf16 has fewer digits: it must be worth it
_ROWS, _WIDTH, _PASSES = 64, 32, 2  # 4,096 tokens, or as many for each thread
_ROUNDS, _SECONDS = 3, 10.0  # at most so many rounds, and none is begun after so long
_SMALL = 16_000_000  # weights of the layers; an encoder with fewer is fast in any format
_HARM = 0.05  # distance from what fp32 gives, against that of tokens from their mean
_INSTRUCTIONS = re.compile(r"\b(?:amx_bf16|avx512_bf16|bf16)\b")
_log = logging.getLogger("crosszero")


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """Context in which the forward pass of a training runs."""
    if precision == "bf16":
        return torch.autocast(device_type=device.type, dtype=torch.bfloat16)
    return nullcontext()


def choose_precision(backbone: Backbone, wanted: Precision) -> Precision:
    """Decide ``auto`` for training: bf16 where a pass and its gradients take 1.1 times less."""
    if wanted != "auto":
        return wanted

    def measure() -> float:
        with torch.random.fork_rng(devices=[]):  # of dropout
            ratio = _compare(partial(_train, backbone, "fp32"), partial(_train, backbone, "bf16"))
        backbone.zero_grad(set_to_none=True)
        return ratio

    return "bf16" if _is_faster(backbone, "training", measure) else "fp32"


def choose_reading_precision(backbone: Backbone, wanted: Precision) -> Precision:
    """Decide ``auto`` for reading texts: bf16 where that is faster and harmless.

    That is on a GPU with bf16 or on a processor where it is measured to be 1.1 times as fast, of an
    encoder whose hidden states stay within 5 % of what fp32 gives, and that is not so small that
    nobody waits for it. ConfigError if there is no such format.
    """
    if wanted not in get_args(Precision):
        raise ConfigError(f"precision: {wanted!r} given; {suggest(wanted, get_args(Precision))}")
    if wanted != "auto":
        return wanted
    weights = sum(p.numel() for p in backbone.base.parameters()) - backbone.table.weight.numel()
    if weights < _SMALL or not _is_faster(backbone, "reading", lambda: _compare_reading(backbone)):
        return "fp32"
    if (harm := measure_harm(backbone)) > _HARM:
        _log.info("%s is read in fp32: in bf16 it is %.0f %% off", backbone.name, 100 * harm)
        return "fp32"
    return "bf16"


class CopyInBf16:
    """A copy of an encoder with weights in bf16, for reading alone, made when it is first used."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._state: object = None
        self._copy = backbone

    def fresh(self) -> Backbone:
        """Give the copy, made again if the encoder was trained or moved since."""
        weights = list(self._backbone.parameters())
        if (state := (weights[0].device, sum(p._version for p in weights))) != self._state:
            self._state, self._copy = state, copy_in_bf16(self._backbone)
        return self._copy


def copy_in_bf16(backbone: Backbone) -> Backbone:
    """Copy an encoder with weights in bf16; buffers keep their digits."""
    cast = {
        id(p): nn.Parameter(p.detach().to(torch.bfloat16), requires_grad=False)
        for p in backbone.parameters()
    }
    return copy.deepcopy(backbone, {**cast, id(backbone.tokenizer): backbone.tokenizer})


def measure_harm(backbone: Backbone) -> float:
    """How far bf16 is off: the distance from fp32 of a token's last hidden state, relative to its
    distance from the mean, on the average of 128 random tokens; infinite if it can't be run."""
    ids, mask = _draw_tokens(backbone, 4)
    found = []
    try:
        for reader in (backbone, copy_in_bf16(backbone)):
            with torch.no_grad(), reader.evaluating(), reader.reading([-1]) as read:
                found.append(read(ids, mask)[0].flatten(0, 1).float())
    except CheckpointError:
        return math.inf
    right, other = found
    off = (other - right).norm(dim=1).mean() / (right - right.mean(dim=0)).norm(dim=1).mean()
    return float(off) if bool(off.isfinite()) else math.inf


def _is_faster(backbone: Backbone, work: str, measure: Callable[[], float]) -> bool:
    device = backbone.device
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    cpu, has_bf16 = read_cpu()
    if device.type == "cpu" and not has_bf16:
        return False
    weights = sum(p.numel() for p in backbone.base.parameters())
    shape = f"{type(backbone.base).__name__} {backbone.layers} x {backbone.hidden_size}, {weights}"
    threads = f"{torch.get_num_threads()} threads"
    key = "; ".join((cpu, device.type, f"torch {torch.__version__}", threads, shape, work))
    ratio = _read_known().get(key, 0.0)
    if not ratio > 0:
        _log.info("trying once whether bf16 is faster here")
        ratio = measure()
        _remember(key, ratio)
    return ratio >= _GAIN


def _compare(fp32: Callable[[int], object], bf16: Callable[[int], object]) -> float:
    """How many times as fast bf16 is: the best of both sides over rounds in which they alternate.

    What other processes do meets both sides. Both are called with a number of texts; a small one,
    which warms up, is not timed.
    """
    sides, best = (fp32, bf16), [math.inf, math.inf]
    for run in sides:
        run(2)
    begun = time.perf_counter()
    for _ in range(_ROUNDS):
        for side, run in enumerate(sides):
            start = time.perf_counter()
            run(_ROWS)
            best[side] = min(best[side], time.perf_counter() - start)
        if time.perf_counter() - begun > _SECONDS:
            break
    return best[0] / max(best[1], 1e-9)


def _compare_reading(backbone: Backbone) -> float:
    """Compare passes through the lowest two layers; the others are like them."""
    device = backbone.device

    def run(reader: Backbone, rows: int) -> None:
        passes = [_draw_tokens(backbone, rows)] * max(_PASSES, torch.get_num_threads())
        with reader.evaluating(), reader.reading([min(2, reader.layers)]) as read:

            @torch.no_grad()
            def work(tokens: tuple[Tensor, Tensor]) -> None:
                read(*tokens)

            run_in_threads(work, passes, device)
        _finish(device)

    try:
        return _compare(partial(run, backbone), partial(run, copy_in_bf16(backbone)))
    except CheckpointError:
        return 0.01  # it can't be run in bf16


def _train(backbone: Backbone, precision: Precision, rows: int) -> None:
    device = backbone.device
    ids, mask = _draw_tokens(backbone, rows)
    for _ in range(_PASSES):
        with autocast(precision, device):
            hidden = backbone(ids, mask).read()
        hidden.float().sum().backward()
    _finish(device)


def _finish(device: torch.device) -> None:
    """Wait for what is queued."""
    torch.get_device_module(device).synchronize()


def _draw_tokens(backbone: Backbone, rows: int) -> tuple[Tensor, Tensor]:
    """Random tokens and their mask, (rows, 32), always the same ones."""
    width = min(_WIDTH, backbone.max_length)
    ids = np.random.default_rng(0).choice(backbone.ordinary_ids, (rows, width))
    device = backbone.device
    tokens = torch.from_numpy(ids).to(device)
    return tokens, torch.ones_like(tokens)


@lru_cache
def read_cpu() -> tuple[str, bool]:
    """Name the processor, and say whether it has instructions for bf16."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    name = re.search(r"model name\s*:\s*(.+)", text)
    flags = re.search(r"(?:flags|Features)\s*:\s*(.+)", text)
    found = flags is not None and _INSTRUCTIONS.search(flags[1]) is not None
    return name[1].strip() if name else platform.processor() or platform.machine(), found


def _locate_known() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "crosszero" / "precision.json"


def _read_known() -> dict[str, float]:
    """What was measured on this machine; nothing if there is no such file, or it is damaged."""
    try:
        return read_json(_locate_known(), dict[str, float])
    except (DataError, RuntimeError):
        return {}


def _remember(key: str, ratio: float) -> None:
    known = {**_read_known(), key: round(ratio, 3)}
    try:
        with atomic_file(_locate_known()) as file:
            json.dump(known, file, indent=1, ensure_ascii=False, sort_keys=True)
    except (OSError, CrosszeroError, RuntimeError) as error:  # then the next run measures again
        _log.debug("not kept: %s", error)
