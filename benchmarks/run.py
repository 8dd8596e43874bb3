"""Run all benchmarks one after the other, each in a process of its own; see the Makefile.

    python -m benchmarks.run --out runs/bench --data DATA

Results of the same commit that are there already are kept: one can stop and start the command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.encoders import MBERT
from benchmarks.machine import read_commit


def list_commands(data: Path | None) -> dict[str, list[str]]:
    """Name of each result and the module and flags that make it."""
    lists, text, gold, tasks = [], [], [], []
    if data is not None:
        text = ["--data", str(data / "bitext" / "bible")]
        gold = ["--gold", str(data / "word-alignment" / "en-fr")]
        tasks = ["--xtreme", str(data / "xtreme-mini"), "--alignment", str(data)]
        words = data / "lexicon" / "usual_words"
        lists = ["--lexicon", f"en={words}/en_uni.txt", f"fr={words}/fr_uni.txt"]
    return {
        "start_up": ["start_up"],
        "find_words": ["find_words", *text, *lists],
        "encode": ["encode", *text],
        "precision": ["precision", *text, *tasks],
        "align": ["align", *gold],
        "mine": ["mine"],
        "train_step": ["train_step", *text],
        "step_profile": ["step_profile", *text],
        "large_input": ["large_input"],
        "large_input-cached": ["large_input", "--finder", "none", "--gradient-cache"],
        "trim": ["trim", *text],
        "gradient_cache": ["gradient_cache"],
        "compile": ["compile"],
        "compile-mbert": ["compile", "--encoder", MBERT, "--texts", "0.25"],
        "mine-200k": ["mine", "--size", "200000", "--dim", "256", "--rounds", "1"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not there yet; the first benchmark that fails stops all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--data", type=Path, help="folder with bitext/, lexicon/, word-alignment/")
    parser.add_argument("--only", nargs="+", help="names of results")
    options = parser.parse_args(arguments)
    commit = read_commit()
    for name, (module, *flags) in list_commands(options.data).items():
        path = options.out / f"{name}.json"
        if options.only and name not in options.only:
            continue
        if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["commit"] == commit:
            continue
        command = [sys.executable, "-m", f"benchmarks.{module}", *flags, "--out", str(path)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
