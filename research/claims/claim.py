"""A claim, what came of it, and the page that lists them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from crosszero.experiment.table import Table, render_markdown

Outcome = Literal["holds", "holds in part", "does not hold", "not testable here"]
_SAID: dict[Outcome, tuple[str, str]] = {  # of one claim, and of several
    "holds": ("holds", "hold"),
    "holds in part": ("holds in part", "hold in part"),
    "does not hold": ("does not hold", "do not hold"),
    "not testable here": ("is not testable here", "are not testable here"),
}


class Finding(NamedTuple):
    """What came of a claim's test.

    Attributes:
        outcome: whether it holds.
        evidence: the numbers, with intervals where there are some; or what is missing.
        experiment: what was done to test it at the size of one machine.
        command: what makes the numbers; none where nothing can.
    """

    outcome: Outcome
    evidence: str
    experiment: str
    command: str | None


@dataclass(frozen=True)
class Claim:
    """One claim of the paper and its test.

    Attributes:
        number: 1 to 12.
        text: what the paper says, in our words.
        finding: what came of it.
        table: the numbers in full, where a sentence does not hold them.
        beside: what came of it on other encoders: their names, outcomes and evidence.
    """

    number: int
    text: str
    finding: Finding
    table: Table | None = None
    beside: tuple[tuple[str, Outcome, str], ...] = ()


def render_ledger(claims: Sequence[Claim], *, made: str) -> str:
    """Write the ledger as Markdown.

    Args:
        claims: in any order.
        made: the command, date and commit, for the first paragraph.
    """
    outcomes = [claim.finding.outcome for claim in claims]
    counts = {outcome: outcomes.count(outcome) for outcome in _SAID}
    *rest, last = [f"{n} {_SAID[outcome][n > 1]}" for outcome, n in counts.items() if n]
    said = ", ".join([*rest, f"and {last}" if rest else last])
    parts = [
        "# The paper's claims, tested",
        f"{made} Of {len(claims)} claims, {said}. The experiments fit one small machine: an "
        "outcome here does not settle the claim at the paper's size.",
    ]
    told: dict[tuple[str, str | None], int] = {}
    for claim in sorted(claims, key=lambda claim: claim.number):
        outcome, evidence, experiment, command = claim.finding
        how = f"- Experiment: {experiment}\n- Command: {f'`{command}`' if command else 'none'}"
        first = told.setdefault((experiment, command), claim.number)
        if first != claim.number:
            how = f"- Experiment and command: those of claim {first}."
        parts += [
            f"## {claim.number}. {claim.text}",
            f"**{outcome[0].upper()}{outcome[1:]}.** {evidence}",
            *([render_markdown(claim.table)] if claim.table else []),
            *(f"On {name}: **{other}.** {numbers}" for name, other, numbers in claim.beside),
            how,
        ]
    return "\n\n".join(parts) + "\n"
