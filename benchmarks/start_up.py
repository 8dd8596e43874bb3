"""How long one waits for ``crosszero --help`` and ``import crosszero``, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import take_turns

HELP = ["-m", "crosszero", "--help"]
IMPORT = ["-c", "import crosszero"]
_HEAVY = ("torch", "transformers", "matplotlib")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time both, and check that neither loads a heavy package."""
    options = read_options(make_parser("start_up", __doc__, rounds=15), arguments, rounds=2)
    record = Record(options)
    sides = {"python -c pass": _runner(["-c", "pass"])}
    sides |= {"crosszero --help": _runner(HELP), "import crosszero": _runner(IMPORT)}
    timings = take_turns(sides, rounds=options.rounds)
    for name, timing in timings.items():
        record.add_value(name, "", "s", timing.median)
    for name, goal in (("crosszero --help", 0.5), ("import crosszero", 0.2)):
        record.add_goal(name, "", "absolute", timings[name].median, "s", goal, most=True)
    code = f"import sys, crosszero.cli; print(sum(m in sys.modules for m in {_HEAVY}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    record.check("heavy packages loaded by the command line", int(loaded), 0)
    return record.write(arguments)


def _runner(command: list[str]) -> Callable[[int], object]:
    def run(_: int) -> object:
        return subprocess.run([sys.executable, *command], capture_output=True, check=True)

    return run


if __name__ == "__main__":
    main()
