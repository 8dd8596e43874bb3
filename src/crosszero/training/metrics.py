"""What training reports: metrics.jsonl, TensorBoard if it is installed, and a progress bar."""

from __future__ import annotations

import importlib.util
import json
import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

from crosszero.bitext.lines import read_block
from crosszero.errors import DataError, quote
from crosszero.files import atomic_file, open_bytes

METRICS = "metrics.jsonl"
_OLD_NAMES = {"mlm": "mlm_loss", "contrastive": "contrastive_loss"}
_log = logging.getLogger("crosszero")
_QUIET_SECONDS = 30.0  # between log lines where there is no terminal for a bar


class MetricsLog(ExitStack):
    """Writes one JSON line for every logged step.

    Args:
        folder: of the run.
        total: steps of the run.
        done: steps done before; lines of later ones are cut off, so that no step stands twice.
        every: steps between lines.
        show_progress: draw a bar on a terminal, or log a line now and then elsewhere.

    Lines hold step, loss, contrastive_loss, mlm_loss, accuracy (share of anchors that find their
    positive), gap (cosine of positives minus negatives), learning_rate, grad_norm, texts, tokens,
    samples, cut_samples, seconds.
    """

    def __init__(
        self, folder: Path, *, total: int, done: int, every: int, show_progress: bool
    ) -> None:
        super().__init__()
        path = folder / METRICS
        kept = [line for line in read_metrics(path) if line["step"] <= done] if done else []
        with atomic_file(path) as file:
            file.writelines(json.dumps(line) + "\n" for line in kept)
        self._file = self.enter_context(path.open("a", encoding="utf-8"))
        self._every, self._total = every, total
        self._board = _open_board(folder / "tensorboard", done)
        if self._board is not None:
            self.callback(self._board.close)
        hidden = None if show_progress else True  # None: on a terminal alone
        self._bar = tqdm(total=total, initial=done, unit="step", disable=hidden, dynamic_ncols=True)
        self.callback(self._bar.close)
        self._talk = show_progress and self._bar.disable
        self._said = time.monotonic()
        self._begun, self._texts = time.monotonic(), 0

    def add(self, line: dict[str, Any]) -> None:
        """Log a step; `line` holds its number under ``step``, counted from 1."""
        step = int(line["step"])
        self._texts += int(line["texts"])
        if step % self._every == 0 or step == self._total:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            if self._board is not None:
                for name, value in line.items():
                    if name != "step" and value is not None:
                        self._board.add_scalar(f"train/{name}", value, step)
        rate = self._texts / max(1e-9, time.monotonic() - self._begun)
        shown = f"loss {line['loss']:.3f}, acc {line['accuracy']:.2f}, gap {line['gap']:.2f}"
        self._bar.set_postfix_str(f"{shown}, {rate:.0f} sentences/s", refresh=False)
        self._bar.update(1)
        if self._talk and (time.monotonic() - self._said > _QUIET_SECONDS or step == self._total):
            self._said = time.monotonic()
            left = (self._total - step) * line["seconds"]
            _log.info(
                "step %d/%d  loss %.3f  accuracy %.3f  gap %.3f  %.0f sentences/s  %.0f s left",
                *(step, self._total, line["loss"], line["accuracy"], line["gap"], rate, left),
            )


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Read a ``metrics.jsonl``: an object of numbers (or null) a line, by today's names.

    A missing file is a run that has not logged anything yet. A last line that a kill cut short (no
    line end, not JSON) is left out. Any other line that can't be read is a DataError: a curve with
    silent holes would be a wrong curve.
    """
    if not Path(path).exists():
        return []
    with open_bytes(path) as file:
        lines = read_block(file, path, -1).split(b"\n")
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(_parse(line))
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            raise DataError(path, f"is not a line of metrics ({error})", number) from error
    return records


def _parse(line: bytes) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("a JSON object is needed")
    record: dict[str, Any] = found
    if type(record.get("step")) is not int:
        raise ValueError("the step number is missing")
    for name, value in record.items():
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ValueError(f"{quote(name)} is {quote(value)}, not a number")
    return {_OLD_NAMES.get(name, name): value for name, value in record.items()}


def _open_board(folder: Path, done: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=done + 1)
