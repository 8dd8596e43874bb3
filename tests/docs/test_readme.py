"""What README and the guide tell a reader to type works, word for word but for the encoder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crosszero.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
PAGES = sorted(str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md"))
MBERT = "google-bert/bert-base-multilingual-cased"
SMALL = "--steps 2 --batch-size 8 --max-length 32 --precision fp32"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    words = [
        ("cat", "chat"),
        ("dog", "chien"),
        ("king", "roi"),
        ("house", "maison"),
        ("sea", "mer"),
    ]
    lines = [f"{a} {c}\t{b} {d}" for a, b in words for c, d in words if a != c] * 6
    (tmp_path / "corpus.en-fr.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "news.en").write_text("the cat sees the sea\nthe old king\n")
    (tmp_path / "news.fr").write_text("le roi vieux\nle chat voit la mer\n")
    return tmp_path


def blocks(language: str) -> list[str]:
    # All blocks are read, in turn, lest the end of one be taken for the start of another.
    found = [
        block
        for page in (README, GUIDE)
        for block in re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    ]
    return [block for name, block in found if name == language]


def test_commands(workplace: Path, model_folder: Callable[..., Path]) -> None:
    lines = [line for block in blocks("") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith(("crosszero prepare", "crosszero show"))]
    trains = [line for line in lines if line.startswith("crosszero train")]
    assert len(commands) == 2
    assert len(trains) == 1
    trains = [f"{line.replace(MBERT, str(model_folder()))} {SMALL}" for line in trains]
    uses = [line for line in lines if line.startswith(("crosszero encode", "crosszero mine"))]
    assert len(uses) == 2
    for line in [*commands, *trains, *uses]:
        with pytest.raises(SystemExit) as caught:
            main(shlex.split(line)[1:])
        assert caught.value.code == 0, line
    assert (workplace / "run" / "config.json").is_file()
    assert np.load("news.npy").shape == (2, 16)
    assert (workplace / "pairs.tsv").is_file()


def test_python(workplace: Path, model_folder: Callable[..., Path]) -> None:
    (block,) = [b for b in blocks("python") if "import crosszero" in b]
    block = block.replace(MBERT, str(model_folder()))
    small = 'level="multi", steps=2, batch_size=8, max_length=32, precision="fp32"'
    block = block.replace('level="multi"', small)
    names: dict[str, object] = {}
    exec(block, names)
    assert names["sentences"].shape == (2, 16)
    assert all(0 <= link.score <= 1 for link in names["links"])
    assert all(a in ("the cat", "the sea") for _, a, _ in names["pairs"])
    (other,) = [b for b in blocks("python") if "SentenceTransformer" in b]
    pytest.importorskip("sentence_transformers")
    exec(other, names)
    assert names["vectors"].shape == (2, 16)


def test_the_first_command_links_what_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = re.findall(r'^crosszero align "(.*)" "(.*)"$', README, flags=re.MULTILINE)
    with pytest.raises(SystemExit) as caught:
        main(["align", *line])
    assert caught.value.code == 0
    row = json.loads(capsys.readouterr().out)
    words = [[word for word, _, _ in row[f"{side}_words"]] for side in ("source", "target")]
    shown = re.findall(r"(\w+) [━─╌]+ (\w+) 0\.\d\d", README)
    assert sorted(shown) == sorted((words[0][i], words[1][j]) for i, j, _ in row["links"])


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/guide.md", "docs/guides/gpu.md"]
)
def test_files_that_are_linked_to_exist(page: str) -> None:
    path = ROOT / page
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not link.startswith(("https://", "#")):
            assert (path.parent / link.partition("#")[0]).exists(), link


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_files_that_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for name in re.findall(r"`(scripts/[\w/]+\.py|recipes/[\w/]+\.yaml)`", text):
        assert (ROOT / name).exists(), name
