"""Texts as people have them: files of all kinds, raw and tokenised, in any script."""

import gzip
import json
import re
import sys

import pytest

from crosszero.align import word_cutter
from crosszero.align.corpus import Corpus
from crosszero.align.text_pairs import TextPair, check_lengths, read_pairs
from crosszero.align.word_boundaries import word_spans
from crosszero.align.word_cutter import cut_words, is_unsegmented, make_cutter
from crosszero.errors import ConfigError, DataError

PAIRS = [TextPair("The house .", "Das Haus ."), TextPair("", "x"), TextPair("Home", "Heim")]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_all_formats_give_the_same_pairs(tmp_path):
    files = [
        (
            write(tmp_path / "a", "The house .\n\nHome\n"),
            write(tmp_path / "b", "Das Haus .\nx\nHeim"),
        ),
        (write(tmp_path / "bars", "The house . ||| Das Haus .\n ||| x\nHome|||Heim\n"),),
        (write(tmp_path / "tsv", "The house .\tDas Haus .\t0-0 1-1\n\tx\t\nHome\tHeim\n"),),
        (
            write(
                tmp_path / "json",
                "".join(json.dumps(pair._asdict()) + "\n" for pair in PAIRS),
            ),
        ),
    ]  # fmt: skip
    for paths in files:
        assert list(read_pairs(*paths)) == PAIRS
    lines = write(tmp_path / "lines", '{"source": "a\\nb\\r\\nc", "target": "x"}\n')
    for raw in (True, False, None):
        assert [source.keys for source, _ in Corpus(str(lines), raw=raw)] == [["a", "b", "c"]]
    words = write(tmp_path / "words", '{"source": ["New York"], "target": ["a", "b"]}\n')
    [(source, target)] = Corpus(str(words))
    assert (source.text, source.spans) == ("New York", [(0, 8)])
    assert target.keys == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\ntwo\n", ":1: holds no pair"),
        ("a ||| b\nc\n", ":2: source ||| target is needed"),
        ("a ||| b ||| c\n", ":1: source ||| target is needed; this has 3"),
        ("a\tb\nc\n", ":2: two columns"),
        ("the ||| house\tla maison\n", ":1: has a tab and |||"),
        ("\nthe ||| house\t\n", ":2: has a tab and |||"),
        ("\none\n", ":2: holds no pair"),
        ("\n \n", ":1: holds no pair"),
        ("{one\n", ":1: holds no pair"),
        ('{"source": ["", "New York"], "target": "a"}\n', ":1: a word is empty"),
        ('{"source": "a", "target": "b"}\n{"source": "a", "target": [" "]}\n', ":2: a word is"),
        ('{"source": "a"}\n', ':1: is not {"source"'),
        ('{"source": "a", "target": [1]}\n', ":1: source and target are texts"),
        ('{"source": "a", "target": "b"}\n{"source"\n', ':2: is not {"source"'),
    ],
)
def test_lines_that_are_no_pair(tmp_path, text, message):
    path = write(tmp_path / "x", text)
    with pytest.raises(DataError) as caught:
        list(read_pairs(path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("{0} files ||| {0} fichiers\n", [("{0} files", "{0} fichiers")]),
        ("{name}\t{nom}\n", [("{name}", "{nom}")]),
        ('{"a": 1}\t{"b": 2}\n', [('{"a": 1}', '{"b": 2}')]),
        ("a\t|||\tb\nc\td ||| e\n", [("a", "b"), ("c\td", "e")]),
        ("a ||| b\tc ||| d\n", [("a ||| b", "c ||| d")]),
        ("a\tb\nc ||| d\te\n", [("a", "b"), ("c ||| d", "e")]),
        ("\n \r\na ||| b\n\n", [("", ""), ("", ""), ("a", "b"), ("", "")]),
        ("\na\tb\n", [("", ""), ("a", "b")]),
        ('\n{"source": "a", "target": "b"}\n', [("", ""), ("a", "b")]),
        ("\t\n", [("", "")]),
    ],
)
def test_the_first_line_with_text_tells_how_lines_hold_pairs(tmp_path, text, pairs):
    assert list(read_pairs(write(tmp_path / "x", text))) == pairs


