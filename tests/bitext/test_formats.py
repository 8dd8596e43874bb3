"""Every format, read back as it was written, and detected from its name."""

from __future__ import annotations

import dataclasses
import gettext
import gzip
import struct
import subprocess
import sys
from typing import get_args

import polib
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosszero.bitext import (
    FORMATS,
    BitextConfig,
    FormatName,
    GettextReader,
    MosesReader,
    MultiwayReader,
    Reader,
    SkipLog,
    TmxReader,
    TsvReader,
    detect_format,
    read_bitext,
)
from crosszero.bitext.languages import find_language, languages_in_name, split_suffix
from crosszero.config import build
from crosszero.errors import ConfigError, DataError, MissingExtraError


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


def codes(pairs):
    return [(pair.source_language, pair.target_language) for pair in pairs]


@pytest.fixture
def multi(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for code, lines in {
        "en": ["one", "two", "three"],
        "fr": ["un", "", "trois"],
        "ru": ["один", "два", ""],
    }.items():
        (folder / f"multi.{code}").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


class TestTsv:
    def test_languages_from_the_name_and_white_space_of_the_ends_only(self, tmp_path):
        path = tmp_path / "corpus.en-fr.tsv"
        path.write_bytes('\ufeff a  b \t“c” \r\n"d\te\r\n'.encode())
        pairs = list(read_bitext(path))
        assert texts(pairs) == [("a  b", "“c”"), ('"d', "e")]
        assert codes(pairs) == [("en", "fr")] * 2
        assert [pair.origin for pair in pairs] == [f"{path}:1", f"{path}:2"]
        assert {pair.group for pair in pairs} == {""}

    @pytest.mark.parametrize("columns", [[2, 0], ["fr text", "en text"]])
    def test_columns_by_position_and_by_name(self, tmp_path, columns):
        path = tmp_path / "x.tsv.gz"
        path.write_bytes(gzip.compress(b"en text\tid\tfr text\nHello\t7\tSalut\n"))
        reader = TsvReader(path, languages=["fr", "en"], columns=columns, header=True)
        assert texts(reader) == [("Salut", "Hello")]
        assert texts(reader) == [("Salut", "Hello")]  # a reader can be read again

    def test_a_line_of_language_codes_is_a_header(self, tmp_path):
        (tmp_path / "x.tsv").write_text("en\tfr\nHello\tSalut\n")
        assert texts(read_bitext(tmp_path / "x.tsv", languages=["en", "fr"])) == [
            ("Hello", "Salut")
        ]

    def test_three_columns_are_multi_way(self, tmp_path):
        (tmp_path / "x.tsv").write_text("a\tb\tc\nd\t\tf\n")
        log = SkipLog(skip_bad=False)
        pairs = list(
            read_bitext(tmp_path / "x.tsv", languages=["en", "fr", "de"], pairs="fr", skip_log=log)
        )
        assert texts(pairs) == [("b", "a"), ("b", "c")]
        assert pairs[0].group == pairs[1].group == f"{tmp_path / 'x.tsv'}:1"
        assert log.counts == {"no fr text": 1}


class TestAligned:
    def test_two_files_in_the_order_given(self, tmp_path):
        (tmp_path / "x.fr.gz").write_bytes(gzip.compress("été\n".encode()))
        (tmp_path / "x.en").write_text("summer\n")
        pairs = list(read_bitext([tmp_path / "x.fr.gz", tmp_path / "x.en"]))
        assert texts(pairs) == [("été", "summer")]
        assert codes(pairs) == [("fr", "en")]
        assert pairs[0].origin == f"{tmp_path / 'x.fr.gz'}:1"

    def test_names_that_tell_nothing_take_given_languages(self, tmp_path):
        (tmp_path / "src.txt").write_text("a\n")
        (tmp_path / "trg.txt").write_text("b\n")
        files = [tmp_path / "src.txt", tmp_path / "trg.txt"]
        assert codes(read_bitext(files, languages=["de", "cs"])) == [("de", "cs")]
        assert codes(MosesReader(*files, languages=["de", "cs"])) == [("de", "cs")]

    def test_a_prefix_with_two_languages_in_its_name(self, tmp_path):
        for code in ("en", "fr"):
            (tmp_path / f"opus.en-fr.{code}").write_text(f"{code}\n")
        assert texts(read_bitext(tmp_path / "opus.en-fr")) == [("en", "fr")]
        assert texts(read_bitext(tmp_path / "opus.en-fr", format="moses")) == [("en", "fr")]

    def test_all_pairs_of_a_line_follow_each_other_and_share_the_group(self, multi):
        log = SkipLog(skip_bad=False)
        pairs = list(read_bitext(multi, skip_log=log))
        assert texts(pairs) == [
            ("one", "un"),
            ("one", "один"),
            ("un", "один"),
            ("two", "два"),
            ("three", "trois"),
        ]
        groups = [pair.group for pair in pairs]
        name = multi / "multi"
        assert groups == [f"{name}:1"] * 3 + [f"{name}:2", f"{name}:3"]
        assert pairs[2].origin == f"{multi / 'multi.fr'}:1"
        assert log.counts == {"no fr text": 1, "no ru text": 1}
        assert log.entries[0] == f"{multi / 'multi.fr'}:2: no fr text"

    def test_a_pivot_and_the_order_of_languages(self, multi):
        pairs = list(read_bitext(multi, languages=["ru", "fr", "en"], pairs="en"))
        assert codes(pairs)[:2] == [("en", "ru"), ("en", "fr")]
        assert len(pairs) == 4

    def test_several_files_by_name(self, multi):
        files = [multi / f"multi.{code}" for code in ("ru", "en", "fr")]
        assert codes(read_bitext(files))[0] == ("ru", "en")

    @pytest.mark.parametrize("ending", ["multi", "multi.", "multi.*"])
    def test_forms_of_a_prefix(self, multi, ending):
        assert len(list(MultiwayReader(str(multi / ending)))) == 5

    def test_the_languages_choose_among_prefixes(self, tmp_path):
        for pair in ("en-fr", "en-ru"):
            for code in pair.split("-"):
                (tmp_path / f"{pair}.{code}").write_text("x\n")
        assert len(list(read_bitext(tmp_path, languages=["en", "ru"]))) == 1


TMX = """<?xml version="1.0"?>
<!DOCTYPE tmx SYSTEM "http://127.0.0.1:9/tmx14.dtd">
<tmx version="1.4"><header srclang="en-US"/><body>
<tu><tuv xml:lang="en-US">
<seg>Press <bpt i="1">\\b </bpt>Save<ept i="1">x</ept> &amp; <hi>go</hi>.</seg></tuv>
<tuv xml:lang="fr-FR"><seg> Enregistrez\u2028! </seg></tuv></tu>
<tu><tuv xml:lang="en-GB"><seg>colour</seg></tuv><tuv xml:lang="EN-US"><seg>color</seg></tuv>
<tuv xml:lang="FR"><seg>couleur</seg></tuv></tu>
</body></tmx>
"""


class TestTmx:
    @pytest.mark.parametrize("code", ["utf-8", "utf-16"])
    def test_text_without_code_and_region_variants(self, tmp_path, code):
        path = tmp_path / "x.tmx.gz"
        path.write_bytes(gzip.compress(TMX.encode(code)))
        log = SkipLog(skip_bad=False)
        pairs = list(read_bitext(path, languages=["fr", "en"], skip_log=log))
        assert texts(pairs) == [
            ("Enregistrez\u2028!", "Press Save & go."),
            ("couleur", "colour"),
        ]
        assert pairs[1].origin == f"{path}:7"
        assert log.counts == {"another en variant": 1}

    def test_an_exact_code_goes_before_a_variant(self, tmp_path):
        (tmp_path / "x.tmx").write_text(TMX, "utf-8")
        pairs = TmxReader(tmp_path / "x.tmx", languages=["en-US", "fr"])
        assert texts(pairs)[1] == ("color", "couleur")

    def test_two_languages_of_the_first_unit(self, tmp_path):
        (tmp_path / "x.tmx").write_text(TMX, "utf-8")
        assert TmxReader(tmp_path / "x.tmx").languages == ("en-US", "fr-FR")

    def test_a_file_larger_than_a_block(self, tmp_path):
        unit = (
            '<tu><tuv lang="en"><seg>n {0}</seg></tuv><tuv lang="fr"><seg>f {0}</seg></tuv></tu>\n'
        )
        body = "".join(unit.format(number) for number in range(5000))
        (tmp_path / "x.tmx").write_text(f"<tmx><body>{body}</body></tmx>")
        pairs = texts(read_bitext(tmp_path / "x.tmx"))
        assert pairs == [(f"n {number}", f"f {number}") for number in range(5000)]


PO = r"""# A comment
msgid ""
msgstr ""
"Language: fr\n"
"Content-Type: text/plain; charset=UTF-8\n"

#: a.c:1
msgid "Open \"%s\"\n"
msgstr "Ouvrir "
"« %s »\t"

#, fuzzy, c-format
#| msgid "old"
msgid "guess"
msgstr "devinette"

msgid "todo"
msgstr ""
msgctxt "menu"
msgid "file"
msgid_plural "files"
msgstr[0] "fichier"
msgstr[1] "fichiers"

msgid "file"
msgstr "lime"

#~ msgid "gone"
#~ msgstr "parti"
"""


class TestGettext:
    def test_po_by_rule(self, tmp_path):
        path = tmp_path / "fr.po"
        path.write_text(PO, "utf-8")
        log = SkipLog(skip_bad=False)
        pairs = list(read_bitext(path, skip_log=log))
        assert texts(pairs) == [
            ('Open "%s"', "Ouvrir « %s »"),
            ("file", "fichier"),
            ("file", "lime"),
        ]
        assert codes(pairs)[0] == ("en", "fr")
        assert [pair.origin for pair in pairs] == [f"{path}:8", f"{path}:19", f"{path}:25"]
        assert log.entries == [
            f"{path}:14: fuzzy",
            f"{path}:17: untranslated",
            f"{path}:28: obsolete",
        ]

    def test_mo_agrees_with_pythons_own_gettext(self, tmp_path):
        path = self.plurals(tmp_path / "sl.po", self.SLOVENIAN, "pet", "en", "dva", "tri")
        polib.pofile(str(path)).save_as_mofile(str(tmp_path / "sl.mo"))
        with (tmp_path / "sl.mo").open("rb") as file:
            reference = gettext.GNUTranslations(file).ngettext("a day", "%d days", 1)
        assert texts(read_bitext(tmp_path / "sl.mo")) == [("a day", reference)]

    def test_mo_as_po(self, tmp_path):
        (tmp_path / "fr.po").write_text(PO, "utf-8")
        polib.pofile(str(tmp_path / "fr.po")).save_as_mofile(str(tmp_path / "fr.mo"))
        (tmp_path / "FR.MO").write_bytes((tmp_path / "fr.mo").read_bytes())
        for name in ("fr.mo", "FR.MO"):
            pairs = read_bitext(tmp_path / name, languages=["en", "fr"])
            assert sorted(texts(pairs)) == sorted(texts(read_bitext(tmp_path / "fr.po")))

    def test_mo_of_the_other_byte_order_and_another_encoding(self, tmp_path):
        entries = [
            (b"", b"Language: fr\nContent-Type: text/plain; charset=ISO-8859-1\n"),
            (b"menu\x04summer\0summers", b"\xe9t\xe9\0\xe9t\xe9s"),
        ]
        head, blob = 28, b""
        tables = [b"", b""]
        start = head + 16 * len(entries)
        for side in (0, 1):
            for entry in entries:
                tables[side] += struct.pack(">II", len(entry[side]), start + len(blob))
                blob += entry[side] + b"\0"
        header = struct.pack(">IIIIIII", 0x950412DE, 0, 2, head, head + 16, 0, 0)
        (tmp_path / "x.mo").write_bytes(header + tables[0] + tables[1] + blob)
        assert texts(read_bitext(tmp_path / "x.mo")) == [("summer", "été")]

    SLOVENIAN = r"nplurals=4; plural=(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0)"
    ARABIC = "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : 4"
    FRENCH = "nplurals=2; plural=(n > 1);"

    @staticmethod
    def plurals(path, rule, *forms, key="a day"):
        header = r"Language: sl\nContent-Type: text/plain; charset=UTF-8\n"
        header += rf"Plural-Forms: {rule}\n" if rule else ""
        lines = [f'msgid ""\nmsgstr "{header}"\n\nmsgid "{key}"\nmsgid_plural "%d days"']
        lines += [f'msgstr[{i}] "{form}"' for i, form in enumerate(forms)]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (SLOVENIAN, "f1"),
            (ARABIC, "f1"),
            (FRENCH, "f0"),
            ("nplurals=1; plural=0;", "f0"),
            ("nplurals=INTEGER; plural=EXPRESSION;", "f0"),
            ("", "f0"),
        ],
    )
    def test_of_plural_forms_that_of_one_is_read(self, tmp_path, rule, expected):
        path = self.plurals(tmp_path / "x.po", rule, "f0", "f1", "f2", "f3")
        polib.pofile(str(path)).save_as_mofile(str(tmp_path / "x.mo"))
        for name in ("x.po", "x.mo"):
            assert texts(read_bitext(tmp_path / name)) == [("a day", expected)]

    def test_an_empty_form_of_none_does_not_make_an_entry_untranslated(self, tmp_path):
        path = self.plurals(tmp_path / "ar.po", self.ARABIC, "", "one", "two")
        assert texts(read_bitext(path, languages=["en", "sl"])) == [("a day", "one")]
        path = self.plurals(tmp_path / "ar.po", self.ARABIC, "none", "", "two")
        with pytest.raises(DataError, match="1 skipped: untranslated 1"):
            list(read_bitext(path, languages=["en", "sl"]))

    def test_joined_catalogues_meet_in_the_form_of_one(self, tmp_path):
        paths = [
            self.plurals(tmp_path / "fr.po", self.FRENCH, "un", "deux", key="days.left"),
            self.plurals(tmp_path / "sl.po", self.SLOVENIAN, "pet", "en", "dva", key="days.left"),
        ]
        assert texts(read_bitext(paths, languages=["fr", "sl"])) == [("un", "en")]

    @pytest.mark.parametrize(
        "rule", ["plural=n%0;", "plural=__import__('os');", "plural=" + "(" * 99, "plural=n n"]
    )
    def test_a_rule_that_makes_no_sense_costs_the_plurals_only(self, tmp_path, rule):
        path = self.plurals(tmp_path / "sl.po", rule, "f0", "f1")
        path.write_text(path.read_text() + '\nmsgid "b"\nmsgstr "c"\n')
        with pytest.raises(DataError, match=r"sl\.po:4: the header's Plural-Forms can't be read"):
            list(read_bitext(path, languages=["en", "sl"]))
        log = SkipLog()
        assert texts(read_bitext(path, languages=["en", "sl"], skip_log=log)) == [("b", "c")]
        assert log.counts == {"plural form unknown": 1}

    def test_the_header_tells_the_direction(self, tmp_path):
        (tmp_path / "fr.po").write_text(PO, "utf-8")
        pairs = list(GettextReader(tmp_path / "fr.po", languages=["fr", "en"]))
        assert texts(pairs)[2] == ("lime", "file")
        assert codes(pairs)[2] == ("fr", "en")

    def test_catalogues_with_keys_are_joined(self, tmp_path):
        for code, body in {
            "en": 'msgid "a"\nmsgstr "Open"\n\nmsgid "b"\nmsgstr "Close"\n',
            "fr": 'msgid "b"\nmsgstr "Fermer"\n\nmsgid "c"\nmsgstr "Seul"\n',
        }.items():
            (tmp_path / f"{code}.po").write_text(body)
        log = SkipLog(skip_bad=False)
        pairs = list(read_bitext([tmp_path / "en.po", tmp_path / "fr.po"], skip_log=log))
        assert texts(pairs) == [("Close", "Fermer")]
        assert codes(pairs) == [("en", "fr")]
        assert log.counts == {"no fr text": 1, "no en text": 1}


