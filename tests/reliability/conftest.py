"""The folder in which bad command lines are typed, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.desk import make_desk


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small, sound piece of everything that a command reads."""
    folder = tmp_path_factory.mktemp("reliability") / "desk"
    make_desk(folder)
    return folder
