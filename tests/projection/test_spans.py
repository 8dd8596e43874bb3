"""Labels over words: the rules one by one, and against a slow version."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import ConfigError
from crosszero.projection.rules import REASONS, Dropped, Label, Rules
from crosszero.projection.spans import project_spans
from crosszero.projection.tags import find_scheme, project_tags, read_tags, write_tags

WORDS = ["a", "b", "c", "d", ",", "."]


def project(
    label: tuple[int, int], pairs: str, *, size: int = 6, target: str = "u v w x y z", **rules: Any
) -> list[tuple[int, int]] | str:
    """Carry one label over links such as "0-1 1-2:0.5"."""
    links = []
    for pair in pairs.split():
        words, _, score = pair.partition(":")
        i, j = words.split("-")
        links.append((int(i), int(j), float(score or 1)))
    source = list("abcdefgh")[:size]
    found = project_spans([Label(*label, "X")], links, source, target.split(), Rules(**rules))
    if found.dropped:
        return found.dropped[0].reason
    return [(first, end) for first, end, _ in found.labels]


def test_a_label_goes_from_first_to_last_linked_word_over_a_small_gap() -> None:
    assert project((0, 2), "0-0 1-2") == [(0, 3)]
    assert project((0, 2), "0-0 1-2", gap=0) == [(0, 1)]
    assert project((0, 3), "0-0 1-3 2-4") == [(3, 5)]
    assert project((0, 3), "0-0 1-3 2-4", gap=2) == [(0, 5)]


@pytest.mark.parametrize(
    ("broken", "wanted"),
    [
        ("longest", [(0, 2)]),
        ("join", [(0, 4)]),
        ("split", [(0, 2), (3, 4)]),
        ("drop", "broken"),
    ],
)
def test_words_of_others_break_a_label(broken: str, wanted: object) -> None:
    assert project((0, 3), "0-0 1-1 4-2 2-3", broken=broken) == wanted


def test_commas_are_no_gap() -> None:
    assert project((0, 2), "0-0 1-3", target="u , ( w", gap=0) == [(0, 4)]


def test_a_label_of_punctuation_alone_counts_it() -> None:
    found = project_spans(
        [Label(0, 1, "X")], [(0, 0, 1.0)], ["(", "a"], ["(", "u"], Rules(coverage=1)
    )
    assert found.labels == [Label(0, 1, "X")]


def test_a_dropped_label_has_its_reason() -> None:
    assert project((0, 1), "1-1") == "unlinked"
    assert project((0, 1), "0-0:0.3", min_score=0.4) == "unsure"
    assert project((0, 2), "0-0", coverage=0.6) == "coverage"
    assert project((0, 1), "0-0:0.6 1-0:0.7") == "outvoted"
    assert project((0, 1), "0-0", target=", b") == "punctuation"
    assert project((2, 2), "0-0") == "no word"
    assert set(REASONS) >= {"overlap", "broken"}


def test_of_two_labels_the_surer_takes_the_word() -> None:
    links = [(0, 0, 0.5), (1, 0, 0.5), (1, 1, 0.9)]
    labels = [Label(0, 1, "X"), Label(1, 2, "Y")]
    found = project_spans(labels, links, ["a", "b"], ["u", "v"], Rules())
    assert found.placed == [(1, Label(0, 2, "Y"))]
    assert found.dropped == [Dropped(0, "overlap")]


def test_a_name_without_link_goes_where_it_stands() -> None:
    labels, source = [Label(0, 2, "PER")], ["Ada", "Lovelace"]
    target = ["von", "Ada", "Lovelace"]
    assert project_spans(labels, [], source, target).labels == [Label(1, 3, "PER")]
    assert not project_spans(labels, [], source, target * 2).labels
    assert not project_spans(labels, [], source, target, Rules(copies=False)).labels
    source, target = ["Zo\u00eb", "sees"], ["Zoe\u0308", "voit"]  # the same letters
    assert project_spans([Label(0, 1, "PER")], [], source, target).labels == [(0, 1, "PER")]


def test_punctuation_at_the_edges_is_as_in_the_source() -> None:
    source, links = ["(", "a", "b", ")"], [(1, 1, 1.0), (2, 2, 1.0)]
    target = ["«", "u", "v", "»", "."]
    assert project_spans([Label(0, 4, "X")], links, source, target).labels == [Label(0, 4, "X")]
    assert project_spans([Label(1, 3, "X")], links, source, target).labels == [Label(1, 3, "X")]


@pytest.mark.parametrize("rules", [{"gap": -1}, {"min_score": 1.1}, {"broken": "never"}])
def test_rules_out_of_range_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Rules(**rules)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[list[str], list[Label]]:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9))
    spans = st.tuples(st.integers(0, len(words) - 1), st.integers(1, 4), st.sampled_from("XY"))
    labels = [Label(a, min(a + n, len(words)), x) for a, n, x in draw(st.lists(spans, max_size=4))]
    return words, labels


@settings(deadline=None)
@given(labelled(), st.sampled_from(["longest", "join", "split", "drop"]), st.integers(0, 2))
def test_links_of_words_to_themselves_give_the_same_labels(
    case: tuple[list[str], list[Label]], broken: Any, gap: int
) -> None:
    words, labels = case
    links = [(i, i, 1.0) for i in range(len(words))]
    found = project_spans(labels, links, words, words, Rules(broken=broken, gap=gap))
    assert sorted(found.placed) == list(enumerate(labels))
    assert not found.dropped


Links = list[tuple[int, int, float]]
SCORES = st.sampled_from([0.2, 0.5, 0.9])


@st.composite
def linked(draw: st.DrawFn) -> tuple[list[str], list[str], list[Label], Links]:
    source, labels = draw(labelled())
    target = draw(st.lists(st.sampled_from(["u", "v", "a", ",", "."]), min_size=1, max_size=9))
    pair = st.tuples(st.integers(0, len(source) - 1), st.integers(0, len(target) - 1), SCORES)
    found = draw(st.lists(pair, max_size=10, unique_by=lambda link: link[:2]))
    return source, target, labels, found


@settings(deadline=None)
@given(linked(), st.sampled_from(["longest", "join", "split", "drop"]))
def test_nothing_is_lost_and_strangers_share_no_word(case: Any, broken: Any) -> None:
    source, target, labels, links = case
    found = project_spans(labels, links, source, target, Rules(broken=broken))
    numbers = {number for number, _ in found.placed}, {number for number, _ in found.dropped}
    assert numbers[0] | numbers[1] == set(range(len(labels)))
    assert not numbers[0] & numbers[1]
    for n, one in found.placed:
        assert 0 <= one.first < one.end <= len(target)
        assert one.name == labels[n].name
        for m, other in found.placed:
            strangers = labels[n].end <= labels[m].first or labels[m].end <= labels[n].first
            if strangers:
                assert one.end <= other.first or other.end <= one.first


def project_slowly(
    label: Label, links: Links, target: list[str], least: float, gap: int
) -> set[int] | None:
    """The words of the longest piece, by looking at every stretch of the target; None: none."""

    words = range(label.first, label.end)

    def surest(j: int, inside: bool) -> float:
        scores = [s for i, k, s in links if k == j and s >= least and (i in words) == inside]
        return max(scores, default=-1)

    def belongs(j: int) -> bool:
        return surest(j, True) >= max(0, surest(j, False))

    best: tuple[int, float, int, set[int]] | None = None
    for first in range(len(target)):
        for end in range(first + 1, len(target) + 1):
            stretch = range(first, end)
            members = [j for j in stretch if belongs(j)]
            if not members or not belongs(first) or not belongs(end - 1):
                continue
            others = [j for j in stretch if not belongs(j)]
            run = longest = 0
            for j in stretch:
                run = 0 if belongs(j) else run + 1
                longest = max(longest, run)
            if any(surest(j, False) >= 0 for j in others) or longest > gap:
                continue
            weight = (len(members), sum(surest(j, True) for j in members), -first)
            if best is None or weight > best[:3]:
                best = (*weight, set(stretch))
    return best and best[3]


@settings(deadline=None)
@given(linked(), st.sampled_from([0.0, 0.4]), st.integers(0, 3))
def test_one_label_as_the_slow_version_places_it(case: Any, least: float, gap: int) -> None:
    source, target, labels, links = case
    source = ["a"] * len(source)  # punctuation has tests of its own
    target = ["u"] * len(target)
    for label in labels:
        rules = Rules(min_score=least, gap=gap, copies=False)
        found = project_spans([label], links, source, target, rules)
        slow = project_slowly(label, links, target, least, gap)
        got = set(range(*found.labels[0][:2])) if found.labels else None
        assert got == slow


@settings(deadline=None)
@given(linked(), st.sampled_from([0.0, 0.4]))
def test_tags_as_the_slow_version_gives_them(case: Any, least: float) -> None:
    source, target, _, links = case
    tags = [f"T{i}" for i in range(len(source))]
    found, dropped = project_tags(tags, links, len(target), min_score=least)
    for j, tag in enumerate(found):
        rivals = sorted((-s, i) for i, k, s in links if k == j and s >= least)
        assert tag == (tags[rivals[0][1]] if rivals else "_")
    assert {n for n, _ in dropped} == {i for i, tag in enumerate(tags) if tag not in found}


@settings(deadline=None)
@given(labelled(), st.sampled_from(["bio", "bioes", "bilou", "io"]))
def test_spans_written_as_tags_are_read_again(case: Any, scheme: Any) -> None:
    words, labels = case
    apart, end = [], 0
    for label in sorted(labels):
        if label.first >= end + (scheme == "io"):  # it can't tell neighbours from one span
            apart.append(label)
            end = label.end
    tags = write_tags(apart, len(words), scheme)
    assert read_tags(tags, scheme) == apart
    if any(label.end - label.first == 1 for label in apart):
        assert find_scheme([*tags, *["O"] * len(tags)]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("NOUN VERB O", None),
        ("O O , N V O", None),  # a tagset with a letter O, among more of others
        ("O O PER PER O", "io"),
        ("O O B-PER PER O", "bio"),  # and PER is refused when it is read
        ("O", "bio"),
        ("PER PER O", "io"),
        ("PER O", "io"),
        ("B-PER I-PER LOC", "bio"),  # and LOC is refused when it is read
        ("S----1-S-- N------S1I", None),  # parts of speech of Arabic
    ],
)
def test_spans_are_told_from_words(tags: str, scheme: Any) -> None:
    others = ["N", "N", "N", "N"] if "," in tags else []
    assert find_scheme([*tags.split(), *others]) == scheme


@pytest.mark.parametrize("tags", ["(GPE* *) *", "(PER) *", "o b-loc i-loc"])
def test_spans_in_another_notation_are_refused(tags: str) -> None:
    with pytest.raises(ValueError, match="are not read: write B-LOC"):
        find_scheme(tags.split())


def test_a_tag_of_no_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="B-LOC"):
        read_tags(["NOUN"])
