"""What training tells: metrics.jsonl, TensorBoard where it is installed, and a progress bar."""

from __future__ import annotations

import importlib.util
import json
import logging
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

METRICS = "metrics.jsonl"
_log = logging.getLogger("crosszero")
_QUIET_SECONDS = 30.0  # between log lines where there is no terminal for a bar


class MetricsLog:
    """Writes one JSON line for every logged step.

    Args:
        folder: of the run.
        total: steps of the run.
        done: steps done before; later lines of an interrupted sitting are cut off, so that no step
            stands twice.
        every: steps between lines.
        show_progress: draw a bar on a terminal, or log a line now and then elsewhere.

    Lines hold step, loss, contrastive, mlm, accuracy (share of anchors that find their positive),
    gap (cosine of positives minus negatives), learning_rate, grad_norm, texts, tokens, samples,
    cut_samples, seconds.
    """

    def __init__(
        self, folder: Path, *, total: int, done: int, every: int, show_progress: bool
    ) -> None:
        path = folder / METRICS
        kept = [line for line in read_metrics(path) if line["step"] <= done] if done else []
        self._file = path.open("w", encoding="utf-8")
        for line in kept:
            self._file.write(json.dumps(line) + "\n")
        self._every, self._total = every, total
        self._board = _open_board(folder / "tensorboard", done)
        self._bar = tqdm(
            total=total,
            initial=done,
            unit="step",
            disable=None if show_progress else True,
            dynamic_ncols=True,
        )
        self._talk = show_progress and self._bar.disable
        self._said = time.monotonic()
        self._begun, self._texts = time.monotonic(), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        self._file.close()
        if self._board is not None:
            self._board.close()

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
        self._bar.set_postfix(
            loss=f"{line['loss']:.3f}",
            acc=f"{line['accuracy']:.2f}",
            gap=f"{line['gap']:.2f}",
            sent_s=f"{rate:.0f}",
            refresh=False,
        )
        self._bar.update(1)
        if self._talk and (time.monotonic() - self._said > _QUIET_SECONDS or step == self._total):
            self._said = time.monotonic()
            left = (self._total - step) * line["seconds"]
            _log.info(
                "step %d/%d  loss %.3f  accuracy %.3f  gap %.3f  %.0f sentences/s  %.0f s left",
                step,
                self._total,
                line["loss"],
                line["accuracy"],
                line["gap"],
                rate,
                left,
            )


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Read a metrics.jsonl; a last line that a kill cut short is left out."""
    path = Path(path)
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines.append(line)
    return lines


def _open_board(folder: Path, done: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=done + 1)
