"""What research/e5-results.json says of one experiment, as cells of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot
from pathlib import Path
from statistics import fmean
from typing import Any

from crosszero.experiment.records import Record
from crosszero.experiment.result_tables import make_languages, summarise
from crosszero.experiment.results import Results
from crosszero.experiment.table import Cell, Table, measure_interval
from crosszero.tasks.catalogue import find_task
from research.e5_records import restore


class Evidence:
    """What was kept of one experiment."""

    def __init__(self, found: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self.seeds, self.title = seeds, found["title"]
        self.records = [restore(row) for row in found["records"]]
        self.compared = {
            (first, second, task, part): self._widen(first, second, task, part, *interval)
            for first, second, task, part, *interval in found["comparisons"]
        }
        self.losses = {name: course for name, *course in found["losses"] if course[0]}

    def _widen(
        self, first: str, second: str, task: str, part: str, middle: float, low: float, high: float
    ) -> list[float]:
        """Let an interval over sentences hold what other seeds would change, too.

        Both are independent, so their half-widths are combined in quadrature.
        """
        sides = [self._by_seed(name, task, part) for name in (first, second)]
        if min(map(len, sides)) == 1 and not find_task(task).fine_tuned:  # untrained: one seed
            changes = list(max(sides, key=len).values())
        else:
            changes = [sides[1][seed] - sides[0][seed] for seed in sides[0] if seed in sides[1]]
        half = measure_interval(changes).half_width if len(changes) > 1 else 0.0
        return [middle, middle - hypot(middle - low, half), middle + hypot(high - middle, half)]

    def _by_seed(self, system: str, task: str, part: str) -> dict[int, float]:
        records = [r for r in self.records if (r.system, r.task) == (system, task)]
        return {r.seed: mean(r, part) for r in records if r.seed in self.seeds}

    def score(self, system: str, task: str, part: str = "all") -> Cell:
        """The mean over languages: of one seed, or with an interval over seeds."""
        return summarise(list(self._by_seed(system, task, part).values()))

    def of_seed(self, system: str, task: str, part: str, seed: int) -> float | None:
        """The mean over languages with one seed."""
        return self._by_seed(system, task, part).get(seed)

    def change(self, first: str, second: str, task: str, part: str = "all") -> Cell:
        """How far the second system is from the first, and the interval."""
        found = self.compared.get((first, second, task, part))
        return None if found is None else "{} [{}, {}]".format(*map(sign, found))

    def languages(self, task: str, systems: Sequence[str], how: str = "") -> Table:
        """A row for each language."""
        kept = [r for s in systems for r in self.records if r.system == s and r.task == task]
        kept = [record for record in kept if record.seed in self.seeds]
        results = Results(title=self.title, folder=Path(), records=tuple(kept), systems=())
        table = make_languages(results, find_task(task))
        return replace(table, title=table.title + how)

    @property
    def source(self) -> str:
        """Where and when the records were made."""
        dates = sorted(record.date[:10] for record in self.records)
        cards = sorted({record.machine.rsplit(", ", 1)[-1] for record in self.records})
        cards = list(dict.fromkeys("CPU" if "threads" in card else card for card in cards))
        span = " to ".join(dict.fromkeys((dates[0], dates[-1])))
        seeds = sorted({record.seed for record in self.records} & {*self.seeds})
        named = f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        return f"{named}; {' and '.join(cards)}, {span}."


def mean(record: Record, part: str = "all") -> float:
    """The mean over languages in per cent: ``all``, ``English``, ``others``, or their ``gap``."""
    if part == "gap":
        return mean(record, "English") - mean(record, "others")
    kept = [
        s.value for s in record.scores if part == "all" or (s.language == "en") == (part[0] == "E")
    ]
    return 100 * fmean(kept)


def sign(points: float) -> str:
    """A number with its sign; nought has none."""
    text = f"{points:+.1f}"
    return "0.0" if text[1:] == "0.0" else text
