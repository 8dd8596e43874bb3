"""Words and their offsets."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.samples.segment import Segmenter
from crosszero.samples.stopwords import StopWords
from crosszero.samples.words import base_language, normalise, word_spans


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
    assert [base_language(c) for c in ("zh-CN", "pt_BR", "eng", "xx")] == ["zh", "pt", "en", "xx"]


def test_segmenter_learns_words_from_text_alone() -> None:
    words = ["天气", "今天", "浏览器", "好", "看", "大", "小", "人"]
    texts = [a + b + c for a in words for b in words for c in words if len({a, b, c}) == 3]
    segmenter = Segmenter("zh", min_cohesion=1.0)
    segmenter.fit(texts)
    text = "今天天气好"
    assert [text[a:b] for a, b in segmenter.spans(text)] == ["今天", "天气", "好"]
    mixed = "看 Chromium 浏览器!"
    assert [mixed[a:b] for a, b in segmenter.spans(mixed)] == ["看", "Chromium", "浏览器"]


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
    with pytest.raises(ValueError, match="frequency"):
        StopWords("en", "often")


def test_import_is_light() -> None:
    code = (
        "import sys; import crosszero.samples as s; s.SampleStore, s.FinderConfig;"
        "bad = {'torch', 'thot', 'pyarrow', 'numpy', 'stopwordsiso'} & set(sys.modules);"
        "assert not bad, bad; from crosszero.samples import *; assert callable(s.prepare)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
