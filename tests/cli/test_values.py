"""Numbers on the command line and in recipes: each flag and key, found by asking the program."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import pytest
import yaml
from cyclopts import App, Argument

from crosszero.cli import main
from crosszero.cli.main import make_app
from crosszero.experiment.settings import ExperimentConfig
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.training.train_config import TrainConfig
from tests.cli.corpus import write_corpus

Folders = Callable[..., Path]

# What a command needs before its numbers matter; OUT is a place that does not exist.
NEEDED = {
    "align": ["a.en", "a.fr", "--encoder", "model", "--out", "OUT"],
    "project": ["a.en", "a.fr", "--format", "markup", "--encoder", "model", "--out", "OUT"],
    "mine": ["a.en", "a.fr", "--encoder", "model", "--out", "OUT"],
    "score": ["a.en", "a.fr", "--encoder", "model", "--out", "OUT"],
    "aer": ["a.links", "a.links"],
    "view": ["a.links", "a.en", "a.fr", "--out", "OUT"],
    "serve": ["--encoder", "model"],
    "trim": ["model", "--text", "a.en", "--out", "OUT"],
    "export": ["model", "--out", "OUT"],
    "encode": ["a.en", "--encoder", "model", "--out", "OUT"],
    "prepare": ["a.en-fr.tsv", "--out", "OUT"],
    "show": ["samples"],
    "train": ["samples", "--encoder", "model", "--out", "OUT"],
    "evaluate": ["--encoder", "model", "--data", "data", "--out", "OUT"],
    "compare": ["data", "first", "second", "--out", "OUT"],
    "report": ["run", "--out", "OUT"],
}
NEVER = ["", " ", "ten", "nan", "inf", "-inf", "0x10", "1,5", "--"]
NOT_WHOLE = [*NEVER, "1.5", "1e3", "9" * 20, "-" + "9" * 20]
NEGATIVE_TOO = {"mine --threshold", "score --keep"}  # and so all that is finite
ALLOWED = re.compile(
    r"whole number|finite|number is needed|must be|at least|above|or more|below|between|"
    r"takes \d|has layers|is allowed|too large|is needed|requires an argument|layers count from"
)


def list_needed(command: str) -> list[str]:
    return NEEDED.get(command, ["x", "y"] if command in ("push", "xtreme score") else ["x"])


def kinds(hint: Any) -> set[Any]:
    """int and float, where a type has them anywhere, unless any text may stand there."""
    if str in get_args(hint):
        return set()
    if get_origin(hint) in (Union, types.UnionType, list, tuple):
        return {kind for argument in get_args(hint) for kind in kinds(argument)}
    return {hint} & {int, float}


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    for name in app:
        if not name.startswith("-"):
            below = app[name]
            if below.default_command is None:
                yield from commands(below, (*path, name))
            else:
                yield " ".join((*path, name)), below


def flags() -> Iterator[tuple[str, str, type]]:
    for command, app in commands(make_app()):
        for argument in app.assemble_argument_collection():
            for kind in kinds(argument.hint):
                yield command, argument.name, kind


FLAGS = list(flags())


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, model_folder: Folders) -> Path:
    """A folder with everything that the commands of NEEDED read."""
    folder = tmp_path_factory.mktemp("inputs")
    write_corpus(folder)
    (folder / "a.links").write_text("0-0 1-1 2-2\n0-0 1-1\n", encoding="utf-8")
    (folder / "model").symlink_to(model_folder())
    gold = folder / "data" / "labels" / "pawsx" / "test-fr.tsv"
    for path in (gold, folder / "first/pawsx/test-fr.tsv", folder / "second/pawsx/test-fr.tsv"):
        path.parent.mkdir(parents=True)
        path.write_text("1\n0\n1\n", encoding="utf-8")
    (folder / "data" / "pawsx").mkdir()
    (folder / "run" / "records").mkdir(parents=True)
    return folder


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command refuses."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2, (arguments, error)
    assert error.startswith("crosszero: "), error
    assert error.count("\n") == 1, error
    return error


def test_each_command_with_numbers_is_asked() -> None:
    assert {command for command, _, _ in FLAGS} == {*NEEDED}
    assert len(FLAGS) > 50


@pytest.mark.parametrize(("command", "flag", "kind"), FLAGS, ids=lambda x: str(x).strip("-"))
def test_a_number_that_can_not_be(
    command: str,
    flag: str,
    kind: type,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inputs)
    out = tmp_path / "made" / "here"
    needed = [str(out) if word == "OUT" else word for word in NEEDED[command]]
    wrong = [*(NOT_WHOLE if kind is int else NEVER)]
    wrong += [] if f"{command} {flag}" in NEGATIVE_TOO else ["-1", "-" + "9" * 17]
    before = sorted(inputs.rglob("*"))
    for value in wrong:
        given = [f"{flag}={value}"] if value.strip() else [flag, value]
        error = refused([command, *needed, *given], capsys)
        name = flag.rpartition(".")[2].strip("-")
        assert re.search(name.replace("-", "[-_]"), error), (value, error)
        assert ALLOWED.search(error), (value, error)
        assert not out.parent.exists(), value
    assert sorted(inputs.rglob("*")) == before


NAMES = [
    (command, name)
    for command, app in commands(make_app())
    for argument in app.assemble_argument_collection()
    for name in argument.names
    if re.match("--(?!no-|empty-|lora$)", name) and "bool" not in str(argument.hint)
]


@pytest.mark.parametrize("value", ["", " "], ids=["empty", "blank"])
@pytest.mark.parametrize(("command", "flag"), NAMES)
def test_a_value_that_is_empty(
    command: str,
    flag: str,
    value: str,
    inputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inputs)
    needed = [word for word in list_needed(command) if word != "OUT" and word != "--out"]
    out = [] if flag == "--out" or "--out" not in NEEDED.get(command, []) else ["--out", "made"]
    before = sorted(inputs.rglob("*"))
    error = refused([*command.split(), *needed, *out, flag, value], capsys)
    assert flag in error
    assert sorted(inputs.rglob("*")) == before


LISTS = [
    (command, argument)
    for command, app in commands(make_app())
    for argument in app.assemble_argument_collection()
    if argument.parse and argument.name.startswith("--") and argument.token_count()[1]
]


def name_list(value: object) -> str:
    return value if isinstance(value, str) else cast(Argument, value).name.strip("-")


def test_flags_of_several_values_are_found() -> None:
    names = {f"{command} {argument.name}" for command, argument in LISTS}
    assert {"train --gold", "train --milestones", "prepare --columns", "score --by"} <= names
    assert len(names) > 20


@pytest.mark.parametrize(("command", "argument"), LISTS, ids=name_list)
def test_several_values_stand_behind_one_flag(command: str, argument: Argument) -> None:
    known = {
        "--milestones": ("0.25", "0.5"),
        "--by": ("cosine", "ratio"),
        "--words.lexicon": ("en=a", "fr=b"),
    }
    one, other = known.get(argument.name, ("en", "fr"))
    flag, app = argument.name, make_app(*command.split())

    def parse(*given: str) -> str:
        line = [*command.split(), *list_needed(command), *given]
        _, bound, _ = app.parse_args(line, exit_on_error=False, print_error=False)
        return str(bound)

    together = parse(flag, one, other)
    assert one in together
    assert other in together
    assert parse(flag, one, flag, other) == together


@pytest.mark.parametrize(("command", "argument"), LISTS, ids=name_list)
def test_a_flag_without_its_values(
    command: str, argument: Argument, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused([*command.split(), *list_needed(command), argument.name], capsys)
    assert f"{argument.name} needs at least one value" in error


def test_words_that_nothing_takes(capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(["align", "a.en", "a.fr", "--layer", "3", "my", "b.fr"], capsys)
    assert "my b.fr: there are more words than crosszero align takes" in error
    assert "quotes" in error
    assert "crosszero align --help" in error
    assert "Tokens" not in error
    error = refused(["xtreme", "score", "a", "b", "c"], capsys)
    assert "c: there are more words than crosszero xtreme score takes" in error


def keys(cls: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, type]]:
    """Keys of a recipe that hold a number, with dots; of lists and names the first."""
    for name, hint in get_type_hints(cls).items():
        if get_origin(hint) is not None and "ClassVar" in str(hint):
            continue
        here = (*path, name)
        for kind in kinds(hint):
            yield ".".join(here), kind
        for inner in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(inner):
                step = {list: ("0",), dict: ("one",)}.get(get_origin(hint), ())
                yield from keys(inner, (*here, *step))


KEYS = [
    *keys(ExperimentConfig),
    *((f"train.{name}", kind) for name, kind in keys(TrainConfig)),
    *((f"systems.one.train.{name}", kind) for name, kind in keys(TrainConfig)),
    *((f"fine_tune.pawsx.{name}", kind) for name, kind in keys(FineTuneConfig)),
]


def test_each_kind_of_key_is_found() -> None:
    names = [name for name, _ in KEYS]
    assert {"jobs", "seeds", "prepare.seed", "words.samplers", "bitext.0.every"} <= {*names}
    assert {"systems.one.layer", "train.lora.rank", "fine_tune.pawsx.epochs"} <= {*names}


@pytest.mark.parametrize(("key", "kind"), KEYS, ids=lambda x: getattr(x, "__name__", x))
def test_a_number_of_a_recipe_that_can_not_be(
    key: str,
    kind: type,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    huge = int("9" * 20)
    never = ["", " ", "ten", True, [], {}, float("nan"), float("inf"), -1, -int("9" * 17)]
    wrong = [*never, 1.5, huge, -huge] if kind is int else never
    if key.endswith("columns"):  # may be names, too
        wrong = [value for value in wrong if not isinstance(value, str)]
    for value in wrong:
        recipe: dict[str, Any] = {"name": "x", "out": "made", "data": "data", "tasks": ["pawsx"]}
        recipe["bitext"] = [{"path": "c.en-fr.tsv"}]
        recipe["systems"] = {"one": {"train": {}}}
        if "texts" in key:
            recipe["texts"] = {"one": {"path": "c.en-fr.tsv"}}
        if key.startswith("systems.one.layer"):
            recipe["systems"] = {"one": {}}
        place: Any = recipe
        *way, last = key.split(".")
        for step in way:
            place = place[int(step)] if step.isdecimal() else place.setdefault(step, {})
        place[last] = [value] if last in ("seeds", "milestones", "columns") else value
        Path("r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        error = refused(["run", "r.yaml"], capsys)
        assert last.rstrip("s") in error, (value, error)
        assert ALLOWED.search(error), (value, error)
        assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"], value
