"""README shows what the program prints, and pages link to what is there."""

from __future__ import annotations

import json
import re

import pytest

from crosszero.cli import main
from tests.docs.snippets import PAGES, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_command_links_what_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = re.findall(r'^crosszero align "(.*)" "(.*)"$', README, flags=re.MULTILINE)
    with pytest.raises(SystemExit) as caught:
        main(["align", *line])
    assert caught.value.code == 0
    row = json.loads(capsys.readouterr().out)
    words = [[word for word, _, _ in row[f"{side}_words"]] for side in ("source", "target")]
    shown = re.findall(r"(\w+) [━─╌]+ (\w+) 0\.\d\d", README)
    assert sorted(shown) == sorted((words[0][i], words[1][j]) for i, j, _ in row["links"])


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_linked_to_exist(page: str) -> None:
    path = ROOT / page
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not link.startswith(("https://", "#")):
            assert (path.parent / link.partition("#")[0]).exists(), link


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"`(scripts/[\w/]+\.py|recipes/[\w/]+\.yaml)`", text):
        assert (ROOT / name).exists(), name