def test_a_word_that_is_a_space_counts_in_every_format(tmp_path):
    lone = "\u00a0"  # as tokenisers leave it: a word of its own where words stand between spaces
    sides = f"{lone} a\n", f"b {lone}\n"
    both = f"{lone} a ||| b {lone}\n", f"{lone} a\tb {lone}\n"
    two = write(tmp_path / "a", sides[0]), write(tmp_path / "b", sides[1])
    for files in (two, *((write(tmp_path / f"x{n}", text),) for n, text in enumerate(both))):
        [(source, target)] = Corpus(*map(str, files))
        assert (source.keys, target.keys) == ([lone, "a"], ["b", lone])


def test_texts_keep_their_white_space(tmp_path):
    text = "The  king\u00a0saw\tParis"
    row = write(tmp_path / "x", json.dumps({"source": f" {text}", "target": "a b"}) + "\n")
    [(source, _)] = Corpus(str(row))
    assert source.text == f" {text}"
    assert source.keys == ["the", "king\u00a0saw", "paris"]


def test_a_text_that_shows_nothing_has_no_words(tmp_path):
    for text in ("\u200b ||| a\n", "\u2060\ta\n", '{"source": ["\u2060"], "target": ["a"]}\n'):
        for raw in (True, False, None):
            [(source, target)] = Corpus(str(write(tmp_path / "x", text)), raw=raw)
            assert (source.spans, target.keys) == ([], ["a"])


def test_files_of_unequal_length(tmp_path):
    with pytest.raises(DataError, match="lines"):
        list(read_pairs(write(tmp_path / "a", "a\nb\n"), write(tmp_path / "b", "a\n")))


def test_unequal_lengths_are_told_before_a_line_is_used(tmp_path):
    texts = ["a\n", "a", "a\nb", "a\r\nb\r\n", "a\n\n", "\n", "a\u2028b\x85c\rd\n"]
    for number, one in enumerate(texts):
        source = tmp_path / f"{number}.gz"
        source.write_bytes(gzip.compress(one.encode()))
        check_lengths(source)
        for other in texts:
            target = write(tmp_path / "b", other)
            try:
                count = len(list(read_pairs(source, target)))
            except DataError as error:
                with pytest.raises(DataError, match=re.escape(str(error))):
                    check_lengths(source, target)
            else:
                check_lengths(source, target)
                assert count


def test_words_of_scripts_without_spaces():
    for text, expected in (
        ("私は昨日、東京へ行きました。", ["私", "は", "昨日", "東京", "へ"]),
        ("我们昨天去了北京", ["我们", "昨天"]),
        ("ฉันเป็นนักเรียน", ["ฉัน", "เป็น", "นักเรียน"]),
        ("😀 天气很好, isn't it?", ["天气", "很好", "isn't", "it"]),
    ):
        spans = cut_words(text)
        assert [text[a:b] for a, b in spans][: len(expected)] == expected
        assert all(a < b for a, b in spans)
    text = "L'homme dort aujourd'hui."
    assert cut_words(text, "fr") == word_spans(text, "fr")


def test_without_icu_words_are_learnt(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    word_cutter._find_icu.cache_clear()
    try:
        texts = ["天气好", "天气不", "好天气", "不好"] * 10
        assert len(make_cutter(texts)(texts[0])) > 1
        assert "pip install icu4py" in caplog.text
        assert len(cut_words("天气好")) > 1
        assert cut_words("good day") == word_spans("good day")
    finally:
        word_cutter._find_icu.cache_clear()


def test_unsegmented_text_is_told():
    assert is_unsegmented(["今天天气很好。", "我喜欢喝绿茶。"])
    assert not is_unsegmented(["私 は コンピューター を 買い ました 。"])
    assert is_unsegmented(["我们昨天去了北京大学。"])
    assert not is_unsegmented(["我们 昨天 去 了 北京 大学 。"])
    assert not is_unsegmented(["Wir gingen gestern nach Hause.", ""])
    assert not is_unsegmented([])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["我赢了。"], True),
        (["我 赢 了 。"], False),
        (["嗨。", "你好。", "我赢了。", "不会吧。", "Tom来了。"], True),
        (["嗨 。", "你好 。", "我 赢 了 。", "不会 吧 。", "Tom 来 了 。"], False),
        (["ขอบคุณ"], True),
        (["ขอบคุณ ครับ"], False),
        (["你好 世界", "添加", "应用", "取消", "关闭"], True),  # a title may have a space
        (["一"], False),
        # One such word does not make raw text of another script.
        (["The greeting 你好 is short .", "We met in Peking , don't you know ?"], False),
        (["They call it 中华人民共和国 , the People 's Republic of China ."] * 3, False),
    ],
)
def test_unsegmented_text_of_short_sentences_is_told(lines, expected):
    assert is_unsegmented(lines) is expected


