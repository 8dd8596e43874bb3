"""One visit to a GPU; see :mod:`benchmarks.gpu`."""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.encoders import MBERT, SIZES, TINY
from benchmarks.gpu import (
    agreement,
    compiling,
    correctness,
    fine_tuning,
    inference,
    mining,
    profile,
    ranks,
    rivals,
    training,
    ways,
)  # fmt: skip
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.report import write_tables
from benchmarks.gpu.setting import Setting, make_store
from benchmarks.gpu.timer import Clock
from benchmarks.machine import describe_machine, list_versions, read_commit
from crosszero.files import atomic_file
from crosszero.samples.store import SampleStore


class Section(NamedTuple):
    """A part of the visit.

    Attributes:
        name: for ``--only``.
        run: finds things out and writes them down.
        seconds: its share of 240.
    """

    name: str
    run: Callable[[Setting, Journal], None]
    seconds: float


SECTIONS = (
    Section("machine", training.describe_device, 5),
    Section("correctness", correctness.check_training, 20),
    Section("agreement", agreement.check_inference, 10),
    Section("training", training.measure_training, 45),
    Section("compiling", compiling.measure_compiling, 25),
    Section("rivals", rivals.measure_rivals, 40),
    Section("encoding", inference.measure_encoding, 15),
    Section("alignment", inference.measure_alignment, 10),
    Section("search", agreement.check_search, 3),
    Section("mining", mining.measure_mining, 25),
    Section("profile", profile.profile_steps, 12),
    Section("ranks", ranks.check_ranks, 5),
    Section("ways", ways.check_ways, 35),
    Section("fine-tuning", fine_tuning.check_fine_tuning, 15),
)
"""By worth: what comes first is there if the time runs out."""
_WHOLE = 240.0
_LEAST = 3.0  # seconds that a section needs to find anything


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; 1 if a check failed or a section broke off, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--out", type=Path, required=True, help="folder of result.json")
    parser.add_argument("--samples", type=Path, help="a store; without it made-up text")
    parser.add_argument("--seconds", type=float, default=_WHOLE, help="for everything")
    parser.add_argument("--commit", default=read_commit(), help="that runs, where git can't tell")
    parser.add_argument("--encoder", choices=SIZES, help="that is timed; by default mBERT-size")
    parser.add_argument("--only", nargs="+", choices=[section.name for section in SECTIONS])
    parser.add_argument("--tiny", action="store_true", help="everything small, to test the script")
    options = parser.parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() and not options.tiny else "cpu")
    given = list(sys.argv[1:] if arguments is None else arguments)
    journal = Journal(options.out / "result.json", describe(options, device, given))
    clock = Clock(options.seconds, brief=options.tiny)
    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        if options.samples:
            store = SampleStore.open(options.samples)
        else:
            store = make_store(Path(folder) / "samples", 200 if options.tiny else 20_000)
        setting = Setting(
            device=device,
            size=options.encoder or (TINY if options.tiny else MBERT),
            tiny=options.tiny,
            store=store,
            out=options.out,
            folder=Path(folder),
            clock=clock,
            batches=(4, 8, 16) if options.tiny else (64, 512, 4_096),
        )
        for section in SECTIONS:
            if options.only and section.name not in options.only:
                continue
            journal.begin(section.name)
            if clock.whole < _LEAST:
                journal.note("left out: the time is up")
                continue
            clock.begin(section.seconds * options.seconds / _WHOLE)
            try:
                section.run(setting, journal)
            except Exception as error:  # the other sections are worth having
                journal.fail(error, traceback.format_exc())
            journal.end()
            with atomic_file(options.out / "tables.md") as file:
                file.write(write_tables(journal.content))
    sys.stdout.write("\n".join(["FAILED:", *journal.failed] if journal.failed else ["ALL PASSED"]))
    sys.stdout.write("\n")
    return 1 if journal.failed else 0


def describe(
    options: argparse.Namespace, device: torch.device, given: Sequence[str]
) -> dict[str, object]:
    """What is needed to repeat a visit."""
    return {
        "benchmark": "gpu",
        "commit": options.commit,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks.gpu", *given]),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "machine": describe_machine(),
        "versions": list_versions(),
        "text": options.samples.name if options.samples else "made up",
        "tiny": options.tiny,
    }


if __name__ == "__main__":
    sys.exit(main())
