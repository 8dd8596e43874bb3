"""From pairs to a store: what is kept, held out, counted; and how samples are shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.samples import (
    FinderConfig,
    SampleStore,
    Span,
    Summary,
    WordPair,
    choose_samples,
    format_sample,
    make_finder,
    prepare,
)
from crosszero.samples.spool import Spool
from tests.samples.helpers import cipher, pair, sample


def test_prepare_a_generator(tmp_path: Path) -> None:
    pairs, dictionary = cipher(400, seed=1)
    config = FinderConfig(stop_words="none")
    store = prepare((p for p in pairs), out=tmp_path / "store", finder=config)
    assert [(s.source, s.target) for s in store] == [(p.source, p.target) for p in pairs]
    assert {s.finder for s in store} == {"aligner"}
    summary = Summary.of(store)
    assert summary is not None
    assert summary.pairs_read == summary.pairs_written == 400
    assert summary.word_pairs == sum(len(s.words) for s in store)
    assert summary.words_per_pair > 2
    assert store.metadata["finder_config"]["stop_words"] == "none"
    right = [
        dictionary[s.source[slice(*a)]] == s.target[slice(*b)] for s in store for a, b, _ in s.words
    ]
    assert sum(right) > 0.95 * len(right)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    pairs = [
        pair("a b", "c"),
        pair("a b", "c"),
        pair(" ", "c"),
        pair("x" * 30, "c"),
        pair("c", "a b"),
    ]
    store = prepare(pairs, out=tmp_path / "s", finder="none", max_length=20, deduplicate=True)
    summary = Summary.of(store)
    assert summary is not None
    assert summary.skipped == {"duplicate": 1, "empty": 1, "too long": 1}
    assert store.rows == 2
    kept = prepare(pairs, out=tmp_path / "s", finder="none")
    assert kept.rows == 4
    assert prepare([], out=tmp_path / "nothing").rows == 0


def multiway(count: int) -> Iterator[SentencePair]:
    for i in range(count):
        texts = {"en": f"Text {i % 90}", "fr": f"texte {i}", "ru": f"текст {i}"}
        for a, b in (("en", "fr"), ("en", "ru"), ("fr", "ru")):
            yield pair(texts[a], texts[b], f"{a}-{b}", group=str(i))


def test_hold_out_is_disjoint(tmp_path: Path) -> None:
    store = prepare(multiway(100), out=tmp_path / "s", finder="none", hold_out=40, seed=3)
    held = SampleStore.open(tmp_path / "s-held-out")
    assert held.rows == 120
    assert len({s.group for s in held}) == 40
    seen = {t.casefold() for s in held for t in (s.source, s.target)}
    assert not any(t.casefold() in seen for s in store for t in (s.source, s.target))
    summary = Summary.of(store)
    assert summary is not None
    assert summary.pairs_held_out == 120
    assert summary.pairs_written + 120 + summary.skipped["held-out text"] == 300
    again = prepare(multiway(100), out=tmp_path / "t", finder="none", hold_out=40, seed=3)
    assert list(again) == list(store)
    other = prepare(multiway(100), out=tmp_path / "u", finder="none", hold_out=40, seed=4)
    assert list(other) != list(store)
    with pytest.raises(ConfigError, match="leaves nothing"):
        prepare(multiway(10), out=tmp_path / "v", finder="none", hold_out=10)
    assert not list(tmp_path.glob("v*"))


def test_spool_moves_to_disk(tmp_path: Path) -> None:
    pairs = list(multiway(200))
    with Spool(tmp_path, in_memory=100) as spool:
        for item in pairs:
            spool.add(item)
        assert list(spool) == pairs == list(spool)
        assert len(spool) == 600
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_prepare_with_a_lexicon(tmp_path: Path) -> None:
    (tmp_path / "en-fr.txt").write_text("weather\tmétéo\n", encoding="utf-8")
    config = FinderConfig(kind="lexicon", lexicon=(f"en,fr={tmp_path}/en-fr.txt",))
    case = pair("Weather today", "La météo", "en-fr")
    store = prepare([case], out=tmp_path / "s", finder=config)
    assert next(iter(store)).words == (WordPair(Span(0, 7), Span(3, 8), 1.0),)


def test_configuration_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'aligner'"):
        FinderConfig(kind="alinger")
    with pytest.raises(ConfigError, match="word list"):
        FinderConfig(kind="lexicon")
    with pytest.raises(ConfigError, match="min_score"):
        FinderConfig(min_score=2.0)
    with pytest.raises(ConfigError, match="stop_words"):
        FinderConfig(stop_words="some")
    with pytest.raises(ConfigError, match="at least 1"):
        FinderConfig(max_words=0)
    with pytest.raises(ConfigError, match="needs an encoder"):
        make_finder(FinderConfig(kind="encoder"))
    with pytest.raises(ConfigError, match="max_length"):
        prepare([], out=tmp_path / "s", max_length=0)


def test_show_marks_words() -> None:
    case = sample("The weather", "天气好", (WordPair(Span(4, 11), Span(0, 2)),))
    assert format_sample(case, color=False) == "en     The [1:weather]\nzh-CN  [1:天气]好"
    assert "\x1b[1;32m[1:weather]\x1b[0m" in format_sample(case)


def test_show_makes_text_safe() -> None:
    case = sample("a\x1b[31m\x07 \u202eb\ttab\n", "سلام", (WordPair(Span(0, 1), Span(0, 4)),))
    lines = format_sample(case, color=False).split("\n")
    assert lines[0].endswith("[1:a]\\u001b[31m\\u0007 \\u202eb\\u0009tab\\u000a")
    assert lines[1] == "zh-CN  \u2068[1:سلام]\u2069"
    assert all(line.isprintable() or "\u2068" in line for line in lines)


def test_choose_samples(tmp_path: Path) -> None:
    store = prepare(multiway(100), out=tmp_path / "s", finder="none")
    chosen = choose_samples(store, 10, language="en-fr", seed=2)
    assert len(chosen) == 10
    assert {s.target_language for s in chosen} == {"fr"}
    assert chosen == choose_samples(store, 10, language="en-fr", seed=2)
    assert chosen != choose_samples(store, 10, language="en-fr", seed=3)
    assert len(choose_samples(store, 1000, language="ru")) == 200
    with pytest.raises(ConfigError, match="did you mean 'en-fr'"):
        choose_samples(store, language="en-fx")
    with pytest.raises(ConfigError, match="count"):
        choose_samples(store, 0)
