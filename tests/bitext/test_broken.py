"""Broken input: one clear line that names file and line, what was given and what to do."""

from __future__ import annotations

import gzip
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosszero.bitext import BitextConfig, SkipLog, read_bitext
from crosszero.errors import ConfigError, CrosszeroError, DataError

EN_FR = ["en", "fr"]
TMX = "<tmx><body>\n{}\n</body></tmx>"
UNIT = '<tu><tuv xml:lang="en"><seg>a</seg></tuv>\n<tuv xml:lang="{}"><seg>b</seg></tuv></tu>'
PAK = struct.pack("<IB3xHHHIHI", 5, 1, 1, 0, 7, 24, 0, 29) + b"Hello"


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)


# name: (files, source, options, error, parts of the message; {0} is the folder)
BROKEN = {
    "missing file": ({}, "x.tsv", {}, DataError, "{0}/x.tsv: no such file"),
    "missing prefix": ({}, "x", {}, DataError, "{0}/x: no such file, and no files like x.en"),
    "missing folder": ({}, "no/x", {}, DataError, "{0}/no/x: no such file or folder"),
    "folder in place of a file": (
        {"d.tsv/a": b"x"}, "d.tsv", {"languages": EN_FR}, DataError, "is a folder where a file",
    ),
    "empty file": ({"x.en-fr.tsv": b""}, "x.en-fr.tsv", {}, DataError, "x.en-fr.tsv:1: is empty"),
    "empty gzip": (
        {"x.en-fr.tsv.gz": gzip.compress(b"")}, "x.en-fr.tsv.gz", {}, DataError, "is empty",
    ),
    "truncated gzip": (
        {"x.en-fr.tsv.gz": gzip.compress(b"a\tb\n" * 9000)[:-9]}, "x.en-fr.tsv.gz", {}, DataError,
        "the gzip data is truncated",
    ),
    "damaged gzip": (
        {"x.en-fr.tsv.gz": gzip.compress(b"a\tb\n" * 99)[:20] + b"\xff" * 40}, "x.en-fr.tsv.gz", {},
        DataError, "the gzip data is damaged",
    ),
    "zstd": ({"x.en-fr.tsv": b"\x28\xb5\x2f\xfd123"}, "x.en-fr.tsv", {}, DataError, "unzstd"),
    "zip": ({"x.en-fr.tsv": b"PK\x03\x04123"}, "x.en-fr.tsv", {}, DataError, "compressed with zip"),
    "UTF-16": (
        {"x.en-fr.tsv": "a\tb\n".encode("utf-16")}, "x.en-fr.tsv", {}, DataError,
        "x.en-fr.tsv:1: is UTF-16, UTF-8 is needed: convert it with iconv -f UTF-16 -t UTF-8",
    ),
    "UTF-16 in gzip": (
        {"x.en-fr.tsv": gzip.compress("a\tb\n".encode("utf-16"))}, "x.en-fr.tsv", {}, DataError,
        "is UTF-16",
    ),
    "UTF-16 without mark": (
        {"x.en-fr.tsv": "a\tb\n".encode("utf-16-le")}, "x.en-fr.tsv", {}, DataError,
        "x.en-fr.tsv:1: there is a NUL byte",
    ),
    "Latin-1": (
        {"x.en-fr.tsv": b"a\tb\nsummer\t\xe9t\xe9\n"}, "x.en-fr.tsv", {}, DataError,
        "x.en-fr.tsv:2: byte 0xe9 at position 8 is not UTF-8: convert the file, for example with "
        "iconv -f ISO-8859-1 -t UTF-8; or leave such text out with --skip-bad",
    ),
    "too few columns": (
        {"x.en-fr.tsv": b"a\tb\nc\n"}, "x.en-fr.tsv", {}, DataError,
        "x.en-fr.tsv:2: 1 tab-separated columns, 2 are needed",
    ),
    "too many columns": (
        {"x.en-fr.tsv": b"a\tb\tc\n"}, "x.en-fr.tsv", {}, DataError, ":1: 3 tab-separated columns",
    ),
    "a stray tab before chosen columns": (
        {"x.tsv": b"1\ta\tb\n2\tx\ta\tb\n"}, "x.tsv", {"languages": EN_FR, "columns": [1, 2]},
        DataError, "x.tsv:2: 4 tab-separated columns, 3 are needed (as in the lines before)",
    ),
    "a column that is not there": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": EN_FR, "columns": [0, 2]}, DataError,
        "x.tsv:1: columns 0, 2 are selected (counted from 0), but the line has 2",
    ),
    "a header name that is not there": (
        {"x.tsv": b"english\tfrench\na\tb\n"}, "x.tsv",
        {"languages": EN_FR, "columns": ["english", "frnech"]}, DataError,
        "x.tsv:1: no column 'frnech'; did you mean 'french'?",
    ),
    "negative column": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": EN_FR, "columns": [0, -1]}, ConfigError,
        "positions: 0 or more",
    ),
    "one column for two languages": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": EN_FR, "columns": [0]}, ConfigError,
        "columns names 1 columns for 2 languages",
    ),
    "empty side": (
        {"x.en-fr.tsv": b"a\tb\nc\t \n"}, "x.en-fr.tsv", {}, DataError,
        "x.en-fr.tsv:2: the fr side is empty: fill it in",
    ),
    "unknown languages": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {}, ConfigError, "x.tsv: the languages are not known",
    ),
    "a language by name": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": ["english", "fr"]}, ConfigError,
        "'english' is not a language code",
    ),
    "languages as one string": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": "en,fr"}, ConfigError,
        "given; a list is needed",
    ),
    "one language": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": ["en"]}, ConfigError, "at least two languages",
    ),
    "the same language twice": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": ["en", "EN"]}, ConfigError, "only once",
    ),
    "unknown format": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"format": "tvs"}, ConfigError,
        "format: 'tvs' given; did you mean 'tsv'?",
    ),
    "unknown option": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"colums": [0, 1]}, ConfigError, "did you mean 'columns'?",
    ),
    "an option of another format": (
        {"x.tmx": b"<tmx/>"}, "x.tmx", {"header": True}, ConfigError,
        "header is not an option of the format tmx, only of tsv",
    ),
    "a name that tells no format": (
        {"x.csv": b"a,b\n"}, "x.csv", {}, ConfigError, "the format is not clear from the name",
    ),
    "files of two formats": (
        {"x.tsv": b"a", "x.po": b"b"}, ["x.tsv", "x.po"], {}, ConfigError, "files of one format",
    ),
    "two tables": (
        {"x.tsv": b"a", "y.tsv": b"b"}, ["x.tsv", "y.tsv"], {}, ConfigError, "one path at a time",
    ),
    "one side of two": ({"x.en": b"a\n"}, "x.en", {}, ConfigError, "is one side of aligned files"),
    "unequal line counts": (
        {"x.en": b"a\n" * 10, "x.fr": b"b\n" * 8}, ["x.en", "x.fr"], {}, DataError,
        "x.fr:8: ends after line 8, but {0}/x.en has 10",
    ),
    "the same file twice": ({"x.en": b"a\n"}, ["x.en", "x.en"], {}, ConfigError, "named twice"),
    "aligned files with an empty line": (
        {"x.en": b"a\n\n", "x.fr": b"b\nc\n"}, "x", {}, DataError, "x.en:2: the en side is empty",
    ),
    "a language without a file": (
        {"multi.en": b"a\n", "multi.fr": b"b\n"}, ".", {"languages": ["en", "de"]}, ConfigError,
        "no file for 'de'; Allowed: en, fr",
    ),
    "a pivot that is not read": (
        {"multi.en": b"a\n", "multi.fr": b"b\n"}, ".", {"pairs": "de"}, ConfigError,
        "pairs is 'de'; Allowed: all, en, fr",
    ),
    "several prefixes": (
        {f"{name}.{code}": b"a\n" for name in "xy" for code in EN_FR}, ".", {}, ConfigError,
        "files of several prefixes (x, y): name one",
    ),
    "a folder without text": ({"a.jpg": b"x"}, ".", {}, DataError, "nothing to read in this"),
    "a row with one text": (
        {"multi.en": b"a\n", "multi.fr": b"\n", "multi.de": b"\n"}, ".", {}, DataError,
        "multi.de:1: fewer than two of de en fr have text",
    ),
    "not TMX": ({"x.tmx": b"<html/>"}, "x.tmx", {"languages": EN_FR}, DataError, "is <html>"),
    "broken XML": (
        {"x.tmx": b"<tmx>\n<body>\n</tmx>"}, "x.tmx", {"languages": EN_FR}, DataError,
        "x.tmx:3: broken XML (mismatched tag)",
    ),
    "entities": (
        {"x.tmx": b'<!DOCTYPE tmx [\n<!ENTITY a "aaa">]>\n<tmx/>'}, "x.tmx", {"languages": EN_FR},
        DataError, "x.tmx:2: defines the entity 'a', which is refused",
    ),
    "a TMX unit without the language": (
        {"x.tmx": TMX.format(UNIT.format("de")).encode()}, "x.tmx", {"languages": EN_FR}, DataError,
        "x.tmx:2: the unit has no 'fr', only en, de",
    ),
    "a text without a language": (
        {"x.tmx": TMX.format("<tu><tuv><seg>a</seg></tuv></tu>").encode()}, "x.tmx",
        {"languages": EN_FR}, DataError, "x.tmx:2: the unit has a <tuv> without xml:lang",
    ),
    "TMX without units": ({"x.tmx": b"<tmx/>"}, "x.tmx", {}, DataError, "the file has no <tu>"),
    "TMX of unknown encoding": (
        {"x.tmx": b'<?xml version="1.0" encoding="x-no"?><tmx/>'}, "x.tmx", {"languages": EN_FR},
        DataError, "x.tmx:1: can't be decoded (unknown encoding: x-no)",
    ),
    "not PO": (
        {"fr.po": b'msgid "a"\nmsgtsr "b"\n'}, "fr.po", {"languages": EN_FR}, DataError,
        "fr.po:2: 'msgtsr \"b\"' is not PO",
    ),
    "an open quote in PO": (
        {"fr.po": b'msgid "a "b" c"\nmsgstr "b"\n'}, "fr.po", {"languages": EN_FR}, DataError,
        "fr.po:1: 'msgid \"a \"b\" c\"' is not PO",
    ),
    "PO in another encoding": (
        {"fr.po": b'msgid ""\nmsgstr "Content-Type: text/plain; charset=koi8-r\\n"\n'}, "fr.po",
        {"languages": EN_FR}, DataError, "fr.po:1: the header says charset=koi8-r",
    ),
    "PO without language": (
        {"x.po": b'msgid "a"\nmsgstr "b"\n'}, "x.po", {}, ConfigError,
        "x.po: the header names no language",
    ),
    "PO of another language": (
        {"x.po": b'msgid ""\nmsgstr "Language: de\\n"\n'}, "x.po", {"languages": EN_FR},
        ConfigError, "the header says that the text is in 'de'",
    ),
    "nothing translated": (
        {"fr.po": b'msgid "a"\nmsgstr ""\n'}, "fr.po", {"languages": EN_FR}, DataError,
        "no sentence pair in en fr; 1 skipped: untranslated 1",
    ),
    "not MO": ({"x.mo": b"hello world"}, "x.mo", {"languages": EN_FR}, DataError, "is not an MO"),
    "MO cut off": (
        {"x.mo": struct.pack("<IIIII", 0x950412DE, 0, 9, 28, 100)}, "x.mo", {"languages": EN_FR},
        DataError, "the MO file is damaged or truncated",
    ),
    "pak of another version": (
        {"en-US.pak": struct.pack("<III", 9, 0, 0), "fr.pak": PAK}, ".", {}, DataError,
        "en-US.pak: is a .pak file of version 9",
    ),
    "pak without text": (
        {"en-US.pak": PAK[:4] + b"\0" + PAK[5:], "fr.pak": PAK}, ".", {}, DataError,
        "has encoding 0; only 1 (UTF-8) and 2 (UTF-16) are text",
    ),
    "pak cut in its table": (
        {"en-US.pak": PAK[:20], "fr.pak": PAK}, ".", {}, DataError, "damaged or truncated",
    ),
    "pak cut in its text": (
        {"en-US.pak": PAK[:-2], "fr.pak": PAK}, ".", {}, DataError, "damaged or truncated",
    ),
    "pak without the language": (
        {"en-US.pak": PAK, "fr.pak": PAK}, ".", {"languages": ["en", "de"]}, ConfigError,
        "no .pak file for 'de'",
    ),
    "one pak": ({"en-US.pak": PAK}, "en-US.pak", {}, DataError, "is one .pak file"),
    "not Parquet": (
        {"x.parquet": b"hello world!"}, "x.parquet", {"languages": EN_FR}, DataError,
        "x.parquet: is not Parquet",
    ),
    "Parquet without the columns": (
        {"x.parquet": {"source": ["a"], "target": ["b"]}}, "x.parquet", {"languages": EN_FR},
        ConfigError, "no column is called 'en'; say which columns hold en fr",
    ),
    "a column of numbers": (
        {"x.parquet": {"en": ["a"], "fr": [1]}}, "x.parquet", {"languages": EN_FR}, DataError,
        "x.parquet:1: column 'fr' holds int, text is needed",
    ),
    "a misspelt Parquet column": (
        {"x.parquet": {"en": ["a"], "french": ["b"]}}, "x.parquet",
        {"languages": EN_FR, "columns": ["en", "frensh"]}, ConfigError, "did you mean 'french'?",
    ),
    "a hub id without the format": (
        {}, None, {"source": "some-organisation/some-dataset"}, DataError, "--format huggingface",
    ),
    "no source": ({}, None, {"source": []}, ConfigError, "a file, folder or list of files is"),
    "languages as a number": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"languages": 2}, ConfigError,
        "languages: 2 given; a list is needed",
    ),
    "columns as a number": (
        {"x.tsv": b"a\tb\n"}, "x.tsv", {"columns": 0}, ConfigError,
        "columns: 0 given; a list is needed",
    ),
    "a name that is too long": ({}, None, {"source": "x" * 5000}, DataError, "name too long"),
    "two columns of one name": (
        {"x.tsv": b"a\ta\tb\n1\t2\t3\n"}, "x.tsv", {"languages": EN_FR, "columns": ["a", "b"]},
        DataError, "x.tsv:1: 2 columns are called 'a': choose by position",
    ),
    "two columns of Parquet that are in one language": (
        {"x.parquet": {"en": ["a"], "zh-CN": ["b"], "zh-TW": ["c"]}}, "x.parquet",
        {"languages": ["en", "zh"]}, ConfigError, "x.parquet: 'zh' may be any of zh-CN, zh-TW",
    ),
    "two locales that are in one language": (
        {"en-US.pak": PAK, "zh-HK.pak": PAK, "zh-TW.pak": PAK}, ".", {"languages": ["en", "zh"]},
        ConfigError, "'zh' may be any of zh-HK, zh-TW",
    ),
    "one column by name and by position": (
        {"x.tsv": b"en\tfr\na\tb\n"}, "x.tsv", {"languages": EN_FR, "columns": [0, "en"]},
        DataError, "x.tsv:1: columns is [0, 'en']; name every column only once",
    ),
    "one column of Parquet, twice": (
        {"x.parquet": {"en": ["a"], "fr": ["b"]}}, "x.parquet",
        {"languages": EN_FR, "columns": ["fr", "fr"]}, ConfigError, "name every column only once",
    ),
    "one column of Parquet, by name and by position": (
        {"x.parquet": {"en": ["a"], "fr": ["b"]}}, "x.parquet",
        {"languages": EN_FR, "columns": [0, "en"]}, ConfigError,
        "x.parquet: columns is [0, 'en']; name every column only once",
    ),
    "columns of Parquet in the order of other languages": (
        {"x.parquet": {"en": ["a"], "fr": ["b"]}}, "x.parquet",
        {"languages": EN_FR, "columns": ["fr", 0]}, ConfigError,
        "x.parquet: the columns fr 0 are called fr en, --languages says en fr: bring them",
    ),
    "an entity that is not defined": (
        {"x.tmx": b'<!DOCTYPE tmx SYSTEM "t.dtd"><tmx><body><tu><tuv lang="en"><seg>\na&nbsp;b'
         b'</seg></tuv></tu></body></tmx>'}, "x.tmx", {"languages": EN_FR}, DataError,
        "x.tmx:2: the entity &nbsp; is not built into XML",
    ),
    "a source of the wrong type": ({}, None, {"source": 3}, ConfigError, "source is 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_input(tmp_path, name):
    files, source, options, kind, message = BROKEN[name]
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        if isinstance(content, dict):
            parquet(tmp_path / file, **content)
        else:
            (tmp_path / file).write_bytes(content)
    options = dict(options)
    if source is None:
        given = options.pop("source")
    elif isinstance(source, list):
        given = [tmp_path / file for file in source]
    else:
        given = tmp_path / source
    with pytest.raises(CrosszeroError) as caught:
        list(read_bitext(given, **options))
    said = str(caught.value)
    assert type(caught.value) is kind, said
    assert message.format(tmp_path) in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\tb\nc\t\nd\te\n", "empty side"),
        (b"a\tb\nc\nd\te\n", "wrong columns"),
        (b"a\tb\n\xe9\tx\nd\te\n", "not UTF-8"),
        (b"a\tb\n\0\tx\nd\te\n", "NUL byte"),
    ],
)
def test_bad_lines_can_be_skipped_and_are_listed(tmp_path, content, reason):
    (tmp_path / "x.en-fr.tsv").write_bytes(content)
    log = SkipLog()
    pairs = list(read_bitext(tmp_path / "x.en-fr.tsv", skip_log=log))
    assert [(pair.source, pair.target) for pair in pairs] == [("a", "b"), ("d", "e")]
    assert log.counts == {reason: 1}
    assert log.entries == [f"{tmp_path / 'x.en-fr.tsv'}:2: {reason}"]


