"""When checkpoints are written; on a GPU beside the training, not between its steps."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from crosszero.training.checkpoint import take_state, write_checkpoint
from crosszero.training.progress import Progress
from crosszero.training.run_folder import CHECKPOINTS
from crosszero.training.setup import TrainingRun
from crosszero.training.stream import Position


class CheckpointSaver(ExitStack):
    """Saves a run every so many steps or minutes, and at its end.

    On a GPU the state is copied to the CPU and written by a thread. A CPU's memory is spared the
    copy, and its cores have no time left beside the training.
    """

    def __init__(self, run: TrainingRun) -> None:
        super().__init__()
        self._run, self._saved = run, time.monotonic()
        self._written: Future[Path] | None = None
        self._beside = run.backbone.device.type != "cpu"
        if self._beside:
            self._pool = self.enter_context(ThreadPoolExecutor(1))

    def save(self, step: int, position: Position) -> None:
        """Save the run after `step` steps if it is time, or its end."""
        run, config = self._run, self._run.config
        passed = (time.monotonic() - self._saved) / 60
        due = bool(config.checkpoint_every) and step % config.checkpoint_every == 0
        due |= bool(config.checkpoint_minutes) and passed >= config.checkpoint_minutes
        if not (due or step == run.total):
            return
        self.finish()
        state = take_state(run.modules, run.optimizer, copy=self._beside)
        progress = Progress(step=step, total=run.total, position=position, settings=run.settings)
        folder, keep = run.out / CHECKPOINTS, config.keep_checkpoints
        if self._beside:
            self._written = self._pool.submit(write_checkpoint, folder, state, progress, keep=keep)
        else:
            write_checkpoint(folder, state, progress, keep=keep)
        if step == run.total:
            self.finish()
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Wait for what is being written; an error of it is raised here."""
        if self._written is not None:
            written, self._written = self._written, None
            written.result()
