"""Test the paper's twelve claims with what a suite has left.

    python -m research.claims recipes/suite.yaml --out docs/claims.md

Nothing is trained: claims whose records are missing say so.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.experiment.recipes import read_experiment
from crosszero.experiment.records import find_commit
from crosszero.experiment.results import read_results
from crosszero.files import atomic_file
from research.claims.claim import render_ledger
from research.claims.ledger import judge_claims


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the claims, write the page, print one line for each claim."""
    parser = argparse.ArgumentParser(prog="python -m research.claims", description=__doc__)
    parser.add_argument("recipe", type=Path, help="the suite's YAML file")
    parser.add_argument("--out", type=Path, default=Path("docs/claims.md"), help="the page")
    given = parser.parse_args(arguments)
    config = read_experiment(given.recipe)
    results = read_results(config)
    command = f"python -m research.claims {given.recipe} --out {given.out}"
    suite = f"crosszero run {given.recipe}"
    found = judge_claims(results.records, config, suite=suite, command=command)
    today = datetime.date.today().isoformat()
    made = f"Made by `{command}` on {today}, commit {find_commit() or 'unknown'}."
    made = " ".join([made, *(f"{note}." for note in results.notes)])
    with atomic_file(given.out) as file:
        file.write(render_ledger(found, made=made))
    for claim in found:
        sys.stdout.write(f"{claim.number:2d}  {claim.outcome}: {claim.text}\n")
    sys.stdout.write(f"ledger: {given.out}\n")


if __name__ == "__main__":
    try:
        main()
    except CrosszeroError as error:
        sys.exit(f"research.claims: {error}")
