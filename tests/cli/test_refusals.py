"""A command that refuses says why in one line, and leaves no folder that was not there before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import crosszero as cz
from crosszero.cli import main
from crosszero.cli.main import COMMANDS, XTREME
from tests.cli.corpus import write_corpus

Folders = Callable[..., Path]
NO_OUTPUT = {"show", "aer", "serve", "push"}
HUB_ID = "crosszero-tests/no-such-encoder"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(cz.__file__).parents[1])}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, model_folder: Folders) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_corpus(folder)
    (folder / "one.en-fr.tsv").write_text("a\tb\nc\n", encoding="utf-8")
    shutil.copytree(model_folder(), folder / "model")
    shutil.copytree(model_folder(), folder / "damaged")
    (folder / "damaged" / "model.safetensors").write_bytes(b"no weights")
    gold = folder / "data" / "word-alignment"
    gold.mkdir(parents=True)
    (gold / "en-fr.en").write_text("the cat\n", encoding="utf-8")
    (gold / "en-fr.fr").write_text("le chat\n", encoding="utf-8")
    (gold / "en-fr.gold").write_text("0-0 1-1\n", encoding="utf-8")
    (folder / "data" / "labels" / "pawsx").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to("loop")
    return folder


def write_recipe(inputs: Path, out: Path, **changes: Any) -> Path:
    recipe = {"name": "x", "out": str(out), "encoder": "model", "data": "data"}
    recipe |= {"alignment": "data", "tasks": ["word-alignment"], "samples": "samples"}
    recipe |= {"train": {"level": "sentence", "steps": 1}, "page": False}
    path = inputs / f"{out.parent.parent.name}.yaml"
    path.write_text(yaml.safe_dump(recipe | changes), encoding="utf-8")
    return path


ENCODERS = ["nowhere/at/all", "damaged", "empty", "loop"]
USE = {
    "align": ["a.en", "a.fr"],
    "project": ["a.en", "a.fr", "--format", "markup"],
    "mine": ["a.en", "a.fr"],
    "score": ["a.en", "a.fr"],
    "encode": ["a.en"],
    "train": ["samples", "--level", "sentence"],
    "evaluate": ["--data", "data", "--alignment", "data", "--tasks", "word-alignment"],
}
CASES: list[list[str]] = [
    *([name, *more, "--encoder", one] for name, more in USE.items() for one in ENCODERS),
    *([name, *more, "--encoder", "model", "--max-length", "600"] for name, more in USE.items()),
    *([name, *more, "--encoder", "model", "--max-length", "1"] for name, more in USE.items()),
    ["align", "a.en", "nowhere", "--encoder", "model"],
    ["align", "a.en", "one.en-fr.tsv", "--encoder", "model", "--layer", "99"],
    ["mine", "a.en", "empty", "--encoder", "model"],
    ["mine", "a.en", "a.fr", "--encoder", "model", "--ray-address", "127.0.0.1:9"],
    ["encode", "loop", "--encoder", "model"],
    ["encode", "a.en", "--encoder", "model", "--ray-address", "127.0.0.1:9"],
    ["prepare", "nowhere.en-fr.tsv"],
    ["prepare", "one.en-fr.tsv"],
    ["prepare", "loop"],
    ["prepare", "a.en-fr.tsv", "--hold-out", "50"],
    ["prepare", "a.en-fr.tsv", "--words.kind", "encoder", "--encoder", "damaged"],
    ["prepare", "a.en-fr.tsv", "--words.kind", "lexicon", "--words.lexicon", "en,fr=nowhere"],
    ["prepare", "a.en-fr.tsv", "--ray-address", "127.0.0.1:9"],
    ["train", "empty", "--encoder", "model"],
    ["train", "samples", "--encoder", "model"],
    ["train", "samples", "--encoder", "model", "--level", "sentence", "--lora.targets", "none"],
    ["train", "samples", "--encoder", "model", "--refresh-words-every", "2"],
    ["evaluate", "--encoder", "model", "--data", "empty"],
    ["evaluate", "--encoder", "model", "--data", "nowhere"],
    ["evaluate", "--encoder", "model", "--data", "data", "--tasks", "tatoeba"],
    ["evaluate", "--encoder", "model", "--data", "data", "--layer", "99"],
    ["compare", "data", "nowhere", "empty"],
    ["compare", "nowhere.yaml", "one", "other"],
    ["report", "empty"],
    ["view", "nowhere"],
    ["view", "a.en"],
    ["view", "a.en", "a.en", "a.fr"],
    ["report", "nowhere"],
    ["xtreme", "score", "nowhere", "data/labels"],
    ["xtreme", "score", "empty", "data/labels"],
    ["xtreme", "fetch", "--tasks", "nothing"],
    ["xtreme", "fetch", "--tasks", "pawsx", "--languages", "xx"],
    ["run", "nowhere.yaml"],
    ["demo", "--out", "a.en"],
    ["trim", "damaged", "--text", "a.en"],
    ["trim", "model", "--text", "nowhere"],
    ["trim", "model"],
    *(["export", one] for one in ENCODERS),
    ["export", "model", "--max-length", "600"],
    ["export", "model", "--layer", "99"],
]
RECIPES: list[dict[str, Any]] = [
    *({"encoder": one} for one in ENCODERS),
    {"train": {"level": "sentence", "max_length": 600}},
    {"train": {"lora": {"targets": ["none"]}, "level": "sentence"}},
    {"train": {"steps": 1}},
    {"samples": "empty"},
    {"alignment": "empty"},
    {"data": "nowhere", "tasks": ["tatoeba"]},
    {"layer": 99},
    {"bitext": [{"path": "nowhere.en-fr.tsv"}], "samples": None},
    {"bitext": [{"path": "a.en-fr.tsv"}], "samples": None, "prepare": {"hold_out": 50}},
    {"texts": {"more": {"path": "nowhere"}}, "tasks": ["more"]},
]


def refuse(
    arguments: list[str], inputs: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> str:
    before = sorted(inputs.rglob("*"))
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2, error
    assert error.count("crosszero: ") == 1, error
    assert error.splitlines()[-1].startswith("crosszero: ")
    assert "Traceback" not in error
    assert not made.exists(), sorted(made.rglob("*"))
    assert sorted(inputs.rglob("*")) == before
    return error


def test_each_command_is_asked() -> None:
    listed = {k.partition(":")[2] for group in (*COMMANDS.values(), XTREME) for k in group}
    asked = {word for case in CASES for word in case[:2]}
    assert listed - NO_OUTPUT <= asked


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_nothing_is_left_of_a_refused_command(
    case: list[str],
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inputs)
    made = tmp_path / "made"
    out = str(made / "here")
    if case[:2] == ["xtreme", "fetch"]:
        arguments = [*case[:2], out, *case[2:]]
    else:
        arguments = case if case[0] in ("run", "demo") else [*case, "--out", out]
    if "--ray-address" in case:
        pytest.importorskip("ray")
    refuse(arguments, inputs, made, capsys)


@pytest.mark.parametrize("changes", RECIPES, ids=str)
def test_nothing_is_left_of_a_refused_recipe(
    changes: dict[str, Any],
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inputs)
    made = tmp_path / "made"
    recipe = write_recipe(inputs, made / "here", **changes)
    refuse(["run", str(recipe)], inputs, made, capsys)


def test_a_link_in_a_circle_is_no_place(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(inputs)
    recipe = write_recipe(inputs, inputs / "loop")
    commands = [["run", str(recipe)], ["demo", "--out", "loop"], ["xtreme", "fetch", "loop"]]
    commands += [[*USE[name][:0], name, *USE[name], "--encoder", "model"] for name in USE]
    commands += [["prepare", "a.en-fr.tsv"], ["xtreme", "score", "data/labels", "data/labels"]]
    commands += [["compare", "data", "data", "data"], ["report", "data"]]
    for command in commands:
        with_out = command[0] in ("run", "demo") or "fetch" in command
        place = [] if with_out else ["--out", "loop"]
        refuse([*command, *place], inputs, inputs / "nothing", capsys)
        assert (inputs / "loop").is_symlink()


OFFLINE = """
import sys, time
time.sleep = lambda seconds: None  # huggingface_hub asks again and again
from crosszero.cli import main
for command in {commands!r}:
    print("=", *command, file=sys.stderr, flush=True)
    try:
        main(command)
    except SystemExit as stop:
        assert stop.code == 2, stop.code
