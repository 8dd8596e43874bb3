"""A task is added by one file: it is measured, tabulated and compared without another line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tasks.helpers import write

LINES = [
    "The cat sleeps.\tA cat is asleep.\tMoney is short.",
    "Go home.\tIt rains.\tIt is raining.",
]
RUN = """
import sys
import crosszero.tasks
crosszero.tasks.__path__.append(sys.argv[1])  # as if the file lay in the package
from crosszero.cli import main
main(sys.argv[2:])
"""


def test_a_new_task_is_one_file(tmp_path):
    (tmp_path / "added").mkdir()
    shutil.copy(Path(__file__).with_name("odd_one_out.py"), tmp_path / "added")
    data, out = tmp_path / "data", tmp_path / "out"
    write(data / "odd-one-out/test-en.tsv", LINES * 3)
    write(data / "labels/odd-one-out/test-en.tsv", ["2", "0"] * 3)

    def call(*arguments: object) -> str:
        command = [sys.executable, "-c", RUN, tmp_path / "added", *arguments]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    options = ["--data", data, "--out", out, "--tasks", "odd-one-out"]
    assert "odd-one-out/accuracy" in call("evaluate", "--encoder", "crosszero-mini", *options)
    (row,) = json.loads((out / "scores.json").read_text())["scores"]
    assert (row["task"], row["metric"], row["language"]) == ("odd-one-out", "accuracy", "en")
    assert (row["count"], row["value"] in (0.0, 0.5, 1.0)) == (6, True)
    write(tmp_path / "other/odd-one-out/test-en.tsv", ["0"] * 6)
    table = call("compare", data, tmp_path / "other", out / "predictions", "--resamples", 100)
    assert "odd-one-out/accuracy" in table
    assert "50.00" in table
