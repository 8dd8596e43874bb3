"""XTREME's data from the hub's ``google/xtreme``, written once in the layout of XTREME's script.

Each task's module says what the hub has of it. Test labels are there for all tasks but BUCC, for
which the hub has only the gold pairs.

Source: https://huggingface.co/datasets/google/xtreme and its loading script in
https://github.com/huggingface/datasets (datasets/xtreme/xtreme.py).
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.errors import ConfigError, DataError, MissingExtraError, suggest
from crosszero.folders import atomic_folders
from crosszero.tasks.task import Folder, Languages, Task

_log = logging.getLogger("crosszero")
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def fetch_xtreme(
    out: Folder,
    tasks: Sequence[str] | None = None,
    languages: Languages = None,
    *,
    revision: str | None = None,
) -> list[Path]:
    """Download tasks and write them as ``crosszero evaluate`` and ``crosszero run`` read them.

    Args:
        out: gets ``<task>/`` and ``labels/<task>/``; what stood there of these tasks is replaced
            when all of a task has arrived.
        tasks: by default all that the hub has.
        languages: to test; by default all that a task has. Those that a task does not have are
            left out of it. English training and development data are always fetched.
        revision: commit or tag of ``google/xtreme``; name one to be able to repeat a run.

    Returns:
        The folders of the tasks.

    Raises:
        ConfigError: an unknown task, a task that the hub does not have, or a language that none of
            the tasks has.
        DataError: the hub can't be reached, or holds something else than expected.
        MissingExtraError: the package ``datasets`` is not installed.
    """
    from crosszero.tasks.catalogue import find_task, list_tasks

    names = tasks or [task.name for task in list_tasks() if task.hub_languages]
    chosen = {task: task.hub_languages for task in map(find_task, names)}
    for task, known in chosen.items():
        if not known:
            task.fetch(out, ())  # which says why it can't
    every = {code for known in chosen.values() for code in known}
    for language in languages or ():
        if language not in every:
            raise ConfigError(f"no task has {language!r}: {suggest(language, every)}")
    written = []
    for task, known in chosen.items():
        some = [code for code in known if languages is None or code in languages]
        if some:
            written.append(task.fetch(out, some, revision))
        else:
            _log.info("%s: has none of the languages; left out", task.name)
    return written


class HubTask(Task):
    """A task whose data the hub has."""

    def fetch(self, out: Folder, languages: Sequence[str], revision: str | None = None) -> Path:
        """Download languages and write them in XTREME's layout."""
        folder, gold = Path(out) / self.name, Path(out) / "labels" / self.name
        with atomic_folders(folder, gold) as (texts, labels):
            for language in languages:
                _log.info("%s: %s", self.name, language)
                self.fetch_language(language, texts, labels, revision)
            self.fetch_training(texts, revision)
        return folder

    @abstractmethod
    def fetch_language(
        self, language: str, texts: Path, labels: Path, revision: str | None
    ) -> None:
        """Write what a language is tested on, gold included."""

    def fetch_training(self, texts: Path, revision: str | None) -> None:
        """Write the English data that a model is trained on; nothing, unless the task has some."""


class Rows(NamedTuple):
    """Rows of one split of a data set, with the names of classes, and where they are from."""

    place: str
    rows: Iterable[Mapping[str, Any]]


def open_rows(
    subset: str, split: str, revision: str | None = None, *, name: str = "google/xtreme"
) -> Rows:
    """Stream a split (``train``, ``dev``, ``test``) of a configuration of a data set of the hub."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets", f"the hub data set {name!r}") from error
    split = _SPLITS[split]
    place = f"{name}/{subset}/{split}"
    try:
        with _quiet():
            data = datasets.load_dataset(
                name, subset, split=split, revision=revision, streaming=True
            )
            features = data.features or data._resolve_features().features
    except Exception as error:  # the library and the network raise what they like
        raise DataError(
            place,
            f"can't be loaded from the hub ({type(error).__name__}: {_shorten(error)}): check "
            "the connection and the revision",
        ) from error
    return Rows(place, _name_classes(data, features, place))


@contextmanager
def _quiet() -> Iterator[None]:
    """One line of ours instead of one for each attempt of the libraries below."""
    loggers = [logging.getLogger(name) for name in ("huggingface_hub", "datasets", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _name_classes(data: Any, features: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
    decoders = {
        column: one.int2str
        for column, feature in features.items()
        for one in (feature, getattr(feature, "feature", None))  # or what a list holds
        if one is not None and hasattr(one, "int2str")
    }
    number = 0
    try:
        for row in data:
            number += 1
            yield {k: decoders[k](v) if k in decoders else v for k, v in row.items()}
    except (OSError, ValueError, RuntimeError) as error:
        message = f"reading stopped ({_shorten(error)}); start again"
        raise DataError(place, message, number + 1) from error


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def take_text(row: Mapping[str, Any], column: str, place: str) -> str:
    """Read a column that holds text, or raise DataError."""
    value = row.get(column)
    if not isinstance(value, str):
        raise DataError(place, f"column {column!r}: text is needed, {value!r} found")
    return value
