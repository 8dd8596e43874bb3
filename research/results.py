"""Put tables that commands made into docs/results-mini.md, between the marks that name them.

    python -m research.results docs/results-mini.md ablation=runs/ablation/tables.md

Prose stands around the marks ``<!-- ablation -->`` and ``<!-- end of ablation -->`` and is left
alone, so that numbers are never typed.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from crosszero.files import atomic_file


def fill(page: str, name: str, text: str) -> str:
    """Replace what stands between the two marks of a name.

    Raises:
        ValueError: the marks are not there exactly once.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    if len(pattern.findall(page)) != 1 or page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"{begin} ... {end} must stand there once")
    return pattern.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def main() -> None:
    """Fill a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("tables", nargs="+", metavar="NAME=FILE")
    arguments = parser.parse_args()
    page = arguments.page.read_text(encoding="utf-8")
    for table in arguments.tables:
        name, _, path = table.partition("=")
        page = fill(page, name, Path(path).read_text(encoding="utf-8"))
    with atomic_file(arguments.page) as file:
        file.write(page)


if __name__ == "__main__":
    main()
