"""Translation Memory eXchange: the XML format of translation tools.

Read as a stream with expat, which tells line numbers and, unlike a tree, needs memory for one unit
only. A document type is accepted and never fetched. Entity definitions are refused: a few lines of
them can expand to gigabytes, and no translation memory needs them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from crosszero.bitext.decoding import BadText
from crosszero.bitext.languages import find_language
from crosszero.bitext.lines import check_file, read_block
from crosszero.bitext.reader import Reader, Row
from crosszero.errors import ConfigError, DataError
from crosszero.files import open_bytes

# What these hold is the code of the original document (RTF, HTML), not text.
_CODE = frozenset({"bpt", "ept", "it", "ph", "ut"})
# These stand around text, also around a part of a word, if anything stands in them; all others
# (of TMX, XLIFF, HTML or unknown) stand for something between words, or around whole ones.
_INLINE = """
bpt ept hi g mrk pc a abbr b big cite code em font i small span strong sub sup tt u
"""
_FORMATTING = frozenset(_INLINE.split())
_WORD = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"})
_BORDER = "\0"  # of words; no XML text holds this character
_BLOCK = 1 << 16
_MAX_UNIT = 1 << 22  # characters; text, or a tag, without end is an attack or a broken file


class TmxReader(Reader):
    """Read a TMX file, plain or gzip, in constant memory.

    ``en`` also finds ``en-US`` and ``en_GB``; the first variant of a unit is read, further ones are
    counted as skipped. Languages that are not given are those of the first unit, if they are two.
    A language that never occurs, or that a unit lacks where two are read, is an error.
    """

    format = "tmx"
    suffixes = (".tmx",)

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        (self.path,) = self.paths
        check_file(self.path, text=False)  # expat knows UTF-16
        if languages is not None:
            return languages
        for unit in _read_units(self.path):
            codes = list(dict.fromkeys(code for code, _ in unit.texts))
            if len(codes) != 2:
                raise ConfigError(
                    f"{self.path}:{unit.line}: the first unit has {len(codes)} languages "
                    f"({', '.join(codes)}); say which to read: --languages en fr"
                )
            return codes
        raise DataError(self.path, "the file has no <tu>: a TMX file with text is needed")

    def rows(self) -> Iterator[Row]:
        found: dict[str, None] = {}
        served: set[str] = set()
        for number, unit in enumerate(_read_units(self.path), start=1):
            place = (self.path, unit.line)
            if unit.unnamed:
                message = "the unit has a <tuv> without xml:lang: name the language of every text"
                self.skip_log.bad(*place, "text without language", message)
                continue
            codes = dict.fromkeys(code for code, _ in unit.texts)
            found.update(codes)
            row: list[str | BadText] = []
            texts = dict(reversed(unit.texts))  # the first of two equal codes
            for language in self.languages:
                code = find_language(language, codes)
                if code is not None:
                    served.add(language)
                    row.append(texts[code])
                    same = [code for code, _ in unit.texts if find_language(language, [code])]
                    for _ in same[1:]:
                        self.skip_log.leave_out(*place, f"another {language} variant")
                elif len(self.languages) > 2:
                    row.append("")
                else:
                    there = ", ".join(codes) or "no text"
                    advice = f"only {there}: correct --languages or the unit"
                    row.append(
                        BadText("language missing", f"the unit has no {language!r}, {advice}")
                    )
            yield Row(row, [place] * len(row), (self.path, number))
        if missing := [language for language in self.languages if language not in served]:
            raise DataError(
                self.path,
                f"no unit has {' or '.join(map(repr, missing))}; the file has "
                f"{', '.join(found) or 'no units'}: correct --languages",
            )


@dataclass(slots=True)
class _Unit:
    line: int
    texts: list[tuple[str, str]] = field(default_factory=list)  # (language as written, text)
    unnamed: bool = False  # there is a text without a language


class _Handler:
    """Collects units from expat's events."""

    def __init__(self, path: str | Path, parser: expat.XMLParserType) -> None:
        self.path, self.parser = path, parser
        self.ready: list[_Unit] = []
        self.unit: _Unit | None = None
        self.language: str | None = None
        self.text: list[str] | None = None  # not None inside <seg>
        self.code_depth = self.size = self.depth = 0
        self.last = ""  # what was met last in <seg>: the start or end of an element, or text
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        parser.EntityDeclHandler = self.refuse_entity
        parser.SkippedEntityHandler = self.refuse_unknown

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.depth == 0 and tag != "tmx":
            self.refuse(f"is not TMX: the root element is <{tag}>, not <tmx>")
        self.depth += 1
        if tag == "tu":
            self.unit, self.size = _Unit(self.parser.CurrentLineNumber), 0
        elif tag == "tuv":
            self.language = attributes.get("xml:lang") or attributes.get("lang")
            self.grow(16 + len(self.language or ""))  # a text takes memory even if it is empty
            if self.unit is not None and not self.language:
                self.unit.unnamed = True
        elif tag == "seg":
            self.text, self.last = [], ""
        elif self.text is not None:
            name = tag.rpartition(":")[2]
            if name not in _FORMATTING or self.last == "end":
                self.add(_BORDER)
            self.code_depth += name in _CODE
            self.last = "start"

    def end(self, tag: str) -> None:
        self.depth -= 1
        if tag == "tu" and self.unit is not None:
            self.ready.append(self.unit)
            self.unit = None
        elif tag == "seg" and self.text is not None:
            if self.unit is not None and self.language:
                self.unit.texts.append((self.language, _join(self.text)))
            self.text = None
        elif self.text is not None:
            name = tag.rpartition(":")[2]
            self.code_depth -= name in _CODE
            if name not in _FORMATTING or self.last == "start":  # nothing stands in it
                self.add(_BORDER)
            self.last = "" if name == "bpt" else "end"

    def data(self, text: str) -> None:
        if self.text is not None:
            self.last = "text"
            self.add(text)

    def add(self, text: str) -> None:
        """Add to the segment what stands outside code."""
        if self.text is not None and not self.code_depth:
            self.text.append(text)
            self.grow(len(text))

    def grow(self, size: int) -> None:
        self.size += size
        if self.size > _MAX_UNIT:
            self.refuse(f"a unit is longer than {_MAX_UNIT:,} characters: is a </tu> missing?")

    def refuse_entity(self, name: str, *_: object) -> None:
        self.refuse(
            f"defines the entity {name!r}, which is refused (entities can expand without limit): "
            "write the text itself instead"
        )

    def refuse_unknown(self, name: str, *_: object) -> None:
        # Defined in a document type that is not fetched; expat would drop it.
        self.refuse(f"the entity &{name}; is not built into XML: write the character itself")

    def refuse(self, problem: str) -> NoReturn:
        raise DataError(self.path, problem, line=self.parser.CurrentLineNumber)


