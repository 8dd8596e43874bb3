"""The recipes of E5 on a GPU machine without a network, until the time is up.

    nvidia-cuda-mps-control -d    # once: many processes then compute on the GPU at the same time
    python -m research.e5_suite --payload e5 --work /dev/shm/e5 --out results --seconds 390

The payload is a folder with the encoder (``e5.zip``, :mod:`research.e5_travel`) and a
``data.txz``: ``samples`` whose words are all that the statistical aligner links, ``held-out``,
``xtreme-mini``, ``word-alignment`` and, for recipes/e5-robust.yaml, ``synonyms.json``.
The recipes run in `work` one after the other, without the rows that need more than that. Then their
records, and the predictions, are packed. In a folder of the same name, with payload and archives
unpacked, ``crosszero run WORK/e5.yaml`` goes on.
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
from crosszero.experiment.recipes import set_value
from crosszero.samples.filters import Chooser, WordFilter
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.samples.writer import write_store
from research.e5_travel import unpack

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
    parser.add_argument("--jobs", type=int, default=16, help="at a time")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the recipes")
    parser.add_argument("--recipes", nargs="+", type=Path, default=[Path("recipes/e5.yaml")])
    options = parser.parse_args(arguments)
    end += options.seconds - 2 * _PATIENCE
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    make_place(options.payload, options.work)
    _log.info("unpacked")
    changes = [*options.set, f"jobs={options.jobs}"]
    recipes = [write_recipe(recipe, options.work, changes) for recipe in options.recipes]
    try:
        for recipe in recipes:
            run(recipe, end)
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


def write_recipe(recipe: Path, work: Path, changes: Sequence[str] = ()) -> Path:
    """Write a recipe with the places of this machine."""
    own: dict[str, Any] = yaml.safe_load(recipe.read_text("utf-8"))
    for key in ("bitext", "prepare", "words"):
        own.pop(key, None)
    own |= {"out": f"{work}/runs/{recipe.stem}", "encoder": f"{work}/encoder", "page": False}
    own |= {"samples": f"{work}/samples-content", "data": f"{work}/xtreme-mini"}
    if "alignment" in own:
        own |= {"held_out": f"{work}/held-out", "alignment": str(work), "layers": None}
    for change in changes:
        set_value(own, change)
    for name, system in list(own["systems"].items()):
        if "aligner" in system:
            del own["systems"][name]
        if "samples" in system:
            system["samples"] = f"{work}/samples"
        if "synonyms" in (tuning := system.get("fine_tune", {})):
            tuning["synonyms"] = f"{work}/synonyms.json"
    written = work / recipe.name
    written.write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
    return written


def run(recipe: Path, end: float) -> None:
    """Run a recipe until the time is up; it isn't begun after that."""
    if (left := end - time.monotonic()) <= 0:
        return
    process = subprocess.Popen([sys.executable, "-m", "crosszero", "run", str(recipe)])
    try:
        process.wait(left)
    except subprocess.TimeoutExpired:
        _log.info("%s: the time is up", recipe.name)
    finally:
        stop(process)


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
