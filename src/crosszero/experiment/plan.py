"""Which measurements a suite has, and what each of them reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crosszero.experiment.evaluation import Bench
from crosszero.experiment.settings import FINE_TUNED, SuiteConfig
from crosszero.tasks.catalogue import find_task


class Plan(NamedTuple):
    """One measurement that belongs to a suite."""

    system: str
    task: str
    seed: int


def list_plans(config: SuiteConfig) -> Iterator[Plan]:
    """All measurements of a suite, seed by seed.

    An encoder that is not trained gives the same numbers with every seed, but for the tasks that it
    is fine-tuned on: elsewhere it is measured once.
    """
    for seed in config.seeds:
        for system in config.systems:
            for task in config.tasks:
                again = depends_on_seed(config, system, task)
                if config.measures(system, task) and (again or seed == config.seeds[0]):
                    yield Plan(system, task, seed)


def depends_on_seed(config: SuiteConfig, system: str, task: str) -> bool:
    """Whether a system's scores on a task differ from seed to seed."""
    return config.has_seeds(system) or task in FINE_TUNED


def make_bench(config: SuiteConfig, plan: Plan) -> Bench:
    """Data, settings and folder of one measurement."""
    changes = config.systems[plan.system].fine_tune
    shared = config.fine_tune.get(plan.task, {})
    fine_tune = {plan.task: {**shared, **changes}} if plan.task in FINE_TUNED else {}
    own = {"alignment": config.alignment_pairs, "held_out": None}
    return Bench(
        data=Path(config.data or "."),
        out=Path(config.out) / "runs" / f"{plan.system}-{plan.seed}",
        alignment=Path(config.alignment) if config.alignment else None,
        held_out=Path(config.held_out) if config.held_out else None,
        languages=own.get(find_task(plan.task).data_setting, config.languages),
        fine_tune=fine_tune,
        max_length=config.max_length,
        margin=config.margin,
        layer=None if plan.task in FINE_TUNED else config.layer_of(plan.system),
        seed=plan.seed,
    )


def find_data(config: SuiteConfig, task: str) -> Path:
    """The folder that a task of a suite reads."""
    return make_bench(config, Plan(next(iter(config.systems)), task, config.seeds[0])).folder(task)


def locate_record(config: SuiteConfig, plan: Plan) -> Path:
    """Where the record of a measurement belongs."""
    return Path(config.out) / "records" / f"{plan.system}-{plan.task}-{plan.seed}.json"
