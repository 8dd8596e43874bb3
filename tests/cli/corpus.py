"""Two sentences in two languages, as the files and the store that commands read."""

from __future__ import annotations

from pathlib import Path

import crosszero as cz

PAIRS = [("the cat sees the dog", "le chat voit le chien"), ("the sea", "la mer")]


def write_corpus(folder: Path) -> None:
    """Write ``a.en``, ``a.fr``, ``a.en-fr.tsv`` and the store ``samples``."""
    for side, language in enumerate(("en", "fr")):
        text = "".join(pair[side] + "\n" for pair in PAIRS)
        (folder / f"a.{language}").write_text(text, encoding="utf-8")
    lines = "".join("\t".join(pair) + "\n" for pair in PAIRS)
    (folder / "a.en-fr.tsv").write_text(lines, encoding="utf-8")
    cz.prepare(folder / "a.en-fr.tsv", out=folder / "samples", words="none")
