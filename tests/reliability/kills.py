"""Commands that are stopped before each change of the disk, and what must stand there afterwards.

What a command writes is the old or the new one, whole; the next start gives the bytes of a run that
was never stopped, and clears away what the dead one left.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.desk import TRAIN
from tests.reliability.stage import Stage

TIMES = {"date", "seconds", "peak_memory", "commit"}  # that no two runs have in common
MINUTES = re.compile(rb"\*\*Time\*\*.*?(?=\n\*\*|\Z)", re.DOTALL)  # a table of tables.md
TRAINING = " ".join(f"--{name.replace('_', '-')}={value}" for name, value in TRAIN.items())
LONGER = f"{TRAINING} --refresh-words-every 2".replace("--steps=2", "--steps=6")
TUNING = "fine_tune={pawsx: {steps: 4, eval_every: 2, batch_size: 8, max_length: 32}}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command that is stopped.

    Attributes:
        run: the command line; what it writes is called ``out``.
        old: the command line that has written an older ``out``; none: nothing stood there.
        again: the command line of the next start, if it is another.
        parts: whether parts of ``out`` may stand there alone: the work goes on from them.
        reads: what it reads, of the desk.
    """

    run: str
    old: str = ""
    again: str = ""
    parts: bool = False
    reads: tuple[str, ...] = ("model", "a.en", "a.fr")


JOBS = {
    "encode": Job(
        run="encode a.en --encoder model --out out.npy",
        old="encode a.fr --encoder model --out out.npy",
    ),
    "align": Job(
        run="align a.en a.fr --encoder model --out out.links",
        old="align a.fr a.en --encoder model --out out.links",
    ),
    "mine": Job(
        run="mine a.en a.fr --encoder model --out out.tsv.gz",
        old="mine a.fr a.en --encoder model --out out.tsv.gz",
    ),
    "score": Job(
        run="score a.en a.fr --encoder model --by ratio --keep 1 --block 5 --out out.tsv",
        old="score a.fr a.en --encoder model --out out.tsv",
    ),
    "prepare": Job(
        run="prepare c.en-fr.tsv --out out --hold-out 5 --seed 2",
        old="prepare c.en-fr.tsv --out out --hold-out 5 --seed 1",
        reads=("c.en-fr.tsv",),
    ),
    "train": Job(
        run=f"train store --out out --encoder model {LONGER}",
        again="--resume",
        parts=True,
        reads=("model", "store"),
    ),
    "run": Job(
        run=f"run recipe.yaml --set out=out 'tasks=[tatoeba, pawsx]' '{TUNING}'",
        parts=True,
        reads=("model", "store", "xtreme", "recipe.yaml"),
    ),
    "xtreme score": Job(
        run="xtreme score predictions xtreme/labels --out out.json --tasks tatoeba",
        old="xtreme score predictions xtreme/labels --out out.json --tasks panx",
        reads=("predictions", "xtreme"),
    ),
    "compare": Job(
        run="compare recipe.yaml plain trained --out out.md",
        old="compare recipe.yaml trained plain --out out.md",
        reads=("model", "store", "xtreme", "recipe.yaml", "results"),
    ),
}

TERMINATED = ("encode", "prepare", "train")  # by schedulers, which send SIGTERM first
TOGETHER = {
    "encode": "encode t{n} --encoder model --out out.npy",
    "prepare": "prepare c.en-fr.tsv --out out --hold-out 5 --seed {n}",
    "train": f"train store --out out --encoder model {TRAINING} --seed {{n}}",
}


@dataclass
class Stopped:
    """What was found after a command was stopped."""

    stops: int = 0
    old: int = 0  # how often the older output stood there, or nothing where there was none
    new: int = 0
    parts: int = 0  # of work that goes on from them


Tree = Mapping[str, str]


