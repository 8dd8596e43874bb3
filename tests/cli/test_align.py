"""crosszero align and aer, as a user types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crosszero.cli import main
from crosszero.continuation import Lines

Folders = Callable[..., Path]
WORDS = [
    ("the cat sees the", "le chat voit le"),
    ("sea the house the", "mer la maison le"),
    ("king the red house", "roi la maison rouge"),
    ("the house the sea", "la maison la mer"),
]
SOURCE = ["the cat sees the sea", "", "the king", "the red house"] * 8
TARGET = ["le chat voit la mer", "le roi", "", "la maison rouge"] * 8


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.en", tmp_path / "a.fr"
    for path, lines in zip(paths, (SOURCE, TARGET), strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


def test_lines_keep_their_numbers(
    model_folder: Folders, texts: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "links"
    for method in ("hmm", "argmax", "statistical", "combined"):
        encoder = ["--encoder", model_folder()] if method != "statistical" else []
        assert call("align", *texts, *encoder, "--out", out, "--method", method) == 0
        lines = out.read_text().splitlines()
        assert len(lines) == len(SOURCE)
        assert [bool(line) for line in lines[1:3]] == [False, False]
        for line, source, target in zip(lines, SOURCE, TARGET, strict=True):
            for link in line.split():
                i, j = map(int, link.split("-"))
                assert i < len(source.split())
                assert j < len(target.split())
    assert any(lines)


def test_one_file_of_both_and_a_stream_give_the_same(
    model_folder: Folders, texts: tuple[Path, Path], tmp_path: Path
) -> None:
    encoder, out = ["--encoder", str(model_folder())], tmp_path / "links"
    assert call("align", *texts, *encoder, "--out", out) == 0
    bars = tmp_path / "bars"
    bars.write_text("".join(f"{a} ||| {b}\n" for a, b in zip(SOURCE, TARGET, strict=True)))
    other = tmp_path / "other"
    assert call("align", bars, *encoder, "--out", other) == 0
    assert other.read_bytes() == out.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "crosszero", "align", "-", *encoder],
        stdin=bars.open(), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == out.read_bytes()


def test_two_texts_give_their_words(
    model_folder: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = ["--encoder", model_folder()]
    assert call("align", "the cat sees.", "le chat voit.", *encoder) == 0
    row = json.loads(capsys.readouterr().out)
    assert [word for word, _, _ in row["source_words"]] == ["the", "cat", "sees"]
    assert all(0 <= score <= 1 for _, _, score in row["links"])
    assert call("align", "the cat", *encoder) == 2
    assert "give its translation" in capsys.readouterr().err


def test_statistics_are_trained_once(
    model_folder: Folders, texts: tuple[Path, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    kept, out = tmp_path / "counts", tmp_path / "links"
    assert call("align", *texts, "--method", "statistical", "--save", kept, "--out", out) == 0
    again = tmp_path / "again"
    assert call("align", *texts, "--method", "statistical", "--load", kept, "--out", again) == 0
    assert again.read_bytes() == out.read_bytes()
    assert call("align", *texts, "--method", "statistical", "--load", texts[0]) == 2
    assert "is no statistical aligner" in capsys.readouterr().err


def stop_after(
    lines: int, monkeypatch: pytest.MonkeyPatch, *arguments: object, block: int = 5
) -> None:
    """Run a command that is stopped when it has written some lines, a block at a time."""
    write = Lines.write

    def stop(self: Lines, rows: Sequence[str | None]) -> None:
        if self.count >= lines:
            raise KeyboardInterrupt
        write(self, rows)

    with monkeypatch.context() as patched:
        patched.setattr("crosszero.cli.align._BLOCK", block)
        patched.setattr(Lines, "write", stop)
        assert call(*arguments) == 130


def test_a_run_that_was_stopped_goes_on_only_with_the_same_counts(
    texts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for name, (one, other) in (("good", texts), ("bad", texts[::-1])):
        command = ["align", one, other, "--method", "statistical", "--out", tmp_path / "x"]
        assert call(*command, "--save", tmp_path / name) == 0
    used, out = tmp_path / "used", tmp_path / "links"
    command = ["align", *texts, "--method", "statistical", "--load", used, "--out", out]
    used.write_bytes((tmp_path / "good").read_bytes())
    assert call(*command) == 0
    expected = out.read_bytes()
    used.write_bytes((tmp_path / "bad").read_bytes())
    stop_after(10, monkeypatch, *command)
    used.write_bytes((tmp_path / "good").read_bytes())
    assert call(*command) == 0
    assert "a run that was stopped had other texts or settings" in caplog.text
    assert out.read_bytes() == expected
    stop_after(10, monkeypatch, *command)
    caplog.clear()
    with caplog.at_level("INFO", logger="crosszero"):
        assert call(*command) == 0
    assert "10 lines are there from an earlier run" in caplog.text
    assert out.read_bytes() == expected


@pytest.mark.parametrize("kind", ["pharaoh", "scores", "jsonl"])
def test_the_links_of_a_run_that_was_stopped_are_counted(
    kind: str, texts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    out = tmp_path / "links.gz"
    command = ["align", *texts, "--method", "statistical", "--format", kind, "--out", out]
    with caplog.at_level("INFO", logger="crosszero"):
        assert call(*command) == 0
        whole = caplog.messages[-1]
        stop_after(10, monkeypatch, *command)
        assert call(*command) == 0
    assert "10 lines are there from an earlier run" in caplog.text
    assert whole.endswith("in 32 lines")
    assert caplog.messages[-1] == whole


def test_counts_that_do_not_serve(
    model_folder: Folders, texts: tuple[Path, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    kept, flags = tmp_path / "counts", ["--out", tmp_path / "links"]
    assert call("align", *texts, "--method", "statistical", "--save", kept, *flags) == 0
    assert "16 pairs; a few hundred are needed" in caplog.text
    flags += ["--load", kept]
    assert call("align", *texts, "--method", "statistical", "--save", tmp_path / "x", *flags) == 2
    assert "give one of them" in capsys.readouterr().err
    assert call("align", *texts, *flags) == 2
    assert "give --method combined or statistical" in capsys.readouterr().err
    caplog.clear()
    encoder = ["--encoder", model_folder()]
    assert call("align", *texts, "--layer", "auto", *flags, *encoder) == 0  # looks at the counts
    assert "counting" not in caplog.text
    for method in (["statistical"], ["combined", *encoder]):
        caplog.clear()
        assert call("align", *texts, *flags, "--method", *method) == 0
        assert "has counted only" not in caplog.text
        assert call("align", *texts[::-1], *flags, "--method", *method) == 0
        assert "has counted only 0 % of the words: was it trained on these" in caplog.text


def test_the_statistical_aligner_says_which_texts_it_leaves_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = tmp_path / "long.tsv"
    long.write_text("the cat\tle chat\n\n" + "the cat " * 200 + "\tle chat\n")
    out = tmp_path / "links"
    assert call("align", long, "--method", "statistical", "--out", out) == 0
    assert out.read_text().splitlines()[1:] == ["", ""]
    assert "1 pair has no links: the statistical aligner takes texts of up to 256" in caplog.text


def test_the_layer_can_be_chosen_on_the_texts(
    model_folder: Folders, texts: tuple[Path, Path], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    flags = ["--encoder", model_folder(), "--out", tmp_path / "links"]
    with caplog.at_level("INFO", logger="crosszero"):
        assert call("align", *texts, *flags, "--layer", "auto") == 0
    assert "agreement by layer: 1: 0." in caplog.text
    assert call("align", "a cat", "un chat", *flags, "--layer", "auto") == 0
    assert "too few to choose a layer" in caplog.text
    assert call("align", *texts, *flags, "--layer", "first-last") == 0


def test_a_layer_is_chosen_only_by_what_tells_one(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = ["--encoder", model_folder(), "--out", tmp_path / "links", "--layer", "auto"]
    long = tmp_path / "long.tsv"
    lines = [f"{source} " * 70 + "\t" + f"{target} " * 70 for source, target in WORDS]
    long.write_text("\n".join(lines * 5) + "\n")
    with caplog.at_level("INFO", logger="crosszero"):
        assert call("align", long, *flags) == 0
    assert "no words are counted: no pair has 1 to 256 words on each side" in caplog.text
    assert re.search(r"agreement by layer: 1: 0\.[1-9]", caplog.text)
    empty = tmp_path / "empty.tsv"
    empty.write_text("the cat\t\n" * 20)
    caplog.clear()
    assert call("align", empty, *flags) == 0
    assert "--layer auto: in no layer do the links agree; using the default" in caplog.text


def test_what_could_not_be_counted_before_a_stop_is_told_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    texts, kept, out = tmp_path / "texts.tsv", tmp_path / "counts", tmp_path / "links"
    long = "the " * 300 + "\tle chat\n"
    known = "".join(f"{source}\t{target}\n" for source, target in WORDS * 8)
    texts.write_text(known)
    flags = ["--method", "statistical", "--out", out]
    assert call("align", texts, *flags, "--save", kept) == 0
    for begun, told in (
        (long * 2, "2 pairs have no links"),
        ("unknown words here\tand there\n" * 10, "has counted only"),
    ):
        texts.write_text(begun + known[: known.index("\n") + 1] * 2)
        command = ["align", texts, *flags, "--load", kept]
        caplog.clear()
        assert call(*command) == 0
        assert told in caplog.text
        size = begun.count("\n")
        stop_after(size, monkeypatch, *command, block=size)
        caplog.clear()
        assert call(*command) == 0
        assert told in caplog.text


def test_texts_too_long_to_count_in(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long, kept = tmp_path / "long.tsv", tmp_path / "counts"
    long.write_text("the cat " * 200 + "\tle chat\n")
    flags = ["--encoder", model_folder(), "--out", tmp_path / "links", "--method", "combined"]
    for counts in (["--save", kept], ["--load", kept]):
        caplog.clear()
        assert call("align", long, *flags, *counts) == 0
        told = "has counted no words: it counts them in pairs of 1 to 256 words on each side"
        assert told in caplog.text
        assert "was it trained on" not in caplog.text


def test_links_of_other_words_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of raw text, where punctuation is no word, would be one off without an error."""
    gold, ours, table = tmp_path / "gold", tmp_path / "ours.jsonl", tmp_path / "table.tsv"
    row: dict[str, object] = {"links": [[0, 0], [1, 1]], "source_words": ["a", "b"]}
    ours.write_text(f"{json.dumps(row | {'target_words': ['c', 'd']})}\n" * 2)
    gold.write_text("0-0 1p1\n0-0\n")
    assert call("aer", ours, gold) == 0
    gold.write_text("0-0\n0-0 1p2\n")
    assert call("aer", ours, gold) == 2
    message = f"{gold}:2: has at least 2 and 3 words in this sentence pair, but {ours} has 2 and 2"
    assert message in " ".join(capsys.readouterr().err.split())
    assert call("aer", gold, ours) == 2
    assert f"{gold}:2: has at least 2 and 3 words" in " ".join(capsys.readouterr().err.split())
    for target, status in (("c d", 0), ("c d .", 2)):
        table.write_text(f"a b\t{target}\t0-0 1-1\n" * 2)
        assert call("aer", ours, table) == status
    assert "has 2 and 3 words in this sentence pair" in capsys.readouterr().err
    table.write_text("A b\tc d\t0-0 1-1\na x\tc d\t0-0\n")
    assert call("aer", ours, table) == 2
    message = f"{table}:2: its word 'x' is 'b' in {ours}: are these links of other texts?"
    assert message in " ".join(capsys.readouterr().err.split())


