"""From pairs to a store: what is kept, held out, counted; and how samples are shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.bitext import read_bitext
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError, DataError
from crosszero.samples import (
    FinderConfig,
    SampleStore,
    Summary,
    choose_samples,
    format_sample,
    make_finder,
    prepare,
    write_store,
)
from crosszero.samples.hold_out import Split
from crosszero.samples.spool import Spool
from tests.samples.helpers import cipher, pair, sample


def test_prepare_a_generator(tmp_path: Path) -> None:
    pairs, dictionary = cipher(400, seed=1)
    config = FinderConfig(stop_words="none")
    store = prepare((p for p in pairs), out=tmp_path / "store", words=config)
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


def test_prepare_from_paths(tmp_path: Path) -> None:
    (tmp_path / "x.en").write_text("a cat\na dog\n")
    (tmp_path / "x.fr").write_text("un chat\nun chien\n")
    for paths in ([tmp_path / "x.en", tmp_path / "x.fr"], [str(tmp_path / "x")], tmp_path / "x"):
        store = prepare(paths, out=tmp_path / "s", words="none")
        assert [s.target for s in store] == ["un chat", "un chien"]


def test_a_store_is_no_text_but_its_samples_are_pairs(tmp_path: Path) -> None:
    pairs = [pair("a dog", "un chien", "en-fr"), pair("ein Hund", "a dog", "de-en")]
    store = prepare(pairs, out=tmp_path / "s", words="none")
    for path in (store.path, next(store.path.glob("*.parquet"))):
        with pytest.raises(DataError, match="is of a store of samples"):
            read_bitext(path, languages=["en", "fr"], columns=["source", "target"])
    assert [s.pair for s in prepare(store, out=tmp_path / "again", words="none")] == pairs


@pytest.mark.parametrize(
    ("language", "letters", "told"),
    [
        ("jv", "\ua98f\ua992\ua9a0\ua9a5", True),  # Javanese
        ("ii", "\ua000\ua018\ua1d2", True),  # Yi
        ("zh", "天气很好", False),
        ("ja", "今日は天気が", False),
        ("th", "วันนี้อากาศดี", False),
        ("lo", "ມື້ນີ້ອາກາດ", False),
        ("km", "ថ្ងៃនេះអាកាស", False),
        ("my", "ယနေ့ရာသီဥတု", False),
        ("en", "the weather ", False),
    ],
)
def test_text_without_spaces_is_cut_or_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, language: str, letters: str, told: bool
) -> None:
    pairs = [pair((letters * 10)[: 40 - i], f"{i} " * 9, f"{language}-fr") for i in range(9)]
    for words in ("aligner", "none"):
        caplog.clear()
        prepare(pairs, out=tmp_path / "s", words=words)
        message = f"{language}: 9 of 9 texts are a single word: put spaces between their words"
        assert (message in caplog.text) == (told and words != "none")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    pairs = [
        pair("a b", "c"),
        pair("a b", "c"),
        pair(" ", "c"),
        pair("x" * 30, "c"),
        pair("c", "a b"),
    ]
    store = prepare(pairs, out=tmp_path / "s", words="none", max_chars=20, deduplicate=True)
    summary = Summary.of(store)
    assert summary is not None
    assert summary.skipped == {"duplicate": 1, "empty": 1, "too long": 1}
    assert store.rows == 2
    kept = prepare(pairs, out=tmp_path / "s", words="none")
    assert kept.rows == 4


def test_what_no_file_can_hold_is_left_out(tmp_path: Path) -> None:
    good = pair("a", "b")
    bad = [
        pair("a\ud800b", "c"),
        pair("a", "\x93c\x94"),
        dataclasses.replace(good, origin="x\udc80.tsv:1"),
        dataclasses.replace(good, target_language="\udc80"),
    ]
    store = prepare([*bad, good], out=tmp_path / "s", words="none")
    assert [s.pair for s in store] == [good]
    summary = Summary.of(store)
    assert summary is not None
    assert summary.skipped == {"control character": 1, "not text": 3}
    with pytest.raises(ConfigError, match="batch: '4' given; it must be a whole number"):
        prepare([good], out=tmp_path / "s", batch="4")  # type: ignore[arg-type]


LOOK_ALIKE = (
    "le café  noir",
    "\ufeffle café noir",
    "le ca\u00adfe\u0301\u00a0noir",
    "le café\u200b noir",
)


def test_duplicates_are_what_an_encoder_sees_as_one(tmp_path: Path) -> None:
    pairs = [pair("black coffee", text) for text in ("le café noir", *LOOK_ALIKE)]
    pairs += [pair("black\u2003coffee", "le café noir"), pair("Black coffee", "le café noir")]
    pairs += [pair("a", "\u200b\ufeff")]
    store = prepare(pairs, out=tmp_path / "s", words="none", deduplicate=True)
    summary = Summary.of(store)
    assert summary is not None
    assert summary.skipped == {"duplicate": 5, "empty": 1}
    assert [s.source for s in store] == ["black coffee", "Black coffee"]


@pytest.mark.parametrize("text", LOOK_ALIKE)
def test_a_held_out_text_is_known_by_what_an_encoder_sees(tmp_path: Path, text: str) -> None:
    pairs = [pair(f"word {i}", f"mot {i}") for i in range(9)]
    pairs += [pair("black coffee", "le café noir"), pair("dark coffee", text)]
    seed = next(seed for seed in range(500) if _held(pairs, seed)[0].source == "black coffee")
    store = prepare(pairs, out=tmp_path / "s", words="none", hold_out=1, seed=seed)
    assert len(store) == 9
    summary = Summary.of(store)
    assert summary is not None
    assert summary.skipped == {"held-out text": 1}


def test_a_corpus_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    prepare([pair("a", "b")], out=tmp_path / "s", words="none")
    bad = [pair(" ", "c"), pair("x" * 30, "c"), pair("y" * 30, "c")]
    with pytest.raises(DataError, match=r"3 sentence pairs were read.*1 empty, 2 too long"):
        prepare(bad, out=tmp_path / "s", max_chars=20)
    with pytest.raises(DataError, match="no sentence pairs were read"):
        prepare([], out=tmp_path / "s")
    alike = [pair("a", f"b{i}") for i in range(9)]
    with pytest.raises(DataError, match="8 held-out text"):
        prepare(alike, out=tmp_path / "s", words="none", hold_out=1)
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    assert SampleStore.open(tmp_path / "s").rows == 1


def test_summaries_of_other_makers_are_none(tmp_path: Path) -> None:
    good = Summary.of(prepare([pair("a", "b")], out=tmp_path / "s", words="none"))
    assert good is not None
    known = dataclasses.asdict(good)
    for record in ("text", [1], {"a": 1}, {**known, "more": 1}, {**known, "skipped": None}, None):
        with write_store(tmp_path / "t", metadata={"summary": record}) as writer:
            writer.add(sample("a", "b"))
        assert Summary.of(SampleStore.open(tmp_path / "t")) is None
    with write_store(tmp_path / "t", metadata={"summary": known}) as writer:
        writer.add(sample("a", "b"))
    assert Summary.of(SampleStore.open(tmp_path / "t")) == good


def refused() -> Iterator[SentencePair]:
    pytest.fail("the corpus was read before the folders were checked")
    yield


def test_folders_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    corpus = tmp_path / "d" / "c.en-fr.tsv"
    corpus.write_text("Hi\tSalut\n")
    with pytest.raises(ConfigError, match="is not a store of samples; choose another --out"):
        prepare(refused(), out=tmp_path / "d")
    with pytest.raises(ConfigError, match="is not a store of samples"):
        prepare(refused(), out=corpus)
    with pytest.raises(ConfigError, match="is not a store of samples"):
        prepare(refused(), out=tmp_path / "s", hold_out=1, held_out=tmp_path / "d")
    for second in ("s", "s/../s", "s/held", "."):
        with pytest.raises(ConfigError, match="two folders"):
            prepare(refused(), out=tmp_path / "s", hold_out=1, held_out=tmp_path / second)
    assert corpus.read_text() == "Hi\tSalut\n"
    assert [p.name for p in tmp_path.rglob("*")] == ["d", "c.en-fr.tsv"]


def test_a_stale_held_out_store_is_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, second = tmp_path / "h", tmp_path / "h-held-out"
    prepare(multiway(10), out=out, words="none", hold_out=2)
    assert second.is_dir()
    prepare(multiway(10), out=out, words="none")
    assert not second.exists()
    assert "h-held-out removed" in caplog.text
    prepare(multiway(10), out=out, words="none", hold_out=2)
    prepare(multiway(10), out=out, words="none", hold_out=2, held_out=tmp_path / "y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h", "y"]


def test_other_stores_of_that_name_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(multiway(10), out="h-held-out", words="none")  # prepared on its own
    prepare(multiway(10), out="h", words="none")
    assert SampleStore.open("h-held-out").rows == 30
    prepare(multiway(10), out="h", words="none", hold_out=2, held_out=tmp_path / "h-held-out")
    assert SampleStore.open("h-held-out").rows == 6


def test_a_language_pair_of_the_held_out_store_only(tmp_path: Path) -> None:
    pairs, _ = cipher(40, seed=1)
    texts = [*pairs, pair("eins zwei drei", "uno due tre", "de-it")]
    seed = next(seed for seed in range(500) if _held(texts, seed)[0].source_language == "de")
    config = FinderConfig(stop_words="none")
    store = prepare(texts, out=tmp_path / "s", words=config, hold_out=1, seed=seed)
    assert store.rows == 40
    held = SampleStore.open(tmp_path / "s-held-out")
    assert [s.words for s in held] == [()]
    assert held.metadata["not_in_training"] == {"de-it": 1}


def _held(pairs: list[SentencePair], seed: int) -> list[SentencePair]:
    split = Split(1, seed)
    for item in pairs:
        split.see(item)
    split.finish()
    return split.held


def test_the_split_reads_and_compares_every_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = list(multiway(20))
    compared: list[str] = []
    monkeypatch.setattr(
        "crosszero.samples.hold_out._same", lambda text: compared.append(text) or text
    )
    split = Split(3, 1)
    for item in pairs:
        split.see(item)
    split.finish()
    assert len(split.held) == 9
    list(islice(split.training(pairs), 5))
    rest = list(split.training(pairs))
    assert rest == list(split.training(pairs))
    assert len(rest) + len(split.held) + split.shared == len(pairs)
    assert len(compared) == 2 * len(pairs)


def test_a_corpus_that_the_finder_cannot_serve_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "en-fr.txt").write_text("weather\tmétéo\n", encoding="utf-8")
    config = FinderConfig(kind="lexicon", lexicon=(f"en,fr={tmp_path}/en-fr.txt",))

    def corpus() -> Iterator[SentencePair]:
        yield pair("Weather", "Météo", "en-fr")
        yield pair("a", "b", "fr-ru")
        pytest.fail("read on")

    with pytest.raises(ConfigError, match=r"no fr-ru entries; it has: en-fr.*LANGUAGE=FILE"):
        prepare(corpus(), out=tmp_path / "s", words=config)
    listed = FinderConfig(stop_words="list")
    with pytest.raises(ConfigError, match=r"no list of stop words for 'xx'.*'auto'"):
        prepare([pair("a", "b")], out=tmp_path / "s", words=listed)


def multiway(count: int) -> Iterator[SentencePair]:
    for i in range(count):
        texts = {"en": f"Text {i % 90}", "fr": f"texte {i}", "ru": f"текст {i}"}
        for a, b in (("en", "fr"), ("en", "ru"), ("fr", "ru")):
            yield pair(texts[a], texts[b], f"{a}-{b}", group=str(i))


def test_hold_out_is_disjoint(tmp_path: Path) -> None:
    store = prepare(multiway(100), out=tmp_path / "s", words="none", hold_out=40, seed=3)
    held = SampleStore.open(tmp_path / "s-held-out")
    assert held.rows == 120
    assert len({s.group for s in held}) == 40
    seen = {t.casefold() for s in held for t in (s.source, s.target)}
    assert not any(t.casefold() in seen for s in store for t in (s.source, s.target))
    summary = Summary.of(store)
    assert summary is not None
    assert summary.pairs_held_out == 120
    assert summary.pairs_written + 120 + summary.skipped["held-out text"] == 300
    again = prepare(multiway(100), out=tmp_path / "t", words="none", hold_out=40, seed=3)
    assert list(again) == list(store)
    other = prepare(multiway(100), out=tmp_path / "u", words="none", hold_out=40, seed=4)
    assert list(other) != list(store)
    with pytest.raises(ConfigError, match="leaves nothing"):
        prepare(multiway(10), out=tmp_path / "v", words="none", hold_out=10)
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
    store = prepare([case], out=tmp_path / "s", words=config)
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
    with pytest.raises(ConfigError, match="max_words: 0 given; it must be 1 or more"):
        FinderConfig(max_words=0)
    for setting in ("fit_pairs", "samplers"):
        with pytest.raises(ConfigError, match=f"{setting}: 0 given; it must be"):
            FinderConfig(**{setting: 0})
    with pytest.raises(ConfigError, match="LANGUAGE,LANGUAGE=FILE"):
        FinderConfig(kind="lexicon", lexicon=("words.tsv",))
    with pytest.raises(ConfigError, match="needs an encoder"):
        make_finder(FinderConfig(kind="encoder"))
    with pytest.raises(ConfigError, match="max_chars"):
        prepare([], out=tmp_path / "s", max_chars=0)


def test_show_marks_words() -> None:
    case = sample("The weather", "天气好", (WordPair(Span(4, 11), Span(0, 2)),))
    assert format_sample(case, color=False) == "en     The [1:weather]\nzh-CN  [1:天气]好"
    assert "\x1b[1;32m[1:weather]\x1b[0m" in format_sample(case)


def test_show_writes_a_word_of_several_pairs_once() -> None:
    """``not`` is both words of ``ne pas`` in gold links."""
    words = (((4, 8), (11, 15)), ((0, 3), (8, 10)), ((0, 3), (16, 19)))
    pairs = tuple(WordPair(Span(*one), Span(*other)) for one, other in words)
    lines = format_sample(sample("not good", "il est ne bon pas", pairs), color=False)
    assert lines.split("\n")[0].endswith("[2,3:not] [1:good]")
    color = format_sample(sample("not good", "il est ne bon pas", pairs))
    assert "\x1b[1;33m[2,3:not]\x1b[0m" in color
    crossing = (WordPair(Span(0, 5), Span(0, 1)), WordPair(Span(3, 8), Span(0, 1)))
    line = format_sample(sample("abcdefgh", "x", crossing), color=False).split("\n")[0]
    assert line.endswith("[1:abcde][2:fgh]")


def test_show_makes_text_safe() -> None:
    case = sample("a\x1b[31m\x07 \u202eb\ttab\n", "سلام", (WordPair(Span(0, 1), Span(0, 4)),))
    lines = format_sample(case, color=False).split("\n")
    assert lines[0].endswith("[1:a]\\u001b[31m\\u0007 \\u202eb\\u0009tab\\u000a")
    assert lines[1] == "zh-CN  \u2068[1:سلام]\u2069"
    assert all(line.isprintable() or "\u2068" in line for line in lines)


def test_choose_samples(tmp_path: Path) -> None:
    store = prepare(multiway(100), out=tmp_path / "s", words="none")
    chosen = choose_samples(store, 10, language="en-fr", seed=2)
    assert len(chosen) == 10
    assert {s.target_language for s in chosen} == {"fr"}
    assert chosen == choose_samples(store, 10, language="en-fr", seed=2)
    assert chosen != choose_samples(store, 10, language="en-fr", seed=3)
    assert len(choose_samples(store, 1000, language="ru")) == 200
    for metadata in (True, False):
        with pytest.raises(ConfigError, match=r"did you mean 'en-fr'\? Allowed: .*en-ru.*fr-ru"):
            choose_samples(store, language="en-fx")
        if metadata:
            (store.path / "_metadata.json").unlink()
            store = SampleStore.open(store.path)
    assert choose_samples(store, 3, language="fr-ru")
    with pytest.raises(ConfigError, match="count"):
        choose_samples(store, 0)
