"""Both layouts of the Tatoeba test, and the ways in which they come broken."""

import gzip
import zlib

import numpy as np
import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.retrieval import find_nearest
from crosszero.tasks.tatoeba import list_languages, read_tatoeba

FRENCH = ["Bonjour.", "Merci.", "Au revoir."]
ENGLISH = ["Goodbye.", "Hello.", "Thanks."]  # sorted, as XTREME leaves it
GOLD = ["2", "0", "1"]


def write(path, lines, *, ending="\n", start=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(start + "".join(line + ending for line in lines).encode())


@pytest.fixture
def xtreme(tmp_path):
    write(tmp_path / "tatoeba/fr-en.fr", FRENCH)
    write(tmp_path / "tatoeba/fr-en.en", ENGLISH)
    write(tmp_path / "labels/tatoeba/test-fr.tsv", GOLD)
    return tmp_path


def score(data):
    """Accuracy of an encoder that knows the three meanings."""
    known = {text: i for texts in (FRENCH, ["Hello.", "Thanks.", "Goodbye."])
             for i, text in enumerate(texts)}  # fmt: skip
    sides = (np.eye(3)[[known[text] for text in side]] for side in (data.english, data.foreign))
    return np.mean(np.equal(find_nearest(*sides), data.gold))


def test_xtreme_layout(xtreme):
    data = read_tatoeba(xtreme, "fr")
    assert (data.language, data.english, data.foreign) == ("fr", tuple(ENGLISH), tuple(FRENCH))
    assert data.gold == (2, 0, 1)
    assert score(data) == 1.0
    assert list_languages(xtreme) == ["fr"]


def test_wrong_gold_would_be_seen(xtreme):
    write(xtreme / "labels/tatoeba/test-fr.tsv", ["0", "1", "2"])
    assert score(read_tatoeba(xtreme, "fr")) == 0.0


@pytest.mark.parametrize("folder", ["", "tatoeba/"])
@pytest.mark.parametrize("asked", ["fr", "fra"])
def test_laser_layout(tmp_path, folder, asked):
    write(tmp_path / f"{folder}tatoeba.fra-eng.fra", FRENCH)
    write(tmp_path / f"{folder}tatoeba.fra-eng.eng", ["Hello.", "Thanks.", "Goodbye."])
    data = read_tatoeba(tmp_path, asked)
    assert (data.gold, data.language) == ((0, 1, 2), asked)
    assert score(data) == 1.0
    assert list_languages(tmp_path) == ["fra"]


@pytest.mark.parametrize("folder", ["", "tatoeba/"])
def test_labels_belong_to_the_sorted_layout_only(xtreme, folder):
    """LASER's files are aligned, so XTREME's labels beside them say nothing about them."""
    for name in ("fr-en.fr", "fr-en.en"):
        (xtreme / "tatoeba" / name).unlink()
    write(xtreme / f"{folder}tatoeba.fra-eng.fra", FRENCH)
    write(xtreme / f"{folder}tatoeba.fra-eng.eng", ["Hello.", "Thanks.", "Goodbye."])
    for code in ("fr", "fra"):
        write(xtreme / f"labels/tatoeba/test-{code}.tsv", GOLD)
        data = read_tatoeba(xtreme, code)
        assert data.gold == (0, 1, 2)
        assert score(data) == 1.0


@pytest.mark.parametrize("code", ["zh-CN", "sr_Latn", "zh-Hant-HK"])
def test_codes_with_a_region_or_script(tmp_path, code):
    write(tmp_path / f"tatoeba/{code}-en.{code}", FRENCH)
    write(tmp_path / f"tatoeba/{code}-en.en", ENGLISH)
    write(tmp_path / f"labels/tatoeba/test-{code}.tsv", GOLD)
    assert list_languages(tmp_path) == [code]
    assert read_tatoeba(tmp_path, code).gold == (2, 0, 1)
    write(tmp_path / f"tatoeba.{code}-eng.{code}", FRENCH)
    write(tmp_path / f"tatoeba.{code}-eng.eng", FRENCH)
    for path in (tmp_path / "tatoeba").iterdir():
        path.unlink()
    assert list_languages(tmp_path) == [code]
    assert read_tatoeba(tmp_path, code).gold == (0, 1, 2)


def test_what_is_listed_can_be_read(xtreme):
    for name in ("it-en.it", "it-en.en", "tatoeba.it-en.it", "tatoeba.it-en.en"):
        write(xtreme / name, FRENCH)  # neither layout
    assert list_languages(xtreme) == ["fr"]


def test_windows_files_and_odd_line_separators(xtreme):
    odd = ["Bon\u2028jour\x0b.", "Merci\u0085.", "Au revoir."]
    write(xtreme / "tatoeba/fr-en.fr", odd, ending="\r\n", start=b"\xef\xbb\xbf")
    write(xtreme / "labels/tatoeba/test-fr.tsv", GOLD, ending="\r\n", start=b"\xef\xbb\xbf")
    data = read_tatoeba(xtreme, "fr")
    assert data.foreign == tuple(odd)
    assert data.gold == (2, 0, 1)


def test_last_line_without_end_and_gzip(xtreme):
    (xtreme / "tatoeba/fr-en.en").write_text("\n".join(ENGLISH))
    (xtreme / "tatoeba/fr-en.fr").write_bytes(gzip.compress("\n".join(FRENCH).encode()))
    data = read_tatoeba(xtreme, "fr")
    assert (data.english, data.foreign) == (tuple(ENGLISH), tuple(FRENCH))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("tatoeba/fr-en.en", ENGLISH[:2], r"fr-en\.en:2: 2 lines, but .*fr-en\.fr has 3"),
        ("tatoeba/fr-en.en", [*ENGLISH, "x"], r"fr-en\.en:3: 4 lines, but .*fr-en\.fr has 3"),
        ("tatoeba/fr-en.en", [], r"fr-en\.en:1: is empty"),
        ("tatoeba/fr-en.fr", ["a", "", "b"], r"fr-en\.fr:2: the line is empty"),
        ("tatoeba/fr-en.fr", ["a", "b", "\u3000 "], r"fr-en\.fr:3: the line is empty"),
        ("labels/tatoeba/test-fr.tsv", GOLD[:2], r"test-fr\.tsv:2: 2 lines for 3 English"),
        ("labels/tatoeba/test-fr.tsv", [*GOLD, "1"], r"test-fr\.tsv:3: 4 lines for 3 English"),
        ("labels/tatoeba/test-fr.tsv", ["1", "3", "2"], r"tsv:2: 3 is out of range.* 0 to 2"),
        ("labels/tatoeba/test-fr.tsv", ["1", "-1", "2"], r"tsv:2: a line number .* not '-1'"),
        ("labels/tatoeba/test-fr.tsv", ["1", "2", "²"], r"tsv:3: a line number .* not '²'"),
        ("labels/tatoeba/test-fr.tsv", ["1", "2\t0", "0"], r"tsv:2: a line number"),
        ("labels/tatoeba/test-fr.tsv", ["1", "00", "2"], r"tsv:2: a line number .* not '00'"),
        ("labels/tatoeba/test-fr.tsv", ["1", "9" * 5000, "2"], r"tsv:2: a line number .*9{80}'$"),
        ("labels/tatoeba/test-fr.tsv", ["0", "1", "0"], r"tsv:3: 0 is already on line 1"),
    ],
)
def test_broken_files_are_named_with_their_line(xtreme, name, lines, message):
    write(xtreme / name, lines)
    with pytest.raises(DataError, match=message):
        read_tatoeba(xtreme, "fr")


