"""The Tatoeba retrieval test, in the two layouts in which it travels.

- XTREME: ``<root>/tatoeba/<xx>-en.<xx>`` beside ``<xx>-en.en``. The English side is SORTED, which
  hides the alignment; ``<root>/labels/tatoeba/test-<xx>.tsv`` holds, for each English line, the
  0-based line number of its foreign sentence.
- LASER: ``tatoeba.<xxx>-eng.<xxx>`` beside ``tatoeba.<xxx>-eng.eng``, in ``<root>`` or in
  ``<root>/tatoeba``. The lines are aligned; labels of XTREME say nothing about them and are not
  read, even where they stand beside them.

English sentences are the queries and foreign sentences the candidates, as in XTREME.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crosszero.bitext.lines import require_lines
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks import prediction_files
from crosszero.tasks.prediction_files import CODE, check_once, read_numbers

# ISO 639-3 codes of LASER's file names for the two-letter codes of XTREME and XTREME-R
LASER_CODES = {
    "af": "afr", "ar": "ara", "az": "aze", "bg": "bul", "bn": "ben", "de": "deu", "el": "ell",
    "es": "spa", "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb",
    "hi": "hin", "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat",
    "kk": "kaz", "ko": "kor", "lt": "lit", "ml": "mal", "mr": "mar", "nl": "nld", "pl": "pol",
    "pt": "por", "ro": "ron", "ru": "rus", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha",
    "tl": "tgl", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip
_XTREME = re.compile(rf"({CODE})-en\.(?:\1|en)")
_LASER = re.compile(rf"tatoeba\.({CODE})-eng\.(?:\1|eng)")
_SORTED_BY_CHANCE = 10  # below this many lines an aligned file may well be in order


@dataclass(frozen=True, slots=True, kw_only=True)
class TatoebaSet:
    """English queries and foreign candidates of one language.

    Attributes:
        language: the code that was asked for.
        english: the queries.
        foreign: the candidates, as many.
        gold: for each query the 0-based number of its candidate.
    """

    language: str
    english: tuple[str, ...]
    foreign: tuple[str, ...]
    gold: tuple[int, ...]


def list_languages(root: str | Path) -> list[str]:
    """List the languages of which a file is under `root`, in either layout, sorted; each once.

    A language that lacks one of its files is listed, too, and :func:`read_tatoeba` names the file:
    left out, it would change the mean over languages unseen.

    Raises:
        DataError: there is no Tatoeba file at all.
    """
    found = set()
    inner = Path(root) / "tatoeba"
    for folder, form in ((inner, _XTREME), (inner, _LASER), (Path(root), _LASER)):
        for path in folder.glob("*-en*"):
            if name := form.fullmatch(path.name):
                found.add(name[1])
    if not found:
        raise DataError(
            root, "holds no Tatoeba files (tatoeba/<xx>-en.<xx> or tatoeba.<xxx>-eng.<xxx>)"
        )
    labels = prediction_files.list_languages(Path(root) / "labels", "tatoeba")
    found |= {code for code in labels if LASER_CODES.get(code) not in found}
    # both layouts may lie there: fr and fra are one language, and XTREME's name is the first
    twice = {LASER_CODES[code] for code in found if code in LASER_CODES}
    return sorted(found - twice)


def list_laser_files(folder: str | Path) -> list[Path]:
    """List the files in a folder that have names of LASER's layout, sorted."""
    return sorted(p for p in Path(folder).glob("tatoeba.*-eng.*") if _LASER.fullmatch(p.name))


def read_tatoeba(root: str | Path, language: str) -> TatoebaSet:
    """Read one language, from whichever of the two layouts is there.

    Args:
        root: the folder that holds ``tatoeba/``, or the folder of the LASER files.
        language: two-letter code or LASER's three-letter code, or whatever stands in the name of
            the file, such as ``zh-CN``.

    Raises:
        ConfigError: there are no files for this language.
        DataError: one of the files is missing, empty, of another length than its partner; the
            gold file holds something else than the number of each foreign line, once; or files
            with LASER's names are not aligned.

    Example:
        >>> read_tatoeba("xtreme/", "fr").gold[:2]      # doctest: +SKIP
        (669, 982)
    """
    foreign_path, english_path = _find_files(Path(root), language)
    foreign, english = list(require_lines(foreign_path)), list(require_lines(english_path))
    if len(foreign) != len(english):
        raise DataError(
            english_path,
            f"{len(english)} lines, but {foreign_path} has {len(foreign)}; "
            "every sentence needs exactly one translation",
            min(len(foreign), len(english)),
        )
    if english_path.suffix == ".en":
        gold = _read_gold(_name_gold(Path(root), language), english_path, len(english))
    else:
        _check_aligned(english_path, english, language)
        gold = tuple(range(len(english)))
    return TatoebaSet(language=language, english=tuple(english), foreign=tuple(foreign), gold=gold)


def _find_files(root: Path, language: str) -> tuple[Path, Path]:
    gold = _name_gold(root, language)
    codes = dict.fromkeys((language, LASER_CODES.get(language, language)))
    pairs = [(root / "tatoeba" / f"{language}-en.{language}", "en")]
    for folder in (root / "tatoeba", root):
        pairs += [(folder / f"tatoeba.{code}-eng.{code}", "eng") for code in codes]
    for foreign, suffix in pairs:
        english = foreign.with_suffix(f".{suffix}")
        if foreign.is_file() != english.is_file():
            missing, other = (english, foreign) if foreign.is_file() else (foreign, english)
            raise DataError(missing, f"is missing, though {other} is there")
        if foreign.is_file():
            return foreign, english
    if gold.is_file():
        raise DataError(pairs[0][0], f"is missing, though {gold} is there")
    raise ConfigError(
        f"no Tatoeba files for {language!r} in {root}; " + suggest(language, list_languages(root))
    )


def _name_gold(root: Path, language: str) -> Path:
    return prediction_files.name_file(root / "labels", "tatoeba", language)


def _read_gold(path: Path, english: Path, size: int) -> tuple[int, ...]:
    if not path.is_file():
        raise DataError(
            path,
            f"is missing. The English side ({english}) is sorted in XTREME's layout, so the "
            "translations can't be found without this file",
        )
    gold = read_numbers(path, size, size, unit="English sentences")
    check_once(path, gold)
    return tuple(gold)


def _check_aligned(path: Path, english: list[str], language: str) -> None:
    if len(english) >= _SORTED_BY_CHANCE and english == sorted(english):
        name = f"tatoeba/{language}-en"
        raise DataError(
            path,
            "has a name of LASER's layout, whose lines are aligned, but is sorted, as in XTREME's. "
            f"If it is XTREME's, name it {name}.en, its partner {name}.{language}, and put the "
            f"gold file at labels/tatoeba/test-{language}.tsv",
        )
