"""Texts that look alike are equal, others are not."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from crosszero.bitext.folding import fold_text

UNSEEN = ["\u200b", "\u00ad", "\ufeff", "\u200e", "\u200f", "\u2060", "\ufe0f", "\x00", "\x7f"]


@given(st.text(), st.sampled_from(UNSEEN), st.integers(0, 20))
def test_what_is_not_seen_changes_nothing(text: str, unseen: str, place: int) -> None:
    folded = fold_text(text)
    assert fold_text(text[:place] + unseen + text[place:]) == folded
    assert fold_text(f" \u00a0{text}\u3000\t") == folded
    assert fold_text(unicodedata.normalize("NFD", text)) == folded
    assert fold_text(folded) == folded


def test_what_is_seen_tells_texts_apart() -> None:
    texts = ["a b", "ab", "A b", "a-b", "à b", "a  c", "क्ष", "कष", "１", "1", "ß", "ss"]
    assert len({fold_text(text) for text in texts}) == len(texts)
    assert fold_text("a\u200b\u3000\ufeff b") == "a b"
    assert fold_text("a\r\nb\u2028c") == "a b c"
    same = "plain text"
    assert fold_text(same) is same
