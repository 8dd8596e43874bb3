"""Scores of given pairs, against all cosines at once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.cli import main
from crosszero.continuation import Lines
from crosszero.errors import ConfigError
from crosszero.search.bitext_scores import score_bitext


class Random:
    """A vector for each text, always the same."""

    def encode(self, texts: list[str]) -> Any:
        seeds = [sum(map(ord, text)) * 31 + len(text) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=5) for seed in seeds])


PAIRS = [(f"s{n % 9}", f"t{n}") for n in range(20)] + [("", "t"), ("s", " ")]


def score_slowly(pairs: list[tuple[str, str]], row: int, k: int) -> dict[str, float]:
    """Scores of one pair among all of `pairs`, from the definition."""
    full = [pair for pair in pairs if all(text.strip() for text in pair)]
    if pairs[row] not in full:
        return {"cosine": 0.0, "ratio": 0.0, "distance": 0.0}

    def cosine(one: str, other: str) -> float:
        a, b = Random().encode([one, other])
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    one, other = pairs[row]
    there = sorted((cosine(one, text) for text in {t for _, t in full}), reverse=True)[:k]
    back = sorted((cosine(text, other) for text in {s for s, _ in full}), reverse=True)[:k]
    average = (np.mean(there) + np.mean(back)) / 2
    value = cosine(one, other)
    return {"cosine": value, "ratio": value / max(average, 1e-6), "distance": value - average}


@pytest.mark.parametrize("k", [1, 3])
def test_scores_are_those_of_the_definition(k: int) -> None:
    names: Any = ["ratio", "cosine", "distance"]
    found = list(score_bitext(Random(), PAIRS, names, k=k))
    assert [pair for pair, _ in found] == PAIRS
    for row, (_, values) in enumerate(found):
        wanted = score_slowly(PAIRS, row, k)
        assert values == pytest.approx([wanted[name] for name in names], abs=1e-6)


def test_neighbours_are_those_of_the_block_and_the_last_pairs_have_as_many() -> None:
    found = [values for _, values in score_bitext(Random(), iter(PAIRS), ["ratio"], k=2, block=8)]
    windows = [(PAIRS[:8], 0), (PAIRS[8:16], 8), (PAIRS[14:22], 14)]
    for row in range(len(PAIRS)):
        window, first = windows[row // 8]
        wanted = score_slowly(window, row - first, 2)["ratio"]
        assert found[row] == [pytest.approx(wanted, abs=1e-6)]


def test_a_text_that_shows_nothing_has_a_score_of_zero() -> None:
    class Same:
        def encode(self, texts: list[str]) -> Any:
            return np.ones((len(texts), 2))

    pairs = [("a", "b"), ("\u2060", "\u2060"), ("a", "\u2800"), ("", "b")]
    found = score_bitext(Same(), pairs, ["cosine"])
    assert [score for _, (score,) in found] == [1, 0, 0, 0]


def test_the_cosine_does_not_depend_on_the_block() -> None:
    whole = list(score_bitext(Random(), PAIRS))
    parts = list(score_bitext(Random(), PAIRS, block=3))
    assert [row[0] for _, row in parts] == pytest.approx([row[0] for _, row in whole], abs=1e-6)
    assert list(score_bitext(Random(), [])) == []


@pytest.mark.parametrize("names", [["cosine"], ["ratio", "cosine"]])
@pytest.mark.parametrize("done", [0, 1, 7, 8, 9, 16, 21, 22])
def test_what_has_been_scored_is_not_scored_again(done: int, names: Any) -> None:
    class Counting(Random):
        blocks = 0

        def encode(self, texts: list[str]) -> Any:
            self.blocks += 1
            return super().encode(texts)

    encoder = Counting()
    found = list(score_bitext(encoder, iter(PAIRS), names, k=2, block=8, done=done))
    assert found == list(score_bitext(Random(), PAIRS, names, k=2, block=8))[done:]
    assert encoder.blocks == 2 * (3 - done // 8 if done < len(PAIRS) else 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0},
        {"k": "4"},
        {"k": 1.5},
        {"k": None},
        {"block": 0},
        {"block": True},
        {"scores": []},
        {"scores": ["cos"]},
        {"scores": ["ratio"], "block": 4},
    ],
)
def test_settings_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        score_bitext(Random(), PAIRS, **wrong)


class Rounded:
    """Vectors of float32 whose products with themselves are 1 but for rounding, either way."""

    def encode(self, texts: list[str]) -> Any:
        rows = [np.random.default_rng(list(text.encode())).normal(size=384) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


def test_equal_texts_have_a_cosine_of_one_and_no_more() -> None:
    pairs = [(f"s{n}", f"s{n}") for n in range(40)]
    names: Any = ["cosine", "ratio", "distance"]
    found = [scores for _, scores in score_bitext(Rounded(), pairs, names, k=1)]
    assert found == [[1.0, 1.0, 0.0]] * 40
    others = [scores for _, scores in score_bitext(Rounded(), [("a", "b"), ("c", "d")])]
    assert all(0 < abs(cosine) < 0.5 for (cosine,) in others)


def test_the_command_keeps_what_reaches_the_threshold(
    tmp_path: Path, model_folder: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    text = "the cat\tle chat\nthe cat\tthe cat\n\tle chat\n"
    (tmp_path / "a.tsv").write_text(text, encoding="utf-8")
    out = tmp_path / "out.tsv"
    given = ["score", str(tmp_path / "a.tsv"), "--encoder", str(model_folder()), "--out", str(out)]
    for more, lines in (
        ([], 3),
        (["--keep", "0.999"], 1),
        (["--keep", "1"], 1),
        (["--by", "ratio", "cosine"], 3),
    ):
        with pytest.raises(SystemExit) as caught:
            main([*given, *more])
        assert caught.value.code in (0, None), capfd.readouterr().err
        rows = [line.split("\t") for line in out.read_text("utf-8").splitlines()]
        assert len(rows) == lines
        if lines == 1:
            assert rows[0][0] == "1.000000"
            assert rows[0][1:] == ["the cat", "the cat"]
        else:
            assert [row[-2:] for row in rows] == [line.split("\t") for line in text.splitlines()]
            assert float(rows[1][-3]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["out.tsv", "out.tsv.gz"])
@pytest.mark.parametrize(
    "more", [[], ["--keep", "0.95"], ["--by", "ratio", "--k", "2", "--keep", "1.0"]]
)
def test_a_run_that_was_stopped_goes_on(
    more: list[str],
    name: str,
    tmp_path: Path,
    model_folder: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = ["the", "cat", "sees", "a", "house", "today"]
    texts = [[" ".join(words[i : i + 1 + n]) for n in range(3)] for i in range(4)]
    rows = [f"{one}\t{other}\n" for some in texts for one in some for other in some]
    source = tmp_path / "a.tsv"
    source.write_text("".join(rows), encoding="utf-8")
    out, block = tmp_path / "here" / name, ["--block", "10"]

    def run(given: list[str], status: int = 0) -> bytes:
        with pytest.raises(SystemExit) as caught:
            main(["score", *given, "--encoder", str(model_folder()), "--out", str(out)])
        assert caught.value.code == status
        return out.read_bytes() if out.exists() else b""

    whole = run([str(source), *block, *more])
    lines = gzip.decompress(whole) if name.endswith(".gz") else whole
    assert 0 < lines.count(b"\n") <= len(rows)
    assert bool(more) == (lines.count(b"\n") < len(rows))
    out.unlink()
    monkeypatch.setattr("crosszero.cli.score._ROWS", 4)
    write, written = Lines.write, []

    def stop(self: Lines, lines: Any) -> None:
        write(self, lines)
        written.extend(lines)
        if len(written) == 16:  # 10, and 6 of the next block
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "write", stop)
        run([str(source), *block, *more], status=130)
    assert not out.exists()
    caplog.set_level("INFO")
    assert run([str(source), *block, *more]) == whole
    assert f"{out}: 16 pairs are scored from an earlier run" in caplog.text
    assert [path.name for path in out.parent.iterdir()] == [name]

    written.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Lines, "write", stop)
        run([str(source), *block, *more], status=130)
    caplog.clear()
    assert run([str(source), "--block", "9", *more])  # other neighbours
    assert "had other texts or settings; this one starts from the beginning" in caplog.text
    assert "from an earlier run" not in caplog.text
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_a_text_of_several_lines_stays_on_one(tmp_path: Path, model_folder: Any) -> None:
    row = json.dumps({"source": "the\ncat\tsees", "target": ["le", "chat"]})
    (tmp_path / "a.jsonl").write_text(row, encoding="utf-8")
    out = tmp_path / "out.tsv"
    with pytest.raises(SystemExit) as caught:
        main(["score", f"{tmp_path}/a.jsonl", "--out", str(out), "--encoder", str(model_folder())])
    assert caught.value.code == 0
    assert out.read_text("utf-8").split("\t", 1)[1] == "the cat sees\tle chat\n"
