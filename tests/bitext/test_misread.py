"""What is easily misread without a word: encodings, line ends, markup, and files made to harm."""

from __future__ import annotations

import gzip
import os
import struct
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosszero.bitext import SkipLog, read_bitext
from crosszero.bitext.decoding import BadText
from crosszero.bitext.formats.chromium_pak import clean
from crosszero.bitext.lines import MAX_LINE, read_lines, require_lines, split_words
from crosszero.errors import DataError

EN_FR = ["en", "fr"]


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


def error_of(path, **options):
    with pytest.raises(DataError) as caught:
        list(read_bitext(path, **{"languages": EN_FR, **options}))
    return str(caught.value)


class TestEncodings:
    """The advice has to mend the file, whatever stands in it."""

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            ("one\tun\nsummer\tété\n".encode("latin-1"), "ISO-8859-1"),
            ("one\tun\n5 €\t5 €\n".encode("cp1252"), "WINDOWS-1252"),
            # What the bad line leaves open, the lines after it tell.
            ("one\tun\nsummer\tété\n“a”\t« b… »\n".encode("cp1252"), "WINDOWS-1252"),
        ],
    )
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_a_file_in_another_encoding(self, tmp_path, content, code, pack):
        path = tmp_path / "x.tsv"
        path.write_bytes(pack(content))
        said = error_of(path)
        assert said.startswith(f"{path}:2: byte 0x")
        assert f"iconv -f {code} -t UTF-8" in said
        path.write_bytes(content.decode(code).encode())
        assert all("\ufffd" not in text for pair in texts(read_bitext(path, languages=EN_FR))
                   for text in pair)  # fmt: skip

    @pytest.mark.parametrize("before", [True, False])
    def test_one_line_in_another_encoding(self, tmp_path, before):
        good, bad = "Zürich is cold\tÀ Zürich il fait froid\n".encode(), b"\x93a\x94\tb\n"
        (tmp_path / "x.tsv").write_bytes(good + bad if before else bad + good)
        said = error_of(tmp_path / "x.tsv")
        assert "correct this line only" in said
        assert "iconv" not in said

    def test_a_late_line_of_a_long_file(self, tmp_path):
        good = "où\tdéjà\n".encode()
        (tmp_path / "x.tsv").write_bytes(good + b"a\tb\n" * 50_000 + b"\xff\tb\n" + b"a\tb\n" * 9)
        assert "x.tsv:50002: byte 0xff" in (said := error_of(tmp_path / "x.tsv"))
        assert "correct this line only" in said

    @pytest.mark.parametrize("control", ["\x80", "\x93", "\x9f"])
    def test_what_wrong_conversion_leaves_behind(self, tmp_path, control):
        path = tmp_path / "x.tsv"
        path.write_text(f"a\tb\nHe said {control}hi\tIl dit\n", "utf-8")
        said = error_of(path)
        assert said.startswith(f"{path}:2: U+00{ord(control):02X} is a control character")
        assert "WINDOWS-1252" in said
        log = SkipLog()
        assert texts(read_bitext(path, languages=EN_FR, skip_log=log)) == [("a", "b")]
        assert log.counts == {"control character": 1}

    def test_where_no_line_may_be_left_out_controls_are_warned_of_once(self, tmp_path, caplog):
        (tmp_path / "x.en").write_text("a\nb\x93\nc\x94\n", "utf-8")
        assert len(list(require_lines(tmp_path / "x.en"))) == 3
        assert caplog.text.count("control character") == 1
        assert f"{tmp_path / 'x.en'}:2: U+0093" in caplog.text

    def test_a_long_first_line_after_a_mark(self, tmp_path):
        (tmp_path / "x").write_bytes(b"\xef\xbb\xbf" + b"x" * MAX_LINE + b"\nb\n")
        lines = list(read_lines(tmp_path / "x"))
        assert isinstance(lines[0], BadText)
        assert lines[1:] == ["b"]


class TestCarriageReturns:
    @pytest.mark.parametrize(
        "content", [b"one\rtwo\rthree\r", b"one\rtwo", (b"a" * 99 + b"\r") * 20_000]
    )
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_a_file_without_line_feeds(self, tmp_path, content, pack):
        (tmp_path / "x.en").write_bytes(pack(content))
        (tmp_path / "x.fr").write_bytes(pack(content))
        for read in (lambda: list(read_bitext(tmp_path / "x")),
                     lambda: list(require_lines(tmp_path / "x.en"))):  # fmt: skip
            with pytest.raises(DataError, match=r"x\.en:1: holds .*carriage return.* no line feed"):
                read()

    def test_one_at_the_end_of_the_only_line(self, tmp_path):
        (tmp_path / "x").write_bytes(b"one\r")
        assert list(read_lines(tmp_path / "x")) == ["one"]

    def test_a_catalogue_without_line_feeds(self, tmp_path):
        (tmp_path / "fr.po").write_bytes(b'msgid "a"\rmsgstr "b"\r')
        assert "no line feed" in error_of(tmp_path / "fr.po")