def _join(parts: list[str]) -> str:
    """Join the text of a segment; a border between two words becomes a space."""
    text = ""
    for piece in "".join(parts).split(_BORDER):
        apart = text and piece and _ends_word(text[-1]) and _begins_word(piece[0])
        text += " " + piece if apart else piece
    return text


def _ends_word(character: str) -> bool:
    return unicodedata.category(character) in _WORD | {"Pe", "Pf"} or character in ".,:;!?…。！？"


def _begins_word(character: str) -> bool:
    return unicodedata.category(character) in _WORD | {"Ps", "Pi"} or character in "¿¡"


def _read_units(path: str | Path) -> Iterator[_Unit]:
    parser = expat.ParserCreate()
    handler, fed = _Handler(path, parser), 0
    with open_bytes(path) as file:
        while True:
            block = read_block(file, path, _BLOCK, parser.CurrentLineNumber)
            fed += len(block)
            try:
                parser.Parse(block, not block)
            except expat.ExpatError as error:
                yield from handler.ready  # what was complete before the error comes first
                problem = f"broken XML ({expat.ErrorString(error.code)}): correct the file"
                advice = "for example with the help of xmllint --noout"
                raise DataError(path, f"{problem}, {advice}", error.lineno) from error
            except (ValueError, LookupError) as error:
                problem = f"can't be decoded ({error}): convert the file to UTF-8"
                raise DataError(path, problem, line=1) from error
            yield from handler.ready
            handler.ready.clear()
            if not block:
                return
            if fed - parser.CurrentByteIndex > _MAX_UNIT:  # expat reads it anew with every block
                handler.refuse(f"a tag is longer than {_MAX_UNIT:,} bytes: is a > missing?")
