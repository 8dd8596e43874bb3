"""The recipe of E5 on a GPU machine without a network, until the time is up.

    nvidia-cuda-mps-control -d    # once: many processes then compute on the GPU at the same time
    python -m research.e5_suite --payload e5 --work /dev/shm/e5 --out results --seconds 390

The payload is a folder with the encoder (``e5.zip``, :mod:`research.e5_travel`) and a
``data.txz``: ``samples`` whose words are all that the statistical aligner links, ``held-out``,
``xtreme-mini``, ``word-alignment`` and, for the rows with robust fine-tuning, ``synonyms.json``.
recipes/e5.yaml runs in `work` without the rows that need more than that, those with robust
fine-tuning last. Then its records, and the predictions, are packed. In a folder of the same name,
with payload and archives unpacked, ``crosszero run WORK/e5.yaml`` goes on.
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
    parser.add_argument("--set", nargs="*", default=[], help="settings of the recipe")
    options = parser.parse_args(arguments)
    end += options.seconds - 2 * _PATIENCE
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    make_place(options.payload, options.work)
    _log.info("unpacked")
    recipes = write_recipes(options.work, [*options.set, f"jobs={options.jobs}"])
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


def write_recipes(work: Path, changes: Sequence[str] = ()) -> list[Path]:
    """Write the recipe with the places of this machine; to be run before it, its main rows."""
    recipe: dict[str, Any] = yaml.safe_load(Path("recipes/e5.yaml").read_text("utf-8"))
    for key in ("bitext", "prepare", "words"):
        del recipe[key]
    recipe |= {"out": f"{work}/runs/e5", "encoder": f"{work}/encoder", "page": False}
    recipe |= {"samples": f"{work}/samples-content", "held_out": f"{work}/held-out"}
    recipe |= {"data": f"{work}/xtreme-mini", "alignment": str(work), "layers": None}
    for change in changes:
        set_value(recipe, change)
    synonyms = work / "synonyms.json"
    every = {key: own for key, own in recipe["systems"].items() if "aligner" not in own}
    robust = {key for key, own in every.items() if "synonyms" in own.get("fine_tune", ())}
    main = {key: own for key, own in every.items() if key not in robust}
    for name, system in every.items():
        if "samples" in system:
            system["samples"] = f"{work}/samples"
        if name in robust:
            system["fine_tune"]["synonyms"] = str(synonyms)
    rows = {"e5-main": main, "e5": every} if synonyms.is_file() else {"e5": main}
    for name, systems in rows.items():
        text = yaml.safe_dump(recipe | {"systems": systems}, sort_keys=False)
        (work / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [work / f"{name}.yaml" for name in rows]


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
