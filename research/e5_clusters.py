"""How words of one meaning lie in the encoders of recipes/e5.yaml (claim 8 of docs/claims.md).

    python -m research.e5_clusters mine.yaml --out research/e5-results.json

measures the encoders in the recipe's run folder, and keeps what it found in that file, beside what
:mod:`research.e5_records` has put there.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Sequence
from pathlib import Path

from crosszero.experiment.recipes import read_experiment
from crosszero.experiment.records import describe_machine
from research.claims.clusters import measure_systems
from research.e5_records import START, write_records

SYSTEMS = (START, "CZ-snt", "ML-CTL-CZ")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="file of the records")
    options = parser.parse_args(arguments)
    found = json.loads(options.out.read_text("utf-8"))
    config = read_experiment(options.recipe)
    measured = measure_systems(config, SYSTEMS)
    found["clusters"] = {
        "seeds": config.seeds,
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "measured": {
            system: {name: [round(value, 5) for value in values] for name, values in each.items()}
            for system, each in measured.items()
        },
    }
    write_records(found, options.out)


if __name__ == "__main__":
    main()
