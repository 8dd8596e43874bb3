"""Span scores: by hand, against a slow version, and against seqeval itself where it is there."""

from __future__ import annotations

import random
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.tasks.tag_spans import find_spans, score_spans
from tests.tasks.helpers import find_fine_tuned

UPOS = find_fine_tuned("udpos").labels
PANX = find_fine_tuned("panx").labels

ODD = [f"{a}{b}" for a in "BIESOULX._-N" for b in ("", "-", "-A", "-B", "A", "-A-B", "A-B", "_")]
some_tags = st.sampled_from([PANX, UPOS, ODD, [*PANX, *UPOS, *ODD, "É-\u00a0", "--B", "né-né"]])
# sentences of (predicted, gold) tags
corpora = some_tags.map(st.sampled_from).flatmap(
    lambda tags: st.lists(st.lists(st.tuples(tags, tags), max_size=8), min_size=1, max_size=5)
)


def slow_spans(sentences):
    """What is described in the module, written the other way round: from each end to its start."""
    row = [tag for sentence in sentences for tag in [*sentence, "O"]]
    kinds = []
    for tag in row:
        rest = tag[1:]
        kinds.append((rest[rest.index("-") + 1 :] if "-" in rest else rest) or "_")

    def ends(i):
        a, b, same = row[i][0], row[i + 1][0], kinds[i] == kinds[i + 1]
        return (
            a in "ES"
            or (a not in "O." and not same)
            or a + b in ("BB", "BS", "BO", "IB", "IS", "IO")
        )

    def begins(i):
        if i == 0:
            return True
        a, b, same = row[i - 1][0], row[i][0], kinds[i - 1] == kinds[i]
        return (
            b in "BS"
            or (b not in "O." and not same)
            or a + b in ("EE", "EI", "SE", "SI", "OE", "OI")
        )

    found = set()
    for end in range(len(row) - 1):
        if ends(end):
            start = end
            while not begins(start):
                start -= 1
            found.add((kinds[end], start, end))
    return found


@pytest.mark.parametrize(
    ("sentences", "spans"),
    [
        ([["B-LOC", "I-LOC", "O", "B-LOC"]], {("LOC", 0, 1), ("LOC", 3, 3)}),
        ([["B-LOC", "B-LOC"]], {("LOC", 0, 0), ("LOC", 1, 1)}),
        ([["I-LOC", "I-LOC", "O"]], {("LOC", 0, 1)}),  # I begins a span where none is open
        ([["B-LOC", "I-PER"]], {("LOC", 0, 0), ("PER", 1, 1)}),  # and where the kind changes
        ([["I-LOC"], ["I-LOC"]], {("LOC", 0, 0), ("LOC", 2, 2)}),  # no span passes a sentence
        ([["NOUN", "NOUN", "DET"]], {("OUN", 0, 1), ("ET", 2, 2)}),
        ([["CCONJ", "SCONJ"]], {("CONJ", 1, 1)}),  # of one kind, and S begins anew
        ([["SYM", "SYM"]], {("YM", 0, 0), ("YM", 1, 1)}),
        ([["X", "_", "X"]], set()),  # of the kind of O
        ([["X", "DET"]], {("_", 0, 0), ("ET", 1, 1)}),
        ([["DET"], ["X", "DET"]], {("ET", 0, 0), ("_", 0, 2), ("ET", 3, 3)}),  # reaches back
        ([["O", "O"], []], set()),
        ([], set()),
    ],
)
def test_by_hand(sentences, spans):
    assert find_spans(sentences) == spans
    assert slow_spans(sentences) == spans


def test_scores_by_hand():
    gold = [["B-PER", "I-PER", "O"], ["B-LOC", "O"], ["B-ORG"]]
    predicted = [["B-PER", "I-PER", "O"], ["B-ORG", "O"], ["B-ORG"]]
    # right: PER and the last ORG; of three found, of three there
    score = score_spans(predicted, gold)
    assert (score.f1, score.precision, score.recall, score.gold) == (2 / 3, 2 / 3, 2 / 3, 3)
    for found, right, size in ((["O"], ["O"], 0), (["O"], ["B-PER"], 1), (["B-PER"], ["O"], 0)):
        score = score_spans([found], [right])
        assert (score.f1, score.precision, score.recall, score.gold) == (0.0, 0.0, 0.0, size)


@pytest.mark.parametrize(
    ("predicted", "gold", "message"),
    [
        ([["O"]], [["O"], ["O"]], "1 sentences for 2"),
        ([["O"], ["O"]], [["O"], ["O", "O"]], "sentence 2: 1 tags for 2 words"),
        ([[""]], [["O"]], "a tag is empty"),
    ],
)
def test_refused(predicted, gold, message):
    with pytest.raises(CrosszeroError, match=message):
        score_spans(predicted, gold)


@settings(max_examples=150, deadline=None)
@given(corpora)
@example([[("DET", "X")], [("X", "X"), ("DET", "_")]])
def test_like_the_slow_version(corpus):
    predicted, gold = split(corpus)
    assert find_spans(predicted) == slow_spans(predicted)
    found, right = slow_spans(predicted), slow_spans(gold)
    score = score_spans(predicted, gold)
    both = len(found & right)
    assert score.gold == len(right)
    assert score.precision == pytest.approx(both / max(len(found), 1))
    assert score.recall == pytest.approx(both / max(len(right), 1))
    assert score.f1 == pytest.approx(2 * both / max(len(found) + len(right), 1))


@settings(max_examples=150, deadline=None)
@given(corpora)
@example([[("DET", "X")], [("X", "X"), ("DET", "_")]])
def test_like_seqeval_on_random_tags(corpus):
    check_against_seqeval(*split(corpus))


@pytest.mark.parametrize("labels", [UPOS, PANX])
@pytest.mark.parametrize("errors", [0.0, 0.1, 0.5, 1.0])
def test_like_seqeval_on_sentences(labels, errors):
    """Runs of tags as text has them, with errors of a tagger at any word."""
    draw = random.Random(1)
    gold = []
    for _ in range(100):
        sentence: list[str] = []
        while len(sentence) < draw.randint(1, 30):
            tag = draw.choice(labels)
            inside = tag.replace("B-", "I-")  # some sentences begin with I- all the same
            sentence += [tag, *[inside] * draw.choice((0, 0, 1, 2))]
        gold.append(sentence)
    predicted = [
        [draw.choice(labels) if draw.random() < errors else tag for tag in sentence]
        for sentence in gold
    ]
    check_against_seqeval(predicted, gold)


def split(corpus):
    return tuple([[pair[side] for pair in sentence] for sentence in corpus] for side in (0, 1))


def check_against_seqeval(predicted, gold):
    seqeval = pytest.importorskip("seqeval.metrics")
    score = score_spans(predicted, gold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd tags, and of scores that are undefined
        assert score.f1 == pytest.approx(seqeval.f1_score(gold, predicted), abs=1e-15)
        assert score.precision == seqeval.precision_score(gold, predicted)
        assert score.recall == seqeval.recall_score(gold, predicted)
