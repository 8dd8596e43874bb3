"""Calls in processes of their own: what they give, say and raise, and how they end."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from crosszero.errors import CrosszeroError, DataError, MissingExtraError
from crosszero.experiment.workers import count_threads, run_side_by_side
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.task import Task

THREADS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")


def double(number: int) -> tuple[int, list[str | None]]:
    assert not sys.stderr.isatty()  # else progress bars would be drawn
    logging.getLogger("crosszero").info("doubling %d", number)
    return 2 * number, [os.environ.get(name) for name in THREADS]


def fail(how: str, marker: str) -> None:
    if how == "data":
        raise DataError("labels.tsv", "two labels are needed", line=3)
    if how == "bug":
        raise KeyError("a bug")
    if how == "death":
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        Path(f"{marker}-begun").touch()
        time.sleep(60)
    finally:
        Path(marker).touch()


def act(how: str, marker: str) -> int:
    if how != "none":
        fail(how, marker)
    return os.getpid()


def test_results_log_lines_and_threads(caplog: pytest.LogCaptureFixture) -> None:
    before = [os.environ.get(name) for name in THREADS]
    calls = {f"call {n}": (n,) for n in range(2)}
    with caplog.at_level(logging.INFO, "crosszero"):
        found = dict(run_side_by_side(double, calls, jobs=2))
    threads = [str(count_threads(2)), before[1] or "passive"]
    assert found == {f"call {n}": (2 * n, threads) for n in range(2)}
    assert [os.environ.get(name) for name in THREADS] == before
    assert sorted(caplog.messages) == [f"call {n}: doubling {n}" for n in range(2)]
    assert count_threads(10_000) == 1


def test_an_error_is_handed_over_and_stops_the_others(tmp_path: Path) -> None:
    calls = {"slow": ("sleep", str(tmp_path / "tidied")), "bad": ("data", "")}
    calls["never"] = ("sleep", str(tmp_path / "never"))
    begun = time.monotonic()
    with pytest.raises(DataError, match=r"^labels\.tsv:3: two labels are needed$") as caught:
        list(run_side_by_side(fail, calls, jobs=2))
    assert time.monotonic() - begun < 30
    assert caught.value.line == 3
    if (tmp_path / "tidied-begun").exists():
        assert (tmp_path / "tidied").exists()  # its finally blocks ran
    assert not (tmp_path / "never-begun").exists()


def test_what_cannot_be_handed_over_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="mappingproxy"):
        list(run_side_by_side(len, {"a": (MappingProxyType({}),)}, jobs=1))


@pytest.mark.parametrize("task", list_tasks(), ids=lambda task: task.name)
def test_every_task_can_be_handed_over(task: Task) -> None:
    assert pickle.loads(pickle.dumps(task)).name == task.name


def test_calls_wait_for_others_and_go_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    calls = {"last": ("none", ""), "bad": ("data", ""), "first": ("none", ""), "lost": ("none", "")}
    after = {"last": "first", "lost": "bad", "first": "not among them"}
    found = []
    with pytest.raises(DataError, match="two labels"):
        for name, process in run_side_by_side(act, calls, jobs=1, after=after, keep_going=True):
            found.append((name, process))
    assert [name for name, _ in found] == ["first", "last"]
    assert len({process for _, process in found}) == 1  # one process took all calls
    assert "bad: labels.tsv:3: two labels are needed" in caplog.messages


def test_a_process_that_died_is_replaced() -> None:
    calls = {"dead": ("death", ""), "well": ("none", "")}
    found = []
    with pytest.raises(CrosszeroError, match=r"dead: its process died .signal 9."):
        for name, _ in run_side_by_side(act, calls, jobs=1, keep_going=True):
            found.append(name)
    assert found == ["well"]


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("bug", KeyError, "a bug"),
        ("death", CrosszeroError, "bad: its process died .signal 9."),
    ],
)
def test_bugs_and_deaths_are_told(how: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        list(run_side_by_side(fail, {"bad": (how, "")}, jobs=1))


def test_all_errors_survive_the_way() -> None:
    import pickle

    error = MissingExtraError("mteb", "x", "this")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (MissingExtraError, str(error))


def test_workers_die_with_the_process_that_was_killed(tmp_path: Path) -> None:
    code = (
        "from tests.experiment.test_workers import fail\n"
        "from crosszero.experiment.workers import run_side_by_side\n"
        "if __name__ == '__main__':\n"
        f"    list(run_side_by_side(fail, {{'x': ('sleep', {str(tmp_path / 'x')!r})}}, jobs=1))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    try:
        while not (tmp_path / "x-begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        children = psutil.Process(process.pid).children()
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        assert workers
    finally:
        process.kill()
        process.wait()
    end = time.monotonic() + 20
    while any(map(is_alive, workers)):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("module", "status"), [("crosszero.cli.main", 143), ("crosszero.experiment.workers", 1)]
)
def test_a_second_signal_leaves_the_tidying_alone(module: str, status: int) -> None:
    """As ``timeout`` sends it: to the process, and to all of its group."""
    code = (
        "import os, signal\n"
        f"from {module} import _stop\n"
        "signal.signal(signal.SIGTERM, _stop)\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "finally:\n    os.kill(os.getpid(), signal.SIGTERM)\n    print('tidied')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("tidied\n", "", status)
