"""Where a chain keeps its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where a chain keeps its results.

    Attributes:
        samples, held_out: stores of samples.
        run: the trained encoder.
        before: numbers of the encoder before training, as JSON.
        scores: numbers before and after, as JSON.
        page: the HTML page.
    """

    samples: Path
    held_out: Path
    run: Path
    before: Path
    scores: Path
    page: Path

    @classmethod
    def of(cls, out: str | Path) -> Paths:
        """The paths below an output folder."""
        out = Path(out)
        return cls(
            samples=out / "samples",
            held_out=out / "held-out",
            run=out / "run",
            before=out / "before.json",
            scores=out / "scores.json",
            page=out / "report.html",
        )
