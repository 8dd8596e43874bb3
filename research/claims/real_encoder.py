"""Claims about orders and losses on E5, a real encoder, by research/e5-results.json."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, nan
from statistics import fmean
from typing import Any

from crosszero.experiment.table import Interval
from crosszero.tasks.catalogue import list_tasks
from research.claims.claim import Finding, Outcome
from research.claims.clusters import judge_measures
from research.claims.curves import Course, judge_courses
from research.claims.ledger import LEAST_COLUMNS, MANY_TASKS, ORDERS
from research.claims.orders import GROUPS, group_columns, judge_intervals
from research.e5_evidence import Evidence
from research.e5_records import FIRST_LAST, OWN_POOLING, PAPER, START

_COMMAND = "crosszero run recipes/e5.yaml"
_SAME = {name: name for name in (START, *PAPER)}
_LEVELS = {
    "sentences": ("info-snt", "CZ-snt"),
    "sentences and words": ("ML-CTL-info", "ML-CTL-CZ"),
}


def judge_real_encoder(
    evidence: Evidence, clusters: Mapping[str, Any] | None = None
) -> dict[int, Finding]:
    """Judge claims 5 to 10 by the records of E5, and by what research.e5_clusters has found."""
    several = len(evidence.seeds) > 1
    seeds = f"Seed{'s' if several else ''} {', '.join(map(str, evidence.seeds))}"
    seeds += "" if several else " alone"
    ordered = (
        "e5-small-q4 trained both ways on the same samples, sentences read as the paper reads them "
        "(first + last layer); differences on the same test sentences, with a 95 % interval over "
        "sentences (paired bootstrap) and seeds (Student t); a group's as if its test sets were "
        "independent."
    )
    found = {
        number: Finding(
            *_judge_order(evidence, seeds, FIRST_LAST, first, second), ordered, _COMMAND
        )
        for number, (first, second) in ORDERS.items()
    }
    found[8] = _judge_clusters(clusters)
    found[9] = Finding(
        *_judge_order(evidence, seeds, OWN_POOLING, START, "ML-CTL-CZ", LEAST_COLUMNS),
        "The encoder before and after training, sentences read by its own pooling; differences on "
        f"the same test sentences. {MANY_TASKS}",
        _COMMAND,
    )
    found[10] = Finding(
        *_judge_losses(evidence),
        "The contrastive loss of the four systems, same samples and seeds.",
        _COMMAND,
    )
    return found


def _judge_order(
    evidence: Evidence,
    seeds: str,
    rows: Mapping[str, str],
    first: str,
    second: str,
    least: int | None = None,
) -> tuple[Outcome, str]:
    columns = {}
    for task in list_tasks():
        read = rows if task.name in ("tatoeba", "bucc2018") else _SAME
        change = evidence.compared.get((read[first], read[second], task.name, "all"))
        if change is not None:
            ends = sorted(-value if task.lower_is_better else value for value in change)
            columns[task.title] = Interval(mean=ends[1], deviation=nan, low=ends[0], high=ends[2])
    if not columns:
        return "not testable here", f"No task has been measured for both {first} and {second}."
    groups = {
        name: _join([columns[c] for c in some]) for name, some in group_columns(columns).items()
    }
    outcome, text = judge_intervals(
        f"{seeds}. {second} minus {first}, points, better is positive", columns, groups, least
    )
    missing = [name for name in GROUPS if name not in groups]
    if least is None and missing:
        text += f" Not measured: {', '.join(missing)}."
        outcome = "holds in part" if outcome == "holds" else outcome
    return outcome, text


def _join(columns: list[Interval]) -> Interval:
    """The mean of independent columns, whose variances add up."""
    mean = fmean(one.mean for one in columns)
    half = hypot(*(one.half_width for one in columns)) / len(columns)
    return Interval(mean=mean, deviation=nan, low=mean - half, high=mean + half)


def _judge_clusters(found: Mapping[str, Any] | None) -> Finding:
    outcome, text = "not testable here", "Not measured."
    made = ""
    if found is not None:
        outcome, text = judge_measures(found["measured"])
        text = f"Seeds {', '.join(map(str, found['seeds']))}. {text}"
        made = f" Encoders trained anew for this; measured on {found['date']}, CPU."
    return Finding(
        outcome,
        text,
        "Word vectors (first + last layer) of 50 held-out lines in all languages; a line is one "
        "meaning, which all its words share. k-NN purity by meaning among other languages, and "
        f"silhouette by meaning.{made}",
        "python -m research.e5_clusters recipes/e5.yaml --out research/e5-results.json",
    )


def _judge_losses(evidence: Evidence) -> tuple[Outcome, str]:
    outcomes, texts = [], []
    for level, systems in _LEVELS.items():
        info, cz = (Course(*evidence.losses[name][1:]) for name in systems)
        outcome, text = judge_courses(info, cz)
        outcomes.append(outcome)
        texts.append(f"On {level}: {outcome}. {text}")
    same = outcomes[0] if len(set(outcomes)) == 1 else "holds in part"
    return same, " ".join(texts)
