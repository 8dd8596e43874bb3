"""The twelve claims of the paper, each tested with what a suite has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crosszero.experiment.records import Record
from crosszero.experiment.result_tables import read_published
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import find_run
from research.claims.claim import Claim, Finding, Outcome
from research.claims.clusters import judge_clusters
from research.claims.curves import judge_curves
from research.claims.numerics import IdentityError, measure_identity, measure_rounding
from research.claims.orders import judge_order
from research.claims.rounding import (
    MARGINS,
    judge_rounding,
    list_cases,
    make_rounding,
)

PUBLISHED = Path(__file__).parents[1] / "published.yaml"
ORDERS = {
    5: ("info-snt", "CZ-snt"),
    6: ("CZ-snt", "ML-CTL-CZ"),
    7: ("info-snt", "ML-CTL-CZ"),
}
"""Claims that the second system is better than the first."""
TEXTS = {
    8: "Words of one meaning lie closer together, and further from others, after ML-CTL-CZ",
    9: "ML-CTL-CZ improves the encoder on several zero-shot tasks",
    10: "CZ-NCE keeps its loss away from zero during most of the training",
}
LEAST_COLUMNS = 3
MANY_TASKS = (
    f"The claim holds if at least {LEAST_COLUMNS} of XTREME's columns improve with a 95 % interval "
    "above 0."
)


def judge_claims(
    records: Sequence[Record], config: ExperimentConfig, *, suite: str, command: str
) -> list[Claim]:
    """Test all twelve claims with what a suite has left.

    Args:
        records: of the suite; may be empty.
        config: of the suite: tells where its encoders stand and the words that claim 8 looks at.
        suite: command that makes the records.
        command: command that makes the ledger.

    Returns:
        The claims, in order.
    """
    start = _find_start(config)
    runs = [
        [find_run(config, system, seed) for system in ("ML-CTL-info", "ML-CTL-CZ")]
        for seed in config.seeds
    ]
    pairs = [(info, cz) for info, cz in runs if info and cz]
    ordered = (
        f"{config.encoder} trained both ways on the same samples; the suite's tasks and "
        "seeds; differences paired over seeds, 95 % interval (Student t)."
    )
    judged = {
        number: Finding(*judge_order(records, config, *ORDERS[number]), ordered, suite)
        for number in ORDERS
    }
    judged[8] = Finding(
        *judge_clusters(config, start, "CZ-snt", "ML-CTL-CZ"),
        "Word vectors of held-out lines in all languages: k-NN purity by meaning among other "
        "languages, and silhouette by meaning; over the suite's seeds.",
        command,
    )
    judged[9] = Finding(
        *judge_order(records, config, start, "ML-CTL-CZ", least=LEAST_COLUMNS),
        f"The encoder before and after training, on the suite's tasks. {MANY_TASKS}",
        suite,
    )
    judged[10] = Finding(
        *judge_curves([info for info, _ in pairs], [cz for _, cz in pairs]),
        "The contrastive loss of ML-CTL-info and ML-CTL-CZ, same samples and seeds.",
        command,
    )
    return list_claims(judged, command)


def list_claims(judged: Mapping[int, Finding], command: str) -> list[Claim]:
    """Give all twelve claims: those about an encoder as judged, and those about the loss alone.

    Args:
        judged: claims 5 to 10.
        command: command that makes the ledger.

    Source:
        arXiv 2202.13083, table 1, figures 2 and 3, section 2.3.
    """
    cases = list_cases(measure_rounding(MARGINS))
    texts = {number: f"{b} is better than {a}" for number, (a, b) in ORDERS.items()} | TEXTS
    return [
        *_list_published(),
        *(Claim(number, texts[number], judged[number]) for number in sorted(judged)),
        Claim(
            11,
            "CZ-NCE has the same goal as InfoNCE",
            Finding(
                *_judge_identity(measure_identity()),
                "Gradients of both losses for each anchor of 100 random batches in float64, "
                "compared with grad L_info = (1 - p+) grad L_CZ.",
                command,
            ),
        ),
        Claim(
            12,
            "CZ-NCE suffers less from floating-point error than InfoNCE as the positive wins",
            Finding(
                *judge_rounding(cases),
                "Median relative error against float64 of value and gradient in three number "
                "formats, 14 negatives, 200 draws; the positive leads by the margin (in units of "
                "the temperature). Textbook: the paper's formula term by term; stable: this "
                "library's.",
                command,
            ),
            make_rounding(cases),
        ),
    ]


def _list_published() -> Iterator[Claim]:
    published = read_published(PUBLISHED)
    rows = {row.system: row for row in published.rows}
    for number, system in enumerate(("mBERT", "XLM", "MMTE", "ML-CTL-CZ"), start=1):
        row = rows[system]
        columns = zip(published.columns, row.values, strict=True)
        yield Claim(
            number,
            f"{system} reaches {', '.join(f'{name} {value:g}' for name, value in columns)} "
            "zero-shot on XTREME",
            Finding(
                "not testable here",
                f"{row.here[0].upper()}{row.here[1:]}.",
                "Needs XTREME's own data and settings at full size; not run here.",
                row.command,
            ),
        )


def _find_start(config: ExperimentConfig) -> str:
    """The system that is the suite's encoder as it is; the encoder's name where there is none."""
    for name, system in config.systems.items():
        plain = not system.has_seeds and not system.fine_tune and system.layer is None
        if plain and config.start_of(name, config.seeds[0]) == config.encoder:
            return name
    return config.encoder


def _judge_identity(found: IdentityError) -> tuple[Outcome, str]:
    return (
        "holds" if found.worst < 1e-8 and found.cosine > 1 - 1e-9 else "does not hold",
        f"Largest relative error of the identity {found.worst:.1e}; smallest cosine between the "
        f"two gradients 1 - {1 - found.cosine:.1e}; InfoNCE's is {found.shrink[0]:.1e} to "
        f"{found.shrink[1]:.4f} times as long.",
    )
