"""Test the paper's twelve claims with what a suite has left.

    python -m research.claims recipes/suite.yaml --out claims.md
    python -m research.claims research/e5-results.json --out docs/claims.md

The second makes the page of the documentation: it judges by the records of E5, and puts beside
them what came of crosszero-mini (research/claims/mini.json). Nothing is trained: claims whose
records are missing say so.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.experiment.recipes import read_experiment
from crosszero.experiment.records import find_commit
from crosszero.experiment.results import read_results
from crosszero.files import atomic_file
from research.claims.claim import Claim, render_ledger
from research.claims.ledger import judge_claims, list_claims
from research.claims.real_encoder import judge_real_encoder
from research.e5_evidence import Evidence

MINI = Path(__file__).with_name("mini.json")


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the claims, write the page, print one line for each claim."""
    parser = argparse.ArgumentParser(prog="python -m research.claims", description=__doc__)
    parser.add_argument("records", type=Path, help="the suite's YAML file, or e5-results.json")
    parser.add_argument("--out", type=Path, default=Path("docs/claims.md"), help="the page")
    given = parser.parse_args(arguments)
    command = f"python -m research.claims {given.records} --out {given.out}"
    judge = _judge_e5 if given.records.suffix == ".json" else _judge_suite
    found, notes = judge(given.records, command)
    with atomic_file(given.out) as file:
        file.write(render_ledger(found, made=" ".join([f"Made by `{command}`.", *notes])))
    for claim in found:
        sys.stdout.write(f"{claim.number:2d}  {claim.finding.outcome}: {claim.text}\n")
    sys.stdout.write(f"ledger: {given.out}\n")


def _judge_suite(recipe: Path, command: str) -> tuple[list[Claim], list[str]]:
    config = read_experiment(recipe)
    results = read_results(config)
    suite = f"crosszero run {recipe}"
    found = judge_claims(results.records, config, suite=suite, command=command)
    today = datetime.date.today().isoformat()
    made = f"On {today}, commit {find_commit() or 'unknown'}."
    return found, [made, *(f"{note}." for note in results.notes)]


def _judge_e5(records: Path, command: str) -> tuple[list[Claim], list[str]]:
    """Judge by E5; what came of crosszero-mini stands beside it."""
    kept = json.loads(records.read_text(encoding="utf-8"))
    evidence = Evidence(kept["experiments"]["e5"], kept["seeds"])
    mini = json.loads(MINI.read_text(encoding="utf-8"))
    beside = {int(number): finding for number, finding in mini["claims"].items()}
    found = [
        replace(claim, beside=((mini["encoder"], *beside[claim.number]),))
        if claim.number in beside
        else claim
        for claim in list_claims(judge_real_encoder(evidence, kept.get("clusters")), command)
    ]
    return found, [
        "Encoder: [e5-small-q4](e5-small-q4.md), multilingual-e5-small from 4-bit weights "
        f"([results](results.md)). {evidence.source} Results of the earlier "
        f"{mini['encoder']} ({mini['date']}, commit {mini['commit']}, three seeds; "
        "[results](results-mini.md)) are given for comparison."
    ]


if __name__ == "__main__":
    try:
        main()
    except CrosszeroError as error:
        sys.exit(f"research.claims: {error}")