def test_a_bad_side_is_skipped_without_shifting_the_others(tmp_path):
    (tmp_path / "x.en").write_bytes(b"one\n\xff\nthree\n")
    (tmp_path / "x.fr").write_bytes(b"un\ndeux\ntrois\n")
    pairs = list(read_bitext(tmp_path / "x", skip_log=SkipLog()))
    assert [(pair.source, pair.target) for pair in pairs] == [("one", "un"), ("three", "trois")]


def test_a_broken_entry_of_po_is_skipped_as_a_whole(tmp_path):
    (tmp_path / "fr.po").write_bytes(
        b'msgid "a"\nmsgstr "\xff"\n"rest"\n\nmsgid "b"\nmsgstr "c"\n\n'
        b'junk\n\nmsgid "d"\nmsgstr "e"\n'
    )
    log = SkipLog()
    pairs = list(read_bitext(tmp_path / "fr.po", languages=EN_FR, skip_log=log))
    assert [(pair.source, pair.target) for pair in pairs] == [("b", "c"), ("d", "e")]
    assert log.counts["not UTF-8"] == 1
    assert log.entries[-1] == f"{tmp_path / 'fr.po'}:8: not PO"


def test_contradicting_settings_are_refused(tmp_path):
    (tmp_path / "x.en-fr.tsv").write_bytes(b"a\tb\n")
    config = BitextConfig(path=str(tmp_path / "x.en-fr.tsv"), skip_bad=True)
    with pytest.raises(ConfigError, match="remove one of them"):
        config.open(SkipLog(skip_bad=False))


def test_the_list_of_skipped_lines_has_to_be_writable(tmp_path):
    with pytest.raises(ConfigError, match="can't be written"):
        SkipLog(to=tmp_path)
