"""Words and their offsets."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crosszero.align.segmenter import Segmenter
from crosszero.align.spans import Span
from crosszero.align.word_boundaries import iso_639_1, normalise, word_spans
from crosszero.errors import ConfigError
from crosszero.samples.stopwords import StopWords


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("fr", "L'homme qu\u2019il aujourd'hui", ["L'", "homme", "qu\u2019", "il", "aujourd'hui"]),
        ("en", "The dog's don't. 'Well-known'", ["The", "dog", "'s", "don't", "Well", "known"]),
        ("uk", "м'ята пахне", ["м'ята", "пахне"]),
        ("en", "3.14, 10,000 mp3 a_b", ["3.14", "10,000", "mp3", "a", "b"]),
        ("zh", "打开 Chromium。", ["打", "开", "Chromium"]),
        ("hi", "हिन्दी में", ["हिन्दी", "में"]),
        ("ar", "\u202bالْكِتَابُ جديد\u202c", ["الْكِتَابُ", "جديد"]),
        ("fr", "e\u0301cole", ["e\u0301cole"]),
        ("fa", "می\u200cخواهم", ["می\u200cخواهم"]),
        ("de", "Wör\u00adter \u00ad", ["Wör\u00adter"]),
        ("ja", "か\u3099", ["か\u3099"]),
        ("", "😀 !? —", []),
        ("en", "I ❤\ufe0f you", ["I", "you"]),
        ("", "\u0301a \u0301 b\u0301", ["a", "b\u0301"]),
        ("th", "\u0e34 กา \u0e31ก", ["ก", "า", "ก"]),
        ("bn", "র\u200d\u09cdযা", ["র\u200d\u09cdযা"]),
        ("th", "฿20 กา", ["20", "ก", "า"]),  # the sign of the baht stands among the Thai letters
        ("zh", "〆切 〸 \U000323b0", ["〆", "切", "〸", "\U000323b0"]),
        (
            "",
            "\U0001e922\U0001e944\U0001e925 \U0001d100",
            ["\U0001e922\U0001e944\U0001e925"],
        ),  # Adlam
    ],
)
def test_words_of_many_scripts(language: str, text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text, language)] == words


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["", "fr", "en", "zh"]))
def test_spans_are_ordered_and_hold_no_space(text: str, language: str) -> None:
    last = 0
    for start, end in word_spans(text, language):
        assert last <= start < end <= len(text)
        assert not any(character.isspace() for character in text[start:end])
        last = end
    segmenter = Segmenter(language)
    if segmenter._runs.search(text) is None:
        assert segmenter.spans(text) == word_spans(text, language)


def test_keys_forget_case_form_and_vowel_signs() -> None:
    assert normalise("E\u0301COLE") == normalise("\u00e9cole")
    assert normalise("الْكِتَابُ") == normalise("الكتاب")
    assert normalise("Straße") == normalise("STRASSE")
    assert normalise("L'") == normalise("l\u2019") == "l"
    assert normalise("أ") == normalise("ا\u0654")


def test_language_codes() -> None:
    codes = ("zh-CN", "pt_BR", "eng", "xx", "sr@latin", "uz-Latn@x")
    assert [iso_639_1(code) for code in codes] == ["zh", "pt", "en", "xx", "sr", "uz"]


def test_segmenter_learns_words_from_text_alone() -> None:
    words = ["天气", "今天", "浏览器", "好", "看", "大", "小", "人"]
    texts = [a + b + c for a in words for b in words for c in words if len({a, b, c}) == 3]
    segmenter = Segmenter("zh", min_cohesion=1.0)
    segmenter.fit(texts)
    text = "今天天气好"
    assert [text[a:b] for a, b in segmenter.spans(text)] == ["今天", "天气", "好"]
    mixed = "看 Chromium 浏览器!"
    assert [mixed[a:b] for a, b in segmenter.spans(mixed)] == ["看", "Chromium", "浏览器"]


_PIECES = ["今天", "天气", "好", "浏览器", "กา", "ดี", "コーヒー", "を", "မြ", "Chromium", "don't"]
_PIECES += ["3.14", " ", "!", "❤\ufe0f", "e\u0301", "\u0301", "\u0e34", "الْكِتَابُ", "हिन्दी", "a"]


@pytest.fixture(scope="module")
def fitted() -> Segmenter:
    draw = random.Random(1)
    segmenter = Segmenter("en", min_count=2, min_cohesion=0.5)
    segmenter.fit("".join(draw.choices(_PIECES, k=12)) for _ in range(300))
    return segmenter


@example("\U00011180")
@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=15).map("".join))
def test_a_fitted_segmenter_joins_units_and_changes_nothing_else(
    fitted: Segmenter, text: str
) -> None:
    spans = fitted.spans(text)
    last = 0
    for start, end in spans:
        assert last <= start < end <= len(text)
        assert not any(character.isspace() for character in text[start:end])
        # Of historic scripts beyond the basic plane whole blocks count as letters.
        assert unicodedata.category(text[start])[0] != "M" or text[start] > "\uffff"
        last = end
    # What it joins are units, the words of a text without any learning: the same places are
    # covered, and no unit is cut.
    units = word_spans(text, "en")
    covered = {place for start, end in spans for place in range(start, end)}
    assert covered == {place for start, end in units for place in range(start, end)}
    assert {start for start, _ in spans} <= {start for start, _ in units}
    for start, end in spans:
        if not fitted._runs.search(text[start:end]):
            assert Span(start, end) in units


def test_a_fitted_segmenter_has_learnt(fitted: Segmenter) -> None:
    text = "今天 天气"
    assert [text[a:b] for a, b in fitted.spans(text)] == ["今天", "天气"]


def test_katakana_runs_are_words() -> None:
    text = "コーヒーを"
    assert [text[a:b] for a, b in Segmenter("ja").spans(text)] == ["コーヒー", "を"]


def test_stop_words_from_list_and_from_frequency() -> None:
    english = StopWords("eng")
    assert "the" in english
    assert "weather" not in english
    assert all(word in english for word in ("12", "3.14", "...", "x", "$1", "'s"))
    assert "好" not in StopWords("zz")
    assert normalise("qu\u2019") in StopWords("fr")
    unknown = StopWords("zz")
    counts = {"lo": 900, "mi": 700, **{f"word{number}": 4 for number in range(600)}}
    unknown.learn(counts)
    assert "lo" in unknown
    assert "mi" in unknown
    assert "word7" not in unknown
    listed = StopWords("en")
    listed.learn({"weather": 10_000})
    assert "weather" not in listed
    assert "the" in StopWords("en-US", "list")
    with pytest.raises(ConfigError, match=r"no list of stop words for 'zz': use 'auto'"):
        StopWords("zz", "list")
    with pytest.raises(ConfigError, match="frequency"):
        StopWords("en", "often")


def test_import_is_light() -> None:
    code = (
        "import sys; import crosszero.samples as s; s.SampleStore, s.FinderConfig;"
        "bad = {'torch', 'thot', 'pyarrow', 'numpy', 'stopwordsiso'} & set(sys.modules);"
        "assert not bad, bad; from crosszero.samples import *; assert callable(s.prepare)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
