"""The lexicon finder against a slow search, and its rules one by one."""

from __future__ import annotations

import gzip
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align import Lexicon, LexiconAligner, lexicon_aligner, read_lexicon
from crosszero.align.word_boundaries import Memory, normalise, token_pattern
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError, DataError
from crosszero.samples import WordFilter, WordFinder
from tests.samples.helpers import pair

EVERYTHING = WordFilter(stop_words="none", allow_copies=True, min_length=1, max_words=1000)


def finder(entries: list[tuple[str, str]], languages: str = "xx-yy", **rules: object) -> WordFinder:
    lexicon = Lexicon()
    lexicon.add(*languages.split("-"), entries)  # type: ignore[arg-type]
    options = {"stop_words": "none", "allow_copies": True, "min_length": 1, **rules}
    return WordFinder(LexiconAligner(lexicon), WordFilter(**options))  # type: ignore[arg-type]


def found(
    entries: list[tuple[str, str]], source: str, target: str, languages: str = "xx-yy"
) -> list:
    words = finder(entries, languages).find([pair(source, target, languages)])[0]
    return [(source[s.start : s.end], target[t.start : t.end]) for s, t, _ in words]


def slow(entries: list[tuple[str, str]], source: str, target: str, spaced: bool) -> set:
    """Words x sentences: try every entry at every place, longest first. Lower-case letters only."""

    def places(text: str, names: set[str]) -> dict[str, list[int]]:
        result: dict[str, list[int]] = {}
        place = 0
        while place < len(text):
            best = ""
            for name in names:
                end = place + len(name)
                whole = not spaced or (
                    (place == 0 or text[place - 1] == " ")
                    and (end >= len(text) or text[end] == " ")
                )
                if whole and text.startswith(name, place) and len(name) > len(best):
                    best = name
            if best:
                result.setdefault(best, []).append(place)
            place += max(1, len(best))
        return result

    left = places(source, {a for a, _ in entries})
    right = places(target, {b for _, b in entries})
    links = set()
    for a, b in set(entries):
        if len(left.get(a, ())) != 1 or len(right.get(b, ())) != 1:
            continue
        if sum(y in right for x, y in set(entries) if x == a) != 1:
            continue
        if sum(x in left for x, y in set(entries) if y == b) != 1:
            continue
        if spaced and any(max(map(len, entry.split())) == 1 for entry in (a, b)):
            continue  # single letters of an alphabet are never chosen
        links.add((left[a][0], left[a][0] + len(a), right[b][0], right[b][0] + len(b)))
    return links


def _texts(alphabet: str, spaced: bool) -> st.SearchStrategy[tuple]:
    word = st.text(alphabet, min_size=1, max_size=2)
    if spaced:
        entry = st.lists(word, min_size=1, max_size=3).map(" ".join)
        text = st.lists(word, min_size=1, max_size=8).map(" ".join)
    else:
        entry = st.text(alphabet, min_size=1, max_size=3)
        text = st.text(alphabet, min_size=1, max_size=12)
    return st.tuples(st.lists(st.tuples(entry, entry), min_size=1, max_size=8), text, text)


@settings(max_examples=200, deadline=None)
@given(_texts("ab", True))
def test_equals_slow_search_with_spaces(case: tuple) -> None:
    _compare(*case, spaced=True)


@settings(max_examples=200, deadline=None)
@given(_texts("天气好", False))
def test_equals_slow_search_without_spaces(case: tuple) -> None:
    _compare(*case, spaced=False)


_GAPS = (" ", "  ", "\t", " \u200b ", "\u00a0", "\u200b ")  # a zero-width space is no token


@settings(max_examples=200, deadline=None)
@given(st.lists(_texts("ab", True), min_size=1, max_size=6), st.data())
def test_a_batch_equals_slow_search_of_each(cases: list[tuple], data: st.DataObject) -> None:
    entries = [entry for case in cases for entry in case[0]]
    texts = [case[1:] for case in cases] * 2
    gaps = iter(lambda: data.draw(st.sampled_from(_GAPS)), "")
    lexicon = Lexicon()
    lexicon.add("xx", "yy", entries)
    batch = []
    for number, both in enumerate(texts):
        wide = [gap.join(("", *text.split(), "")) for text, gap in zip(both, gaps, strict=False)]
        languages = "xx-yy" if number % 3 else "yy-xx"
        batch.append(pair(*(wide if number % 3 else wide[::-1]), languages))
    found = WordFinder(LexiconAligner(lexicon), EVERYTHING).find(batch)
    for case, both, words in zip(batch, texts, found, strict=True):
        left, right = (text.replace("\u200b", "").split() for text in (case.source, case.target))
        got = set()
        for word in words:
            a, b = case.source[slice(*word.source)], case.target[slice(*word.target)]
            got.add(tuple(" ".join(x.replace("\u200b", "").split()) for x in (a, b)))
        expected = {(both[0][i:j], both[1][k:m]) for i, j, k, m in slow(entries, *both, True)}
        if case.source_language == "yy":
            left, right, got = right, left, {(b, a) for a, b in got}
        assert (left, right) == tuple(text.split() for text in both)
        assert got == expected


