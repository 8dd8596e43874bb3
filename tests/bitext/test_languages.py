"""Which file holds which language: names that tell it, names that only seem to, and headers."""

from __future__ import annotations

import pytest

from crosszero.bitext import MosesReader, MultiwayReader, SkipLog, TsvReader, read_bitext
from crosszero.bitext.languages import (
    base_language,
    check_languages,
    normalise_code,
    same_language,
    split_suffix,
)
from crosszero.errors import ConfigError, DataError


def write(folder, **files):
    """Write files, `x__en` being called x.en, each with one line; give their paths."""
    folder.mkdir(exist_ok=True, parents=True)
    paths = [folder / name.replace("__", ".").replace("_to_", "-") for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(f"{text}\n", "utf-8")
    return paths


def rows(pairs):
    return [(p.source_language, p.source, p.target_language, p.target) for p in pairs]


@pytest.mark.parametrize("code", ["pt-BR", "pt_BR", "pt@latin", "PT", "pt_BR.UTF-8"])
def test_the_language_of_a_code(code):
    assert base_language(code) == "pt"
    assert same_language(code, "pt")
    assert same_language("pt", code)


def test_codes_are_compared_in_one_form():
    assert normalise_code("pt_BR.UTF-8") == normalise_code("pt-BR") == "pt-br"
    assert not same_language("pt-BR", "pt-PT")


ENDINGS = ["ids", "bpe", "spm", "raw", "ref", "src", "trg", "tgt", "vcb", "txt", "log", "tok", "py"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_is_not_guessed_to_be_a_language(ending):
    assert split_suffix(f"x.{ending}") is None
    assert split_suffix(f"x.{ending}", ["en", ending.upper()]) == ("x", ending)


@pytest.mark.parametrize("code", ["eng", "fra", "cmn", "swh", "quy", "kmr", "zho_Hans", "fil"])
def test_codes_of_three_letters_in_use_are_guessed(code):
    assert split_suffix(f"x.{code}") == ("x", code)


def test_files_of_another_kind_are_passed_over_and_told(tmp_path):
    write(tmp_path / "UN", **{f"6way__{code}": code for code in ("en", "fr", "ids")})
    log = SkipLog(skip_bad=False)
    pairs = read_bitext(tmp_path / "UN" / "6way", skip_log=log)
    assert rows(pairs) == [("en", "en", "fr", "fr")]
    assert log.entries == [f"{tmp_path / 'UN' / '6way.ids'}: no known language code"]
    assert rows(read_bitext(tmp_path / "UN")) == [("en", "en", "fr", "fr")]
    assert rows(read_bitext(tmp_path / "UN", format="moses"))[0][2] == "fr"


def test_a_rare_code_has_to_be_named(tmp_path):
    files = write(tmp_path / "c", x__kbd="a", x__ady="b")
    for given in (tmp_path / "c", tmp_path / "c" / "x"):
        with pytest.raises(DataError, match="--languages"):
            read_bitext(given)
        assert rows(read_bitext(given, languages=["ady", "kbd"])) == [("ady", "b", "kbd", "a")]
    assert rows(read_bitext(files, languages=["ady", "kbd"])) == [("ady", "b", "kbd", "a")]


class TestTwoFiles:
    def test_a_pair_in_the_name_goes_before_roles(self, tmp_path):
        files = write(tmp_path, x__en_to_fr__src="hello", x__en_to_fr__trg="salut")
        assert rows(read_bitext(files)) == [("en", "hello", "fr", "salut")]
        assert rows(read_bitext(files[::-1])) == [("fr", "salut", "en", "hello")]
        assert rows(MosesReader(*files)) == [("en", "hello", "fr", "salut")]
        swapped = read_bitext(files, languages=["fr", "en"])
        assert rows(swapped) == [("fr", "salut", "en", "hello")]

    def test_one_suffix_and_a_pair_in_the_name(self, tmp_path):
        files = write(tmp_path, x__en_to_fr__fr="salut", x__en_to_fr__ref="hello")
        assert rows(read_bitext(files)) == [("fr", "salut", "en", "hello")]

    @pytest.mark.parametrize("given", ["together", "alone"])
    def test_the_files_are_picked_by_their_names(self, tmp_path, given):
        files = write(tmp_path, x__en="hello", x__fr="salut")
        if given == "together":
            pairs = read_bitext(files, languages=["fr", "en"])
        else:
            pairs = MosesReader(*files, languages=["fr", "en"])
        assert rows(pairs) == [("fr", "salut", "en", "hello")]

    def test_a_region_may_be_added(self, tmp_path):
        files = write(tmp_path, x__en="hello", x__zh="你好")
        pairs = read_bitext(files, languages=["zh-CN", "en"])
        assert rows(pairs) == [("zh-CN", "你好", "en", "hello")]

    def test_one_name_that_tells_is_enough(self, tmp_path):
        files = write(tmp_path, x__en="hello", other__txt="salut")
        pairs = read_bitext(files, languages=["fr", "en"])
        assert rows(pairs) == [("fr", "salut", "en", "hello")]

    def test_equal_names_tell_nothing(self, tmp_path):
        files = [*write(tmp_path / "en", x__en_to_fr="hello"), *write(tmp_path / "fr", y__en="x")]
        files[1] = files[1].rename(tmp_path / "fr" / files[0].name)
        pairs = read_bitext(files, languages=["en", "fr"])
        assert rows(pairs) == [("en", "hello", "fr", "x")]

    @pytest.mark.parametrize("given", ["folder", "files"])
    def test_one_of_several_is_named_in_full(self, tmp_path, given):
        files = write(tmp_path, m__en="hello", m__zh_CN="你好", m__zh_TW="妳好")
        source = tmp_path if given == "folder" else files
        with pytest.raises(ConfigError, match=r"'zh' may be any of zh_CN, zh_TW: name the one"):
            read_bitext(source, languages=["en", "zh"])
        assert rows(read_bitext(source, languages=["en", "zh-TW"])) == [
            ("en", "hello", "zh-TW", "妳好")
        ]
        for languages in (["en", "zh", "zh-TW"], ["zh-TW", "zh", "en"]):
            pairs = {
                (p.source_language, p.source) for p in read_bitext(source, languages=languages)
            }
            assert ("zh", "你好") in pairs

    def test_names_and_languages_that_differ(self, tmp_path):
        files = write(tmp_path, x__en="hello", x__fr="salut")
        with pytest.raises(ConfigError, match=r"no file for 'de'; Allowed: en, fr"):
            read_bitext(files, languages=["en", "de"])


class TestTableHeader:
    @pytest.fixture
    def table(self, tmp_path):
        def make(text):
            path = tmp_path / "x.tsv"
            path.write_text(text, "utf-8")
            return path

        return make

    @pytest.mark.parametrize("header", [True, False])
    @pytest.mark.parametrize("first", ["fr\ten", "FR\ten-US"])
    def test_the_order_of_the_header_counts(self, table, first, header):
        path = table(f"{first}\nbonjour\thello\n")
        log = SkipLog(skip_bad=False)
        reader = TsvReader(path, languages=["en", "fr"], header=header, skip_log=log)
        assert rows(reader) == [("en", "hello", "fr", "bonjour")]
        assert log.counts == ({} if header else {"header": 1})

    def test_a_header_in_order_that_was_not_announced_is_counted(self, table):
        log = SkipLog(skip_bad=False)
        path = table("en\tfr\nhello\tbonjour\n")
        assert len(list(TsvReader(path, languages=["en", "fr"], skip_log=log))) == 1
        assert log.entries == [f"{path}:1: header"]

    def test_chosen_columns_that_are_called_like_the_languages(self, table):
        path = table("id\ten\tfr\n1\thello\tbonjour\n")
        pairs = TsvReader(path, languages=["fr", "en"], columns=[2, 1])
        assert rows(pairs) == [("fr", "bonjour", "en", "hello")]
        with pytest.raises(DataError, match=r":1: the columns 1 2 are called en fr,"):
            list(TsvReader(path, languages=["fr", "en"], columns=[1, 2]))

    def test_a_header_of_other_languages(self, table):
        path = table("fr\tes\nbonjour\thola\n")
        with pytest.raises(DataError, match=r":1: the header says fr es, --languages says en fr"):
            list(TsvReader(path, languages=["en", "fr"], header=True))

    def test_a_header_of_other_words_leaves_the_order_given(self, table):
        path = table("english\tfrench\nhello\tbonjour\n")
        pairs = TsvReader(path, languages=["en", "fr"], header=True)
        assert rows(pairs) == [("en", "hello", "fr", "bonjour")]

    @pytest.mark.parametrize("columns", [["en", "fr"], [1, 2]])
    def test_lines_are_held_against_the_header(self, table, columns):
        path = table("id\ten\tfr\n1\tone\ttab\tun\n2\ttwo\tdeux\n3\tthree\ttrois\n")
        options = {"languages": ["en", "fr"], "columns": columns, "header": True}
        with pytest.raises(DataError, match=r"x\.tsv:2: 4 tab-separated columns, 3 are needed"):
            list(read_bitext(path, **options))
        log = SkipLog()
        pairs = read_bitext(path, skip_log=log, **options)
        assert rows(pairs) == [("en", "two", "fr", "deux"), ("en", "three", "fr", "trois")]
        assert log.counts == {"wrong columns": 1}

    def test_a_first_line_unlike_most_others_is_refused(self, table):
        options = {"languages": ["en", "fr"], "columns": [1, 2], "skip_bad": True}
        path = table("0\ta\ttab\tb\n" + "1\tone\tun\n" * 80)
        with pytest.raises(DataError, match=r"x\.tsv:1: has 4 tab-separated columns, but most"):
            list(read_bitext(path, **options))
        path = table("1\tone\tun\n" * 51 + "0\ta\ttab\tb\n" * 80)
        assert len(list(read_bitext(path, **options))) == 51

    def test_truth_values_are_no_columns(self, table):
        with pytest.raises(
            ConfigError, match=r"columns\[0\]: True given; a whole number is needed"
        ):
            read_bitext(table("a\tb\n"), languages=["en", "fr"], columns=[True, False])


class TestGroups:
    def test_two_languages_make_no_group(self, tmp_path):
        write(tmp_path, m__en="a", m__fr="b", m__de="c")
        assert [p.group for p in MultiwayReader(tmp_path, languages=["en", "fr"])] == [""]

    def test_equal_names_in_different_folders_stay_apart(self, tmp_path):
        groups = set()
        for name in "ab":
            folder = tmp_path / name / "v1"
            write(folder, multi__en="a", multi__fr="b", multi__de="c")
            groups |= {pair.group for pair in read_bitext(folder / "multi")}
        assert groups == {f"{tmp_path}/{name}/v1/multi:1" for name in "ab"}

    def test_the_order_of_languages_does_not_change_the_name(self, tmp_path):
        write(tmp_path, multi__en="a", multi__kbd="b", multi__de="c")
        for languages in (["en", "de", "kbd"], ["kbd", "en", "de"]):
            pairs = read_bitext(tmp_path, languages=languages)
            assert {pair.group for pair in pairs} == {f"{tmp_path / 'multi'}:1"}


def test_words_are_no_codes():
    with pytest.raises(ConfigError, match="'French' is not a language code"):
        check_languages(["en", "French"])
