"""The oldest versions that pyproject.toml allows, as constraints for ``make test-oldest``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
TOOLS = "dev"  # what tests are run with: its versions matter to nobody else


def list_oldest() -> dict[str, str]:
    """The lower bound of each package that is needed, or that an extra brings."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *(r for e in extras if e != TOOLS for r in extras[e])]
    found = (re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?[>=]=([\d.]+)", one) for one in needed)
    return {match[1]: match[2] for match in found if match}


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in list_oldest().items())