"""


def test_without_a_network_a_command_says_so_once(inputs: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    made = tmp_path / "made"
    hub = ["--encoder", HUB_ID, "--out", str(made / "here")]
    commands = [[name, *more, *hub] for name, more in USE.items()]
    commands += [["prepare", "a.en-fr.tsv", "--words.kind", "encoder", *hub]]
    commands += [["run", str(write_recipe(inputs, made / "here", encoder=HUB_ID))]]
    at_revision = f"{HUB_ID}@v2"
    commands += [["trim", at_revision, "--text", "a.en", *hub[2:]], ["export", HUB_ID, *hub[2:]]]
    commands += [["encode", "a.en", "--encoder", at_revision, *hub[2:]]]
    commands += [["serve", "--encoder", HUB_ID, "--port", "0"]]
    data = ["--format", "huggingface", "--languages", "en", "fr", "--out", str(made / "here")]
    commands += [["prepare", "crosszero-tests/no-such-data", *data]]
    commands += [["xtreme", "fetch", str(made / "here"), "--tasks", "pawsx", "--languages", "de"]]
    dead = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hub")}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE.format(commands=commands)],
        env={**ENVIRONMENT, **dead, "HF_HUB_OFFLINE": "0"},
        cwd=inputs,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    told = done.stderr.split("= ")[1:]
    assert len(told) == len(commands)
    for one in told:
        command, *lines = one.splitlines()
        assert [line for line in lines if line.startswith("crosszero: ")] == lines[-1:], command
        assert len(lines) <= 2, (command, lines)  # before it may stand what is being done
        if HUB_ID in command:
            assert "http://127.0.0.1:9 can't be reached; check the name" in lines[-1], command
    assert not made.exists()


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "0", "WORLD_SIZE": "2"},
        {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"},
        {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "two", "MASTER_ADDR": "127.0.0.1"},
    ],
    ids=str,
)
def test_processes_that_no_launcher_started(
    variables: dict[str, str], inputs: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    command = ["train", "samples", "--level", "sentence", "--encoder", "model", "--out", str(made)]
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    plain = {name: value for name, value in ENVIRONMENT.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-m", "crosszero", *command],
        env={**plain, **variables},
        cwd=inputs,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 2, done.stderr
    assert "torchrun" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not made.exists()
