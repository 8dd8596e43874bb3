"""The six tasks of XTREME that are here, the labels they allow, and where their files stand."""

from __future__ import annotations

import re
from pathlib import Path

from crosszero.errors import ConfigError, DataError, suggest

SCORED = ("xnli", "pawsx", "udpos", "panx", "bucc2018", "tatoeba")
LABELS = {  # in the order in which XTREME numbers them
    "xnli": ("contradiction", "entailment", "neutral"),
    "pawsx": ("0", "1"),
    "udpos": (
        "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
        "PUNCT", "SCONJ", "SYM", "VERB", "X", "_",
    ),
    "panx": ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"),
}  # fmt: skip
_CODE = r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"  # fr, zh-CN, sr_Latn


def check_task(task: str, allowed: tuple[str, ...] = SCORED) -> None:
    """See that a task is one of those that are meant.

    Raises:
        ConfigError: it is not.
    """
    if task not in allowed:
        raise ConfigError(f"{task!r} is not a task that is possible here; {suggest(task, allowed)}")


def check_label(label: str, task: str, path: str | Path, line: int) -> None:
    """See that a label or tag belongs to its task.

    Args:
        label: what stands in the file, or shall be written to it.
        task: one of :data:`LABELS`.
        path, line: where, for the message.

    Raises:
        DataError: it does not.
    """
    if label not in LABELS[task]:
        known = suggest(label, LABELS[task])
        raise DataError(path, f"{label!r} is not a label of {task}; {known}", line)


def locate_file(folder: str | Path, task: str, language: str, split: str = "test") -> Path:
    """Name the file of a language: ``<folder>/<task>/<split>-<xx>.tsv``.

    Raises:
        ConfigError: `language` can't be a language code.

    Example:
        >>> locate_file("predictions", "udpos", "fr").as_posix()
        'predictions/udpos/test-fr.tsv'
    """
    if not re.fullmatch(_CODE, language):
        raise ConfigError(f"{language!r} is not a language code; write fr or zh-CN")
    return Path(folder) / task / f"{split}-{language}.tsv"


def require_file(folder: str | Path, task: str, language: str, split: str = "test") -> Path:
    """Name the file of a language that has to be there.

    Raises:
        ConfigError: `language` can't be a language code.
        DataError: the file is missing.
    """
    path = locate_file(folder, task, language, split)
    if not path.is_file():
        others = ", ".join(list_languages(folder, task, split)) or "none"
        raise DataError(path, f"is missing; languages with such a file: {others}")
    return path


def list_languages(folder: str | Path, task: str, split: str = "test") -> list[str]:
    """List the languages that have a file ``<folder>/<task>/<split>-<xx>.tsv``, sorted.

    Example:
        >>> list_languages("xtreme", "xnli")      # doctest: +SKIP
        ['ar', 'de', 'en', 'es', 'fr', 'ru', 'zh']
    """
    names = (path.name for path in (Path(folder) / task).glob(f"{split}-*.tsv"))
    matches = (re.fullmatch(rf"{split}-({_CODE})\.tsv", name) for name in names)
    return sorted(match[1] for match in matches if match)