def _compare(entries: list[tuple[str, str]], source: str, target: str, spaced: bool) -> None:
    lexicon = Lexicon()
    lexicon.add("xx", "yy", entries)
    words = WordFinder(LexiconAligner(lexicon), EVERYTHING).find([pair(source, target)])[0]
    fast = {(s.start, s.end, t.start, t.end) for s, t, _ in words}
    assert len(fast) == len(words)
    assert fast == slow(entries, source, target, spaced)


def test_whole_words_only() -> None:
    assert found([("art", "kunst")], "a part of it", "die kunst") == []
    assert found([("art", "kunst")], "part and Art.", "die KUNST!") == [("Art", "KUNST")]


def test_unique_on_both_sides() -> None:
    assert found([("dog", "chien")], "dog eats dog", "chien") == []
    assert found([("dog", "chien")], "dog", "chien et chien") == []


def test_ambiguous_entries() -> None:
    entries = [("time", "temps"), ("time", "fois"), ("weather", "temps")]
    assert found(entries, "time", "le temps") == [("time", "temps")]
    assert found(entries, "time", "temps fois") == []
    assert found(entries, "time and weather", "temps") == []


def test_longest_match_wins() -> None:
    entries = [("york", "york"), ("new york", "nueva york"), ("new", "nuevo")]
    assert found(entries, "New York now", "Nueva York ya") == [("New York", "Nueva York")]
    assert found(entries, "new, york", "nuevo, york") == [("new", "nuevo"), ("york", "york")]
    assert found([("c++", "c++")], "in C++ now", "(C++)") == [("C++", "C++")]


def test_chinese_longest_match() -> None:
    entries = [("china", "中国"), ("country", "国"), ("browser", "浏览器")]
    text = "在中国的浏览器"
    assert found(entries, "china browser", text) == [("china", "中国"), ("browser", "浏览器")]
    assert found(entries, "country", text) == []
    assert found(entries, "china", "中 国") == []


def test_offsets_are_those_of_the_text() -> None:
    arabic = "قرأ الْكِتَابَ اليوم"
    assert found([("book", "الكتاب")], "the book", arabic) == [("book", "الْكِتَابَ")]
    text = "une e\u0301cole ici"
    assert found([("school", "école")], "School", text) == [("School", "e\u0301cole")]


def test_places_that_are_remembered_are_those_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon_aligner, "_REMEMBERED", 30)  # it is emptied on the way
    entries = [("sea", "mer"), ("new york", "york"), ("oak", "chêne")]
    texts = [
        ("The sea, (new York) oak-tree", "«mer» d'york; chênes chêne"),
        ("oak (sea) sea-side; new york!", "york, (mer) et «chêne»"),
        ("oak-" + "x" * 30 + "-sea new york", "mer york chêne-" + "y" * 30),
    ]
    lookup = finder(entries)
    for source, target in texts * 3:
        one_space = lookup.find([pair(source, target)])[0]
        words = [(source[s.start : s.end], target[t.start : t.end]) for s, t, _ in one_space]
        assert words
        assert all((a.lower(), b) in entries for a, b in words)
        # with two spaces the whole text is read for its places
        two = lookup.find([pair(source.replace(" ", "  "), target.replace(" ", "  "))])[0]
        assert len(two) == len(one_space)
        for one, other in zip(one_space, two, strict=True):
            for text, span, wide in (
                (source, one.source, other.source),
                (target, one.target, other.target),
            ):
                start = span.start + text.count(" ", 0, span.start)
                assert wide == (start, span.end + text.count(" ", 0, span.end))


def test_stop_words_copies_and_punctuation_are_never_chosen() -> None:
    entries = [("the", "le"), ("weather", "météo"), ("taxi", "taxi"), ("7", "sept"), ("!", "?")]
    lexicon = Lexicon()
    lexicon.add("en", "fr", entries)
    case = pair("The weather: 7 taxi!", "Le météo, sept taxi?", "en-fr")
    words = WordFinder(LexiconAligner(lexicon)).find([case])[0]
    assert [case.source[s.start : s.end] for s, _, _ in words] == ["weather"]