class TestHuggingFace:
    def test_translation_struct_in_local_parquet(self, tmp_path):
        rows = [{"en": "a", "fr": "b"}, {"en": "c", "fr": None}]
        pq.write_table(pa.table({"translation": rows}), tmp_path / "x.parquet")
        log = SkipLog()
        pairs = list(read_bitext(tmp_path / "x.parquet", skip_log=log))
        assert texts(pairs) == [("a", "b")]
        assert pairs[0].origin == f"{tmp_path / 'x.parquet'}:1"
        assert log.counts == {"empty side": 1}

    def test_map_column(self, tmp_path):
        kind = pa.map_(pa.string(), pa.string())
        column = pa.array([[("en", "a"), ("fr", "b")]], type=kind)
        pq.write_table(pa.table({"translation": column}), tmp_path / "x.parquet")
        pairs = read_bitext(tmp_path / "x.parquet", languages=["fr", "en"])
        assert texts(pairs) == [("b", "a")]

    @pytest.mark.parametrize("columns", [None, ["en", "fr"]])
    def test_columns_in_a_folder_of_parts(self, tmp_path, columns):
        for part in range(2):
            table = pa.table({"fr": [f"f{part}"] * 1500, "id": range(1500), "en": ["e"] * 1500})
            pq.write_table(table, tmp_path / f"part{part}.parquet")
        pairs = list(read_bitext(tmp_path, languages=["en", "fr"], columns=columns))
        assert len(pairs) == 3000
        assert texts(pairs)[-1] == ("e", "f1")
        assert pairs[-1].origin == f"{tmp_path / 'part1.parquet'}:1500"

    def test_a_hub_data_set_is_streamed(self, monkeypatch):
        datasets = pytest.importorskip("datasets", reason="the extra datasets is not installed")
        asked = {}

        def load(name, subset, **options):
            asked.update(options, name=name, subset=subset)
            languages = datasets.Translation(languages=["en", "fr"])
            return datasets.IterableDataset.from_generator(
                lambda: iter([{"translation": {"en": "a", "fr": "b"}}]),
                features=datasets.Features({"translation": languages}),
            )

        monkeypatch.setattr(datasets, "load_dataset", load)
        pairs = read_bitext("org/opus", format="huggingface", subset="en-fr", revision="abc")
        assert texts(pairs) == [("a", "b")]
        assert asked == {
            "name": "org/opus",
            "subset": "en-fr",
            "split": "train",
            "revision": "abc",
            "streaming": True,
        }

    def test_the_missing_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "datasets", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'crosszero\[datasets\]'"):
            read_bitext("org/name", format="huggingface")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.tsv"], "tsv"),
        (["a.TSV.gz"], "tsv"),
        (["a.tmx"], "tmx"),
        (["fr.po"], "gettext"),
        (["fr.mo", "ru.mo"], "gettext"),
        (["en-US.pak", "fr.pak"], "chromium"),
        (["a.parquet"], "huggingface"),
        (["x.en", "x.fr.gz"], "moses"),
        (["x.en", "x.fr", "x.ru"], "multiway"),
    ],
)
def test_names_tell_the_format(names, expected):
    assert detect_format(names) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("corpus.en-fr.tsv", ("en", "fr")),
        ("fr-to-en.tsv", ("fr", "en")),
        ("corpus.de_to_en.tsv", ("de", "en")),
        ("corpus.en-to.tsv", ("en", "to")),  # Tongan
        ("en-pt_BR.tsv.gz", ("en", "pt_BR")),
        ("opus_de-cs.tsv", ("de", "cs")),
        ("big-set.tsv", None),
        ("v1-v2.tsv", None),
        ("qq-en.tsv", None),
        ("en-en.tsv", None),
        ("as-is.en-fr.tsv", None),  # Assamese-Icelandic, or English-French
        ("en-fr.en-fr.tsv", ("en", "fr")),
    ],
)
def test_languages_in_names(name, expected):
    assert languages_in_name(name) == expected


