"""The page of ``crosszero view``: one file, into which no text can break."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from crosszero.cli import main
from tests.viewer.conftest import ROWS


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return int(caught.value.code or 0)


def test_all_is_in_the_page(links: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert call("view", links, "--out", out) == 0
    page = out.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org/)""", page)
    assert page.count("<script") == page.count("</script") == 2
    data = re.search(r'id="pairs">(.*?)</script>', page, flags=re.DOTALL)
    assert data is not None
    assert not set("<>&\u2028") & set(data[1])
    found = json.loads(data[1])
    assert [[row[0], row[2]] for row in found] == [[row["source"], row["target"]] for row in ROWS]
    assert found[0][4] == ROWS[0]["links"]


def test_a_title_is_text(links: Path, tmp_path: Path) -> None:
    assert call("view", links, "--out", tmp_path / "page.html", "--title", "<b>&") == 0
    assert "<title>&lt;b&gt;&amp;</title>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_first_pairs_only(links: Path, tmp_path: Path) -> None:
    assert call("view", links, "--out", tmp_path / "page.html", "--count", 2) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The first 2 pairs of the file." in page
    assert "weather" not in page
    assert call("view", links, "--out", tmp_path / "page.html", "--count", 0) == 2


def test_the_first_pairs_do_not_hide_that_links_count_from_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / name for name in ("links", "en", "fr")]
    for path, line in zip(paths, ("1-1 2-2", "a b c", "x y z"), strict=True):
        path.write_text(f"{line}\n" * 12)
    page = tmp_path / "page.html"
    assert call("view", *paths, "--out", page, "--count", 5) == 2
    assert "give --base 1" in capsys.readouterr().err
    assert not page.exists()
    assert call("view", *paths, "--out", page, "--count", 5, "--base", 1) == 0


def test_nothing_is_written_of_a_bad_file(
    links: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with links.open("a") as file:
        file.write("{}\n")
    assert call("view", links, "--out", tmp_path / "page.html") == 2
    assert f"links.jsonl:{len(ROWS) + 1}: lacks 'source'" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
    assert call("view", links, links, "--out", tmp_path / "page.html") == 2
    assert "the translation, too" in capsys.readouterr().err
    assert call("view", links, "--out", links) == 2