def test_bytes_that_are_not_utf8_are_named(xtreme):
    (xtreme / "tatoeba/fr-en.fr").write_bytes(b"Bonjour.\nV\xe9lo.\nFin.\n")
    with pytest.raises(DataError, match=r"fr-en\.fr:2: byte 0xe9 at position 2 is not UTF-8"):
        read_tatoeba(xtreme, "fr")


def test_damaged_gzip_is_named(xtreme):
    path = xtreme / "tatoeba/fr-en.fr"
    whole = gzip.compress("\n".join(FRENCH).encode(), mtime=0)
    for broken, message in [
        (whole[:-6], "is truncated"),
        (whole[:-8] + b"\0" * 8, "is damaged"),  # the checksum
        (whole[:10] + b"\xff" * 20, "is damaged"),  # zlib.error
    ]:
        path.write_bytes(broken)
        with pytest.raises(DataError, match=rf"fr-en\.fr:1: the gzip data {message}"):
            read_tatoeba(xtreme, "fr")
    with pytest.raises(zlib.error):
        gzip.decompress(broken)


@pytest.mark.parametrize("name", ["fr-en.fr", "fr-en.en"])
def test_one_missing_side_is_named(xtreme, name):
    (xtreme / "tatoeba" / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: is missing, but"):
        read_tatoeba(xtreme, "fr")


def test_unknown_language_is_answered_with_those_that_are_there(xtreme):
    with pytest.raises(ConfigError, match=r"'de'.*Allowed: fr"):
        read_tatoeba(xtreme, "de")
    for code in ("../fr", "fr-", "-fr", "", "fr/de", "fr.de"):
        with pytest.raises(ConfigError, match="is not a language code"):
            read_tatoeba(xtreme, code)
    with pytest.raises(DataError, match="holds no Tatoeba files"):
        list_languages(xtreme / "labels")


def test_missing_gold_is_never_guessed(xtreme, tmp_path):
    (xtreme / "labels/tatoeba/test-fr.tsv").unlink()
    with pytest.raises(DataError, match=r"test-fr\.tsv: is missing.*sorted"):
        read_tatoeba(xtreme, "fr")
    # the sorted English side under LASER's file name
    write(tmp_path / "tatoeba.deu-eng.deu", [f"Satz {i}" for i in range(12)])
    write(tmp_path / "tatoeba.deu-eng.eng", sorted(f"Sentence {i}" for i in range(12)))
    with pytest.raises(DataError, match=r"deu-eng\.eng: .*is sorted, as in XTREME"):
        read_tatoeba(tmp_path, "deu")
    write(tmp_path / "labels/tatoeba/test-deu.tsv", [str(i) for i in range(12)])
    with pytest.raises(DataError, match=r"tatoeba/deu-en\.en.*test-deu\.tsv"):
        read_tatoeba(tmp_path, "deu")
