"""Documents of spaCy are linked by their own tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.align.linker import WordLinker
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import CutText
from crosszero.errors import ConfigError
from crosszero.model.encoder import Encoder

spacy = pytest.importorskip("spacy")
from spacy.tokens import Doc  # noqa: E402

from crosszero.interop import link_docs  # noqa: E402

ENGLISH = ["The old king doesn't see\n the sea.", "", "The house is small."]
FRENCH = ["Le vieux roi ne voit  pas la mer.", "rien", "La maison est petite."]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load("crosszero-mini-aligned")


@pytest.fixture(scope="module")
def cut() -> Callable[[str, str], Any]:
    pipelines = {code: spacy.blank(code) for code in ("en", "fr")}
    return lambda code, text: pipelines[code](text)


def test_links_are_those_of_its_tokens(encoder: Encoder, cut: Callable[[str, str], Any]) -> None:
    sources, targets = ([cut("en", x) for x in ENGLISH], [cut("fr", x) for x in FRENCH])
    link_docs(encoder, sources, targets)
    sides = [
        [
            CutText(doc.text, [(t.idx, t.idx + len(t)) for t in doc if not t.is_space])
            for doc in side
        ]
        for side in (sources, targets)
    ]
    words = [[[t.i for t in doc if not t.is_space] for doc in side] for side in (sources, targets)]
    expected = list(WordLinker(encoder).link(*sides))
    assert any(token.is_space for doc in sources + targets for token in doc)
    assert len(expected[0]) > 3
    for one, other, links, own, its in zip(sources, targets, expected, *words, strict=True):
        assert one._.links == [(own[i], its[j], score) for i, j, score in links]
        assert other._.links == sorted((j, i, score) for i, j, score in one._.links)
    assert sources[1]._.links == []
    king = sources[0][2]
    assert [targets[0][number].text for number, _ in king._.links] == ["roi"]
    assert "n't" in [token.text for token in sources[0]]


def test_one_document_and_settings(encoder: Encoder, cut: Callable[[str, str], Any]) -> None:
    one, other = cut("en", ENGLISH[2]), cut("fr", FRENCH[2])
    assert list(one._.links) == []  # before
    link_docs(encoder, one, other, method="argmax", threshold=0.2)
    spans = [[(t.idx, t.idx + len(t)) for t in doc] for doc in (one, other)]
    config = LinkConfig(method="argmax", threshold=0.2)
    [expected] = WordLinker(encoder, config).link(
        [CutText(one.text, spans[0])], [CutText(other.text, spans[1])]
    )
    assert one._.links == [tuple(link) for link in expected]
    with pytest.raises(ConfigError, match="did you mean 'argmax'"):
        link_docs(encoder, one, other, method="argmaxx")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 source texts, but 1 target texts"):
        link_docs(encoder, [one, one], [other])


def test_links_are_kept_with_a_document(
    encoder: Encoder, cut: Callable[[str, str], Any], tmp_path: Path
) -> None:
    one, other = cut("en", ENGLISH[2]), cut("fr", FRENCH[2])
    link_docs(encoder, one, other)
    one.to_disk(tmp_path / "doc")
    again = Doc(one.vocab).from_disk(tmp_path / "doc")
    assert [tuple(link) for link in again._.links] == one._.links
    assert again[1]._.links == one[1]._.links != []
