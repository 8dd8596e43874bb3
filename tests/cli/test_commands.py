"""The commands as a user types them, and what he sees when something is wrong."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import math
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from operator import mul
from pathlib import Path

import numpy as np
import pytest

from crosszero.align.spans import Span
from crosszero.cli import main
from crosszero.cli.main import COMMANDS, XTREME
from crosszero.errors import MissingExtraError
from crosszero.model.encoder import Encoder
from crosszero.samples.store import SampleStore
from crosszero.search.mining import mine_texts

Folders = Callable[..., Path]


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    words = [
        ("cat", "chat"),
        ("dog", "chien"),
        ("king", "roi"),
        ("house", "maison"),
        ("sea", "mer"),
    ]
    lines = [
        f"the {a} sees the {c}\tle {b} voit la {d}" for a, b in words for c, d in words if a != c
    ]
    path = tmp_path / "corpus.en-fr.tsv"
    path.write_text("\n".join(lines * 5) + "\n", encoding="utf-8")
    return path


def test_help_is_fast_and_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from crosszero.cli.main import make_app\n"
        "make_app('--help')(['--help'], result_action='return_value')\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'accelerate', 'matplotlib', 'sklearn'}\n"
        "heavy |= {'yaml', 'rich_rst', 'crosszero.cli.learn', 'crosszero.bitext'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "prepare" in done.stdout
    # Seconds of processor time, which a busy machine does not stretch as it does the clock.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "crosszero", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_threads_that_wait_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is set back
    monkeypatch.delenv("OMP_WAIT_POLICY")
    call("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    call("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_the_list_of_commands_says_what_they_say_themselves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert [*COMMANDS] == ["Use", "Train", "Measure"]
    listed = {k: v for commands in (*COMMANDS.values(), XTREME) for k, v in commands.items()}
    for place, summary in listed.items():
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(f"crosszero.cli.{module}"), name)
        first, *rest = inspect.getdoc(command).splitlines()
        assert first == summary
        assert call(*(["xtreme"] if place in XTREME else []), name, "--help") == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert first in shown
        assert not rest or " ".join(rest[1].split()) in shown  # what stands below the first line


def test_trim(
    model_folder: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "a.txt").write_text("the house\n\nthe red cat\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("the weather\n", encoding="utf-8")
    text, check, out = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "small"
    flags = ["--text", text, "--check", check, "--out", out]
    assert call("trim", model_folder(), *flags) == 0
    assert f"{out}: " in caplog.text
    assert "1 of 2 tokens of the text (50 %) are not covered" in caplog.text
    (tmp_path / "b.txt").write_bytes(b"\xff\n")
    capsys.readouterr()
    for given in (flags, ["--out", out], ["--languages", "klingonese", "--out", out]):
        assert call("trim", model_folder(), *given) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_prepare_show_train(
    corpus: Path,
    model_folder: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    samples, run = tmp_path / "samples", tmp_path / "run"
    assert call("prepare", corpus, "--out", samples, "--words.stop-words", "none") == 0
    assert SampleStore.open(samples).rows == 100
    capsys.readouterr()
    assert call("show", samples, "--count", 3, "--language", "en-fr") == 0
    shown = capsys.readouterr().out
    assert shown.count("en  ") == 3
    assert "[1:" in shown
    flags = ["--steps", 3, "--batch-size", 8, "--max-length", 32, "--precision", "fp32"]
    flags += ["--word-weight", 2]
    assert call("train", samples, "--out", run, "--encoder", model_folder(), *flags) == 0
    assert "word_weight: nothing reads it with level: multi" in caplog.text
    assert (run / "config.json").is_file()
    assert len((run / "metrics.jsonl").read_text().splitlines()) >= 1


def test_skip_bad_counts_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.en-fr.tsv"
    path.write_bytes(b"a cat\tun chat\n\tvide\na dog\tun chien\n\xff\xfe\tx\n")
    out = tmp_path / "samples"
    arguments = ["prepare", path, "--out", out, "--words.kind", "none"]
    assert call(*arguments) == 2
    assert f"{path}:2" in capsys.readouterr().err
    assert not out.exists()
    assert call(*arguments, "--skip-bad") == 0
    assert SampleStore.open(out).rows == 2
    listed = (tmp_path / "samples-skipped-1.txt").read_text().splitlines()
    assert len(listed) == 2
    assert f"{path}:2" in listed[0]


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def broken_corpora(folder: Path) -> list[tuple[list[object], str]]:
    two = "one\tun\ntwo\tdeux\n"
    return [
        ([folder / "nowhere.en-fr.tsv"], "no such file"),
        ([write(folder / "empty.en-fr.tsv", "")], "is empty"),
        ([write(folder / "latin.en-fr.tsv", "caf\xe9\tx\n".encode("latin-1"))], ":1"),
        ([write(folder / "utf16.en-fr.tsv", two.encode("utf-16"))], "UTF-16"),
        ([write(folder / "cols.en-fr.tsv", two + "three\n")], ":3"),
        ([write(folder / "side.en-fr.tsv", two + "three\t\n")], ":3"),
        ([write(folder / "nul.en-fr.tsv", b"a\tb\x00\n")], ":1"),
        ([write(folder / "cut.en-fr.tsv.gz", gzip.compress(two.encode() * 999)[:-40])], "cut"),
        ([write(folder / "plain.tsv", two)], "--languages"),
        ([write(folder / "x.en", "a\nb\n"), write(folder / "x.fr", "a\n")], "ends after"),
        ([write(folder / "bad.tmx", "<tmx><body><tu>"), "--languages", "en", "fr"], "bad.tmx"),
        ([write(folder / "de.en-fr.tsv", two), "--format", "tvs"], 'Did you mean "tsv"'),
        ([write(folder / "odd.pak", b"\x09\x00\x00\x00")], "odd.pak"),
        ([write(folder / "same.en-fr.tsv", two), "--languages", "en", "en"], "en"),
        ([write(folder / "pq.parquet", b"PAR1nope")], "pq.parquet"),
        ([folder], ""),
        ([write(folder / "ok.en-fr.tsv", two), "--words.kind", "lexicon"], "word list"),
        (
            [write(folder / "o2.en-fr.tsv", two), "--words.kind", "lexicon", "--words.lexicon",
             f"en,fr={write(folder / 'lex.txt', 'oneword' + chr(10))}"],
            "lex.txt:1",
        ),
        ([write(folder / "o3.en-fr.tsv", two), "--words.min-score", "2"], "min_score"),
        ([write(folder / "o4.en-fr.tsv", two), "--hold-out", "5"], "hold_out"),
        ([write(folder / "o5.en-fr.tsv", two), "--hold-out", "-5"], "hold_out"),
        ([write(folder / "o6.en-fr.tsv", two), "--langauges", "en", "fr"], "--languages"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(22))
def test_broken_corpora(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    arguments, expected = broken_corpora(tmp_path / "in")[number]
    out = tmp_path / "made" / "samples"
    assert call("prepare", *arguments, "--out", out) == 2
    assert_one_line(capsys, expected)
    assert not out.exists()
    assert not list(tmp_path.glob("made/*"))  # nothing half-written either


def assert_one_line(capsys: pytest.CaptureFixture[str], expected: str) -> None:
    error = capsys.readouterr().err
    assert error.startswith("crosszero: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    assert expected in error


RECIPE = {
    "name": "x",
    "out": "made",
    "bitext": [{"path": "c.en-fr.tsv"}],
    "tasks": ["word-alignment"],
    "alignment": "gold",
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"nmae": "x"}, "did you mean 'name'"),
        ({"train": {"temprature": 1}}, "did you mean 'temperature'"),
        ({"train": {"temperature": 0}}, "above 0"),
        ({"train": {"temperature": "warm"}}, "a number is needed"),
        ({"train": {"loss": "cznce"}}, "did you mean 'cz-nce'"),
        ({"train": {"batch_size": 1}}, "2 or more"),
        ({"train": {"steps": 1.5}}, "a whole number"),
        ({"train": {"milestones": [0.9, 0.1]}}, "rising"),
        ({"train": None}, "train"),
        ({"bitext": []}, "text to make them from (bitext)"),
        ({"systems": {}}, "systems: at least one"),
        ({"bitext": {"path": "x"}}, "a list is needed"),
        ({"bitext": [{"file": "x"}]}, "unknown setting 'file'"),
        ({"words": {"kind": "oracle"}}, "Allowed: aligner"),
        ({"tasks": ["word-retrieval"]}, "hold_out"),
        ({"evaluate": {"held_out": True}}, "write instead: tasks: [sentence-retrieval, word-retr"),
        ({"out": None}, "out"),
    ],
)
def test_broken_recipes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    expected: str,
) -> None:
    import yaml

    monkeypatch.chdir(tmp_path)
    content = {key: value for key, value in (RECIPE | change).items() if value is not None}
    if change.get("train", 0) is None:
        content["train"] = None
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    assert call("run", "r.yaml") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert expected in error, error
    assert [p.name for p in tmp_path.iterdir()] == ["r.yaml"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: [", "r.yaml:1"), ("- a", "name: value"), ("", "name: value"), ("a: b: c", "r.yaml:1")],
)
def test_recipes_that_are_not_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    path = write(tmp_path / "r.yaml", text)
    assert call("run", path) == 2
    assert_one_line(capsys, expected)


def test_broken_stores_and_encoders(
    corpus: Path,
    model_folder: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = tmp_path / "samples"
    assert call("prepare", corpus, "--out", samples, "--words.kind", "none") == 0
    capsys.readouterr()
    bad_model = tmp_path / "model"
    shutil.copytree(model_folder(), bad_model)
    (bad_model / "model.safetensors").write_bytes(b"nonsense")
    cut = tmp_path / "cut"
    shutil.copytree(samples, cut)
    part = next(cut.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-50])
    other = tmp_path / "other"
    shutil.copytree(samples, other)
    record = json.loads((other / "_metadata.json").read_text())
    (other / "_metadata.json").write_text(json.dumps(record | {"schema_version": 9}))
    level = ["--level", "sentence"]
    model_folder()
    capsys.readouterr()  # what the making of the model says
    for arguments, expected in [
        ([tmp_path / "nowhere", "--encoder", model_folder()], "nowhere"),
        ([cut, "--encoder", model_folder(), *level], "Parquet"),
        ([other, "--encoder", model_folder(), *level], "schema version 9"),
        ([samples, "--encoder", bad_model, *level], "can't be loaded"),
        ([samples, "--encoder", tmp_path / "none", *level], "no such folder"),
        ([samples, "--encoder", model_folder()], "two sentence pairs with word pairs"),
        ([samples, "--encoder", model_folder(), *level, "--max-length", 600], "3 to 64"),
        ([samples, "--encoder", model_folder(), "--steps", "many"], "many"),
        ([samples, "--encoder", model_folder(), "--learning-rate", -1], "learning_rate"),
    ]:
        out = tmp_path / "made"
        short = [] if "--max-length" in arguments else ["--max-length", 32]
        assert call("train", *arguments, *short, "--out", out) == 2
        assert_one_line(capsys, expected)
        assert not list(out.rglob("*.safetensors"))


def test_encode_and_mine(model_folder: Folders, tmp_path: Path) -> None:
    lines = ["the cat sees the sea", "a\tdog", "the old king", "a red house", "a red house"]
    plain, packed = tmp_path / "a.en", tmp_path / "b.en.gz"
    plain.write_text("\n".join(lines) + "\n")
    packed.write_bytes(gzip.compress("\n".join(reversed(lines)).encode()))
    flags = ["--encoder", model_folder(), "--layer", 1, "--max-length", 16]
    vectors, pairs = tmp_path / "made" / "v.npy", tmp_path / "made" / "pairs.tsv"
    assert call("encode", packed, "--out", vectors, *flags) == 0
    encoder = Encoder.load(model_folder(), layer=1, max_length=16)
    np.testing.assert_array_equal(np.load(vectors), encoder.encode(lines[::-1]))

    assert call("mine", plain, packed, "--out", pairs, "--margin", "absolute", *flags) == 0
    found = [line.split("\t") for line in pairs.read_text().splitlines()]
    once = {line.replace("\t", " ") for line in lines}
    assert sorted((source, target) for _, source, target in found) == sorted((x, x) for x in once)
    assert {score for score, *_ in found} == {"1.000000"}
    high = ["--margin", "absolute", "--threshold", 1.5]
    assert call("mine", plain, packed, "--out", pairs, *high, *flags) == 0
    assert pairs.read_bytes() == b""

    read = ["--encoder", model_folder(), "--pooling", "cls"]
    assert call("encode", plain, "--out", vectors, *read) == 0
    expected = Encoder.load(model_folder(), pooling="cls").encode(lines)
    np.testing.assert_array_equal(np.load(vectors), expected)
    assert call("mine", plain, packed, "--out", pairs, *read) == 0
    assert call("mine", plain, packed, "--out", pairs, *read, "--layer", 1) == 2
    assert call("encode", plain, "--out", vectors, *read[:-1], "clss") == 2


def test_a_mining_that_was_stopped_does_not_encode_again(
    model_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = [
        "the",
        "a",
        "weather",
        "is",
        "good",
        "today",
        "bad",
        "tomorrow",
        "king",
        "sees",
        "house",
        "red",
    ]
    source, target, out = tmp_path / "a.en", tmp_path / "a.fr", tmp_path / "here" / "out.tsv"
    for path, step in ((source, 1), (target, 2)):
        path.write_text("".join(f"{w} {words[(i + step) % 12]}\n" for i, w in enumerate(words)))
    monkeypatch.setattr("crosszero.experiment.cache._STRETCH", 5)
    command = ["mine", source, target, "--out", out, "--encoder", model_folder()]
    assert call(*command) == 0
    whole = out.read_bytes()
    out.unlink()
    encode = Encoder.encode
    encoded: list[int] = []

    def stop(self: Encoder, texts: list[str]) -> object:
        if len(encoded) == 4:  # of source 5, 5 and 2, of target 5
            raise KeyboardInterrupt
        encoded.append(len(texts))
        return encode(self, texts)

    def count(self: Encoder, texts: list[str]) -> object:
        encoded.append(len(texts))
        return encode(self, texts)

    monkeypatch.setattr(Encoder, "encode", stop)
    assert call(*command) == 130
    assert encoded == [5, 5, 2, 5]
    assert [path.name for path in out.parent.iterdir()] == [".out.tsv.crosszero-vectors"]
    monkeypatch.setattr(Encoder, "encode", count)
    encoded.clear()
    caplog.set_level("INFO")
    assert call(*command, "--k", 2, "--retrieval", "all") == 0  # other pairs of the same vectors
    assert encoded == [5, 2]
    assert f"{out}: uses the vectors of a run that was stopped" in caplog.text
    assert [path.name for path in out.parent.iterdir()] == ["out.tsv"]
    assert out.read_bytes().count(b"\n") > 12
    monkeypatch.setattr(Encoder, "encode", encode)
    assert call(*command) == 0
    assert out.read_bytes() == whole


def test_number_formats_and_approximate_mining(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["the cat sees the sea", "the old king", "a red house"]
    texts = write(tmp_path / "a.en", "\n".join(lines) + "\n")
    vectors, read = tmp_path / "v.npy", ["--encoder", model_folder()]
    half = Encoder.load(model_folder(), precision="bf16").encode(lines)
    assert call("encode", texts, "--out", vectors, *read, "--precision", "bf16") == 0
    np.testing.assert_array_equal(np.load(vectors), half)
    assert call("encode", texts, "--out", vectors, *read) == 0  # auto: the encoder is small
    full = Encoder.load(model_folder(), precision="fp32").encode(lines)
    np.testing.assert_array_equal(np.load(vectors), full)
    assert 0 < np.abs(full - half).max() < 0.02
    for command in ("align", "mine", "score"):
        out = tmp_path / command
        assert call(command, texts, texts, "--out", out, *read, "--precision", "bf16") == 0
        assert len(out.read_text().splitlines()) == 3
    # an alignment that was begun in another format is not continued
    assert call("align", texts, texts, "--out", tmp_path / "align", *read) == 0
    assert "from an earlier run" not in caplog.text
    assert call("encode", texts, "--out", vectors, *read, "--precision", "fp16") == 2
    pytest.importorskip("faiss")
    pairs = tmp_path / "pairs.tsv"
    assert call("mine", texts, texts, "--out", pairs, *read, "--approximate") == 0
    assert len(pairs.read_text().splitlines()) == 3
    wrong = ["--approximate", "--ray-address", "local"]
    assert call("mine", texts, texts, "--out", pairs, *read, *wrong) == 2


def test_mining_without_faiss_is_refused_before_anything_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    texts, out = write(tmp_path / "a.en", "a cat\n"), tmp_path / "pairs.tsv"
    command = ["mine", texts, texts, "--out", out, "--encoder", tmp_path / "none"]
    assert call(*command, "--approximate") == 2
    assert_one_line(capsys, "pip install 'crosszero[approximate]'")
    with pytest.raises(MissingExtraError):
        mine_texts(None, ["a cat"], ["a cat"], approximate=True)  # type: ignore[arg-type]


def test_align(model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = write(tmp_path / "a.en", "the cat  sees the\tsea\r\nhouse\n")
    target = write(tmp_path / "b.en", "sea cat king\nhouse the house\n")
    links = tmp_path / "made" / "a-b.links"
    flags = ["--encoder", model_folder(), "--layer", 1, "--method", "argmax", "--unit", "word"]
    assert call("align", source, target, "--out", links, *flags) == 0
    words = (
        [["the", "cat", "sees", "the", "sea"], ["house"]],
        [["sea", "cat", "king"], ["house", "the", "house"]],
    )
    encoder = Encoder.load(model_folder(), layer=1)
    expected = [slow_links(encoder, *pair) for pair in zip(*words, strict=True)]
    assert links.read_text() == "".join(" ".join(line) + "\n" for line in expected)
    assert "no vector" not in caplog.text

    assert call("align", source, target, "--out", links, *flags, "--max-length", 5) == 0
    assert "no vector" not in caplog.text


def test_empty_lines_keep_the_numbers_of_the_others(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write(tmp_path / "a.en", "the cat\n\nthe old king\n\u200b\nhouse\n")
    target = write(tmp_path / "b.en", "house\n \n\nthe cat\nthe cat\n")
    out, flags = tmp_path / "out", ["--encoder", model_folder(), "--layer", 1]
    assert call("align", source, target, "--out", out, *flags) == 0
    links = out.read_text().split("\n")
    assert [bool(line) for line in links] == [True, False, False, False, True, False]
    assert f"{source}:2: 3 lines are empty, this is the first: empty lines in" in caplog.text

    assert call("score", source, target, "--out", out, *flags) == 0
    scores = [float(line.split("\t")[0]) for line in out.read_text().splitlines()]
    assert [score != 0.0 for score in scores] == [True, False, False, False, True]
    assert f"{source}:2: 3 lines are empty, this is the first: scores of 0" in caplog.text
    before = out.read_text()
    for command in ("align", "score", "mine"):
        assert call(command, source, target, "--out", out, "--strict", *flags) == 2
        assert out.read_text() == before

    assert call("mine", source, target, "--out", out, "--margin", "absolute", *flags) == 0
    found = {tuple(line.split("\t")[1:]) for line in out.read_text().splitlines()}
    assert found == {("the cat", "the cat"), ("house", "house")}
    assert f"{target}:2: 2 lines are empty, this is the first: left out" in caplog.text

    assert call("encode", source, "--out", tmp_path / "v.npy", *flags) == 0
    vectors = np.load(tmp_path / "v.npy")
    expected = Encoder.load(model_folder(), layer=1).encode(["the cat", "the old king", "house"])
    np.testing.assert_array_equal(vectors[[0, 2, 4]], expected)
    assert not vectors[[1, 3]].any()
    assert f"{source}:2: 2 lines are empty, this is the first: rows of zeros" in caplog.text


def slow_links(encoder: Encoder, source: list[str], target: list[str]) -> list[str]:
    """Each word with each word: one that is nearest seen from both sides."""
    sides = []
    for words in (source, target):
        text, spans, place = " ".join(words), [], 0
        for word in words:
            spans.append(Span(place, place + len(word)))
            place += len(word) + 1
        sides.append(encoder.encode_words([text], [spans])[0].tolist())
    near = [[cosine(a, b) for b in sides[1]] for a in sides[0]]
    columns = list(zip(*near, strict=True))
    return [
        f"{i}-{j}"
        for i, row in enumerate(near)
        for j, value in enumerate(row)
        if value == max(row) and value == max(columns[j])
    ]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(map(mul, one, other)) / math.hypot(*one) / math.hypot(*other)


def test_what_can_not_be_encoded_or_mined(
    model_folder: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, out = write(tmp_path / "good.en", "a cat\nthe sea\n"), tmp_path / "made"
    gap, latin = tmp_path / "gap.en", tmp_path / "latin.en"
    long = write(tmp_path / "long.en", "a cat\nthe sea\nthe king\n")
    write(gap, "a cat\n \nthe sea\n")
    write(latin, "caf\xe9\n".encode("latin-1"))
    folder = model_folder()
    capsys.readouterr()  # what the making of the model says
    for command, encoder, more, expected in [
        (["encode", gap], folder, ["--strict"], f"{gap}:2: the line is empty"),
        (["encode", latin], folder, [], f"{latin}:1: "),
        (["encode", tmp_path / "none.en"], folder, [], "none.en"),
        (["encode", good], tmp_path / "none", [], "no such folder"),
        (["encode", good], folder, ["--layer", 99], "99"),
        (["encode", good], folder, ["--max-length", 600], "3 to 64"),
        (["encode", good], folder, ["--cores", 2], "only with --ray-address"),
        (["encode", good], folder, ["--ray-address", "127.0.0.1:9"], "no Ray cluster answers"),
        (["mine", good, gap], folder, ["--strict"], f"{gap}:2: the line is empty"),
        (["mine", good, good], folder, ["--k", 0], "k: 0 given; it must be 1 or more"),
        (["mine", good, good], folder, ["--margin", "ration"], "ratio"),
        (["mine", good, good], folder, ["--cores", 2], "only with --ray-address"),
        (["align", good, long], folder, [], f"{good}:2: ends after line 2, but {long} has 3"),
        (["align", good, good], folder, ["--layer", 99], "99"),
    ]:
        assert call(*command, "--encoder", encoder, "--out", out, *more) == 2
        assert_one_line(capsys, expected)
        assert not out.exists()


@pytest.mark.skipif(sys.platform == "darwin", reason="has no such file names")
def test_names_that_are_no_text(
    model_folder: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"x\xff")
    text = "".join(f"the cat {i}\tle chat {i}\n" for i in range(9))
    corpus = write(tmp_path / f"{name}.en-fr.tsv", text)
    samples, held = tmp_path / name, tmp_path / f"{name}-held-out"
    flags = ["--words.kind", "none", "--hold-out", 3]
    assert call("prepare", corpus, "--out", samples, *flags) == 0
    assert len({*SampleStore.open(samples), *SampleStore.open(held)}) == 9
    assert call("show", held, "--count", 1) == 0
    encoder = ["--encoder", model_folder()]
    lines = write(tmp_path / f"{name}.en", "the cat\nthe sea\n")
    for command in (["encode", lines], ["mine", lines, lines], ["align", lines, lines]):
        assert call(*command, *encoder, "--out", tmp_path / f"{name}.out") == 0
    capsys.readouterr()
    run = ["train", samples, *encoder, "--steps", 1, "--level", "sentence", "--max-length", 16]
    assert call(*run, "--out", tmp_path / f"run-{name}") == 2
    assert_one_line(capsys, "is not UTF-8, the libraries that write models need a name that is")
    assert call(*run, "--out", tmp_path / "run", "--batch-size", 2) == 0
    (tmp_path / "run").rename(tmp_path / f"run-{name}")
    capsys.readouterr()
    assert (
        call("encode", lines, "--encoder", tmp_path / f"run-{name}", "--out", tmp_path / "v") == 2
    )
    assert_one_line(capsys, "can't be loaded")


def test_names_in_the_locale_c(tmp_path: Path) -> None:
    corpus = write(tmp_path / "daten-äé日.en-fr.tsv", "the cat\tle café\nthe sea\tla mer\n")
    locale = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for command in (
        ["prepare", corpus, "--out", tmp_path / "été", "--words.kind", "none"],
        ["show", tmp_path / "été"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "crosszero", *map(str, command)],
            env={**os.environ, **locale},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert b"caf\\xe9" in done.stdout
    assert {s.origin for s in SampleStore.open(tmp_path / "été")} == {
        f"{tmp_path}/daten-\\udcc3\\udca4\\udcc3\\udca9\\udce6\\udc97\\udca5.en-fr.tsv:{line}"
        for line in (1, 2)
    }


def test_a_pipe_that_closes_is_no_error(corpus: Path, tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    assert call("prepare", corpus, "--out", samples, "--words.kind", "none") == 0
    done = subprocess.run(
        f"{sys.executable} -m crosszero show {samples} --count 100 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_standard_streams_stand_for_files(
    model_folder: Folders, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source, target = tmp_path / "a.en", tmp_path / "a.fr"
    source.write_text("the cat\nthe king sees\n")
    target.write_text("le chat\nle roi voit\n")
    encoder = str(model_folder())
    for command, name in (("align", "links"), ("mine", "pairs.tsv"), ("encode", "en.npy")):
        texts = [source] if command == "encode" else [source, target]
        assert call(command, *texts, "--encoder", encoder, "--out", tmp_path / name) == 0
        capfdbinary.readouterr()
        program = [sys.executable, "-m", "crosszero", command]
        done = subprocess.run(
            [*program, "-", *map(str, texts[1:]), "--encoder", encoder, "--out", "-"],
            stdin=source.open(),
            capture_output=True,
            check=True,
        )
        assert done.stdout == (tmp_path / name).read_bytes()
        assert done.stdout
        assert b"-:" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "IN"], "is read by this command"),
        (["--out", "."], "a file is needed, this is a folder"),
        (["--out", "x", "--max-length", "1.5"], "1.5"),
        (["--out", "x", "--max-length", "9" * 20], "too large"),
    ],
)
def test_wrong_values_cost_nothing(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.en"
    source.write_text("the cat\n")
    given = [str(source) if a == "IN" else str(tmp_path) if a == "." else a for a in arguments]
    for command, texts in (("encode", [source]), ("align", [source] * 2), ("mine", [source] * 2)):
        assert call(command, *texts, *given) == 2
        assert message in capsys.readouterr().err
    assert source.read_text() == "the cat\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.en"]


def test_a_store_is_not_replaced_by_what_is_made_of_it(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, held_out = tmp_path / "s", tmp_path / "s-held-out"
    assert call("prepare", corpus, "--out", store, "--hold-out", 2, "--words.kind", "none") == 0
    before = {path: path.read_bytes() for path in tmp_path.glob("s*/*")}
    assert {path.parent for path in before} == {store, held_out}
    flags = ["--columns", "source", "target", "--languages", "en", "fr", "--words.kind", "none"]
    for folder in (store, held_out):
        for read in (folder, next(folder.glob("*.parquet"))):
            for held in (0, 1):
                assert call("prepare", read, *flags, "--out", store, "--hold-out", held) == 2
                assert "is read by this command" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.glob("s*/*")} == before
    assert call("prepare", held_out, *flags, "--out", tmp_path / "t") == 2
    assert "is of a store of samples" in capsys.readouterr().err
