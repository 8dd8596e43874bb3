"""Links in a terminal: in colours, and without."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from crosszero.align.linked_pairs import read_linked
from crosszero.align.spans import LinkedPair, ScoredLink, from_words
from crosszero.viewer.terminal import draw_links

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
PAIR = LinkedPair(
    from_words(["the", "red", "house", "there"]),
    from_words(["das", "Haus", "rot", "steht"]),
    [ScoredLink(0, 0, 0.98), ScoredLink(1, 2, 0.6), ScoredLink(2, 1, 0.8), ScoredLink(2, 0, 0.1)],
)


def test_without_colours_all_is_told() -> None:
    assert draw_links(PAIR, width=60, colour=False).splitlines() == [
        "the red house there",
        "das Haus rot steht",
        "",
        "the ━━━ das 0.98      red ╌╌╌ rot 0.60",
        "house ··· das 0.10    house ─── Haus 0.80",
        "source words without a link: there",
        "target words without a link: steht",
    ]


def test_words_that_belong_together_have_one_colour() -> None:
    source, target, *_ = draw_links(PAIR, width=40).splitlines()
    coloured = [dict(re.findall(r"\x1b\[([0-9;]*)m(\w+)", line)) for line in (source, target)]
    found = {word: code for line in coloured for code, word in line.items()}
    assert found["red"] == found["rot"] != found["Haus"]
    assert found["there"] == found["steht"] == "2"  # dim: no link
    together = re.findall(r"\x1b\[([0-9;]*)m(the|house|das|Haus)\b", source + target)
    assert len({code for code, _ in together}) == 1
    assert len(together) == 4


@pytest.mark.parametrize("width", [20, 40, 200])
def test_lines_are_as_wide_as_the_terminal(links: Path, width: int) -> None:
    for pair in read_linked(links):
        drawn = draw_links(pair, width=width)
        assert all(cell_len(ESCAPE.sub("", line)) <= width for line in drawn.splitlines())
        plain = [line.rstrip() for line in ESCAPE.sub("", drawn).splitlines()]
        assert plain == draw_links(pair, width=width, colour=False).splitlines()


def test_a_text_can_not_command_the_terminal() -> None:
    word = "a\x1b[2Jb"
    pair = LinkedPair(from_words([word]), from_words([f"\u202e{word}"]), [ScoredLink(0, 0, 1.0)])
    drawn = draw_links(pair, width=80, colour=False)
    assert drawn.replace("\n", "").isprintable()
    assert drawn.splitlines()[0] == "a\\u001b[2Jb"


@pytest.mark.parametrize(
    ("settings", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_align_draws_where_a_terminal_is(
    model_folder: Callable[..., Path], settings: dict[str, str], coloured: bool
) -> None:
    command = [sys.executable, "-m", "crosszero", "align", "the king", "le roi"]
    command += ["--encoder", str(model_folder()), "--method", "argmax"]
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    env |= {"TERM": "xterm", **settings}
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, env=env, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert bool(ESCAPE.search(shown)) == coloured
    assert ESCAPE.sub("", shown).split("\r\n")[:2] == ["the king", "le roi"]
