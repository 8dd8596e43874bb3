"""Rows of the hub's ``google/xtreme``, by task, split and language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from crosszero.errors import DataError, MissingExtraError
from crosszero.tasks.labels import check_label
from crosszero.tasks.tatoeba_data import LASER_CODES

_XTREME, _XNLI = "google/xtreme", "facebook/xnli"
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
TREEBANKS = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "ko": "Korean",
    "mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu",
    "vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese",
}  # fmt: skip


class Source(NamedTuple):
    """Rows of one split.

    Attributes:
        place: data set, configuration and split, for messages.
        rows: with the names of classes instead of their numbers.
    """

    place: str
    rows: Iterable[Mapping[str, Any]]


def open_pairs(task: str, split: str, language: str, revision: str | None) -> Source:
    """Open a split of XNLI or PAWS-X in a language."""
    if task == "pawsx":
        return _open(_XTREME, f"PAWS-X.{language}", _SPLITS[split], revision)
    if split == "train":
        return _open(_XNLI, "en", "train", None)
    source = _open(_XTREME, "XNLI", _SPLITS[split], revision)
    own = (row for row in source.rows if row.get("language") == language)
    return Source(f"{source.place} ({language})", own)


def open_words(task: str, split: str, language: str, revision: str | None) -> Source:
    """Open a split of UDPOS or PANX in a language."""
    subset = f"PAN-X.{language}" if task == "panx" else f"udpos.{TREEBANKS[language]}"
    return _open(_XTREME, subset, _SPLITS[split], revision)


def open_tatoeba(language: str, revision: str | None) -> Source:
    """Open the aligned lines of Tatoeba, the foreign one and the English one."""
    return _open(_XTREME, f"tatoeba.{LASER_CODES[language]}", "validation", revision)


def list_pairs(task: str, source: Source) -> Iterator[tuple[str, str, str]]:
    """Read pairs of sentences and their label; ``facebook/xnli`` calls the columns otherwise.

    Raises:
        DataError: a column is missing, or a label is unknown.
    """
    names = ("sentence1", "sentence2", "gold_label" if task == "xnli" else "label")
    if source.place.startswith(_XNLI):
        names = ("premise", "hypothesis", "label")
    for number, row in enumerate(source.rows, start=1):
        first, second, label = (take_text(row, name, source) for name in names)
        check_label(label, task, source.place, number)
        yield _flatten(first), _flatten(second), label


def list_words(task: str, source: Source) -> Iterator[list[tuple[str, str]]]:
    """Read words and their tags, sentence by sentence.

    Raises:
        DataError: a column is missing, or a tag is unknown.
    """
    column = "ner_tags" if task == "panx" else "pos_tags"
    for number, row in enumerate(source.rows, start=1):
        words, tags = row.get("tokens"), row.get(column)
        if not words or not tags or len(words) != len(tags):
            raise DataError(source.place, f"tokens and {column}: as many words as tags", number)
        for tag in tags:
            check_label(tag, task, source.place, number)
        yield [(_clear_word(word, task), tag) for word, tag in zip(words, tags, strict=True)]


def _clear_word(word: str, task: str) -> str:
    """A word as XTREME's script writes it, in one line; a word that nothing is left of is ``_``.

    In UDPOS spaces within words and non-joiners go, which XTREME does to the treebanks.
    """
    gone = r"[ \t\r\n\u200c]" if task == "udpos" else r"[\t\r\n]"
    return re.sub(gone, "", word).strip(" ") or "_"


def take_text(row: Mapping[str, Any], name: str, source: Source) -> str:
    """Read a column that holds text, or raise DataError."""
    value = row.get(name)
    if not isinstance(value, str):
        raise DataError(source.place, f"column {name!r}: text is needed, {value!r} found")
    return value


def _flatten(text: str) -> str:
    """A text that fits into a line and a column."""
    return " ".join(text.replace("\t", " ").splitlines())


def _open(name: str, subset: str, split: str, revision: str | None) -> Source:
    """Rows of a split of the hub, streamed, with the names of classes instead of their numbers."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets", f"the hub data set {name!r}") from error
    place = f"{name}/{subset}/{split}"
    try:
        data = datasets.load_dataset(name, subset, split=split, revision=revision, streaming=True)
        features = data.features or data._resolve_features().features
    except Exception as error:  # the library and the network raise what they like
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            place,
            f"can't be loaded from the hub ({type(error).__name__}: {reason}): check the "
            "connection and the revision",
        ) from error
    return Source(place, _name_classes(data, features, place))


def _name_classes(data: Any, features: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
    decoders: dict[str, Callable[[Any], Any]] = {}
    for column, feature in features.items():
        for one in (feature, getattr(feature, "feature", None)):  # or what a list holds
            if one is not None and hasattr(one, "int2str"):
                decoders[column] = one.int2str
    number = 0
    try:
        for row in data:
            number += 1
            yield {k: decoders[k](v) if k in decoders else v for k, v in row.items()}
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(place, f"reading stopped ({reason}); start again", number + 1) from error