class TestTables:
    @pytest.mark.parametrize(
        "line",
        [
            '"She said ""no"""\tElle a dit non',
            'plain\t"Elle a dit ""non"""',
            '"one"\t"un"',
        ],
    )
    def test_quoting_of_csv_is_warned_of(self, tmp_path, caplog, line):
        path = tmp_path / "x.tsv"
        path.write_text(f"{line}\nplain\tsimple\n{line}\n")
        assert len(list(read_bitext(path, languages=EN_FR))) == 3
        assert caplog.text.count("looks like quoted CSV") == 1
        assert f"{path}:1: " in caplog.text

    @pytest.mark.parametrize("line", ['"Yes," she said.\t« Oui »', '"\tx', 'a ""b""\tc', '""\tc'])
    def test_quotation_marks_of_the_text_are_not(self, tmp_path, caplog, line):
        (tmp_path / "x.tsv").write_text(f"{line}\nplain\tsimple\n")
        list(read_bitext(tmp_path / "x.tsv", languages=EN_FR))
        assert "CSV" not in caplog.text

    def test_a_quoted_cell_that_goes_on_in_the_next_line(self, tmp_path):
        (tmp_path / "x.tsv").write_text('"one\ntwo"\t"un deux"\n')
        said = error_of(tmp_path / "x.tsv")
        assert "x.tsv:1: 1 tab-separated columns, 2 are needed" in said
        assert "CSV" in said

    @pytest.mark.parametrize(
        "line",
        ["English\tFrench", "source\ttarget", "src_text\ttgt_text",
         "English\tFrançais", "text (en)\ttext (fr)"],
    )  # fmt: skip
    def test_a_line_that_looks_like_a_header_is_warned_of(self, tmp_path, caplog, line):
        (tmp_path / "x.tsv").write_text(f"{line}\nGood day\tBonjour\n", "utf-8")
        assert len(list(read_bitext(tmp_path / "x.tsv", languages=EN_FR))) == 2
        assert "x.tsv:1: looks like a header" in caplog.text
        assert "--header" in caplog.text

    def test_neither_is_said_of_a_header_that_is_announced_nor_of_text(self, tmp_path, caplog):
        (tmp_path / "x.tsv").write_text("English\tFrench\nGood day\tBonjour\n")
        assert len(list(read_bitext(tmp_path / "x.tsv", languages=EN_FR, header=True))) == 1
        (tmp_path / "x.tsv").write_text("I speak English.\tJe parle anglais.\nText\tTexte\n")
        assert len(list(read_bitext(tmp_path / "x.tsv", languages=EN_FR))) == 2
        assert not caplog.text


class TestInlineElements:
    """What stands for something keeps words apart, formatting may begin in the midst of one."""

    @pytest.mark.parametrize(
        ("inside", "read"),
        [
            ("Tap the <g id='1'>green</g> key<bx id='2'/>twice", "Tap the green key twice"),
            ("Close<x id='3'/>window<ex id='4'/>now", "Close window now"),
            ("one<br/>two<sc/>three<ec/>four<cp hex='1'/>five", "one two three four five"),
            ("One.<br/>Two<ph/>(three)<ph/>¿four?", "One. Two (three) ¿four?"),
            ("a<bpt i='1'/>b<ept i='1'/>c", "a b c"),
            ("<p>One</p><p>two</p>", "One two"),
            ("<li>salt<unknown>pepper</unknown>oil</li>", "salt pepper oil"),
            ("<g id='1'>Open</g><g id='2'>file</g>", "Open file"),
            ("<mrk mtype='seg'>One.</mrk><mrk mtype='seg'>Two.</mrk>", "One. Two."),
            ("<bpt i='1'>x</bpt>Open<ept i='1'>y</ept><bpt i='2'>x</bpt>file<ept i='2'>y</ept>",
             "Open file"),
            ("<x:br xmlns:x='u'/>one<x:br xmlns:x='u'/>two", "one two"),
            # Formatting of a part of a word.
            ("un<g id='1'>believ</g>able", "unbelievable"),
            ("H<sub>2</sub>O and <hi>C</hi>lick", "H2O and Click"),
            ("<b><i>B</i></b>old, <pc id='1'>i</pc>talic", "Bold, italic"),
            ("word<g id='1'>s</g>, and <mrk mtype='term'>term</mrk>s", "words, and terms"),
            # Placeholders with code in them, beside white space and punctuation.
            ("end<ph>&lt;br&gt;</ph>.", "end."),
            ("a <x/> b<x/>, c-<x/>d", "a  b, c-d"),
            ("«<x/>a<x/>»", "«a»"),
        ],
    )  # fmt: skip
    def test_words_stay_apart(self, tmp_path, inside, read):
        (tmp_path / "x.tmx").write_text(
            f'<tmx><body><tu><tuv lang="en"><seg>{inside}</seg></tuv>'
            '<tuv lang="fr"><seg>x</seg></tuv></tu></body></tmx>',
            "utf-8",
        )
        assert texts(read_bitext(tmp_path / "x.tmx")) == [(read, "x")]


