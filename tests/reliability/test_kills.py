"""kill -9, SIGTERM and two starts at once: nothing half-written, nothing lost, nothing left.

``KILLS=1000`` stops each command before every change of the disk; ``KILL_SEED`` draws others.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reliability.kills import JOBS, TERMINATED, TOGETHER, start_together, stop
from tests.reliability.stage import Stage

MOST, SEED = int(os.environ.get("KILLS", 5)), int(os.environ.get("KILL_SEED", 0))

Keep = Callable[[str, object], None]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A process that runs commands."""
    stage = Stage()
    yield stage
    stage.close()


@pytest.mark.timeout(300 if MOST < 100 else 3600)
@pytest.mark.parametrize(
    ("name", "by"),
    [
        *(
            pytest.param(
                name,
                signal.SIGKILL,
                id=f"{name}-kill",
                marks=[pytest.mark.slow] if name == "run" else [],
            )
            for name in JOBS
        ),
        *(pytest.param(name, signal.SIGTERM, id=f"{name}-term") for name in TERMINATED),
    ],
)
def test_a_command_that_is_stopped_costs_nothing(
    name: str, by: signal.Signals, stage: Stage, desk: Path, tmp_path: Path, record_property: Keep
) -> None:
    found = stop(JOBS[name], stage, desk, tmp_path, by=by, most=MOST, start=SEED)
    for key, value in vars(found).items():
        record_property(key, value)


@pytest.mark.parametrize("name", TOGETHER)
def test_two_at_once_give_the_output_of_one(
    name: str, stage: Stage, desk: Path, tmp_path: Path, record_property: Keep
) -> None:
    statuses = start_together(name, stage, desk, tmp_path)
    assert statuses[0] == 0
    if name == "train":
        assert statuses == [0, 2]
    record_property("statuses", statuses)
