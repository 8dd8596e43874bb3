"""Put the results of the benchmarks into docs/performance.md.

    python -m benchmarks.tables runs/bench/*.json

The page is written by hand but for what stands between marks (:mod:`research.results`): ``targets``
(all ratios and limits, from all files), ``runs`` (how each file was made) and one table for each
benchmark, by its name.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from research.results import fill

from crosszero.errors import DataError
from crosszero.experiment.table import Table, render_markdown
from crosszero.files import atomic_file

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BENCHMARKS = (
    "train_step", "step_profile", "gradient_cache", "compile", "find_words",
    "large_input", "align", "mine", "encode", "precision", "start_up", "trim",
)  # fmt: skip
Run = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill in the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables")
    parser.add_argument("files", nargs="+", type=Path, help="what the benchmarks wrote")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    runs = [read_run(path) for path in options.files]
    page = fill_page(options.page.read_text(encoding="utf-8"), runs)
    with atomic_file(options.page) as file:
        file.write(page)


def read_run(path: Path, names: Sequence[str] = BENCHMARKS) -> Run:
    """Read what a benchmark of one of these names wrote.

    Raises:
        DataError: it can't be read, or is something else.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, f"can't be read as the JSON of a benchmark ({error})") from error
    if not isinstance(run, dict) or run.get("benchmark") not in names:
        raise DataError(path, f"is no result of benchmarks.{' or '.join(names)}")
    return run


def fill_page(page: str, runs: Sequence[Run]) -> str:
    """Put the tables between their marks; a benchmark without a run says so."""
    tables: dict[str, list[Table]] = {name: [] for name in BENCHMARKS}
    for run in runs:
        tables[run["benchmark"]].append(list_rows(run))
    if runs:
        tables |= {"targets": [list_targets(runs)], "runs": [list_runs(runs)]}
    else:
        tables |= {"targets": [], "runs": []}
    for name, found in tables.items():
        text = "\n\n".join(map(render_markdown, found)) or "No run yet."
        page = fill(page, name, f"\n{text}")
    return page


def list_targets(runs: Iterable[Run]) -> Table:
    """All ratios and limits, each with its target and whether it was reached."""
    rows = []
    for run in runs:
        for ratio in run["ratios"]:
            goal, met = "", ""
            if (least := ratio.get("least")) is not None:
                goal, met = f"at least {show(least)}", _say(ratio["value"] >= least)
            elif (most := ratio.get("most")) is not None:
                goal, met = f"at most {show(most)}", _say(ratio["value"] <= most)
            spread = f"{ratio['low']:.2f} to {ratio['high']:.2f}" if "low" in ratio else ""
            value = f"{show(ratio['value'])} {ratio['unit']}".strip()
            what = ratio["what"] + (f" ({ratio['encoder']})" if ratio["encoder"] else "")
            rows.append((what, ratio["against"], value, spread, goal, met))
    columns = ("what", "against", "measured", "rounds", "target", "met")
    return Table(title="", columns=columns, rows=tuple(rows))


def list_rows(run: Run) -> Table:
    """Speeds and other numbers of one run."""
    rows = []
    for row in run["rows"]:
        spread = f"{show(row['low'])} to {show(row['high'])}" if "low" in row else ""
        rows.append((row["what"], row["encoder"], show(row["rate"]), spread, row["unit"]))
    checks = "; ".join(f"{c['what']} {c['difference']:.3g}" for c in run["checks"])
    columns = ("side", "encoder", "median", "rounds", "unit")
    setting = "; ".join(f"{name} {_write(value)}" for name, value in run["setting"].items())
    notes = [f"Checked: {checks}." if checks else "", f"Set: {setting}." if setting else ""]
    note = " ".join(filter(None, notes))
    return Table(title=run["command"], columns=columns, rows=tuple(rows), note=note)


def list_runs(runs: Sequence[Run]) -> Table:
    """How each file was made; versions that all share stand once, below."""
    versions = [
        ", ".join(f"{name} {version}" for name, version in run["versions"].items()) for run in runs
    ]
    same = len({*versions}) == 1
    rows = tuple(
        (
            run["benchmark"],
            run["commit"] + (", quick" if run["quick"] else ""),
            run["date"][:10],
            f"{run['machine']['cpu']}, {run['machine']['cores']} cores",
            str(run["threads"]),
            f"{run['machine']['load']:.1f}" if run["machine"]["load"] is not None else "",
            Path(run["data"]).name,
            str(run["seed"]),
            *([] if same else [own]),
        )
        for run, own in zip(runs, versions, strict=True)
    )
    columns = (
        "benchmark", "commit", "date", "machine", "threads", "load at the end", "text", "seed",
        *([] if same else ["versions"]),
    )  # fmt: skip
    note = f"All with {versions[0]}." if same else ""
    return Table(title="", columns=columns, rows=rows, note=note)


def show(value: float | str | None) -> str:
    """Of a number three digits, and all digits before the point."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _write(value: object) -> str:
    """A setting; of several its names, too."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_write(one)}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _say(met: bool) -> str:
    return "yes" if met else "no"


if __name__ == "__main__":
    main()
