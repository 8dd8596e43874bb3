"""Prediction files: where they stand, and how they are written and found again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.files import atomic_file


def choose_languages(task: str, asked: Sequence[str] | None, found: Sequence[str]) -> list[str]:
    """Give the languages that were asked for, or all; each once.

    Args:
        task: what messages call the task.
        asked: languages, or None for all of them.
        found: what the data has.

    Raises:
        ConfigError: a language is not in the data.

    Example:
        >>> choose_languages("tatoeba", ["fr", "fr"], ["de", "fr"])
        ['fr']
    """
    for language in asked or ():
        if language not in found:
            raise ConfigError(f"{task} has no data for {language!r}; " + suggest(language, found))
    return list(dict.fromkeys(found if asked is None else asked))


def name_output(predictions: str | Path, task: str, language: str, *, kind: str = "test") -> Path:
    """Give the path of a prediction file, ``<predictions>/<task>/<kind>-<language>.tsv``.

    Example:
        >>> name_output("out", "tatoeba", "fr").as_posix()
        'out/tatoeba/test-fr.tsv'
    """
    return Path(predictions) / task / f"{kind}-{language}.tsv"


def write_output(path: Path, lines: Iterable[object]) -> Path:
    """Write a prediction file, one item a line; it stands there whole or not at all.

    Raises:
        CrosszeroError: the folder can't be written.
    """
    with atomic_file(path) as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def find_output(path: Path) -> Path:
    """Hand on the path of a prediction file that is there.

    Raises:
        DataError: it is not.
    """
    if not path.is_file():
        raise DataError(path, "is missing: predict this language first, or don't ask for its score")
    return path
