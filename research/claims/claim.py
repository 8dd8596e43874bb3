"""A claim, what came of it, and the page that lists them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from crosszero.experiment.table import Table, render_markdown

Outcome = Literal["holds", "holds in part", "does not hold", "not testable here"]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper and its test.

    Attributes:
        number: 1 to 12.
        text: what the paper says, in our words.
        experiment: what is done to test it at the size of one machine.
        outcome: what came of it.
        evidence: the numbers, with intervals where there are seeds; or what is missing.
        command: what makes the numbers; none where nothing can.
        table: the numbers in full, where a sentence does not hold them.
    """

    number: int
    text: str
    experiment: str
    outcome: Outcome
    evidence: str
    command: str | None
    table: Table | None = None


def render_ledger(claims: Sequence[Claim], *, made: str) -> str:
    """Write the ledger as Markdown.

    Args:
        claims: in any order.
        made: the command, date and commit, for the first paragraph.
    """
    counts = {
        outcome: sum(claim.outcome == outcome for claim in claims) for outcome in get_args(Outcome)
    }
    parts = [
        "# The paper's claims, tested",
        f"{made} Of {len(claims)} claims "
        + ", ".join(f"{count}: {outcome}" for outcome, count in counts.items() if count)
        + ". The experiments fit one small machine: an outcome here does not settle the claim at "
        "the paper's size.",
    ]
    for claim in sorted(claims, key=lambda claim: claim.number):
        parts += [
            f"## {claim.number}. {claim.text}",
            f"**{claim.outcome[0].upper()}{claim.outcome[1:]}.** {claim.evidence}",
            *([render_markdown(claim.table)] if claim.table else []),
            f"- Experiment: {claim.experiment}\n"
            f"- Command: {f'`{claim.command}`' if claim.command else 'none'}",
        ]
    return "\n\n".join(parts) + "\n"