def test_links_against_gold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold, ours, theirs = (tmp_path / name for name in ("gold", "ours", "theirs"))
    gold.write_text("0-0 1-1 2p1\n" * 12)
    ours.write_text("0-0:0.9 1-1:0.8\n" * 12)
    theirs.write_text("0-0 2-2\n" * 12)
    assert call("aer", ours, gold, "--against", theirs) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split()[1:] == ["0.00", "100.00", "100.00", "100.00"]
    assert out[2].split()[1:] == ["50.00", "50.00", "50.00", "50.00"]
    assert "-50.00 (95 % interval -50.00 to -50.00" in out[3]
    wpt = tmp_path / "wpt"
    wpt.write_text("".join(f"{n} 1 1 S\n{n} 2 2 S\n{n} 3 0 S\n" for n in range(1, 12)))
    assert call("aer", ours, wpt) == 2  # a sentence more than the gold has
    assert "12 sentence pairs" in capsys.readouterr().err
    ours.write_text("0-0 1-1\n" * 11)
    assert call("aer", ours, wpt) == 0
    assert "0.00" in capsys.readouterr().out
    assert call("aer", ours, gold) == 2
    assert "11 sentence pairs" in capsys.readouterr().err
    assert call("aer", tmp_path / "none", gold) == 2
