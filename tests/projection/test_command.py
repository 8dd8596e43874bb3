"""Files in, files out: what a user of ``crosszero project`` sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from crosszero.align.corpus import Corpus
from crosszero.align.link_writer import spell_links
from crosszero.align.spans import CutPair, LinkedPair, ScoredLink
from crosszero.cli import main
from crosszero.projection.conll import read_conll
from crosszero.projection.formats import Markup, make_format, tell_format
from crosszero.projection.linking import make_links
from crosszero.projection.rules import REASONS, Rules
from crosszero.projection.translation import project_file


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return int(caught.value.code or 0)


def test_words_without_a_vector_are_told(
    model_folder: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.conll").write_text("king B-PER\n\u200b O\nsees O\n\n", "utf-8")
    (tmp_path / "a.fr").write_text("roi voit\n", "utf-8")
    files = tmp_path / "a.conll", tmp_path / "a.fr"
    flags = ["--encoder", model_folder(), "--layer", 1, "--out", tmp_path / "out"]
    assert call("project", *files, *flags) == 0
    assert "1 word has no vector" in caplog.text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.conll").write_text("Ada B-PER\nsees O\nParis B-LOC\n\nno O\n\n", "utf-8")
    (tmp_path / "a.de").write_bytes(b"Paris sieht Ada\r\nnein\r\n")
    (tmp_path / "a.links").write_text("0-2 1-1 2-0:0.3\n0-0\n", "utf-8")
    return tmp_path


def test_names_go_to_conll_and_what_is_lost_is_told(folder: Path) -> None:
    a, out, report = folder / "a", folder / "out.conll", folder / "lost.jsonl"
    links = ["--links", f"{a}.links", "--no-copies", "--min-score", "0.5", "--report", report]
    assert call("project", f"{a}.conll", f"{a}.de", "--out", out, *links) == 0
    assert out.read_text("utf-8") == "Paris\tO\nsieht\tO\nAda\tB-PER\n\nnein\tO\n\n"
    [lost] = map(json.loads, report.read_text("utf-8").splitlines())
    assert (lost["line"], lost["label"], lost["text"], lost["reason"]) == (
        1,
        "LOC",
        "Paris",
        "unsure",
    )


def test_parts_of_speech_go_to_conll(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, links = folder / "b.conll", folder / "b.links"
    path.write_text("Ada PROPN\nruns VERB\n", "utf-8")
    links.write_text("0-0 1-2", "utf-8")
    (folder / "b.de.conll").write_text("Ada x\nja x\nläuft x\n", "utf-8")
    assert call("project", path, folder / "b.de.conll", "--links", links, "--unlinked", "X") == 0
    assert capfd.readouterr().out == "Ada\tPROPN\nja\tX\nläuft\tVERB\n\n"


@pytest.mark.parametrize(
    "flags", [["--gap", "2"], ["--broken", "split"], ["--coverage", "0.5"], ["--no-copies"]]
)
def test_parts_of_speech_have_no_rules_of_labels(
    folder: Path, flags: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """They were read and ignored."""
    path, target = folder / "b.conll", folder / "b.de.conll"
    for file in (path, target):
        file.write_text("Ada PROPN\nruns VERB\n", "utf-8")
    links, out = folder / "b.links", folder / "out"
    links.write_text("0-0 1-1", "utf-8")
    assert call("project", path, target, "--links", links, "--out", out, *flags) == 2
    name = flags[0].removeprefix("--no-").strip("-")
    assert f"{name}: for labels over words" in capfd.readouterr().err
    assert not out.exists()


def test_labels_over_words_have_no_tag_of_words_without_link(folder: Path) -> None:
    a = folder / "a"
    files = [f"{a}.conll", f"{a}.de", "--links", f"{a}.links"]
    assert call("project", *files, "--out", folder / "out", "--unlinked", "X") == 2
    assert not (folder / "out").exists()


def test_unsure_links_carry_tags_of_words_but_no_names(folder: Path) -> None:
    links, out = folder / "c.links", folder / "out"
    links.write_text("0-2:0.3 1-1:0.1 2-0:0.6\n0-0\n", "utf-8")
    assert call("project", folder / "a.conll", folder / "a.de", "--links", links, "--no-copies",
                "--out", out) == 0  # fmt: skip
    assert out.read_text("utf-8").split() == ["Paris", "B-LOC", "sieht", "O", "Ada", "O",
                                              "nein", "O"]  # fmt: skip
    (folder / "c.conll").write_text("Ada PROPN\nsees VERB\nParis PROPN\n\nno INTJ\n", "utf-8")
    assert call("project", folder / "c.conll", folder / "a.de", "--links", links, "--out", out) == 0
    assert out.read_text("utf-8").split()[1::2] == ["PROPN", "_", "PROPN", "INTJ"]


def test_names_without_letters_before_them_are_spans(folder: Path) -> None:
    """They were taken for parts of speech."""
    path, out = folder / "io.conll", folder / "out"
    path.write_text("Ada PER\nsees O\nParis LOC\n\nno O\n", "utf-8")
    given = [path, folder / "a.de", "--links", folder / "a.links", "--no-copies"]
    assert call("project", *given, "--out", out) == 0
    assert out.read_text("utf-8") == "Paris\tO\nsieht\tO\nAda\tPER\n\nnein\tO\n\n"
    path.write_text("Ada PER\nsees O\nParis B-LOC\n\nno O\n", "utf-8")
    assert call("project", *given, "--out", folder / "none") == 2
    assert not (folder / "none").exists()


def test_a_column_that_counts_the_words_is_no_word(tmp_path: Path) -> None:
    path = tmp_path / "names.iob2"
    rows = ["# text = 1", "1\t1\tO\t-", "", "1\t2\tO\t-", "2\tcats\tB-X\t-", "3\tsee\tO\t-"]
    path.write_text("\n".join(rows), "utf-8")
    found = list(read_conll(path, column=3))
    assert [(s.words, s.tags, s.line) for s in found] == [
        (["1"], ["O"], 1), (["2", "cats", "see"], ["O", "B-X", "O"], 4)
    ]  # fmt: skip
    path.write_text("1\tCD\tO\n\n7\tCD\tB-X\n2\tCD\tI-X\n", "utf-8")
    assert [s.words for s in read_conll(path)] == [["1"], ["7", "2"]]


def write_links(path: Path, source: str, target: str, links: object) -> None:
    """As crosszero align --format jsonl writes them, words between spaces without their commas."""
    row: dict[str, object] = {"source": source, "target": target, "links": links}
    for side in ("source", "target"):
        words, at = [], 0
        for word in str(row[side]).split():
            at = str(row[side]).index(word, at)
            core = word.strip(".,!")
            words.append([core, at, at + len(core)])
            at += len(word)
        row[f"{side}_words"] = words
    path.write_text(json.dumps(row) + "\n", "utf-8")


def test_character_spans_follow_the_links_of_a_file(folder: Path) -> None:
    path, out = folder / "s.jsonl", folder / "out.jsonl"
    row = {"id": 7, "text": "We love Paris!", "spans": [[8, 14, "LOC"], [0, 2, "PER"]]}
    path.write_text(json.dumps(row), "utf-8")
    (folder / "s.fr").write_text("Paris! On l'aime.\n", "utf-8")
    write_links(folder / "l", row["text"], "Paris! On l'aime.", [[0, 1, 0.9], [2, 0, 0.8]])  # type: ignore[arg-type]
    assert call("project", path, folder / "s.fr", "--links", folder / "l", "--out", out) == 0
    assert json.loads(out.read_text("utf-8")) == {
        "id": 7, "text": "Paris! On l'aime.", "spans": [[0, 6, "LOC"], [7, 9, "PER"]]
    }  # fmt: skip


@pytest.mark.parametrize("flags", [[], ["--tokenised"]])
def test_a_translation_keeps_its_white_space(folder: Path, flags: list[str]) -> None:
    texts = {"s.jsonl": "The  king saw Paris", "s.fr": "Le  roi\ta vu Paris"}
    row = json.dumps({"text": texts["s.jsonl"], "spans": [[14, 19, "LOC"]]})
    (folder / "s.jsonl").write_text(f"{row}\n", "utf-8")
    (folder / "s.en").write_text(f"{texts['s.jsonl']}\n", "utf-8")
    (folder / "s.fr").write_text(f"{texts['s.fr']}\n", "utf-8")
    pairs = Corpus(str(folder / "s.en"), str(folder / "s.fr"))  # as align writes them
    links = [ScoredLink(3, 4, 1.0)]
    written = {
        "s.links": [spell_links(*pair, links, "pharaoh") for pair in pairs],
        "s.links.jsonl": [spell_links(*pair, links, "jsonl") for pair in pairs],
    }
    for name, lines in written.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
        files = [folder / "s.jsonl", folder / "s.fr", "--links", folder / name]
        assert call("project", *files, "--out", folder / "out", *flags) == 0
        found = json.loads((folder / "out").read_text("utf-8"))
        assert found == {"text": texts["s.fr"], "spans": [[13, 18, "LOC"]]}


@pytest.mark.parametrize(
    "others",
    [
        '"n": 0.12345678901234567890, "big": 1e400',
        '"half": "\\ud800", "caf\\u00e9": "caf\\u00e9", "\\ud800": "é"',
        '"o": {"text": "}", "a": [1.0, {}, []], ",": ":"}, "": null',
    ],
)
def test_other_keys_of_a_row_stay_as_they_are(folder: Path, others: str) -> None:
    path, out = folder / "s.jsonl", folder / "out.jsonl"
    path.write_text(f'{{ {others},"text" :"Paris", "spans":[[0, 5, "LOC"]],"x" : -0.0}}\n', "utf-8")
    (folder / "l").write_text("0-0\n", "utf-8")
    (folder / "s.fr").write_text("Parigi\n", "utf-8")
    files = [path, folder / "s.fr", "--links", folder / "l", "--out", out]
    assert call("project", *files, "--format", "spans") == 0
    found = '"text": "Parigi", "spans": [[0, 6, "LOC"]]'
    assert out.read_text("utf-8") == f'{{{others}, {found}, "x" : -0.0}}\n'


def test_markup_follows_the_links_of_a_file(folder: Path) -> None:
    (folder / "m.en").write_text("Hi, <b>Ada</b>!\n\n", "utf-8")
    (folder / "m.de").write_text("Ada, hallo!\n\n", "utf-8")
    (folder / "l").write_text("0-1 1-0\n\n", "utf-8")
    out = folder / "out"
    assert call("project", *(folder / n for n in ("m.en", "m.de")), "--links", folder / "l",
                "--out", out) == 0  # fmt: skip
    assert out.read_text("utf-8") == "<b>Ada</b>, hallo!\n\n"


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2007"])
def test_a_space_that_does_not_break_parts_no_words(folder: Path, space: str) -> None:
    (folder / "n.en").write_text(f"10{space}000 francs for <b>Ada</b>\n", "utf-8")
    (folder / "n.fr").write_text(f"Ada a 10{space}000 francs\n", "utf-8")
    (folder / "l").write_text("0-2 1-3 3-0\n", "utf-8")
    out = folder / "out"
    command = ["project", folder / "n.en", folder / "n.fr", "--links", folder / "l", "--out", out]
    for way in ([], ["--tokenised"]):
        assert call(*command, *way) == 0
        assert out.read_text("utf-8") == f"<b>Ada</b> a 10{space}000 francs\n"
    (folder / "n.conll").write_text(f"10{space}000 NUM\nfrancs NOUN\nfor ADP\nAda PROPN\n", "utf-8")
    command[1] = folder / "n.conll"
    assert call(*command, "--unlinked", "X") == 0
    assert out.read_text("utf-8").split("\n")[:4] == [
        "Ada\tPROPN", "a\tX", f"10{space}000\tNUM", "francs\tNOUN"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.links", "0-2\n", "ends before the texts do"),
        ("a.links", "0-2\n\n\n\n", "more lines"),
        ("a.links", "0-9\n0-0\n", "links of other texts"),
        ("a.links", "0-x\n0-0\n", "'0-x' is not a link"),
        ("a.links", '{"source": 3}\n\n', "a row that crosszero align"),
        ("a.de", "Paris sieht Ada\n", "ends after 1 texts"),
        ("a.de", "Paris sieht Ada\nnein\nja\n", "goes on after 2 texts"),
        ("a.conll", "Ada B-PER\nsees\n", "column 2"),
        ("a.conll", "Ada\n", "give --format"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    folder: Path, capfd: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    (folder / name).write_text(text, "utf-8")
    a, out = folder / "a", folder / "out"
    assert call("project", f"{a}.conll", f"{a}.de", "--links", f"{a}.links", "--out", out) == 2
    error = capfd.readouterr().err
    assert message in error
    assert name in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "spans": [[0, 2, "X"]]}', "span 0 to 2"),
        ('{"text": "a", "spans": 3}', "is no"),
        ('{"text": 1, "spans": []}', "is no"),
        ("[" * 100_000, "is no"),
        ('{"text": "a", "spans": [[0.9, 1, "X"]]}', "s:1: [0.9, 1, 'X'] is not a span"),
        ('{"text": "a", "spans": [[0, true, "X"]]}', "is not a span"),
        ('{"text": "a", "spans": [["0", 1, "X"]]}', "is not a span"),
        ('{"text": "a", "spans": [[-1, 1, "X"]]}', "two whole numbers from 0"),
        ('{"text": "a", "spans": [[0, 1, null]]}', "is not a span"),
        ('{"text": "a", "spans": [{"start": 0}]}', "is not {"),
        ('{"text": "\\ud800", "spans": []}', "s:1: U+D800 is half of a surrogate pair"),
        ('{"text": "a", "spans": [[0, 1, "\\udfff"]]}', "s:1: U+DFFF is half of a surrogate pair"),
    ],
)
def test_spans_that_are_none_are_told(
    folder: Path, capfd: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    (folder / "s").write_text(line, "utf-8")
    command = ["project", folder / "s", folder / "a.de", "--links", folder / "a.links"]
    assert call(*command, "--format", "spans") == 2
    assert message in capfd.readouterr().err


def test_flags_that_do_not_fit_are_refused(folder: Path) -> None:
    a = folder / "a"
    files = [f"{a}.conll", f"{a}.de", "--links", f"{a}.links"]
    assert call("project", *files, "--gap", "-1") == 2
    assert call("project", *files, "--languages", "en") == 2
    assert call("project", *files, "--column", "0") == 2
    assert call("project", *files, "--format", "markup", "--column", "2") == 2
    assert call("project", *files, "--format", "markup", "--unlinked", "X") == 2
    assert call("project", *files, "--out", f"{a}.de") == 2
    assert call("project", "-", f"{a}.de") == 2


def test_links_that_are_given_need_no_encoder(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a = folder / "a"
    files = ["project", f"{a}.conll", f"{a}.de"]
    how = ["--encoder", "nope", "--layer", "99", "--precision", "bf16", "--max-length", "9"]
    assert call(*files, "--links", f"{a}.links", *how, "--languages", "en", "de") == 2
    error = capfd.readouterr().err
    assert "--encoder, --max-length, --precision, --layer, --languages: no words are" in error
    assert call(*files, "--languages", "en", "q!") == 2
    assert "'q!' is not a language code" in capfd.readouterr().err


def test_the_format_is_told_by_the_first_line(folder: Path) -> None:
    path = folder / "x"
    texts = {
        "conll": ["\n\nAda\tB-PER", "{0}\tNOUN", "# text = {0} files", "-DOCSTART- %s"],
        "markup": ["<b>c</b>", "Open the {0} file", "%d files"],
        "spans": ['{"text": "", "spans": []}', '{"text": "{0}", "spans": []}'],
    }
    for kind, lines in texts.items():
        for line in lines:
            path.write_text(line, "utf-8")
            assert tell_format(path) == kind


def test_a_translation_with_markup_is_refused(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "m.en").write_text("a\n<b>b</b>\n", "utf-8")
    (folder / "m.de").write_text("x\n<b>y</b>\n", "utf-8")
    files = [folder / "m.en", folder / "m.de", "--links", folder / "a.links"]
    (folder / "a.links").write_text("0-0\n0-0\n", "utf-8")
    assert call("project", *files, "--format", "markup") == 2
    assert "m.de:2: holds markup already ('<b>')" in capfd.readouterr().err


class InOrder:
    """Links words by their places."""

    def link_pairs(self, pairs: Iterable[CutPair]) -> Iterator[LinkedPair]:
        for source, target in pairs:
            size = min(len(source.spans), len(target.spans))
            yield LinkedPair(source, target, [ScoredLink(i, i, 1.0) for i in range(size)])


def test_texts_are_linked_now_and_cut_into_words(folder: Path) -> None:
    (folder / "m.en").write_text("a <b>c</b>, d\n" * 700, "utf-8")
    (folder / "m.de").write_text("x y, z\n" * 700, "utf-8")
    found = project_file(
        folder / "m.en",
        folder / "m.de",
        Markup(Rules(broken="join")),
        lambda pairs: make_links(pairs, InOrder()),
        raw=True,
    )
    assert [carried.lines for _, carried in found] == [["x <b>y</b>, z"]] * 700


@pytest.mark.parametrize("flags", [[], ["--raw"]])
def test_a_sentence_of_conll_needs_a_translation(
    folder: Path, flags: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """It vanished, and those after it moved up."""
    (folder / "a.de").write_text("\nnein\n", "utf-8")
    (folder / "a.links").write_text("\n0-0\n", "utf-8")
    files = [folder / "a.conll", folder / "a.de", "--links", folder / "a.links"]
    assert call("project", *files, "--out", folder / "out", *flags) == 2
    assert "a.de:1: has no words" in capfd.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("raw", [None, True, False])
def test_a_translation_without_spaces_is_split(
    folder: Path, raw: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Each line was one word."""
    (folder / "s.conll").write_text("Kings DET\nsaw VERB\nParis PROPN\n\nno INTJ\n", "utf-8")
    (folder / "s.zh").write_text("国王看见巴黎。\n不\n", "utf-8")
    with caplog.at_level("INFO", logger="crosszero"):
        found = project_file(
            folder / "s.conll",
            folder / "s.zh",
            make_format("conll", Rules()),
            lambda pairs: make_links(pairs, InOrder()),
            raw=raw,
        )
        lines = [carried.lines for _, carried in found]
    if raw is False:  # as asked
        assert lines == [["国王看见巴黎。\tDET", ""], ["不\tINTJ", ""]]
    else:
        words = ["国王\tDET", "看见\tVERB", "巴黎\tPROPN", "。\t_", ""]
        assert lines == [words, ["不\tINTJ", ""]]
    assert ("s.zh has words without spaces between them" in caplog.text) == (raw is None)