def make_mo(charset, key=b"a", text=b"b"):
    """An MO file of a header and one entry, byte for byte."""
    header = b"Content-Type: text/plain; charset=" + charset + b"\n"
    sides = [(b"", key), (header, text)]
    blob, tables = b"", [b"", b""]
    for entry in (0, 1):
        for side in (0, 1):
            tables[side] += struct.pack("<II", len(sides[side][entry]), 60 + len(blob))
            blob += sides[side][entry] + b"\0"
    head = struct.pack("<IIIIIII", 0x950412DE, 0, 2, 28, 44, 0, 60)
    return head + tables[0] + tables[1] + blob


class TestCompiledCatalogues:
    @pytest.mark.parametrize(
        "charset",
        [b"U\0TF-8", b"undefined", b"rot13", b"utf-16", b"x" * 5000, b"\xff\xfe", b"idna"],
    )
    def test_a_charset_that_is_none(self, tmp_path, charset):
        (tmp_path / "x.mo").write_bytes(make_mo(charset, text=b"\xff\xfe"))
        said = error_of(tmp_path / "x.mo")
        assert said.startswith(f"{tmp_path / 'x.mo'}:2: entry 2 is not ") or "charset" in said
        assert len(said) < 400 + len(str(tmp_path))

    def test_another_revision_of_the_format(self, tmp_path):
        data = make_mo(b"UTF-8")
        for name in ("en.mo", "fr.mo"):
            (tmp_path / name).write_bytes(data[:4] + struct.pack("<I", 9 << 16) + data[8:])
        with pytest.raises(DataError, match=r"en\.mo: the MO file can't be read .*revision"):
            list(read_bitext([tmp_path / "en.mo", tmp_path / "fr.mo"], languages=EN_FR))

    def test_half_a_surrogate_pair_is_no_text(self, tmp_path):
        (tmp_path / "x.mo").write_bytes(make_mo(b"utf-7", b"two words", b"deux +2AA- mots"))
        assert "x.mo:2: U+D800 is half of a surrogate pair" in error_of(tmp_path / "x.mo")

    def test_texts_that_overlap_are_refused_and_fast(self, tmp_path):
        count, size = 100_000, 1_000_000
        table = struct.pack("<II", size, 28 + 8 * count) * count
        head = struct.pack("<IIIIIII", 0x950412DE, 0, count, 28, 28, 0, 28)
        (tmp_path / "x.mo").write_bytes(head + table + b"x" * size)
        begun = time.monotonic()
        assert "the MO file is damaged" in error_of(tmp_path / "x.mo")
        assert time.monotonic() - begun < 5

    def test_shared_texts_are_read(self, tmp_path):
        """Some compilers store a text once that is the translation of several."""
        data = bytearray(make_mo(b"UTF-8", b"hello", b"hello"))
        data[52:60] = data[36:44]  # the place of the key
        (tmp_path / "x.mo").write_bytes(bytes(data))
        assert texts(read_bitext(tmp_path / "x.mo", languages=EN_FR)) == [("hello", "hello")]


def test_time_for_giant_entries_grows_with_their_length(tmp_path):
    lines = '"x"\n' * 400_000
    (tmp_path / "fr.po").write_text(f'msgid "a"\nmsgstr ""\n{lines}\nmsgid "b"\nmsgstr "c"\n')
    log, begun = SkipLog(), time.monotonic()
    assert texts(read_bitext(tmp_path / "fr.po", languages=EN_FR, skip_log=log)) == [("b", "c")]
    assert log.counts["entry too long"] > 0
    assert time.monotonic() - begun < 20


def test_time_for_giant_attributes_and_tags_is_bounded(tmp_path):
    giant = "x" * 30_000_000
    (tmp_path / "x.tmx").write_text(f'<tmx><body><tu a="{giant}"></tu></body></tmx>')
    begun = time.monotonic()
    assert "longer than" in error_of(tmp_path / "x.tmx")
    assert time.monotonic() - begun < 10
    unit = '<tuv lang="xx"><seg/></tuv>' * 800_000
    (tmp_path / "x.tmx").write_text(f"<tmx><body><tu>{unit}</tu></body></tmx>")
    assert "a unit is longer than" in error_of(tmp_path / "x.tmx")