def test_entries_of_stop_words_only_are_never_chosen() -> None:
    entries = [
        ("of the", "von den"),
        ("garden of", "garten von"),
        ("U.S.A.", "V.S.A."),
        ("7 of", "7 von"),
    ]
    lexicon = Lexicon()
    lexicon.add("en", "de", entries)
    search = WordFinder(LexiconAligner(lexicon))

    def chosen(source: str, target: str) -> list[str]:
        words = search.find([pair(source, target, "en-de")])[0]
        return [source[s.start : s.end] for s, _, _ in words]

    assert chosen("one of the best", "eines von den besten") == []
    assert chosen("7 of us", "7 von uns") == []
    assert chosen("the garden of it", "das Garten von ihm") == ["garden of"]
    assert chosen("in the U.S.A. now", "in V.S.A. nun") == ["U.S.A."]


def test_lists_of_a_language_serve_its_variants() -> None:
    lexicon = Lexicon()
    lexicon.add("en", "zh", [("weather", "天气")])
    search = WordFinder(LexiconAligner(lexicon))
    case = SentencePair(
        source="天气好",
        target="Nice weather",
        source_language="zh-CN",
        target_language="en-US",
        origin="",
    )
    search.fit([case])
    assert [tuple(w.source) for w in search.find([case])[0]] == [(0, 2)]
    lexicon.add("en-US", "zh_cn", [("nice", "好")])
    assert lexicon.entries("en-us", "zh-CN") == [("nice", "好")]
    assert lexicon.entries("eng", "zho") == [("weather", "天气"), ("nice", "好")]
    lexicon.add("pt-PT", "en", [("comboio", "train")])
    assert lexicon.entries("pt-BR", "en") == []
    assert lexicon.entries("en", "pt") == [("train", "comboio")]


@pytest.mark.parametrize("stop_words", ["none", "auto", "frequency"])
def test_fit_refuses_what_it_cannot_serve(stop_words: str) -> None:
    search = finder([("aa", "bb")], stop_words=stop_words)

    def corpus() -> Iterator[SentencePair]:
        yield pair("a", "b", "fr-ru")
        pytest.fail("read on")

    with pytest.raises(ConfigError, match=r"no fr-ru entries; it has: xx-yy.*pairs: en"):
        search.fit(corpus())
    with pytest.raises(ConfigError, match="it has: nothing"):
        WordFinder(LexiconAligner(Lexicon())).fit(corpus())


def test_lists_serve_both_directions() -> None:
    search = finder([("aa", "bb")])
    assert [word.score for word in search.find([pair("bb", "aa", "yy-xx")])[0]] == [1.0]
    with pytest.raises(ConfigError, match="xx-yy"):
        search.find([pair("aa", "bb", "en-fr")])


def test_frequent_words_where_there_is_no_list() -> None:
    texts = [pair(f"mu word{i % 300} noun{i % 290}", f"ba sana{i % 300}") for i in range(1500)]
    search = finder([("mu", "ba"), ("word3", "sana3")], stop_words="auto")
    search.fit(iter(texts))
    words = search.find([pair("mu word3", "ba sana3")])[0]
    assert [tuple(w.source) for w in words] == [(3, 8)]


@pytest.mark.parametrize("alphabet", ["abcdefgh ", "天气好人大小看国"])
def test_linear_time(alphabet: str) -> None:
    entries = [(a + b, b + a) for a in alphabet.strip() for b in alphabet.strip()]
    search = finder(entries)

    def seconds(times: int) -> float:
        text = (alphabet * 40) * times
        best = 1e9
        for _ in range(4):
            start = time.process_time()
            search.find([pair(text, text)])
            best = min(best, time.process_time() - start)
        return best

    search.find([pair(alphabet, alphabet)])
    # 16 times the text: 16 times the time if linear, 256 times if quadratic.
    small, large = seconds(4), seconds(64)
    assert large < 80 * small + 0.05


def test_cost_does_not_grow_with_the_list() -> None:
    text = pair("some plain words " * 30, "des mots simples " * 30)

    def seconds(size: int) -> float:
        search = finder([(f"w{i} x", f"v{i}") for i in range(size)])
        search.find([text])
        best = 1e9
        for _ in range(5):
            start = time.process_time()
            search.find([text] * 20)
            best = min(best, time.process_time() - start)
        return best

    # 1,000 times the list: 1,000 times the time if every entry were tried.
    assert seconds(20_000) < 100 * seconds(20) + 0.05


