"""Settings from plain values: types, nesting, unknown keys."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from crosszero.config import build, read_json, to_dict
from crosszero.errors import ConfigError, DataError, quote, suggest, visible
from crosszero.experiment.yaml_text import parse_yaml, read_yaml
from crosszero.training.train_config import TrainConfig, list_unread


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 1
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    rate: float = 0.5
    on: bool = False
    maybe: int | None = None
    parts: list[Inner] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)
    steps: tuple[float, ...] = ()
    path: str | list[str] = ""


def test_plain_values_become_typed_ones() -> None:
    made = build(
        Outer,
        {
            "name": "x",
            "rate": "1e-5",  # as YAML 1.1 reads it
            "parts": [{"size": 2}, {"kind": "b"}],
            "inner": {"size": 3},
            "steps": [0.1, 1],
            "path": ["a", "b"],
            "maybe": None,
        },
    )
    assert made.rate == 1e-5
    assert made.parts == [Inner(size=2), Inner(kind="b")]
    assert made.inner.size == 3
    assert made.steps == (0.1, 1.0)
    assert build(Outer, to_dict(made)) == made


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "'name' is missing"),
        ({"name": "x", "rat": 1}, "unknown setting 'rat': did you mean 'rate'"),
        ({"name": 3}, "name: 3 given; text is needed"),
        ({"name": "x", "rate": "fast"}, "rate: .* given; a number is needed"),
        ({"name": "x", "rate": True}, "rate: .* given; a number is needed"),
        ({"name": "x", "on": 1}, "on: .* given; true or false is needed"),
        ({"name": "x", "maybe": 1.5}, "maybe: .* given; a whole number is needed"),
        ({"name": "x", "maybe": True}, "maybe: .* given; a whole number is needed"),
        ({"name": "x", "inner": {"size": 2.5}}, "size: 2.5 given; a whole number is needed"),
        ({"name": "x", "inner": {"size": 2.0}}, "size: 2.0 given; a whole number is needed"),
        ({"name": "x", "inner": {"size": "2"}}, "size: '2' given; a whole number is needed"),
        ({"name": "x", "inner": {"size": None}}, "size: None given; a whole number is needed"),
        ({"name": "x", "inner": {"kind": None}}, "kind: None given; Allowed: a, b"),
        ({"name": "x", "inner": None}, "given; settings are written as 'name: value'"),
        ({"name": None}, "name: None given; text is needed"),
        ({"name": "x", "rate": None}, "rate: None given; a number is needed"),
        ({"name": "x", "rate": 10**400}, "rate: 1000.* given; a number is needed"),
        ({"name": "x", "on": None}, "on: None given; true or false is needed"),
        ({"name": "x", "parts": None}, "parts: None given; a list is needed"),
        ({"name": "x", "steps": [0.1, None]}, r"steps\[1\]: None given; a number is needed"),
        ({"name": "x", "parts": [{"kind": "c"}]}, r"parts\[0\]: kind: 'c' given"),
        ({"name": "x", "inner": 5}, "given; settings are written as 'name: value'"),
        ({"name": "x", "steps": 0.1}, "steps: .* given; a list is needed"),
    ],
)
def test_wrong_values_are_told(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Outer, values)
    with pytest.raises(ConfigError, match=r"file\.yaml"):
        build(Outer, values, where="file.yaml")


def test_yaml_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: x\n")
    assert read_yaml(path) == {"name": "x"}
    for content, message in [
        (b"a:\n  - [", "a.yaml:2"),
        (b"\xff\xfe", "not UTF-8"),
        (b"- 1", "name: value"),
        (b"a: 1\nb: {c: 2}\na: 3\n", "a.yaml:3: 'a' is given twice"),
        (b"b: {c: 2,\n    c: 3}\n", "a.yaml:2: 'c' is given twice"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=message):
            read_yaml(path)
    with pytest.raises(ConfigError, match="can't be read"):
        read_yaml(tmp_path / "no.yaml")
    path.write_text("a: &x {c: 1}\nb: *x\n")  # aliases are no repetition
    assert read_yaml(path)["b"] == {"c": 1}


def test_suggestions() -> None:
    assert suggest("sed", ["seed", "loss"]).startswith("did you mean 'seed'?")
    assert suggest("xyz", ["seed", "loss"]) == "Allowed: loss, seed"


def test_every_training_setting_is_documented() -> None:
    document = TrainConfig.__doc__ or ""
    for setting in dataclasses.fields(TrainConfig):
        assert f"        {setting.name}:" in document or f"        {setting.name}" in document


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 1.5},
        {"steps": 2.5},
        {"steps": None},
        {"epochs": None},
        {"learning_rate": [1e-5]},
        {"loss": None},
    ],
)
def test_training_settings_of_the_wrong_type(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(ConfigError, match=f"train: {name}: "):
        build(TrainConfig, values, where="train")


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0.0},
        {"batch_size": 1},
        {"mlm_weight": -0.1},
        {"mlm_probability": 1.0},
        {"warmup": 1.0},
        {"adam_beta2": 1.0},
        {"milestones": (0.5, 0.2)},
        {"steps": 0, "epochs": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
    ],
)
def test_training_settings_out_of_range(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="given; it must be"):
        TrainConfig(**values)


BOMB = "name: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"n{i}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]" for i in range(9)
)
CHAIN = "a0: &a0 x\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 20,000 values"),
        (CHAIN, "more than 20,000 values"),
        ("name: " + "[" * 600 + "]" * 600, "x.yaml:1: not valid YAML: more than 64 levels"),
        ("name: " + "[" * 100_000, "more than 64 levels"),
        ("\n".join(f"{' ' * i}a:" for i in range(800)), "more than 64 levels"),
        ("name: &f {inner: *f}", "x.yaml:1: an alias expands to more than 64 levels"),
        ('name: "o\\0x"', r"x.yaml:1: 'o\\x00x' has a character that is not text"),
        ('a: 1\nname: "\\ud800"', "x.yaml:2: .* has a character that is not text"),
        ("name: !!python/object:os.system {}", "could not determine a constructor"),
        ("name: !!int abc", "not valid YAML"),
        ("name: 2026-99-99", "not valid YAML"),
        ("? [1, 2]\n: 3", "unhashable|not valid YAML"),
        ("a: 1\n--- \nb: 2", "not valid YAML"),
        ("\x07", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_one_short_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        build(Outer, read_yaml(path), where="x.yaml")
    assert len(str(caught.value)) < 400 + len(str(path))
    assert "\n" not in str(caught.value)


def test_values_are_cut_in_messages() -> None:
    with pytest.raises(ConfigError) as caught:
        build(Outer, {"name": ["x" * 50] * 10_000})
    assert len(str(caught.value)) < 200
    with pytest.raises(ConfigError) as caught:
        build(Outer, {"name": "x", "n" * 10_000: 1})
    assert len(str(caught.value)) < 300


def test_aliases_and_merges_within_reason_are_read() -> None:
    text = "base: &b {rate: 1.0, up: true}\nuse: {<<: *b, rate: 2.0}\nagain: *b"
    assert parse_yaml(text, "x") == {
        "base": {"rate": 1.0, "up": True},
        "use": {"rate": 2.0, "up": True},
        "again": {"rate": 1.0, "up": True},
    }


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert visible("a\x1b]0;t\x07\u202e\x9bé日") == "a\\u001b]0;t\\u0007\\u202e\\u009bé日"
    assert quote("x" * 200) == "'" + "x" * 79 + " ..."
    assert quote({"a": 1}) == "{'a': 1}"


def test_json_of_the_right_shape_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"name": "x", "rate": 1, "parts": [{"size": 2}]}')
    assert read_json(path, Outer) == Outer(name="x", rate=1.0, parts=[Inner(size=2)])
    assert read_json(path, dict[str, Any])["name"] == "x"
    path.write_text("[3, 4]")
    assert read_json(path, list[int]) == [3, 4]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Outer, "[]"),
        (Outer, "null"),
        (Outer, '{"name": "x", "rate": "fast"}'),
        (Outer, '{"name": "x", "rate": "nan"}'),
        (Outer, '{"name": "x", "rate": NaN}'),
        (Outer, '{"name": "x", "rate": null}'),
        (Outer, '{"name": "x", "parts": {"size": 1}}'),
        (Outer, '{"name": "x", "maybe": true}'),
        (Outer, '{"name": "x", "maybe": 1e400}'),
        (Outer, '{"name": "x", "maybe": 1' + "0" * 5000 + "}"),
        (list[int], "[1, 2.5]"),
        (list[int], "[1, Infinity]"),
        (dict[str, float], '{"a": []}'),
        (dict[str, Any], "[" * 100_000),
        (list[str], '["a"'),
        (list[str], b"\xff\xfe\xfa"),
        (list[str], ""),
    ],
)
def test_json_of_another_shape_is_one_line(tmp_path: Path, kind: Any, text: str | bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=r"a\.json: damaged \(.+\); run it again$") as caught:
        read_json(path, kind, "run it again")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_json_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(DataError, match="can't be read"):
            read_json(path, list[int])


def test_settings_that_nothing_reads_are_named() -> None:
    assert list_unread(TrainConfig()) == []
    assert list_unread(TrainConfig(level="split", words_per_sentence=4, word_weight=2.0)) == []
    assert list_unread(TrainConfig(schedule="linear", mlm_weight=0, steps=5)) == []
    assert list_unread(TrainConfig(word_weight=2.0, mlm_weight=0, mlm_probability=0.3)) == [
        "word_weight: nothing reads it with level: multi",
        "mlm_probability: nothing reads it without mlm_weight",
    ]
    changes: dict[str, Any] = {
        "head_start": "identity", "head_learning_rate": 1e-4, "embedding_learning_rate": 1e-4,
        "milestones": (0.5,), "decay": 0.5, "epochs": 2.0, "refresh_layer": 7,
        "mask_contrastive_input": False,
    }  # fmt: skip
    config = TrainConfig(
        level="split", words_per_sentence=4, freeze_embeddings=True, schedule="cosine", steps=9,
        mlm_weight=0, **changes,
    )  # fmt: skip
    assert {line.partition(":")[0] for line in list_unread(config)} == changes.keys()