def test_suffixes_and_matches():
    assert split_suffix("a/multi.pt-BR.gz") == ("multi", "pt-BR")
    assert split_suffix("notes.txt") is None
    assert split_suffix("program.py") is None
    assert find_language("zh", ["zh_TW", "ZH-cn"]) == "zh_TW"
    assert find_language("es", ["es-419", "es"]) == "es"
    assert find_language("fr", ["frp"]) is None


def test_a_format_is_a_module_and_a_name():
    assert set(get_args(FormatName)) == set(FORMATS)
    settings = {field.name for field in dataclasses.fields(BitextConfig)}
    for name, reader in FORMATS.items():
        assert reader.format == name
        assert set(reader.options) <= settings
        for option in set(reader.options) - {"pairs"}:  # as the configuration has it
            default = BitextConfig.__dataclass_fields__[option].default
            assert getattr(reader, option) == default


def test_the_configuration_is_a_yaml_node(tmp_path):
    (tmp_path / "x.tsv").write_text("a\t1\tb\n")
    node = {"path": str(tmp_path / "x.tsv"), "languages": ["en", "fr"], "columns": [0, 2]}
    reader = build(BitextConfig, node).open()
    assert isinstance(reader, Reader)
    assert texts(reader) == [("a", "b")]


def test_what_was_left_out_is_reported_when_nobody_takes_it(tmp_path, caplog):
    (tmp_path / "x.en-fr.tsv").write_text("a\tb\nc\t\nd\n")
    assert len(list(read_bitext(tmp_path / "x.en-fr.tsv", skip_bad=True))) == 1
    assert "2 skipped: empty side 1, wrong columns 1" in caplog.text


