"""The code blocks of the pages, and how each is run on small files."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crosszero.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
)
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
HUB_NAMES = re.compile(r"(google-bert|intfloat|FacebookAI|sentence-transformers)/[\w.-]+")
SMALL = {
    "train": {"--steps": "2", "--batch-size": "8", "--max-length": "32", "--precision": "fp32"},
    "mine": {"--threshold": "0"},  # an encoder that has learnt nothing finds no better pairs
}
SMALL_RECIPE = (
    "train.steps=2 train.batch_size=8 train.precision=fp32 "
    "train.layers='{sentence: last, word: 1}' prepare.hold_out=10 max_length=32"
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" if none), its text, and why it is not run, if it is not."""

    line: int
    language: str
    text: str
    not_run: str | None


def read_blocks(page: str) -> Iterator[Block]:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    start, before = None, ""
    for number, line in enumerate(lines, 1):
        if start is None and line.startswith("```"):
            start = number
        elif start is not None and line == "```":
            marked = NOT_RUN.fullmatch(before)
            text = "\n".join(lines[start : number - 1])
            yield Block(start, lines[start - 1][3:], text, marked.group(1) if marked else None)
            start, before = None, ""
        elif start is None and line:
            before = line
    assert start is None, f"{page}:{start}: the block has no end"


def list_commands(text: str) -> list[list[str]]:
    """The commands of a block, in words: without comments, continued lines joined."""
    joined = text.replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


class Runner:
    """Runs the blocks of a page, one after another, in the folder where it stands."""

    def __init__(self, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.encoder = str(encoder)
        self.monkeypatch = monkeypatch
        self.names: dict[str, Any] = {}

    def run(self, block: Block) -> None:
        if block.language == "python":
            text = HUB_NAMES.sub(self.encoder, block.text)
            if "cz.train(" in text:
                shutil.rmtree("run")
            smaller = r'\1, steps=2, batch_size=8, max_length=32, precision="fp32")'
            exec(re.sub(r"(cz\.train\([^)]*)\)", smaller, text), self.names)
            return
        for words in list_commands(block.text):
            self.call(words)

    def call(self, words: list[str]) -> None:
        words = [HUB_NAMES.sub(self.encoder, word) for word in words]
        if words[:2] == ["pip", "install"]:
            check_install(words[2:])
        elif words[0] == "python" and words[1].endswith(".py"):
            self.monkeypatch.setattr(sys, "argv", words[1:])
            runpy.run_path(str(ROOT / words[1]), run_name="__main__")
        elif words[0] == "crosszero":
            if "--layers.word" in words:  # the encoder of the tests has two layers
                words[words.index("--layers.word") + 1] = "1"
            if words[1] == "train":
                shutil.rmtree("run")  # the one that pages without training use
            for option, value in SMALL.get(words[1], {}).items():
                if option in words:
                    del words[(at := words.index(option)) : at + 2]
                words += [option, value]
            if words[1:3] == ["run", "recipes/aligner.yaml"]:
                words += [] if "--set" in words else ["--set"]
                if not any(word.startswith("encoder=") for word in words):
                    words += [f"encoder={self.encoder}"]
                words += shlex.split(SMALL_RECIPE)
            with pytest.raises(SystemExit) as ended:
                main(words[1:])
            assert ended.value.code == 0, shlex.join(words)
        else:
            pytest.fail(f"no test knows how to run {shlex.join(words)}: say why it is not run")


def check_install(words: list[str]) -> None:
    """What pip is asked for is this project, with extras that there are, or torch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extras in re.findall(r"(\S+?)(?:\[(.+)\])?(?:\s|$)", " ".join(words)):
        if not name.startswith(("-", "https:")):
            assert name in (".", "crosszero", "torch"), name
            assert {*filter(None, extras.split(","))} <= {*project["optional-dependencies"]}


def make_files(folder: Path, train: Callable[[Path], None]) -> None:
    """The files that the pages speak of, under the names that they use."""
    words = [
        ("cat", "chat", "Kater"),
        ("dog", "chien", "Hund"),
        ("king", "roi", "König"),
        ("house", "maison", "Haus"),
        ("sea", "mer", "Meer"),
    ]
    rows = [
        tuple(f"{one} {other}" for one, other in zip(a, b, strict=True))
        for a in words
        for b in words
        if a != b
    ] * 6
    news = [
        ("the cat sees the sea", "le chat voit la mer", "der Kater sieht das Meer"),
        ("the old king", "le vieux roi", "der alte König"),
    ]
    for place, language in enumerate(("en", "fr", "de")):
        write(folder / f"corpus.{language}", [row[place] for row in rows])
        write(folder / f"news.{language}", [row[place] for row in news])
    write(folder / "corpus.src-tgt", [f"{row[0]} ||| {row[2]}" for row in rows])
    write(folder / "corpus.en-fr.tsv", [f"{one}\t{other}" for one, other, _ in rows])
    write(folder / "pairs.tsv", ["the cat sees the sea\tแมวเห็นทะเล", "the old king\tกษัตริย์เก่า"])
    write(folder / "news.en.conll", ["the O", "cat B-PER", "sees O", "the O", "sea B-LOC", ""])
    with (folder / "news.en.conll").open("a", encoding="utf-8") as file:
        file.write("the O\nold O\nking B-PER\n\n")
    write(folder / "en-fr.links", ["0-0 1-1"] * len(rows))
    for language in ("en", "ar", "es", "fr", "ru", "zh"):
        write(folder / f"un/multi.{language}", [f"{one} {language}" for one, _, _ in rows])

    links = ["0-0 1-1 2-2 3-3 4-4", "0-0 1-1 2p2"]
    for name, lines in (("gold.en", 0), ("gold.de", 2)):
        write(folder / name, [row[lines] for row in news])
    write(folder / "gold.links", links)
    for stem, column in (("gold/en-fr", 1), ("gold/en-de", 2)):
        write(folder / f"{stem}.src", [row[0] for row in news])
        write(folder / f"{stem}.tgt", [row[column] for row in news])
        write(folder / f"{stem}.gold", links)
    write(folder / "other.links", ["0-0 1-1", "0-0"])
    for place, language in enumerate(("en", "fr")):
        write(folder / f"mine/xsim/multi.{language}", [row[place] for row in rows])
    for data in ("mine", "xtreme"):
        write(folder / data / "word-alignment/en-de.src", [row[0] for row in news])
        write(folder / data / "word-alignment/en-de.tgt", [row[2] for row in news])
        write(folder / data / "word-alignment/en-de.gold", links)
    write(folder / "xtreme/tatoeba/fr-en.fr", ["le chat", "la mer", "le roi"])
    write(folder / "xtreme/tatoeba/fr-en.en", ["the sea", "the king", "the cat"])
    write(folder / "xtreme/labels/tatoeba/test-fr.tsv", ["2", "0", "1"])
    for split in ("dev", "test"):
        write(folder / f"xtreme/bucc2018/fr-en.{split}.fr", ["fr-1\tle chat", "fr-2\tla mer"])
        write(folder / f"xtreme/bucc2018/fr-en.{split}.en", ["en-1\tthe sea", "en-2\tthe cat"])
    write(folder / "xtreme/bucc2018/fr-en.dev.gold", ["fr-1\ten-2", "fr-2\ten-1"])
    write(folder / "xtreme/labels/bucc2018/test-fr.tsv", ["fr-1\ten-2", "fr-2\ten-1"])
    train(folder)


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
