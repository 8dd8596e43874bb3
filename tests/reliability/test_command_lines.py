"""What a user types wrongly costs nothing, and is told in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosszero.cli.main import COMMANDS, XTREME
from tests.reliability.bad_line import BadLine, read_bad_lines, try_line

LINES = read_bad_lines()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=f"{command}-{number}")
        for command, lines in LINES.items()
        for number, line in enumerate(lines, start=1)
    ],
)
def test_a_bad_command_line_costs_nothing(line: BadLine, desk: Path) -> None:
    try_line(line, desk)


def test_every_command_is_tried() -> None:
    places = {place for commands in (*COMMANDS.values(), XTREME) for place in commands}
    named = {place.replace("xtreme:", "xtreme-").rpartition(":")[2] for place in places}
    assert named <= LINES.keys()
    assert sum(map(len, LINES.values())) >= 300
    typed = [str(line) for lines in LINES.values() for line in lines]
    assert len(set(typed)) == len(typed)