def test_the_skip_log_counts_all_and_lists_as_many_as_asked(tmp_path):
    (tmp_path / "x.en-fr.tsv").write_text("a\tb\n" + "c\t\n" * 5)
    with SkipLog(keep=2, to=tmp_path / "skipped.txt") as log:
        pairs = list(read_bitext(tmp_path / "x.en-fr.tsv", skip_log=log))
    assert len(pairs) == 1
    assert log.counts == {"empty side": 5}
    assert len(log.entries) == 2
    listed = (tmp_path / "skipped.txt").read_text().splitlines()
    assert listed == [f"{tmp_path / 'x.en-fr.tsv'}:{line}: empty side" for line in range(2, 7)]


def test_repeated_pairs_are_kept(tmp_path):
    (tmp_path / "x.en-fr.tsv").write_text("a\tb\n" * 3)
    assert len(list(read_bitext(tmp_path / "x.en-fr.tsv"))) == 3


def test_files_and_languages_are_checked_at_the_call(tmp_path):
    (tmp_path / "x.tsv").write_text("a\tb\n")
    with pytest.raises(ConfigError):
        read_bitext(tmp_path / "x.tsv")


def test_the_import_is_light():
    code = (
        "import sys, crosszero.bitext; "
        "print([m for m in ('torch', 'datasets', 'polib', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