def stop(
    job: Job, stage: Stage, desk: Path, folder: Path, *, by: signal.Signals, most: int, start: int
) -> Stopped:
    """Stop a command at some places, and start it again.

    Args:
        job: the command.
        stage, desk: where processes and inputs come from.
        folder: an empty one.
        by: the signal.
        most: how many places; all of them if there are no more.
        start: seed of the draw.

    Raises:
        AssertionError: something else than the old or the new output stood there, or stayed.
    """
    begin, end = folder / "old", folder / "new"
    lay(job, desk, begin)
    if job.old:
        run(job.old, stage, begin)
    before = read_tree(begin)
    shutil.copytree(begin, end, symlinks=True)
    changes = run(job.run, stage, end)
    after = read_tree(end)
    places = range(1, changes + 1)
    chosen = sorted(random.Random(start).sample(places, min(most, changes)))
    found = Stopped(stops=len(chosen))
    for place in chosen:
        here = folder / str(place)
        shutil.copytree(begin, here, symlinks=True)
        (ended,) = stage.run(shlex.split(job.run), here, stop_at=place, by=by)
        assert ended.status == (-9 if by == signal.SIGKILL else 143), (place, ended)
        left = read_tree(here)
        whole = {name: digest for name, digest in left.items() if not is_hidden(name)}
        if by != signal.SIGKILL:  # it has tidied up, but where it was just doing so
            more = {name for name in left if is_hidden(name)}
            more = {name for name in more if "-old/" not in name and not name.endswith("-lock")}
            assert more <= after.keys(), (place, more)
        found.old += whole == before
        found.new += whole == after
        if whole not in (before, after):
            assert job.parts, (place, compare(whole, after))
            found.parts += 1
    time.sleep(1.1)  # what is younger may be somebody's who has not locked it yet
    for place in chosen:
        run(f"{job.run} {job.again}", stage, folder / str(place))
        left = read_tree(folder / str(place))
        assert left == after, (place, compare(left, after))
    return found


def lay(job: Job, desk: Path, folder: Path) -> None:
    """Lay out what a command reads."""
    folder.mkdir(parents=True)
    for name in job.reads:
        (folder / name).symlink_to(desk / name)


def run(line: str, stage: Stage, folder: Path) -> int:
    """Run a command line that has to go well, and tell how many changes of the disk it made."""
    (ended,) = stage.run(shlex.split(line), folder)
    assert ended.status == 0, ended
    return ended.changes


def read_tree(folder: Path) -> Tree:
    """Digests of all files that were made in a folder, times of the day left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "tfevents" not in path.name:
            name = path.relative_to(folder).as_posix()
            found[name] = hashlib.sha256(read(path)).hexdigest()
    return found


def read(path: Path) -> bytes:
    """The content of a file, without what no two runs have in common."""
    content = path.read_bytes()
    if path.suffix in (".json", ".jsonl"):
        lines = content.splitlines() if path.suffix == ".jsonl" else [content]
        return json.dumps([strip(json.loads(line)) for line in lines]).encode()
    return MINUTES.sub(b"", content)


def strip(value: object) -> object:
    """A value of JSON without times."""
    if isinstance(value, dict):
        return {name: strip(inner) for name, inner in value.items() if name not in TIMES}
    return [strip(inner) for inner in value] if isinstance(value, list) else value


def is_hidden(name: str) -> bool:
    """Whether a file is one that a process is still writing, or a lock."""
    return any(part.startswith(".") for part in Path(name).parts)


def compare(one: Tree, other: Tree) -> dict[str, list[str]]:
    """Names of files that are in one tree alone, or differ."""
    both = one.keys() & other.keys()
    return {
        "there": sorted(one.keys() - other.keys()),
        "missing": sorted(other.keys() - one.keys()),
        "other": sorted(name for name in both if one[name] != other[name]),
    }


def start_together(name: str, stage: Stage, desk: Path, folder: Path) -> list[int]:
    """Start a command twice at the same time with other settings and one output.

    Returns:
        The statuses: one has done its work, the other as well, or it was refused.

    Raises:
        AssertionError: the output is not that of one of them.
    """
    line, trees = TOGETHER[name], []
    for number in (0, 1):
        lay_both(desk, folder / str(number))
        run(line.replace("{n}", str(number)), stage, folder / str(number))
        trees.append(read_tree(folder / str(number)))
    assert trees[0] != trees[1]
    lay_both(desk, folder / "both")
    ended = stage.run(shlex.split(line), folder / "both", together=2)
    assert read_tree(folder / "both") in trees
    for one in ended:
        assert one.status == 0 or (one.status == 2 and "is writing it" in one.told), one
    return sorted(one.status for one in ended)


def lay_both(desk: Path, folder: Path) -> None:
    """Lay out what any of these commands reads."""
    lay(Job(run="", reads=("model", "store", "c.en-fr.tsv")), desk, folder)
    for number, name in enumerate(("a.en", "a.fr")):
        (folder / f"t{number}").symlink_to(desk / name)
