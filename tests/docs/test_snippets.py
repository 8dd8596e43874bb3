"""What the pages tell a reader to type works: every block is run, or says why it is not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import crosszero as cz
from tests.docs.snippets import PAGES, ROOT, Block, Runner, make_files, read_blocks

RUN = ("sh", "python")
SHOWN = ("", "text", "json", "yaml")  # results, and what files hold
COMMAND = re.compile(
    r"^(?: {4})?(?:\$ )?(crosszero|python|pip|make|torchrun|accelerate|ray|import) ", re.M
)
INDENTED = re.compile(r"(?:^|\n\n)((?: {4}.*\n?)+)")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[..., Path]) -> Path:
    """The files of the pages, the trained encoder ``run`` among them."""

    def train(folder: Path) -> None:
        store = cz.prepare(str(folder / "corpus.en-fr.tsv"), out=folder / "samples")
        small = {"steps": 1, "batch_size": 8, "max_length": 32, "precision": "fp32"}
        cz.train(str(model_folder()), store, out=folder / "run", **small)

    folder = tmp_path_factory.mktemp("files")
    make_files(folder, train)
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


def needs_run(block: Block) -> bool:
    return block.language in RUN and block.not_run is None


@pytest.mark.parametrize("page", [p for p in PAGES if any(map(needs_run, read_blocks(p)))])
def test_the_blocks_of_a_page_run_in_turn(
    page: str,
    files: Path,
    tmp_path: Path,
    model_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "place"
    shutil.copytree(files, place, symlinks=True)
    monkeypatch.chdir(place)
    # A server would not end; tests/viewer starts it and asks it.
    monkeypatch.setattr("crosszero.viewer.server.run", lambda app, listener: None)
    runner = Runner(model_folder(), monkeypatch)
    for block in filter(needs_run, read_blocks(page)):
        runner.run(block)
    if page == "README.md":
        assert runner.names["sentences"].shape == (2, 16)
        assert all(0 <= score <= 1 for *_, score in runner.names["links"])
        assert all(source in ("the cat", "the sea") for _, source, _ in runner.names["pairs"])
        assert np.load("news.npy").shape == (2, 16)


@pytest.mark.parametrize("page", PAGES)
def test_commands_stand_in_blocks_that_are_run(page: str) -> None:
    for block in read_blocks(page):
        assert block.language in (*RUN, *SHOWN), f"{page}:{block.line}: {block.language}"
        if block.language in SHOWN:
            assert not COMMAND.search(block.text), f"{page}:{block.line}: should be ```sh"
            assert block.not_run is None, f"{page}:{block.line}: such a block is never run"
        if block.language in ("json", "yaml"):
            yaml.safe_load(block.text)  # of which JSON is a part
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.M | re.S)
    for indented in INDENTED.findall(text):
        assert not COMMAND.search(indented), f"{page}: should be a block ```sh: {indented}"