def test_interface_strings_are_cleaned_in_linear_time():
    begun = time.monotonic()
    for text in ("a" + " " * 500_000 + "b", "(" * 500_000, "{ " * 250_000, "<" * 500_000):
        clean(text)
    assert time.monotonic() - begun < 5
    assert clean("Save   (S) as") == "Save as"


class TestParquet:
    @staticmethod
    def text_of(values):
        return pa.array(values, pa.binary()).view(pa.string())

    def test_a_row_that_is_not_utf_8(self, tmp_path):
        path = tmp_path / "x.parquet"
        columns = {
            "en": self.text_of([b"one", b"\xff\xfe", b"three"]),
            "fr": ["un", "deux", "trois"],
        }
        pq.write_table(pa.table(columns), path)
        assert f"{path}:2: column 'en' is not UTF-8" in error_of(path)
        log = SkipLog()
        pairs = read_bitext(path, languages=EN_FR, skip_log=log)
        assert texts(pairs) == [("one", "un"), ("three", "trois")]
        assert log.counts == {"not UTF-8": 1}

    def test_a_struct_that_is_not_utf_8(self, tmp_path):
        struct_array = pa.StructArray.from_arrays(
            [self.text_of([b"a", b"\xff"]), pa.array(["b", "c"])], names=["en", "fr"]
        )
        pq.write_table(pa.table({"translation": struct_array}), tmp_path / "x.parquet")
        log = SkipLog()
        assert texts(read_bitext(tmp_path / "x.parquet", skip_log=log)) == [("a", "b")]
        assert log.counts == {"not UTF-8": 1}

    def test_a_name_of_a_column_that_is_not_utf_8(self, tmp_path):
        path = tmp_path / "x.parquet"
        pq.write_table(pa.table({"enQ": ["a"], "fr": ["b"]}), path)
        path.write_bytes(path.read_bytes().replace(b"enQ", b"en\xff"))
        assert str(path) in error_of(path)


class TestFileNames:
    """Names on Linux are bytes; those that are no text are shown as their codes."""

    @pytest.mark.parametrize("ending", ["tsv", "tmx", "po", "mo", "parquet"])
    def test_bytes_that_are_no_text(self, tmp_path, ending):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff." + ending.encode())
        if ending == "parquet":
            with open(path, "wb") as file:  # noqa: PTH123
                pq.write_table(pa.table({"en": ["a"], "fr": ["b"]}), file)
        elif ending == "mo":
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(make_mo(b"UTF-8"))
        else:
            sides = '<tuv lang="en"><seg>a</seg></tuv><tuv lang="fr"><seg>b</seg></tuv>'
            tmx = f"<tmx><tu>{sides}</tu></tmx>"
            content = {"tsv": "a\tb\n", "tmx": tmx, "po": 'msgid "a"\nmsgstr "b"\n'}[ending]
            with open(path, "w") as file:  # noqa: PTH123
                file.write(content)
        (pair,) = read_bitext(path, languages=EN_FR)
        assert (pair.source, pair.target) == ("a", "b")
        assert f"{tmp_path}/a\\udcff.{ending}:" in pair.origin
        pair.origin.encode()

    def test_groups_and_the_list_of_what_is_left_out(self, tmp_path):
        folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9")
        os.mkdir(folder)  # noqa: PTH102
        for code in ("en", "fr", "de"):
            with open(f"{folder}/x.{code}", "w") as file:  # noqa: PTH123
                file.write("a\n" if code == "de" else "a\nb\n")
        with open(f"{folder}/x.de", "a") as file:  # noqa: PTH123
            file.write("\n")
        with SkipLog(to=tmp_path / "skipped") as log:
            pairs = list(read_bitext(folder, skip_log=log))
        assert {pair.group.encode() for pair in pairs} == {
            f"{tmp_path}/\\udce9/x:{n}".encode() for n in (1, 2)
        }
        assert (tmp_path / "skipped").read_text().endswith("x.de:2: no de text\n")


@pytest.mark.parametrize("space", ["\u3000", "\u2003", "\u2009", "\u1680", "\u205f"])
def test_words_end_at_every_space_that_may_break(space):
    assert split_words(f"今天{space}{space}天气\t好") == ["今天", "天气", "好"]


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2007", "\u200b"])
def test_words_do_not_end_at_others(space):
    assert split_words(f"10{space}000 francs") == [f"10{space}000", "francs"]
