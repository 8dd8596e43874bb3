"""Both recipes of E5 on a machine without a network, until the time is up.

    python -m research.e5_suite --payload e5 --work /dev/shm/e5 --out results --seconds 390

The payload is a folder with the encoder (``e5.zip``, :mod:`research.e5_travel`) and a
``data.txz``: ``samples`` whose words are all that the statistical aligner links, ``held-out``,
``xtreme-mini`` and ``word-alignment``. recipes/e5.yaml and recipes/e5-aligner.yaml run side by side
in `work`, without the rows that need more than that. Then their records, and the predictions, are
packed. In a folder of the same name, with the payload unpacked, ``crosszero run`` goes on.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from crosszero.align.word_boundaries import normalise
from crosszero.samples.filters import Chooser, WordFilter
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.samples.writer import write_store
from research.e5_travel import unpack

RECIPES = ("e5", "e5-aligner")  # the second one gets the jobs of the first when that is done
_PATIENCE = 15  # seconds that a run that is stopped gets to tidy up
_log = logging.getLogger("research.e5_suite")


def main(arguments: Sequence[str] | None = None) -> None:
    """Unpack, run, pack."""
    end = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payload", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="new folder; of 40 GB at most")
    parser.add_argument("--out", type=Path, required=True, help="folder for the archives")
    parser.add_argument("--seconds", type=float, default=390.0, help="until all is packed")
    parser.add_argument("--jobs", type=int, nargs=2, default=(12, 3), help="of either recipe")
    parser.add_argument("--set", nargs="*", default=[], help="settings of both recipes")
    options = parser.parse_args(arguments)
    end += options.seconds - 2 * _PATIENCE
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    make_place(options.payload, options.work)
    _log.info("unpacked")
    recipes = [write_recipe(name, options.work) for name in RECIPES]
    try:
        run(recipes, options.jobs, options.set, end)
    finally:
        pack(options.work, options.out)


def make_place(payload: Path, work: Path) -> None:
    """Unpack the payload, and make the samples of the paper: those without small words."""
    if not (work / "encoder").is_dir():
        unpack(payload / "e5.zip", work / "encoder")
    with tarfile.open(payload / "data.txz") as archive:
        archive.extractall(work, filter="data")
    drop_words(work / "samples", work / "samples-content", WordFilter())


def drop_words(store: Path, out: Path, rules: WordFilter) -> None:
    """Write the samples of a store again with the words that rules allow."""
    found, chooser = SampleStore.open(store), Chooser(rules)

    def choose(row: Sample) -> Sample:
        languages = row.source_language, row.target_language
        kept = []
        for word in row.words:
            a, b = word.source, word.target
            source, target = row.source[a.start : a.end], row.target[b.start : b.end]
            if chooser.allows(normalise(source), normalise(target), languages):
                kept.append(word)
        kept.sort(key=lambda word: (-word.score, word.source.start))
        return Sample.of(row.pair, tuple(sorted(kept[: rules.max_words])), row.finder)

    with write_store(out) as writer:
        for row in found:
            writer.add(choose(row))


def write_recipe(name: str, work: Path) -> Path:
    """Write a recipe with the places of this machine."""
    recipe: dict[str, Any] = yaml.safe_load(Path(f"recipes/{name}.yaml").read_text("utf-8"))
    for key in ("bitext", "prepare", "words"):
        del recipe[key]
    content = "samples-content" if name == "e5" else "samples"
    recipe |= {"out": f"{work}/runs/{name}", "encoder": f"{work}/encoder", "page": False}
    recipe |= {"samples": f"{work}/{content}", "held_out": f"{work}/held-out"}
    recipe |= {"data": f"{work}/xtreme-mini", "alignment": str(work), "layers": None}
    for key, system in list(recipe["systems"].items()):
        if "aligner" in system or "fine_tune" in system:
            del recipe["systems"][key]
        elif "samples" in system:
            system["samples"] = f"{work}/samples"
    path = work / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


def run(recipes: Sequence[Path], jobs: Sequence[int], settings: Sequence[str], end: float) -> None:
    """Run both recipes until the time is up; when the first is done, the second gets its jobs."""

    def start(recipe: Path, count: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "crosszero", "run", str(recipe)]
        given = [*settings, f"jobs={count}"]
        return subprocess.Popen([*command, *(part for s in given for part in ("--set", s))])

    first, second = map(start, recipes, jobs)
    try:
        if wait(first, end) and second.poll() is None:
            stop(second)
            second = start(recipes[1], sum(jobs))
        wait(second, end)
    finally:
        for process in (first, second):
            stop(process)


def wait(process: subprocess.Popen[bytes], end: float) -> bool:
    """Whether a process ends before the time is up."""
    try:
        process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    """Tell a run to end; what it has finished is kept."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def pack(work: Path, out: Path) -> None:
    """Pack what is worth keeping: records and logs, then predictions; weights are left."""
    out.mkdir(parents=True, exist_ok=True)
    # without config.json, which says that an encoder is whole: its record counts by its origin
    logs = [f"encoders/*/{name}" for name in ("metrics.jsonl", "training.json", "crosszero.json")]
    kept = ("records/*.json", "*.yaml", "*.md", *logs, "runs/*/models/*/finetune.json")
    archives = {
        "e5-records": [p for pattern in kept for p in work.glob(f"runs/*/{pattern}")],
        "e5-predictions": list(work.glob("runs/*/runs/*/predictions/**/*.tsv")),
    }
    archives["e5-records"] += [*work.glob("samples*/*"), *work.glob("*.yaml")]
    for name, paths in archives.items():
        with tarfile.open(out / f"{name}.tgz", "w:gz", compresslevel=6) as archive:
            for path in sorted(paths):
                archive.add(path, path.relative_to(work))
        _log.info("%s: %d files, %d bytes", name, len(paths), (out / f"{name}.tgz").stat().st_size)


if __name__ == "__main__":
    main()
