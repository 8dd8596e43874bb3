"""Chromium string files: the syntax against a writer made here, the rule, the installed wheel."""

from __future__ import annotations

import struct
from importlib import metadata
from itertools import groupby

import pytest

from crosszero.bitext import ChromiumReader, SkipLog, find_interface_strings, read_bitext
from crosszero.bitext.formats.chromium_pak import clean, read_pak
from crosszero.errors import MissingExtraError


def write_pak(path, texts, *, version=5, encoding="utf-8"):
    """Write {id: text or bytes}; in version 5 a repeated text becomes an alias."""
    stored, aliases, seen = [], [], {}
    for number, text in sorted(texts.items()):
        content = text if isinstance(text, bytes) else text.encode(encoding)
        if version == 5 and content in seen:
            aliases.append((number, seen[content]))
        else:
            seen[content] = len(stored)
            stored.append((number, content))
    code = {"utf-8": 1, "utf-16-le": 2}[encoding]
    if version == 5:
        data = struct.pack("<I", 5) + bytes([code, 0, 0, 0])
        data += struct.pack("<HH", len(stored), len(aliases))
    else:
        data = struct.pack("<II", 4, len(stored)) + bytes([code])
    start = len(data) + 6 * (len(stored) + 1) + 4 * len(aliases)
    for number, content in stored:
        data += struct.pack("<HI", number, start)
        start += len(content)
    data += struct.pack("<HI", 0, start)
    for alias in aliases:
        data += struct.pack("<HH", *alias)
    path.write_bytes(data + b"".join(content for _, content in stored))


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_what_was_written_is_read(tmp_path, version, encoding):
    texts = {7: "Öffnen", 9: "", 300: "閉じる", 65535: "Öffnen"}
    write_pak(tmp_path / "x.pak", texts, version=version, encoding=encoding)
    assert read_pak(tmp_path / "x.pak") == texts


def test_content_that_is_not_text(tmp_path):
    write_pak(tmp_path / "x.pak", {1: "a", 2: b"\x1f\x8b\x08\xff"})
    assert read_pak(tmp_path / "x.pak") == {1: "a", 2: None}


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Open <a href='x' on-click=\"y\">file</a>\n now", "Open file now"),
        ("&Save &amp", "Save amp"),
        ("Tabs & more", "Tabs & more"),
        ("保存(&S)", "保存"),
        ("$1 of {TOTAL} and %s, %1$s", "$1 of and ,"),
        ("100 % sure", "100 % sure"),
    ],
)
def test_cleaning(raw, cleaned):
    assert clean(raw) == cleaned


@pytest.fixture
def folder(tmp_path):
    english = {
        1: "Open",
        2: "{N, plural, =1 {one} other {many}}",
        3: "Chromium",
        4: "Close",
        5: "Open",
        6: "&Open",
        7: "$1 / $2",
        8: "Later",
        9: b"\xff\xfe",
        10: "Print",
    }
    french = english | {1: "Ouvrir", 4: "Fermer", 5: "Ouvert", 6: "&Ouvrir", 7: "$2 / $1"}
    russian = english | {1: "Открыть", 4: "Закрыть", 5: "Открыт", 6: "&Открыть", 7: "$2, $1"}
    write_pak(tmp_path / "en-US.pak", english)
    write_pak(tmp_path / "en-GB.pak", english)
    write_pak(tmp_path / "fr.pak", french | {2: "x", 8: "", 10: "Imprimer"})
    write_pak(tmp_path / "ru.pak", russian | {2: "x", 8: "Позже", 10: "Print!"})
    return tmp_path


def test_the_rule(folder):
    log = SkipLog(skip_bad=False)
    pairs = list(read_bitext(folder, languages=["en", "fr", "ru"], skip_log=log))
    assert [(pair.source, pair.target) for pair in pairs] == [
        ("Open", "Ouvrir"),
        ("Open", "Открыть"),
        ("Ouvrir", "Открыть"),
        ("Close", "Fermer"),
        ("Close", "Закрыть"),
        ("Fermer", "Закрыть"),
    ]
    assert [pair.group for pair in pairs] == [f"{folder}:1"] * 3 + [f"{folder}:4"] * 3
    assert pairs[2].origin == f"{folder / 'fr.pak'}:1"
    name = folder / "en-US.pak"
    assert sorted(log.entries) == sorted(
        [
            f"{name}:2: plural or select message",
            f"{name}:3: untranslated",
            f"{name}:5: the same text under another id",
            f"{name}:6: the same text after cleaning",
            f"{name}:7: no word",
            f"{name}:8: no text in one language",
            f"{name}:9: not text",
            f"{name}:10: not in the script of the language",
        ]
    )


def test_fewer_languages_give_more_rows(folder):
    pairs = list(ChromiumReader(folder, languages=["fr", "en"]))
    assert ("Imprimer", "Print") in [(pair.source, pair.target) for pair in pairs]
    assert {pair.group for pair in pairs} == {""}


def test_locales(folder):
    reader = ChromiumReader(folder)
    assert reader.languages == ("en-GB", "en", "fr", "ru")
    assert ChromiumReader(folder, languages=["en", "fr"]).files[0] == folder / "en-US.pak"


def test_the_package_is_named_when_it_is_missing(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'crosszero\[demo\]'"):
        find_interface_strings()


def test_the_installed_strings():
    """The counts are those of the version that the extra demo asks for."""
    log = SkipLog(skip_bad=False)
    languages = ["en", "ar", "es", "fr", "ru", "zh"]
    folder = find_interface_strings()
    pairs = read_bitext(folder, languages=languages, pairs="en", skip_log=log)
    rows = {}
    for group, members in groupby(pairs, key=lambda pair: pair.group):
        rows[group] = list(members)
    assert len(rows) == 10_009
    assert {len(members) for members in rows.values()} == {5}
    assert len({members[0].source for members in rows.values()}) == 10_009
    assert len(rows) + log.total == 13_289
    first = [members[0].source for members in list(rows.values())[:3]]
    assert first == ["Relaunch Chromium?", "About Chromium", "Get help with Chromium"]
    assert rows[f"{folder}:801"][4].target == "关于 Chromium"
