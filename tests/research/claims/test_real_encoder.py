"""Verdicts by one seed, and the page of the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from research.claims.__main__ import main
from research.claims.claim import Finding
from research.claims.real_encoder import judge_real_encoder
from research.e5_evidence import Evidence

ROOT = Path(__file__).parents[3]
COURSE = [[1], 0.4, 0.16, 0.09, 50]
LOSSES = [[name, *COURSE] for name in ("info-snt", "CZ-snt", "ML-CTL-info", "ML-CTL-CZ")]


def make_evidence(*comparisons: list[Any]) -> Evidence:
    record = {"system": "a", "task": "xnli", "seed": 1, "date": "2026-01-01", "seconds": 1,
              "machine": "x86_64, 1 threads", "commit": "", "key": "", "scores": {}}  # fmt: skip
    found = {"title": "", "records": [record], "comparisons": comparisons, "losses": LOSSES}
    return Evidence(found, [1])


def test_groups_are_judged_by_intervals_over_sentences() -> None:
    pair = ["info-snt", "CZ-snt"]
    found = judge_real_encoder(
        make_evidence(
            [*pair, "xnli", "all", 1.0, -1.0, 3.0],
            [*pair, "pawsx", "all", 3.0, 1.0, 5.0],
            [*pair, "tatoeba", "all", 1.0, 0.5, 1.5],
            [*pair, "word-alignment", "all", -2.0, -3.0, -1.0],  # less error
        )
    )[5]
    assert found.outcome == "holds in part"  # tags were not measured
    assert "AER +2.00 ± 1.00" in found.evidence
    # two independent tests: mean 2, half-width the root of 2^2 + 2^2, halved
    assert "pairs of sentences +2.00 ± 1.41 (better)" in found.evidence
    assert found.evidence.endswith("words +2.00 ± 1.00 (better). Not measured: tags.")
    worse = judge_real_encoder(make_evidence([*pair, "tatoeba", "all", -1.0, -1.5, -0.5]))[5]
    assert worse.outcome == "does not hold"
    assert "retrieval -1.00 ± 0.50 (worse)" in worse.evidence
    assert judge_real_encoder(make_evidence())[5].outcome == "not testable here"


def test_each_encoder_is_read_as_its_claim_asks() -> None:
    first_last = ["CZ-snt", "ML-CTL-CZ", "tatoeba", "all", 1.0, 0.5, 1.5]
    own = ["e5-small-q4", "ML-CTL-CZ-last", "tatoeba", "all", -3.0, -4.0, -2.0]
    found = judge_real_encoder(make_evidence(first_last, own))
    assert "Tatoeba +1.00" in found[6].evidence
    assert "Tatoeba -3.00" in found[9].evidence
    assert found[9].outcome == "not testable here"  # it asks for several of XTREME's columns


def test_both_levels_decide_about_the_loss() -> None:
    evidence = make_evidence()
    assert judge_real_encoder(evidence)[10].outcome == "does not hold"
    evidence.losses["info-snt"] = [[1], 0.9, 0.0, 0.1, 50]
    assert judge_real_encoder(evidence)[10].outcome == "holds in part"
    evidence.losses["ML-CTL-info"] = [[1], 0.9, 0.0, 0.1, 50]
    assert judge_real_encoder(evidence)[10].outcome == "holds"


def test_clusters_are_judged_seed_by_seed() -> None:
    """A start without seeds is held against each; one interval with zero is enough to fail."""
    start = {"purity": [0.1], "silhouette": [-0.2]}
    some = {"purity": [0.2, 0.3, 0.4], "silhouette": [0.0, 0.1, 0.2]}
    more = {name: [value + 0.1 for value in values] for name, values in some.items()}

    def judge(middle: dict[str, list[float]], last: dict[str, list[float]]) -> Finding:
        measured = {"e5-small-q4": start, "CZ-snt": middle, "ML-CTL-CZ": last}
        found = {"seeds": [1, 2, 3], "date": "2026-01-01", "measured": measured}
        return judge_real_encoder(make_evidence(), found)[8]

    assert judge(some, more).outcome == "holds"
    assert "purity +0.10 ± 0.00 over CZ-snt (0.300)" in judge(some, more).evidence
    assert judge(more, some).outcome == "does not hold"
    wide = {"purity": [0.2, 0.9, 0.4], "silhouette": more["silhouette"]}
    assert judge(some, wide).outcome == "does not hold"
    assert judge_real_encoder(make_evidence())[8].outcome == "not testable here"


def test_the_page_is_what_the_command_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the claims about rounding, whose last digits are the machine's."""
    monkeypatch.chdir(ROOT)
    out = tmp_path / "claims.md"
    main(["research/e5-results.json", "--out", str(out)])
    assert capsys.readouterr().out.count("\n") == 13
    made, kept = (
        re.split(r"\n## \d+\. ", path.read_text("utf-8").replace(str(out), "docs/claims.md"))
        for path in (out, ROOT / "docs/claims.md")
    )
    assert made[:11] == kept[:11]
    mini = json.loads((ROOT / "research/claims/mini.json").read_text("utf-8"))
    for number, (outcome, evidence) in mini["claims"].items():
        assert f"On crosszero-mini: **{outcome}.** {evidence}" in kept[int(number)]
