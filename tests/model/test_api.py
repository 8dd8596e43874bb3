"""What a user finds: Encoder and mine, from ``import crosszero``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import crosszero as cz
from crosszero.align.linker import align_words
from crosszero.align.spans import Span, WordPair
from crosszero.align.word_cutter import cut_words
from crosszero.errors import ConfigError
from crosszero.search.neighbours import unit_rows

SOURCE = ["The house is small.", "Good morning, my friend!", "", "L'homme dort."]
TARGET = ["La maison est petite.", "Bonjour, mon ami !", "Rien.", "L'homme dort bien."]


@pytest.fixture(scope="module")
def encoder() -> cz.Encoder:
    return cz.Encoder.load("crosszero-mini")


def test_importing_costs_next_to_nothing() -> None:
    code = "import sys, crosszero; print('torch' in sys.modules, 'numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
    assert {"Encoder", "mine"} <= set(dir(cz))


def test_words_are_linked_as_by_the_command(encoder: cz.Encoder) -> None:
    languages = ("fr", "fr")
    spans = [[cut_words(text, "fr") for text in side] for side in (SOURCE, TARGET)]
    found = encoder.align(SOURCE, TARGET, languages=languages, method="argmax", unit="word")
    assert len(found) == len(SOURCE)
    assert encoder.alignment_layer == 4
    rows = zip(SOURCE, TARGET, *spans, found, strict=True)
    for text, other, left, right, pairs in rows:
        sides = [
            encoder.encode_word_layers([t], [s], [4])[0][0]
            for t, s in ((text, left), (other, right))
        ]
        cosines = unit_rows(sides[0]) @ unit_rows(sides[1]).T
        best = [
            (left[i], right[j])
            for i in range(len(left))
            for j in range(len(right))
            if cosines[i, j] == cosines[i].max() == cosines[:, j].max()
        ]
        assert [(pair.source, pair.target) for pair in pairs] == best
        assert all(isinstance(pair, WordPair) and 0 < pair.score <= 1 for pair in pairs)
    assert not found[2]
    assert found[0]
    words = [text.rstrip(".").split() for text in (SOURCE[0], TARGET[0])]
    [links] = align_words(encoder, [words[0]], [words[1]])
    pairs = encoder.align(*(" ".join(side) for side in words))
    starts = [{s.start: n for n, s in enumerate(cut_words(" ".join(w)))} for w in words]
    assert links == [(starts[0][p.source.start], starts[1][p.target.start]) for p in pairs]


def test_one_sentence_or_many(encoder: cz.Encoder) -> None:
    alone = encoder.align(SOURCE[0], TARGET[0])
    [together] = encoder.align(SOURCE[:1], TARGET[:1])
    assert alone == together
    assert encoder.align("", "") == []
    assert encoder.align([], []) == []
    text = "L'homme"
    assert encoder.align(text, text, languages=("fr", "fr"))[0].source == Span(0, 2)
    assert encoder.align(text, text)[0].source == Span(0, 7)
    with pytest.raises(ConfigError, match="'french' is not a language code"):
        encoder.align(text, text, languages=("french", ""))
    for source, target in [("a", ["a"]), (["a"], "a"), (["a"], ["a", "b"])]:
        with pytest.raises(ValueError, match="must be equal in number"):
            encoder.align(source, target)  # type: ignore[call-overload]


def test_mining_with_an_encoder(encoder: cz.Encoder) -> None:
    english = ["The house is small.", "I am hungry.", "I am  hungry.", "Where is it?"]
    pairs = cz.mine(encoder, english, list(reversed(english)), k=2)
    assert {pair.source for pair in pairs} == {english[0], english[1], english[3]}
    assert all(" ".join(pair.source.split()) == " ".join(pair.target.split()) for pair in pairs)
    scores = [score for score, _, _ in pairs]
    assert scores == sorted(scores, reverse=True)
    assert cz.mine(encoder, english, english, k=2, threshold=max(scores) + 1) == []


def test_an_encoder_of_another_layer_links_by_it(model_folder: Callable[..., Path]) -> None:
    encoder = cz.Encoder.load(model_folder(), layer=2)
    text = "the weather is good"
    pairs = encoder.align(text, text)
    assert [pair.source for pair in pairs] == [pair.target for pair in pairs] == cut_words(text)
