"""Labels over characters, links between words that were cut differently, and CoNLL files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import CutText, Span
from crosszero.align.word_cutter import cut_at_spaces, cut_words
from crosszero.bitext.lines import split_words
from crosszero.errors import DataError
from crosszero.projection.conll import TaggedWords, read_conll
from crosszero.projection.linking import settle
from crosszero.projection.rules import Label, Rules
from crosszero.projection.words import carry_links, fill, project_characters


def project(text: str, label: str, target: str, pairs: str) -> str | None:
    start = text.index(label)
    links = [(int(i), int(j), 1.0) for i, j in (pair.split("-") for pair in pairs.split())]
    labels = [Label(start, start + len(label), "X")]
    placed, _ = project_characters(labels, links, cut_at_spaces(text), cut_at_spaces(target))
    return target[placed[0][1].first : placed[0][1].end] if placed else None


def test_characters_follow_their_words() -> None:
    assert project("in New York, today", "New York", "heute in Neu York.", "1-2 2-3") == "Neu York"
    assert project("the (red) one", "red", "une «rouge», la", "1-1") == "rouge"
    assert project("the (red) one", "(red)", "une «rouge», la", "1-1") == "«rouge»,"
    assert project("the reddish one", "red", "une rougeâtre", "1-1") == "rougeâtre"
    assert project("the ! one", "the", "...", "0-0") is None


def test_punctuation_does_not_count_as_a_word_without_link() -> None:
    text, target = (fill(CutText(x, cut_words(x))) for x in ("Dr. King (Jr.) saw", "Dr. King Jr."))
    labels, links = [Label(0, 14, "PER")], [(0, 0, 1.0), (2, 2, 1.0), (4, 3, 1.0)]
    placed, _ = project_characters(labels, links, text, target, Rules(coverage=1))
    assert placed == [(0, Label(0, 12, "PER"))]
    _, dropped = project_characters(labels, links[:2], text, target, Rules(coverage=0.9))
    assert [why for _, why in dropped] == ["coverage"]


@pytest.mark.parametrize(
    ("text", "label", "target", "expected"),
    [
        ("New York", "New York", "ניו \u200fשל\u200f יורק", "ניו \u200fשל\u200f יורק"),
        ("New (York)", "(York)", "ניו (\u200fיורק\u200f)", "(\u200fיורק\u200f)"),
        ("New York ❤\ufe0f", "York ❤\ufe0f", "Neu York ❤\ufe0f", "York ❤\ufe0f"),
    ],
)
def test_what_nobody_sees_is_no_word(text: str, label: str, target: str, expected: str) -> None:
    one, other = (CutText(side, cut_words(side)) for side in (text, target))
    links = [(0, 0, 1.0), (1, len(other.spans) - 1, 1.0)]
    source, filled, found = settle((text, target), one, other, links)
    given = Label(text.index(label), text.index(label) + len(label), "X")
    [(_, placed)], _ = project_characters([given], found, source, filled)
    assert target[placed.first : placed.end] == expected


@given(st.text(alphabet="ab,\t \u00a0\u2007\u202f\u2009\u3000\u2028\x0b\x85", max_size=12))
def test_words_between_spaces_are_those_that_links_count(line: str) -> None:
    text = cut_at_spaces(line)
    assert [line[start:end] for start, end in text.spans] == split_words(line)


@settings(deadline=None)
@given(st.text(alphabet="ab ,.!(é", max_size=20), st.data())
def test_characters_of_a_text_onto_itself(line: str, data: st.DataObject) -> None:
    text = fill(CutText(line, cut_words(line)))
    if not text.spans:
        return
    first = data.draw(st.integers(0, len(text.spans) - 1))
    last = data.draw(st.integers(first, len(text.spans) - 1))
    labels = [Label(text.spans[first].start, text.spans[last].end, "X")]
    links = [(i, i, 1.0) for i in range(len(text.spans))]
    assert project_characters(labels, links, text, text) == (list(enumerate(labels)), [])


@st.composite
def cuts(draw: st.DrawFn) -> list[Span]:
    places = draw(st.lists(st.integers(0, 12), max_size=8, unique=True).map(sorted))
    return [Span(*places[n : n + 2]) for n in range(0, len(places) - 1, 2)]


@settings(deadline=None)
@given(cuts(), cuts(), cuts(), cuts(), st.lists(st.tuples(*[st.integers(0, 5)] * 2)))
def test_links_are_carried_to_all_words_they_share_a_character_with(
    old: list[Span], new: list[Span], left: list[Span], right: list[Span], pairs: list[list[int]]
) -> None:
    links = [(i, j, 1.0) for i, j in pairs if i < len(old) and j < len(left)]

    def meet(one: Span, other: Span) -> bool:
        return bool({*range(*one)} & {*range(*other)})

    wanted = {
        (a, b)
        for i, j, _ in links
        for a, x in enumerate(new)
        for b, y in enumerate(right)
        if meet(old[i], x) and meet(left[j], y)
    }
    assert {link[:2] for link in carry_links(links, (old, new), (left, right))} == wanted


def write(folder: Path, text: str) -> Path:
    path = folder / "a.conll"
    path.write_bytes(text.encode())
    return path


def test_conll_files_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "-DOCSTART- O\r\n\r\nAda NNP B-PER\r\nruns V O\r\n\r\n\r\n# note\nhm\tO")
    assert list(read_conll(path)) == [
        TaggedWords(["Ada", "runs"], ["B-PER", "O"], 3),
        TaggedWords(["hm"], ["O"], 7),
    ]
    assert next(read_conll(path, column=2)).tags == ["NNP", "V"]


def test_universal_dependencies_are_read(tmp_path: Path) -> None:
    rows = ["# text = du vin", "1-2\tdu" + "\t_" * 8]
    rows += [f"{n}\t{w}\t_\t{t}" + "\t_" * 6 for n, w, t in ((1, "de", "ADP"), (2, "le", "DET"))]
    path = write(tmp_path, "\n".join([*rows, "2.1\tx" + "\t_" * 8, ""]))
    assert list(read_conll(path)) == [TaggedWords(["de", "le"], ["ADP", "DET"], 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# O\nAda B-PER\n", [["#", "Ada"]]),  # a word, by its tag
        ("# O\n\nAda B-PER\n", [["#"], ["Ada"]]),
        ("# note\nAda B-PER\n# note\nruns O\n", [["Ada", "runs"]]),
        ("# NOUN\nAda NOUN\n", [["#", "Ada"]]),
        ("Ada NOUN\n\n# NOUN\n", [["Ada"], ["#"]]),
        ("# #\nAda NNP\n", [["#", "Ada"]]),  # as the Penn Treebank tags it
        ("# \tO\nAda\tO\n", [["#", "Ada"]]),  # a word, by its columns
        ("#\tO\n#\tO\n", [["#", "#"]]),
        ("# O\nAda\tO\n", [["Ada"]]),
        ("# text = a\tb\nAda\tO\n", [["Ada"]]),
        ("# a b O\nAda NNP O\n", [["Ada"]]),
        ("# id = O\nAda NNP I-NP O\n", [["Ada"]]),
        ("# NN I-NP O\nAda NNP I-NP O\n", [["#", "Ada"]]),
        ("#ada O\nAda B-PER\n", [["#ada", "Ada"]]),
        ("# 1 O\n1 CD O\n2 CD O\n", [["CD", "CD"]]),  # the first column counts the words
        ("# a note\n\n", []),
        ("# a note\n-DOCSTART- O\nAda O\n-DOCSTART- O\n", [["Ada", "-DOCSTART-"]]),
    ],
)
def test_the_sign_of_comments_can_be_a_word(
    tmp_path: Path, text: str, words: list[list[str]]
) -> None:
    path = write(tmp_path, text)
    assert [row.words for row in read_conll(path, column=2 if "CD" in text else None)] == words


def test_in_universal_dependencies_all_signs_begin_comments(tmp_path: Path) -> None:
    row = "\tx\t_\tX" + "\t_" * 6
    path = write(tmp_path, f"#newpar\n#\n# text = x\n1{row}\n#end\n2{row}\n")
    for tagged in (True, False):
        assert [row.words for row in read_conll(path, tagged=tagged)] == [["x", "x"]]


def test_a_line_that_is_a_word_or_a_comment_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "Ada NOUN\n\n# FOO\nruns VERB\n")
    with pytest.raises(DataError, match=r"a\.conll:3: is a comment, or the word # with the tag"):
        list(read_conll(path))


def test_a_space_that_does_not_break_can_be_a_word(tmp_path: Path) -> None:
    assert next(read_conll(write(tmp_path, "\u00a0\tO\n10\u00a0000\tO\n"))).words == [
        "\u00a0", "10\u00a0000"
    ]  # fmt: skip


def test_a_line_without_tag_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a O\n\nb\n")
    with pytest.raises(DataError, match=r"a\.conll:3: column 2"):
        list(read_conll(path))
    assert [row.words for row in read_conll(path, tagged=False)] == [["a"], ["b"]]