def test_readers(tmp_path: Path) -> None:
    (tmp_path / "muse.txt").write_text("dog chien\ncat\tle chat\n\n1000 1\u202f000", "utf-8")
    lexicon = read_lexicon([f"en,fr={tmp_path}/muse.txt"])
    pairs = [("dog", "chien"), ("cat", "le chat"), ("1000", "1\u202f000")]
    assert lexicon.entries("en", "fr") == pairs
    assert lexicon.entries("fr", "en") == [(b, a) for a, b in pairs]
    for code, text in (("en", "dog\n\ncat"), ("fr", "chien\nx\nchat"), ("ru", "пёс\ny\nкот")):
        (tmp_path / f"{code}.txt").write_text(text, encoding="utf-8")
    lexicon = read_lexicon([f"{code}={tmp_path}/{code}.txt" for code in ("en", "fr", "ru")])
    assert lexicon.entries("fr", "ru") == [("chien", "пёс"), ("x", "y"), ("chat", "кот")]
    assert lexicon.entries("en", "ru") == [("dog", "пёс"), ("cat", "кот")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"dog chien\nalone\n", r"list\.txt:2: 1 columns found, two needed"),
        (b"a b c\n", r"list\.txt:1: 3 columns found, two needed"),
        (b"", r"list\.txt:1: is empty"),
        (b"\n \n\t\n", r"list\.txt: has no entries"),
        (b"dog chien\nch\xeevre x\n", r"list\.txt:2: byte 0xee.*is not UTF-8: convert"),
        ("dog chien\n".encode("utf-16"), r"list\.txt:1: is UTF-16.*iconv"),
        ("dog chien\n".encode("utf-16-le"), r"list\.txt:1: .*NUL byte.*iconv"),
        (
            gzip.compress(b"dog chien\n" * 9, mtime=0)[:-9],
            r"list\.txt:\d+: the gzip data is truncated",
        ),
    ],
)
def test_broken_lists(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_lexicon([f"en,fr={path}"])


def test_broken_specifications(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\ny\n")
    (tmp_path / "b").write_text("x\n")
    with pytest.raises(DataError, match="b:2: has 1 lines"):
        read_lexicon([f"en={tmp_path}/a", f"fr={tmp_path}/b"])
    with pytest.raises(DataError, match="can't be read"):
        read_lexicon([f"en,fr={tmp_path}/none"])
    (tmp_path / "blank").write_text("\n\n")
    (tmp_path / "other").write_text("\ny\n")
    (tmp_path / "half").write_text("x\n\n")
    with pytest.raises(DataError, match="blank: has no entries"):
        read_lexicon([f"en={tmp_path}/a", f"fr={tmp_path}/blank"])
    with pytest.raises(DataError, match="are they aligned"):
        read_lexicon([f"en={tmp_path}/half", f"fr={tmp_path}/other"])
    with pytest.raises(ConfigError, match="two different languages"):
        read_lexicon([f"en,EN={tmp_path}/a"])
    for bad in (
        ["en,en="],
        ["en"],
        ["en,fr,ru=x"],
        ["=x"],
        [f"en={tmp_path}/a"],
        [f"en={tmp_path}/a"] * 2,
    ):
        with pytest.raises(ConfigError, match="lexicon"):
            read_lexicon(bad)


@settings(max_examples=500, deadline=None)
@given(st.text("aZqst.,:;!?'0-é", min_size=1, max_size=6), st.sampled_from(["en", "fr", "de"]))
def test_plain_pieces_have_the_tokens_of_the_expression(piece: str, language: str) -> None:
    expected = "".join(normalise(token) for token in token_pattern(language).findall(piece))
    side = lexicon_aligner._Side(language, [piece], Memory(normalise))
    assert side.names == ([expected] if expected else [])
    assert side.find([piece, "", f" {piece} "]).text.tolist() == ([0, 2] if expected else [])


def test_control_characters_are_no_tokens_and_end_no_text() -> None:
    entries = [("sea", "mer"), ("new york", "york"), ("\0", "\x01")]
    source, target = "\0 the sea new \0 york\0", "\u200b \u202e mer \0\0 york \ufeff"
    both = [pair(source, target), pair("\0", "\x01"), pair("", ""), pair("sea", "\0mer")]
    words = finder(entries).find(both)
    texts = [(source[slice(*s)], target[slice(*t)]) for s, t, _ in words[0]]
    assert texts == [("sea", "mer"), ("new \0 york", "york")]
    assert [len(found) for found in words] == [2, 0, 0, 1]
    assert tuple(words[3][0].target) == (1, 4)


@pytest.mark.parametrize("text", ["", "\u0301", "\u200b", "\ufe0f", "\0", "\u0301 \x85"])
def test_a_text_without_tokens_has_no_links(text: str) -> None:
    assert found([("weather", "météo")], text, "la météo") == []
    assert found([("weather", "météo")], "the weather", text) == []


def test_a_list_of_too_many_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon_aligner, "_MOST", 3)
    assert found([("one two", "eins"), ("three", "drei")], "three", "drei") == [("three", "drei")]
    with pytest.raises(ConfigError, match="more than 3 different words in one language"):
        found([("one two", "eins"), ("three four", "drei")], "three", "drei")


def test_automata_are_made_anew_in_other_processes() -> None:
    search = finder([("sea", "mer")])
    case = [pair("the sea", "la mer")]
    assert pickle.loads(pickle.dumps(search)).find(case) == search.find(case) != [()]
    assert pickle.loads(pickle.dumps(search)).find(case) == search.find(case)
