"""Write docs/reliability.md: what was tried, what came of it, and what is promised.

    python -m tests.reliability.report docs/reliability.md

runs the tests of this folder and those that hold the promises below. ``FUZZ_MINUTES``,
``FUZZ_SEED``, ``KILLS`` and ``KILL_SEED`` say how much is tried, as in the tests.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from crosszero.files import atomic_file

HERE = "tests/reliability/"
PROMISES = {
    "A command that is refused says why in a few lines, with status 2, and changes nothing": [
        HERE + "test_command_lines.py"
    ],
    "A reader gives a result or an error that names the file, in bounded time and memory": [
        HERE + "test_fuzz.py"
    ],
    "After kill -9 the old or the new output stands whole; the next start gives the bytes of an "
    "undisturbed run and leaves nothing behind": [HERE + "test_kills.py"],
    "Weights after kill -9 and --resume are equal byte for byte": [
        "tests/training/test_loop.py::test_resume_after_kill_9_is_bit_for_bit"
    ],
    "An output has one writer": ["tests/test_locks.py"],
    "An input is never an output; links are followed, pipes and devices written to": [
        "tests/test_files.py"
    ],
    "A checkpoint is checked as a whole before it is used": ["tests/training/test_checkpoint.py"],
    "YAML can't grow without bound, and runs no code": ["tests/test_config.py"],
    "Entities of TMX are refused, broken files named by line": ["tests/bitext/test_broken.py"],
    "Pages escape what they show": ["tests/experiment/page/test_document.py"],
    "A worker that is killed loses nothing": ["tests/experiment/test_workers.py"],
}


class Collector:
    """Keeps what tests tell: how they ended, and the numbers that they recorded."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.numbers: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one test."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
            self.numbers[report.nodeid] = dict(report.user_properties)

    def count(self, place: str) -> str:
        """How many tests of a file passed."""
        ended = [outcome for name, outcome in self.outcomes.items() if name.startswith(place)]
        passed = ended.count("passed")
        return f"{passed}" if passed == len(ended) else f"**{passed} of {len(ended)}**"

    def cases(self, place: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """Name, outcome and numbers of the cases of a test."""
        return {
            name.partition("[")[2].rstrip("]"): (outcome, self.numbers[name])
            for name, outcome in self.outcomes.items()
            if name.startswith(HERE + place)
        }


def write_page(found: Collector) -> str:
    """The page as Markdown."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    names = ("FUZZ_MINUTES", "FUZZ_SEED", "KILLS", "KILL_SEED")
    given = " ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
    command = f"{given} python -m tests.reliability.report docs/reliability.md".strip()
    return "\n".join(
        [
            "# How we tried to break it",
            "",
            f"Made on {day} by `{command}`; seeds are 0 unless they are named there. `make test` "
            "and `make test-slow` try the same, `make fuzz` feeds the readers for an hour.",
            "",
            "## What is promised",
            "",
            *table(
                ("promise", "tests that passed", "where"),
                [
                    (text, ", ".join(map(found.count, places)), ", ".join(f"`{p}`" for p in places))
                    for text, places in PROMISES.items()
                ],
            ),
            *tell_lines(found),
            *tell_files(found),
            *tell_stops(found),
        ]
    )


def tell_lines(found: Collector) -> list[str]:
    """Bad command lines by command."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, (outcome, _) in found.cases("test_command_lines.py::test_a_bad").items():
        counts[name.rpartition("-")[0]][outcome] += 1
    rows = [(name, ended.total(), ended["passed"]) for name, ended in sorted(counts.items())]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return [
        "",
        "## Bad command lines",
        "",
        "Each with status 2, at most four lines of at most 800 characters, no control characters, "
        "nothing new on the disk and no input changed. They stand in "
        "[tests/reliability/command_lines](../tests/reliability/command_lines).",
        "",
        *table(("command", "tried", "refused as promised"), rows),
    ]


def tell_files(found: Collector) -> list[str]:
    """Broken files by reader."""
    rows = []
    for name, (outcome, tried) in found.cases("test_fuzz.py").items():
        if outcome == "passed":
            files, refused = tried["files"], tried["refused"]
            cost = (f"{tried['seconds']:.2f}", f"{tried['megabytes']:.0f}")
            numbers = (files, files - refused, refused, *cost, 0)
        else:
            numbers = ("", "", "", "", "", "**found**")
        rows.append((name, *numbers))
    head = ("reader", "files", "read", "refused", "slowest, s", "most memory, MB", "other errors")
    return [
        "",
        "## Broken files",
        "",
        "Sound files with pieces cut, moved, doubled and replaced, and with other values inside.",
        "",
        *table(head, rows),
    ]


def tell_stops(found: Collector) -> list[str]:
    """Commands that were stopped."""
    rows = []
    for name, (outcome, stopped) in found.cases("test_kills.py::test_a_command").items():
        command, _, how = name.rpartition("-")
        numbers = [stopped.get(key, "") for key in ("stops", "old", "new", "parts")]
        signal = "kill -9" if how == "kill" else "SIGTERM"
        rows.append((command, signal, *numbers, outcome))
    together = [
        (name, " and ".join(map(str, numbers.get("statuses", ["?"]))), outcome)
        for name, (outcome, numbers) in found.cases("test_kills.py::test_two").items()
    ]
    return [
        "",
        "## Stopped commands",
        "",
        "Each command was stopped just before a change of the disk, drawn at random. The disk then "
        "held the old output, the new one, or parts that the next start goes on from. Started "
        "again, each gave the bytes of a run that was never stopped, and left nothing beside it.",
        "",
        *table(("command", "by", "stops", "old", "new", "parts", "outcome"), rows),
        "",
        "Each command was started twice at once with the same output, which then held the result "
        "of one of the two:",
        "",
        *table(("command", "statuses", "outcome"), together),
        "",
    ]


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """A table of Markdown."""
    numbers = [
        all(str(row[i]).replace(".", "").isdigit() for row in rows) for i in range(len(head))
    ]
    line = " | ".join("---:" if number else ":---" for number in numbers)
    return [f"| {' | '.join(map(str, cells))} |" for cells in (head, (line,), *rows)]


def main() -> int:
    """Run the tests and write the page."""
    (out,) = sys.argv[1:]
    found = Collector()
    places = list(dict.fromkeys(place for places in PROMISES.values() for place in places))
    status = pytest.main(["-q", "-p", "no:cacheprovider", *places], plugins=[found])
    with atomic_file(Path(out)) as file:
        file.write(write_page(found))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
