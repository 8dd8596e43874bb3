"""What a large corpus takes, computed from what the other benchmarks measured on this machine.

    python -m benchmarks.large_input --out runs/bench/large_input.json       # and the others
    python -m benchmarks.scaling runs/bench/*.json

fills in the table of docs/guides/scale.md. Nothing is assumed but what the table says: time grows
with the number of pairs (with its square for mining), and the text is like that of the benchmarks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.results import fill

from benchmarks.mine import DRIVER
from benchmarks.tables import Run, read_run
from crosszero.errors import DataError
from crosszero.experiment.table import Table, render_markdown
from crosszero.files import atomic_file

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "scale.md"
_OURS = "crosszero"
_TRAINED = "crosszero, several words"
_FLOAT = 4  # bytes


@dataclass(frozen=True, kw_only=True)
class Size:
    """A corpus, in numbers. The defaults are the UN corpus as the paper uses it.

    Attributes:
        lines: meanings.
        languages: languages of each line; every other language is paired with the first.
    """

    lines: int = 5_000_000
    languages: int = 6

    @property
    def pairs(self) -> int:
        """Sentence pairs."""
        return self.lines * (self.languages - 1)

    @property
    def sentences(self) -> int:
        """Texts."""
        return self.lines * self.languages


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute the table and fill it in."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("files", nargs="+", type=Path, help="what the benchmarks wrote")
    parser.add_argument("--lines", type=int, default=Size.lines)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    runs = [read_run(path) for path in options.files]
    text = render_markdown(make_table(runs, Size(lines=options.lines)))
    page = fill(options.page.read_text(encoding="utf-8"), "corpus", text)
    with atomic_file(options.page) as file:
        file.write(page)


def make_table(runs: Sequence[Run], size: Size) -> Table:
    """One row for each stage that was measured.

    Args:
        runs: JSON of large_input, train_step, encode and mine; others are passed over. Of several
            of a kind, each gives its rows.
        size: of the corpus.

    Raises:
        DataError: none of them is there.
    """
    stages = {
        "large_input": list_prepare,
        "train_step": list_train,
        "encode": list_encode,
        "mine": list_mine,
    }
    rows = [
        (*row, str(run["threads"]), f"{run['benchmark']}, {run['commit']}, {run['date'][:10]}")
        for name, stage in stages.items()
        for run in runs
        if run["benchmark"] == name and not run["quick"]
        for row in stage(run, size)
    ]
    if not rows:
        raise DataError("benchmarks", f"no result of {', '.join(stages)} that is not --quick")
    return Table(
        title=f"{size.lines:,} lines in {size.languages} languages: {size.pairs:,} pairs, "
        f"{size.sentences:,} sentences",
        columns=("stage", "measured", "time", "disk", "memory", "threads", "from"),
        rows=tuple(rows),
    )


Row = tuple[str, str, str, str, str]


def list_prepare(run: Run, size: Size) -> Iterator[Row]:
    """Reading, learning and finding; the spool is as large as a store without words."""
    rows, setting = _by_name(run), run["setting"]
    if setting["finder"] == "none":  # a run for what training takes
        return
    stored = setting["store_bytes"] / setting["pairs"] * size.pairs
    finder = setting["finder"]
    learnt = min(size.lines, setting["fit_pairs"]) * (size.languages - 1)
    for stage, count in (("read", size.pairs), ("fit", learnt), ("find", size.pairs)):
        rate = rows[f"prepare, {stage}", finder]["rate"]
        peak = rows[f"prepare, {stage}, peak", finder]["rate"]
        disk = _bytes(2 * stored) if stage == "find" else "–"
        name = f"prepare ({finder}): {stage}"
        yield name, _rate(rate, "pairs/s"), _time(count / rate), disk, f"{peak:.2f} GB"


def list_train(run: Run, size: Size) -> Iterator[Row]:
    """One epoch with all losses."""
    rows = _by_name(run, unit="sentence pairs/s")
    memory = _by_name(run, unit="GB at most")
    for (name, encoder), row in rows.items():
        if name == _TRAINED:
            peak = f"{memory[name, encoder]['rate']:.1f} GB"
            seconds = size.pairs / row["rate"]
            what = f"train {encoder}, one epoch"
            yield what, _rate(row["rate"], "pairs/s"), _time(seconds), "–", peak


def list_encode(run: Run, size: Size) -> Iterator[Row]:
    """All sentences of all languages."""
    for (name, encoder), row in _by_name(run).items():
        if name == _OURS:
            width = _width(encoder)
            disk = _bytes(size.sentences * width * _FLOAT) if width else "–"
            seconds = size.sentences / row["rate"]
            yield f"encode, {encoder}", _rate(row["rate"], "sentences/s"), _time(seconds), disk, "–"


def list_mine(run: Run, size: Size) -> Iterator[Row]:
    """Both directions of each language pair; one product of all with all."""
    rows, setting = _by_name(run), run["setting"]
    seconds = rows[_OURS, ""]["seconds"]
    products = setting["size"] ** 2
    rate = products / seconds
    whole = size.lines**2 * (size.languages - 1) / rate
    # Vectors are read, not held, as with --ray-address; the neighbours of both sides are held.
    held = rows[DRIVER, ""]["rate"] * size.lines
    name = f"mine, {setting['dim']} dimensions"
    yield name, _rate(rate, "products/s"), _time(whole), "–", _bytes(held)


def _by_name(run: Run, unit: str = "") -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(row["what"], row["encoder"]): row for row in run["rows"] if unit in ("", row["unit"])}


def _width(encoder: str) -> int:
    """Width of an encoder's vectors; 0 if it is not known."""
    from benchmarks.encoders import SIZES, load_backbone

    return load_backbone(encoder).hidden_size if encoder in SIZES else 0


def _rate(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _time(seconds: float) -> str:
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"


if __name__ == "__main__":
    main()
