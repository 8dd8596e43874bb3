"""Alignment scores against sets, link extraction against loops, gold files in all bases."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crosszero.align.aer import score_alignment
from crosszero.align.gold import read_alignment_set, split_base
from crosszero.align.link_reader import read_links
from crosszero.align.linker import align_words
from crosszero.align.methods import LinkConfig
from crosszero.align.similarity import compare_words, mutual_argmax
from crosszero.align.spans import GoldLinks
from crosszero.errors import ConfigError, CrosszeroError, DataError


def link_words(source, target):
    return mutual_argmax(compare_words(source, target))


LINKS = st.frozensets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)
ARGMAX = LinkConfig(method="argmax", unit="word")
CORPUS = st.lists(st.tuples(LINKS, LINKS, LINKS), min_size=1, max_size=5)


def slow(corpus):
    """The definitions, with sets of (sentence, link) over the whole corpus."""
    a = {(n, x) for n, (links, _, _) in enumerate(corpus) for x in links}
    s = {(n, x) for n, (_, sure, _) in enumerate(corpus) for x in sure}
    p = s | {(n, x) for n, (_, _, possible) in enumerate(corpus) for x in possible}
    return a, s, p


def measure(corpus):
    gold = [GoldLinks(sure=sure, possible=possible) for _, sure, possible in corpus]
    return score_alignment([links for links, _, _ in corpus], gold)


@settings(max_examples=200, deadline=None)
@given(CORPUS)
def test_scores_follow_the_definitions(corpus):
    a, s, p = slow(corpus)
    score = measure(corpus)
    assert 0 <= score.aer <= 1
    assert 0 <= score.f1 <= 1
    assume(a and s)
    assert score.precision == pytest.approx(len(a & p) / len(a))
    assert score.recall == pytest.approx(len(a & s) / len(s))
    assert score.aer == pytest.approx(1 - (len(a & s) + len(a & p)) / (len(a) + len(s)))


@settings(max_examples=200, deadline=None)
@given(CORPUS)
def test_error_is_one_minus_f1_where_all_gold_links_are_sure(corpus):
    score = measure([(links, sure, frozenset()) for links, sure, _ in corpus])
    assert score.aer == pytest.approx(1 - score.f1)


@settings(max_examples=100, deadline=None)
@given(CORPUS)
def test_perfect_links_have_no_error(corpus):
    perfect = measure([(sure, sure, possible) for _, sure, possible in corpus])
    assert (perfect.aer, perfect.precision, perfect.recall) == (0.0, 1.0, 1.0)
    # possible links may be given without harm
    full = measure([(sure | possible, sure, possible) for _, sure, possible in corpus])
    assert full.aer == 0.0


def test_known_numbers():
    gold = GoldLinks(sure=frozenset({(0, 0), (1, 1)}), possible=frozenset({(2, 2)}))
    score = score_alignment([[(0, 0), (2, 2), (3, 3)]], [gold])
    assert (score.precision, score.recall) == (pytest.approx(2 / 3), 0.5)
    assert score.aer == pytest.approx(1 - 3 / 5)
    assert score.f1 == pytest.approx(4 / 7)
    assert score_alignment([[]], [gold]).aer == 1.0
    with pytest.raises(ValueError, match="1 predicted sentences, but 2"):
        score_alignment([[]], [gold, gold])


def test_no_sentence_is_no_perfect_score():
    with pytest.raises(CrosszeroError, match="there are none"):
        score_alignment([], [])


WORDS = st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=7)


@settings(max_examples=150, deadline=None)
@given(source=WORDS, target=WORDS, seed=st.integers(0, 99))
def test_links_are_mutual_nearest_words(source, target, seed):
    noise = np.random.default_rng(seed)  # breaks the ties, which are tested below
    left = np.array(source) + noise.normal(scale=0.01, size=(len(source), 3))
    right = np.array(target) + noise.normal(scale=0.01, size=(len(target), 3))

    def cosine(i, j):
        return left[i] @ right[j] / (np.linalg.norm(left[i]) * np.linalg.norm(right[j]))

    rows, columns = range(len(left)), range(len(right))
    expected = [
        (i, j)
        for i in rows
        for j in columns
        if j == max(columns, key=lambda c: cosine(i, c))
        and i == max(rows, key=lambda r: cosine(r, j))
    ]
    links = link_words(left, right)
    assert links == expected
    assert links == sorted((i, j) for j, i in link_words(right, left))


def test_ties_take_the_lowest_index_and_unseen_words_no_link():
    assert link_words(np.ones((2, 2)), np.ones((3, 2))) == [(0, 0)]
    assert link_words(np.array([[0.0, 0], [0, -1]]), np.array([[0.0, 1], [0, 0]])) == [(1, 0)]
    assert link_words(np.zeros((2, 2)), np.zeros((2, 2))) == []
    assert link_words(np.empty((0, 2)), np.eye(2)) == []
    assert link_words(np.eye(2), np.empty((0, 2))) == []
    # an unseen word is nearest to nothing, even where all others point away
    assert link_words(np.array([[0.0, 0], [1, 1]]), np.array([[-1.0, -1]])) == [(1, 0)]
    assert link_words(np.array([[-1.0, -1]]), np.array([[0.0, 0], [1, 1]])) == [(0, 1)]
    with pytest.raises(CrosszeroError, match="not finite"):
        link_words(np.full((1, 2), np.inf), np.eye(2))


class Letters:
    """A word is the vector of its letters; remembers what it was asked."""

    def __init__(self):
        self.texts, self.words = [], []

    def encode(self, texts):
        raise AssertionError("words only")

    def encode_words(self, texts, spans):
        self.texts += texts
        cut = [[text[s:e] for s, e in words] for text, words in zip(texts, spans, strict=True)]
        self.words += cut
        return [np.array([[w.count(c) for c in "abcdefgh"] for w in ws], float) for ws in cut]


def test_words_reach_the_encoder_in_their_sentence():
    encoder = Letters()
    source, target = [["ab", "cd"], ["e"]], [["dc", "ba"], ["e", "f"]]
    assert align_words(encoder, source, target, ARGMAX) == [[(0, 1), (1, 0)], [(0, 0)]]
    assert set(encoder.texts) == {"ab cd", "e", "dc ba", "e f"}
    assert sorted(encoder.words) == sorted(source + target)
    with pytest.raises(ValueError, match="1 source texts, but 2"):
        align_words(encoder, source[:1], target)


def test_many_sentences_come_back_in_order():
    source = [["a"] * (n % 3) + ["b"] for n in range(600)]
    links = align_words(Letters(), source, source, ARGMAX)
    assert links == [[(0, 0), (n % 3, n % 3)] if n % 3 else [(0, 0)] for n in range(600)]


@pytest.fixture
def stem(tmp_path):
    (tmp_path / "x.src").write_text("ab cd\ne f\n")
    (tmp_path / "x.tgt").write_text("dc ba\ne h\n")
    return tmp_path / "x"


@pytest.mark.parametrize("text", ["0-1 1-0\n0-0 1p1\n", "1-2 2-1\n1-1 2p2\n"])
def test_both_bases_give_the_same_gold(stem, text):
    stem.with_suffix(".gold").write_text(text)
    data = read_alignment_set(stem)
    assert data.source[0] == ("ab", "cd")
    assert data.gold[0] == GoldLinks(sure=frozenset({(0, 1), (1, 0)}))
    assert data.gold[1].sure == {(0, 0)}
    assert data.gold[1].allowed == {(0, 0), (1, 1)}
    assert score_alignment(align_words(Letters(), data.source, data.target), data.gold).aer == 0.0


def write_gold(tmp_path, text):
    path = tmp_path / "x.gold"
    path.write_bytes(text.encode())
    return path


def test_a_file_that_shows_no_base_is_refused_until_it_is_given(tmp_path):
    path = write_gold(tmp_path, "1-1 1-2\r\n\r\n2p1\r\n")
    lengths = [(3, 3), (1, 1), (3, 3)]
    with pytest.raises(ConfigError, match="pass base=0 or base=1"):
        read_links(path, lengths=lengths)
    zero, one = (read_links(path, lengths=lengths, base=base).rows for base in (0, 1))
    assert zero[0].sure == {(1, 1), (1, 2)}
    assert one[0].sure == {(0, 0), (0, 1)}
    assert one[1] == GoldLinks(sure=frozenset())
    assert (one[2].sure, one[2].possible) == (frozenset(), {(1, 0)})
    with pytest.raises(ConfigError, match="base must be 0 or 1, not 2"):
        read_links(path, lengths=lengths, base=2)


@pytest.mark.parametrize(
    ("text", "base", "message"),
    [
        ("0-0\n3-1\n", None, r"x\.gold:2: link 3-1 contradicts line 1"),
        ("3-1\n1-0\n", None, r"x\.gold:2: link 1-0 contradicts line 1"),
        ("1-1\n4-1\n", None, r"x\.gold:2: link 4-1 points outside a pair of 3 and 3"),
        ("1-1\n0-1\n", 1, r"x\.gold:2: link 0-1 has an index 0, but base=1"),
        ("1-1\n1p3\n", 0, r"x\.gold:2: link 1p3 points past the last word, but base=0"),
        ("1-1\n1-1 2-2:0.5\n", None, r"x\.gold:2: '2-2:0\.5' is not a link"),
        ("1-1\n1--1\n", None, r"x\.gold:2: '1--1' is not a link"),
        ("1-1\n1-" + "9" * 5000 + "\n", None, r"x\.gold:2: '1-9{77} \.\.\. is not a link"),
        ("1-1\n1-1\n1-1\n", None, r"x\.gold:2: 3 lines for 2 sentence pairs"),
        ("1-1\n", None, r"x\.gold:1: 1 lines for 2 sentence pairs"),
    ],
)
def test_broken_gold_is_named_with_its_line(tmp_path, text, base, message):
    with pytest.raises(DataError, match=message):
        read_links(write_gold(tmp_path, text), lengths=[(3, 3), (3, 3)], base=base)


@pytest.mark.parametrize("inside", ["\u00a0", "\u2028", "\u0085", "\x0b", "\x1f"])
def test_only_tabs_and_spaces_that_may_break_part_words(stem, inside):
    """French writes 10 000 with a space that does not break; gold indices count it as one word."""
    stem.with_suffix(".src").write_text(f"10{inside}000 euros\tpaid\n", newline="")
    stem.with_suffix(".tgt").write_text(f"  {inside} x \t y{inside} \r\n", newline="")
    stem.with_suffix(".gold").write_text("1-1 2-3\t3-2\n")
    data = read_alignment_set(stem)
    assert data.source == ((f"10{inside}000", "euros", "paid"),)
    assert data.target == ((inside, "x", f"y{inside}"),)
    assert data.gold[0].sure == {(0, 0), (1, 2), (2, 1)}
    stem.with_suffix(".gold").write_text(f"1-1{inside}2-2\n")
    with pytest.raises(DataError, match=r"x\.gold:1: '.*' is not a link"):
        read_alignment_set(stem)


def test_a_recipe_can_say_the_base(stem):
    stem.with_suffix(".src").write_text("a b c\n")
    stem.with_suffix(".tgt").write_text("a b c\n")
    stem.with_suffix(".gold").write_text("1-1\n")
    with pytest.raises(ConfigError, match=r"pass base=0 or base=1, .*x:0 or .*x:1, .*\[x:1\]$"):
        read_alignment_set(stem)
    for base in (0, 1):
        data = read_alignment_set(f"{stem}:{base}")
        assert (
            data == read_alignment_set(stem, base=base) == read_alignment_set(str(stem), base=base)
        )
        assert data.gold[0].sure == {(1 - base, 1 - base)}
    assert read_alignment_set(f"{stem}:1", base=1).gold == data.gold
    with pytest.raises(ConfigError, match=r"x:1 .*base=0"):
        read_alignment_set(f"{stem}:1", base=0)
    with pytest.raises(DataError, match=r"x:2\.src: can't be read"):
        read_alignment_set(f"{stem}:2")
    assert split_base("gold/en-fr:1") == ("gold/en-fr", 1)
    assert split_base("gold/en-fr") == ("gold/en-fr", None)


def test_a_pair_without_text_keeps_its_line(stem):
    stem.with_suffix(".src").write_text("ab cd\n\nab\n")
    stem.with_suffix(".tgt").write_text("dc\u3000ba\n\n\n")
    stem.with_suffix(".gold").write_text("0-1 1-0\n\n\n")
    data = read_alignment_set(stem)
    assert data.target == (("dc", "ba"), (), ())
    assert [len(links.sure) for links in data.gold] == [2, 0, 0]
    stem.with_suffix(".gold").write_text("0-1 1-0\n0-0\n\n")
    with pytest.raises(DataError, match=r"x\.gold:2: link 0-0 contradicts line 1"):
        read_alignment_set(stem)


def test_gold_links_may_be_wpt_or_jsonl(stem):
    stem.with_suffix(".gold").write_text("0001 1 2 S\n0001 2 1 P\n0001 0 1\n")
    first = GoldLinks(sure=frozenset({(0, 1)}), possible=frozenset({(1, 0)}))
    nothing = GoldLinks(sure=frozenset())
    assert read_alignment_set(stem).gold == (first, nothing)
    stem.with_suffix(".gold").write_text("0001 1 2 S\n0002 9 1 S\n")
    with pytest.raises(DataError, match=r"x\.gold:2: link 9-1 points outside"):
        read_alignment_set(stem)
    stem.with_suffix(".gold").write_text('{"links": [[0, 1, 0.9]]}\n\n')
    assert read_alignment_set(stem).gold[0].sure == {(0, 1)}


@pytest.mark.parametrize("ending", [".src", ".tgt", ".gold"])
def test_empty_files_are_named(stem, ending):
    stem.with_suffix(".gold").write_text("0-0\n0-0\n")
    stem.with_suffix(ending).write_bytes(b"")
    with pytest.raises(DataError, match=rf"x\{ending}:1: is empty"):
        read_alignment_set(stem)


def test_sides_of_unequal_length_and_missing_files_are_named(stem):
    stem.with_suffix(".gold").write_text("0-0\n0-0\n")
    stem.with_suffix(".tgt").write_text("dc ba\n")
    with pytest.raises(DataError, match=r"x\.tgt:1: 1 lines, but .*x\.src has 2"):
        read_alignment_set(stem)
    stem.with_suffix(".tgt").unlink()
    with pytest.raises(DataError, match=r"x\.tgt: can't be read"):
        read_alignment_set(stem)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(LINKS, min_size=1, max_size=4),
    extra=st.integers(1, 3),
    base=st.sampled_from([0, 1]),
)
def test_what_is_written_is_read_whatever_the_base(tmp_path_factory, rows, extra, base):
    path = tmp_path_factory.mktemp("gold") / "x.gold"
    lines = [" ".join(f"{i + base}-{j + base}" for i, j in sorted(row)) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    lengths = [(6 + extra, 6 + extra)] * len(rows)
    assert [gold.sure for gold in read_links(path, lengths=lengths, base=base).rows] == rows
    if any(0 in link for row in rows for link in row) and base == 0:
        assert [gold.sure for gold in read_links(path, lengths=lengths).rows] == rows
