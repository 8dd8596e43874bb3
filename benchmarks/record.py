"""Command line and JSON record that all benchmarks share."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, list_versions, read_commit, set_threads
from benchmarks.timing import Ratio, Timing, per_second
from crosszero.files import atomic_file


class CheckError(AssertionError):
    """Two sides did not do the same: their speeds must not be compared."""


def make_parser(name: str, description: str | None, *, rounds: int = 5) -> argparse.ArgumentParser:
    """Flags of every benchmark; each adds its own. Each side is timed in some `rounds`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=(description or "").partition("\n")[0]
    )
    parser.set_defaults(benchmark=name)
    parser.add_argument("--data", help="parallel text (anything that read_bitext reads)")
    parser.add_argument("--languages", nargs=2, default=["en", "fr"], help="two of its languages")
    parser.add_argument("--out", type=Path, help="JSON file; without it the screen")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each side is timed")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; the numbers mean little")
    return parser


def read_options(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, **quick: Any
) -> argparse.Namespace:
    """Read the flags; with ``--quick`` some have other values."""
    options = parser.parse_args(arguments)
    vars(options).update(quick if options.quick else {})
    return options


class Record:
    """What one benchmark found: rows, ratios and checks, beside all that is needed to repeat it.

    Args:
        options: parsed flags.
        names: of those that say what the work was.
        facts: what else does.
    """

    def __init__(self, options: argparse.Namespace, *names: str, **facts: Any) -> None:
        set_threads(options.threads)
        self._options = options
        self.setting: dict[str, Any] = {name: getattr(options, name) for name in names} | facts
        self.rows: list[dict[str, Any]] = []
        self.ratios: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        # Read now: a benchmark of an hour must not be put down to what was committed meanwhile.
        self._commit = read_commit()
        self._begun = datetime.datetime.now(datetime.UTC)

    def add_rate(
        self, what: str, encoder: str, unit: str, count: float | Sequence[float], timing: Timing
    ) -> None:
        """Add the speed of a side that does `count` units in a round, or in each of the rounds."""
        self.add_value(what, encoder, unit, per_second(count, timing.wall))
        self.rows[-1] |= {
            "seconds": timing.median,
            "cpu_seconds": statistics.median(timing.cpu),
            "rounds": len(timing.wall),
        }

    def add_value(self, what: str, encoder: str, unit: str, value: float | Sequence[float]) -> None:
        """Add a number that is no speed: memory, AER, GEMM peak; of several rounds the median."""
        self.rows.append({"what": what, "encoder": encoder, "unit": unit} | _middle(value, "rate"))

    def add_ratio(
        self, what: str, encoder: str, against: str, ratio: Ratio, least: float | None = None
    ) -> None:
        """Add a ratio of speeds and, if there is one, the target."""
        about = {"what": what, "encoder": encoder, "against": against, "unit": "x"}
        self.ratios.append(about | dataclasses.asdict(ratio) | {"least": least})

    def add_goal(
        self, what: str, encoder: str, against: str, value: float | Sequence[float], unit: str,
        goal: float, *, most: bool = False,
    ) -> None:  # fmt: skip
        """Add an absolute target: at least `goal`, or with `most` at most; of rounds the median."""
        key = "most" if most else "least"
        self.ratios.append(
            {"what": what, "encoder": encoder, "against": against, "unit": unit, key: goal}
            | _middle(value, "value")
        )

    def check(self, what: str, difference: float, limit: float) -> None:
        """Require that two sides agree.

        Args:
            what: what is compared.
            difference: how far they are apart; not a number fails.
            limit: how far they may be.

        Raises:
            CheckError: they are further apart.
        """
        self.checks.append({"what": what, "difference": float(difference), "limit": limit})
        if not difference <= limit:
            raise CheckError(f"{what}: {difference:.6g} apart, at most {limit:g} is allowed")

    def write(self, arguments: Sequence[str] | None = None) -> dict[str, Any]:
        """Write the JSON file, or the screen without ``--out``; returns what was written."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        name = self._options.benchmark
        data = {
            "benchmark": name,
            "commit": self._commit,
            "date": self._begun.isoformat(timespec="seconds"),
            "seconds": round((datetime.datetime.now(datetime.UTC) - self._begun).total_seconds()),
            "command": shlex.join(["python", "-m", f"benchmarks.{name}", *given]),
            "seed": self._options.seed,
            "threads": self._options.threads,
            "device": "cpu",
            "machine": describe_machine(),
            "versions": list_versions(),
            "data": self._options.data or "made up",
            "quick": self._options.quick,
            "setting": self.setting,
            "rows": self.rows,
            "ratios": self.ratios,
            "checks": self.checks,
        }
        text = json.dumps(data, indent=1, ensure_ascii=False, default=float)
        if self._options.out is None:
            sys.stdout.write(text + "\n")
        else:
            with atomic_file(self._options.out) as file:
                file.write(text + "\n")
        return data


def _middle(value: float | Sequence[float], name: str) -> dict[str, float]:
    """A number under its name; of several the median, with the extremes beside it."""
    if isinstance(value, int | float):
        return {name: value}
    return {name: statistics.median(value), "low": min(value), "high": max(value)}