def test_unsegmented_text_is_never_one_word(tmp_path, caplog):
    source = write(tmp_path / "a", "We went to Peking University yesterday.\n" * 3)
    target = write(tmp_path / "b", "我们昨天去了北京大学。\n" * 3)
    with caplog.at_level("INFO", logger="crosszero"):
        pairs = list(Corpus(str(source), str(target)))
    assert "the target has words without spaces" in caplog.text
    for left, right in pairs:
        assert left.keys[-1] == "yesterday."
        assert len(right.spans) >= 5
    assert next(iter(Corpus(str(source), str(target), raw=True)))[0].keys[-1] == "yesterday"
    assert len(next(iter(Corpus(str(source), str(target), raw=False)))[1].spans) == 1


def test_texts_instead_of_files(tmp_path, monkeypatch):
    [(source, target)] = Corpus("The house is small.", "Das Haus ist klein.")
    assert source.keys == ["the", "house", "is", "small"]
    assert [target.text[a:b] for a, b in target.spans] == ["Das", "Haus", "ist", "klein"]
    with pytest.raises(ConfigError, match="translation"):
        Corpus("The house is small.")
    with pytest.raises(ConfigError, match="not one of each"):
        Corpus("The house is small.", "house.de")
    with pytest.raises(ConfigError, match="only one of the inputs; or give it once"):
        Corpus("-", "-")
    assert Corpus("no-such-file.en", "b.de").files
    assert not Corpus("-").can_be_read_again


@pytest.mark.parametrize(
    "names",
    [
        ["my corpus.en", "my corpus.fr"],
        ["my corpus.en.gz", "x/my corpus.fr"],
        ["/home/me/my corpus", "./my corpus"],
        ["語料.zh", "語料 2.ja"],
        ["my corpus.tsv"],
        ["my corpus.en", "corpus.fr"],
        ["corpus.en", "my corpus.e"],
    ],
)
def test_names_of_files_that_are_not_there_are_no_texts(names):
    with pytest.raises(ConfigError, match="no such file"):
        Corpus(*names)
    if len(names) == 2:
        assert Corpus(*(f"{name} " for name in names)).given


@pytest.mark.parametrize(
    "texts",
    [
        ["The old king saw the sea.", "Le vieux roi a vu la mer."],
        ["Dr. No.", "Dr. No."],
        ["the old king", "le vieux roi"],
        ["Made in the U.S.A", "Fabriqué aux U.S.A"],
        ["at 3 p.m", "à 3 p.m"],
        ["it costs 3.50", "cela coûte 3.50"],
        ["and so on ...", "et ainsi de suite ...etc"],
        ["Look at example.org", "Schau auf example.org nach"],
        ["either/or / and", "/ ou"],
    ],
)
def test_texts_are_no_names_of_files(texts):
    assert Corpus(*texts).given


def test_two_texts_are_split_at_spaces_where_that_is_asked_for():
    [(source, _)] = Corpus("the cat .", "le chat .", raw=False)
    assert source.keys == ["the", "cat", "."]
    assert [x.keys for x, _ in Corpus("the cat .", "le chat .")] == [["the", "cat"]]


def test_what_looks_like_no_file_or_is_no_text():
    with pytest.raises(ConfigError, match=r"'house' and 'maison': no such files.* a space behind"):
        Corpus("house", "maison")
    assert [source.keys for source, _ in Corpus("house ", "maison ")] == [["house"]]
    with pytest.raises(ConfigError, match="is not UTF-8"):  # bytes as the shell gives them
        Corpus("the \udcff", "la mer")