@pytest.mark.parametrize("kind", ["conll", "spans", "markup"])
def test_links_that_count_words_between_spaces_need_some(
    folder: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {
        "conll": "Kings DET\nsaw VERB\nParis PROPN\n",
        "spans": '{"text": "Kings saw Paris", "spans": [[10, 15, "LOC"]]}\n',
        "markup": "Kings saw <b>Paris</b>\n",
    }
    source, target, links = folder / "s", folder / "s.zh", folder / "s.links"
    source.write_text(texts[kind], "utf-8")
    target.write_text("国王看见巴黎。\n", "utf-8")
    links.write_text("0-0 1-0 2-0\n", "utf-8")
    files = ["project", source, target, "--links", links, "--format", kind]
    assert call(*files, "--out", folder / "out") == 2
    assert "s.links:1: links in Pharaoh format count words between spaces, and the target" in (
        capfd.readouterr().err
    )
    assert not (folder / "out").exists()
    assert call(*files, "--out", folder / "out", "--tokenised") == 0
    target.write_text("国王 看见 巴黎 。\n", "utf-8")
    links.write_text("0-0 1-1 2-2\n", "utf-8")
    assert call(*files, "--out", folder / "out") == 0


def test_spans_in_another_scheme_than_the_first_sentences_are_refused(folder: Path) -> None:
    path = folder / "late.conll"
    path.write_text("a B-X\n\n" * 1000 + "b NOUN\n", "utf-8")
    assert call("project", path, path, "--links", folder / "a.links") == 2
    assert list(make_format("conll", Rules()).read(folder / "a.conll"))


def test_the_page_gives_every_reason_as_the_program_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guides" / "project.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z ]+)` \| (.+) \|$", page, flags=re.MULTILINE)
    assert dict(rows) == REASONS
