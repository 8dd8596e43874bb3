"""What formats hide in their details: splits, placeholders, escapes, text that can't be seen."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosszero.bitext import GettextReader, HuggingFaceReader, SkipLog, read_bitext
from crosszero.errors import ConfigError, DataError

EN_FR = ["en", "fr"]


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


class TestSplits:
    @pytest.fixture
    def folder(self, tmp_path):
        for name in ("train-0", "sub/test-00000-of-00001", "validation", "training"):
            path = tmp_path / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.table({"en": [name], "fr": ["x"]}), path)
        return tmp_path

    @pytest.mark.parametrize(
        ("split", "found"),
        [
            ("train", "train-0"),
            ("test", "sub/test-00000-of-00001"),
            ("validation", "validation"),
            ("dev", "validation"),
        ],
    )
    def test_the_files_of_one_split_are_read(self, folder, split, found):
        log = SkipLog(skip_bad=False)
        pairs = read_bitext(folder, languages=EN_FR, split=split, skip_log=log)
        assert texts(pairs) == [(found, "x")]
        assert log.entries == [f"{folder / 'training.parquet'}: file without a split"]

    def test_columns_by_place_or_name(self, folder):
        for columns in ([1, 0], ["fr", "en"], [1, "en"]):
            pairs = read_bitext(folder, languages=["fr", "en"], columns=columns)
            assert texts(pairs) == [("x", "train-0")]
        with pytest.raises(ConfigError, match="no column 2"):
            read_bitext(folder, languages=EN_FR, columns=[0, 2])

    def test_folders_tell_splits_too(self, tmp_path):
        for name in ("train", "test"):
            (tmp_path / name).mkdir()
            pq.write_table(pa.table({"en": [name], "fr": ["x"]}), tmp_path / name / "0.parquet")
        assert texts(HuggingFaceReader(tmp_path, languages=EN_FR)) == [("train", "x")]

    def test_a_split_without_files(self, folder):
        (folder / "train-0.parquet").unlink()
        with pytest.raises(ConfigError, match=r"no file of the split 'train'; .*test, validation"):
            read_bitext(folder, languages=EN_FR)

    def test_a_split_where_no_name_tells_one(self, folder):
        path = folder / "training.parquet"
        for given in (path, folder / "only"):
            if given != path:
                given.mkdir()
                path.rename(given / "x.parquet")
            with pytest.raises(
                ConfigError, match=r"split is 'test', but the file names show no splits"
            ):
                read_bitext(given, format="huggingface", languages=EN_FR, split="test")

    def test_a_file_that_is_named_is_read(self, folder):
        assert len(list(read_bitext(folder / "validation.parquet", languages=EN_FR))) == 1
        with pytest.raises(ConfigError, match="no file of the split 'test'"):
            read_bitext(folder / "validation.parquet", languages=EN_FR, split="test")

    @pytest.mark.parametrize("option", ["subset", "revision"])
    def test_options_of_the_hub(self, folder, option):
        with pytest.raises(ConfigError, match=rf"{option} is 'x', .* only data sets on the hub"):
            read_bitext(folder, languages=EN_FR, **{option: "x"})

    def test_parts_of_one_name_have_groups_of_their_own(self, tmp_path):
        for name in "ab":
            (tmp_path / name).mkdir()
            table = pa.table({"en": ["x"], "fr": ["y"], "de": ["z"]})
            pq.write_table(table, tmp_path / name / "0.parquet")
        pairs = read_bitext(tmp_path, languages=["en", "fr", "de"], format="huggingface")
        assert len({pair.group for pair in pairs}) == 2


class TestTmx:
    @pytest.mark.parametrize(
        ("inside", "read"),
        [
            ("first line<ph>&lt;br/&gt;</ph>second", "first line second"),
            ("a<it pos='begin'>x</it><ut>y</ut>b", "a b"),
            ("हिन्दी<ph/>शब्द", "हिन्दी शब्द"),
            ("a <ph/>b<ph/>, c", "a b, c"),
            ("un<bpt i='1'>x</bpt>believ<ept i='1'>y</ept>able", "unbelievable"),
            ("<ph/>a<ph>x<sub>y</sub></ph>", "a"),
        ],
    )
    def test_a_placeholder_keeps_words_apart(self, tmp_path, inside, read):
        (tmp_path / "x.tmx").write_text(
            f'<tmx><body><tu><tuv lang="en"><seg>{inside}</seg></tuv>'
            '<tuv lang="fr"><seg>x</seg></tuv></tu></body></tmx>',
            "utf-8",
        )
        assert texts(read_bitext(tmp_path / "x.tmx")) == [(read, "x")]

    def test_units_of_one_line_have_groups_of_their_own(self, tmp_path):
        unit = "".join(f'<tuv lang="{code}"><seg>x</seg></tuv>' for code in ("en", "fr", "de"))
        (tmp_path / "x.tmx").write_text(f"<tmx><body>{f'<tu>{unit}</tu>' * 3}</body></tmx>")
        pairs = read_bitext(tmp_path / "x.tmx", languages=["en", "fr", "de"])
        assert len({pair.group for pair in pairs}) == 3


class TestPo:
    @staticmethod
    def catalogue(folder, text, name="fr.po"):
        (folder / name).write_text(text, "utf-8")
        return folder / name

    @staticmethod
    def header(language, source="en"):
        fields = rf"Language: {language}\nX-Source-Language: {source}\n"
        return f'msgid ""\nmsgstr "{fields}"\n\nmsgid "a"\nmsgstr "b"\n'

    def test_a_language_that_is_no_code_is_left_to_the_user(self, tmp_path):
        path = self.catalogue(tmp_path, self.header("French"))
        assert texts(read_bitext(path, languages=EN_FR)) == [("a", "b")]
        with pytest.raises(
            ConfigError, match=r"'French', which is not a language code.*--languages"
        ):
            read_bitext(path)

    def test_a_source_language_that_is_no_code_is_not_taken_for_english(self, tmp_path):
        path = self.catalogue(tmp_path, self.header("fr", "German"))
        with pytest.raises(ConfigError, match=r"'German', which is not a language code"):
            read_bitext(path)
        assert GettextReader(path, languages=["de", "fr"]).languages == ("de", "fr")

    def test_an_encoding_after_the_code_is_cut(self, tmp_path):
        path = self.catalogue(tmp_path, self.header("pt_BR.UTF-8"))
        assert GettextReader(path).languages == ("en", "pt_BR")

    def test_joined_catalogues_fall_back_on_their_names(self, tmp_path):
        paths = [
            self.catalogue(tmp_path, self.header("English"), "en.po"),
            self.catalogue(tmp_path, self.header("French"), "fr.po"),
        ]
        assert GettextReader(*paths).languages == ("en", "fr")

    def test_a_string_on_the_line_after_its_keyword(self, tmp_path):
        path = self.catalogue(tmp_path, 'msgid\n"one "\n"two"\nmsgstr\n"un deux"\n')
        assert texts(read_bitext(path, languages=EN_FR)) == [("one two", "un deux")]

    def test_a_keyword_without_any_string(self, tmp_path):
        path = self.catalogue(tmp_path, 'msgid\nmsgstr "b"\n')
        with pytest.raises(DataError, match=r"fr\.po:2: 'msgid msgstr .* is not PO"):
            list(read_bitext(path, languages=EN_FR))

    def test_octal_and_hexadecimal_escapes_are_bytes_of_utf_8(self, tmp_path):
        path = self.catalogue(tmp_path, r'msgid "caf\303\251\x21\n"' + "\n" + r'msgstr "\\303"')
        assert texts(read_bitext(path, languages=EN_FR)) == [("café!", r"\303")]

    def test_other_escapes_and_line_separators(self, tmp_path):
        path = self.catalogue(tmp_path, 'msgid "a\\\\n\\a\\"\\tb"\nmsgstr "one\u2028two"\n')
        assert texts(read_bitext(path, languages=EN_FR)) == [('a\\n\a"\tb', "one\u2028two")]

    def test_escapes_that_are_not_utf_8(self, tmp_path):
        path = self.catalogue(tmp_path, r'msgid "a"' + "\n" + r'msgstr "caf\351"')
        with pytest.raises(DataError, match=r"fr\.po:2: the escapes in .*351.* are not UTF-8"):
            list(read_bitext(path, languages=EN_FR))


@pytest.mark.parametrize("text", ["\u200b", "\ufeff \u200b", "\u00ad", "\u2060\u200e", "\x85\x1f"])
class TestInvisibleText:
    def test_it_is_empty(self, tmp_path, text):
        (tmp_path / "x.en-fr.tsv").write_text(f"a\tb\nc\t{text}\nd\te\n", "utf-8")
        log = SkipLog()
        pairs = read_bitext(tmp_path / "x.en-fr.tsv", skip_log=log)
        assert texts(pairs) == [("a", "b"), ("d", "e")]
        assert log.counts == {"empty side": 1}

    def test_it_translates_nothing(self, tmp_path, text):
        (tmp_path / "fr.po").write_text(
            f'msgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr "{text}"\n', "utf-8"
        )
        log = SkipLog(skip_bad=False)
        assert len(list(read_bitext(tmp_path / "fr.po", languages=EN_FR, skip_log=log))) == 1
        assert log.counts == {"untranslated": 1}


def test_joiners_inside_text_stay(tmp_path):
    text = "می\u200cخواهم"
    (tmp_path / "x.en-fa.tsv").write_text(f"I want\t{text}\n", "utf-8")
    assert texts(read_bitext(tmp_path / "x.en-fa.tsv")) == [("I want", text)]


class TestEvery:
    def test_one_pair_in_three(self, tmp_path):
        (tmp_path / "x.en-fr.tsv").write_text("".join(f"a{i}\tb{i}\n" for i in range(8)))
        pairs = read_bitext(tmp_path / "x.en-fr.tsv", every=3)
        assert texts(pairs) == [("a0", "b0"), ("a3", "b3"), ("a6", "b6")]

    def test_lines_of_multi_way_text_stay_whole(self, tmp_path):
        for code in ("en", "fr", "ru"):
            (tmp_path / f"multi.{code}").write_text("".join(f"{code}{i}\n" for i in range(3)))
        pairs = read_bitext(tmp_path / "multi", every=2)
        both = [("en0", "fr0"), ("en0", "ru0"), ("fr0", "ru0")]
        assert texts(pairs) == both + [(a.replace("0", "2"), b.replace("0", "2")) for a, b in both]

    @pytest.mark.parametrize("every", [0, -1, 1.5, True])
    def test_other_numbers_are_refused(self, tmp_path, every):
        with pytest.raises(ConfigError, match="whole number"):
            read_bitext(tmp_path / "x.en-fr.tsv", every=every)
