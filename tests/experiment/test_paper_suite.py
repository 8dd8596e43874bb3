"""The paper's suite runs, from a hub's files to tables; the hub is a stand-in on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crosszero.experiment.recipes import locate_recipe, read_experiment
from tests.hub import serve_hub

pytest.importorskip("datasets")
pytest.importorskip("sacremoses", reason="XLM needs the extra xlm")
ROOT = Path(__file__).parents[2]
GUARD = """
import os, sys
def note(event, values):
    if event in ("socket.connect", "socket.getaddrinfo"):
        host = values[1][0] if event == "socket.connect" else values[0]
        with open(os.environ["REACHED"], "a") as file:
            file.write(f"{host}\\n")
sys.addaudithook(note)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_suite_from_the_hub(tmp_path: Path) -> None:
    """The commands of the recipe's first lines; of sizes, only the seeds are cut."""
    from tests.hub_contents import LANGUAGES, XLM, add_encoders, add_xtreme, write_local_data

    text = locate_recipe("paper-suite").read_text().replace("\\\n#", " ")
    prepare, run, claims = re.findall(r"^#   ((?:crosszero|python -m) .*)", text, re.MULTILINE)
    (fetch,) = re.findall(r"'(crosszero xtreme fetch .*?)'", text)
    commands = (
        prepare.replace("1000", "10"),
        f"{fetch} --languages {' '.join(LANGUAGES)}",
        f"{run} --set seeds=[1]",
        claims,
    )
    here = tmp_path / "here"
    write_local_data(here)
    for name in ("recipes", "research"):
        (here / name).symlink_to(ROOT / name)
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard/sitecustomize.py").write_text(GUARD)
    with serve_hub() as hub:
        add_encoders(hub, tmp_path / "hub")
        add_xtreme(hub, tmp_path / "hub")
        environment = hub.environment | {
            "PYTHONPATH": os.pathsep.join(map(str, (tmp_path / "guard", ROOT / "src", ROOT))),
            "HF_HOME": str(tmp_path / "home"), "REACHED": str(tmp_path / "reached"),
        }  # fmt: skip
        for command in commands:
            words = command.removeprefix("python ").removeprefix("-m ").split()
            done = subprocess.run(
                [sys.executable, "-m", *words], cwd=here, env=environment, check=False,
                capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}: {done.stderr}"
            assert done.stderr.count("slow tokeniser") == (command == commands[2])
    reached = set((tmp_path / "reached").read_text().split())
    assert reached - {"datasets-server.127.0.0.1"} == {"127.0.0.1"}

    suite = read_experiment(locate_recipe("paper-suite"))
    assert suite.systems["XLM"].encoder == f"{XLM}@refs/pr/2"
    lines = (here / suite.out / "tables.md").read_text().splitlines()
    scores = json.loads((here / suite.out / "summary.json").read_text())
    assert scores.keys() == suite.systems.keys()
    for system, measured in scores.items():
        assert {name.split("/")[0] for name in measured} == set(suite.tasks)
        cells = next(line for line in lines if line.startswith(f"| {system} |")).split("|")[2:-1]
        assert len(cells) == len(suite.tasks)
        assert all(0 <= float(cell) <= 100 for cell in cells)
    claims_page = (here / "claims.md").read_text()
    assert "both are done on all tasks with 1 of the suite's 3 seeds" in claims_page
