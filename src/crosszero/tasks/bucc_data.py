"""The BUCC 2018 mining test, in the layout that XTREME's download script leaves.

``<root>/bucc2018/<xx>-en.<part>.<xx>`` and ``....en`` hold ``id TAB sentence``, in no order that
would help; `part` is ``dev`` or ``test``. Gold pairs of ids are in
``<root>/bucc2018/<xx>-en.dev.gold`` and in ``<root>/labels/bucc2018/test-<xx>.tsv``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError
from crosszero.tasks import prediction_files

_TEXT = re.compile(r"(.+)-en\.(?:dev\.gold|(?:dev|test)\.(?:\1|en))")
Part = Literal["dev", "test"]
IdPairs = frozenset[tuple[str, str]]  # (foreign id, English id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuccSet:
    """The sentences of one language and of English among which translations hide.

    Attributes:
        language: the foreign language.
        foreign, english: id to sentence, in the order of the files. No id is on both sides.
    """

    language: str
    foreign: Mapping[str, str]
    english: Mapping[str, str]


def list_languages(root: str | Path) -> list[str]:
    """List the languages of which a file is under `root`, sorted.

    A language that lacks one of its files is listed, too, and reading names the file: left out, it
    would change the mean over languages unseen.

    Raises:
        DataError: there is no file of sentences at all.
    """
    folder = Path(root) / "bucc2018"
    names = [_TEXT.fullmatch(path.name) for path in folder.glob("*-en.*")]
    if not any(names):
        raise DataError(root, "holds no BUCC files (bucc2018/<xx>-en.test.<xx>)")
    golds = prediction_files.list_languages(Path(root) / "labels", "bucc2018")
    return sorted({name[1] for name in names if name} | set(golds))


def read_bucc(root: str | Path, language: str, part: Part) -> BuccSet:
    """Read the sentences of one part of a foreign language.

    Raises:
        DataError: a file is missing, empty or damaged; a line has no tab or no sentence; an id
            stands twice, on one side or on both.

    Example:
        >>> read_bucc("xtreme/", "zh", "dev").english["en-000000001"]      # doctest: +SKIP
        'Coalition strategy relied on ...'
    """
    stem = Path(root) / "bucc2018" / f"{language}-en.{part}"
    paths = [Path(f"{stem}.{code}") for code in (language, "en")]
    foreign = _read_sentences(paths[0], {}, paths[0])
    english = _read_sentences(paths[1], foreign, paths[0])
    return BuccSet(language=language, foreign=foreign, english=english)


def read_gold(root: str | Path, data: BuccSet, part: Part) -> IdPairs:
    """Read the gold pairs of one part; raises as :func:`read_pairs`."""
    if part == "dev":
        return read_pairs(Path(root) / "bucc2018" / f"{data.language}-en.dev.gold", data)
    return read_pairs(Path(root) / "labels" / "bucc2018" / f"test-{data.language}.tsv", data)


def read_pairs(path: str | Path, data: BuccSet | str, *, empty: bool = False) -> IdPairs:
    """Read pairs of ids, ``<xx> id TAB English id`` or the other way round.

    Args:
        path: the file. A pair that stands twice counts once, as in XTREME.
        data: the sentences that the ids name; they tell which column is which. Or, where they are
            not at hand, the foreign language: ids begin with their language, ``fr-`` or ``en-``.
        empty: whether the file may be empty: predictions may, gold may not.

    Raises:
        DataError: missing, empty or damaged, a line is not two ids, an id names no sentence, or
            both name sentences of the same side. Names file and line.
    """
    if empty and Path(path).is_file() and not Path(path).stat().st_size:
        return frozenset()
    pairs = set()
    for number, line in enumerate(require_lines(path), start=1):
        ids = [part.strip() for part in line.split("\t")]
        if len(ids) != 2:
            raise DataError(
                path, f"two ids with a tab between them are needed, not {line[:80]!r}", number
            )
        try:
            sides = [_tell_side(name, data) for name in ids]
        except ValueError as error:
            raise DataError(path, str(error), number) from None
        if sides[0] == sides[1]:
            message = f"{ids[0]!r} and {ids[1]!r} are both ids of {sides[0]} sentences"
            raise DataError(path, message, number)
        one, other = reversed(ids) if sides[0] == "English" else ids
        pairs.add((one, other))
    return frozenset(pairs)


def _tell_side(name: str, data: BuccSet | str) -> str:
    """Name the side that an id is of, or raise ValueError."""
    if isinstance(data, str):
        found = re.fullmatch(rf"({re.escape(data)}|en)-\S+", name)
        if not found:
            raise ValueError(
                f"{name!r} is not the id of a sentence: {data}-... or en-... is needed"
            )
        return "English" if found[1] == "en" else data
    if name not in data.foreign and name not in data.english:
        raise ValueError(
            f"{name!r} is the id of no sentence, neither in {data.language} nor in English"
        )
    return data.language if name in data.foreign else "English"


def _read_sentences(path: Path, taken: Mapping[str, str], where: Path) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for number, line in enumerate(require_lines(path), start=1):
        name, tab, sentence = line.partition("\t")
        name = name.strip()
        if not tab or not name or not sentence.strip():
            raise DataError(
                path, f"an id, a tab and a sentence are needed, not {line[:80]!r}", number
            )
        if name in sentences:
            raise DataError(path, f"the id {name!r} stands twice", number)
        if name in taken:
            raise DataError(
                path,
                f"the id {name!r} stands in {where}, too, so gold pairs would be ambiguous; put "
                "the language before it",
                number,
            )
        sentences[name] = sentence.strip(" \t\r")
    return sentences
