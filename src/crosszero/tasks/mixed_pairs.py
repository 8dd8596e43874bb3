"""XNLI and PAWS-X with their two sentences in two languages: the generalised setting.

The same line of a task's test files says the same in every language, so the first sentence of one
file and the second of another are a pair with the label that both have. ``de-fr`` has its first
sentences in German. Data, fine-tuning and models are those of the task itself.

Source: arXiv 2104.08645, the generalised setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.fine_tuned_task import Split
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.pawsx import PawsX
from crosszero.tasks.prediction_files import name_file
from crosszero.tasks.sentence_pairs import SentencePairTask
from crosszero.tasks.task import Folder, Items, Languages
from crosszero.tasks.xnli import Xnli

if TYPE_CHECKING:
    from crosszero.tasks.finetune.classification import Classifier


_MOST = 0.1  # share of lines with other labels; of files that don't belong together far more have


class MixedPairs(SentencePairTask):
    """The tasks ``xnli-mixed`` and ``pawsx-mixed``; their "languages" are pairs of languages.

    Plain languages stand for all pairs among them.

    Example:
        >>> task = find_task("xnli-mixed")                                        # doctest: +SKIP
        >>> task.predict(model, "xtreme", "out", ["de", "fr"])                    # doctest: +SKIP
        [PosixPath('out/xnli-mixed/test-de-fr.tsv'), PosixPath('out/xnli-mixed/test-fr-de.tsv')]
    """

    gold_files = False
    on_demand = True
    hub_languages = ()

    def __init__(self, own: SentencePairTask) -> None:
        self._own = own
        self.name, self.title, self.rank = f"{own.name}-mixed", f"{own.title} mixed", own.rank + 1
        self.labels, self.fine_tuning = own.labels, dict(own.fine_tuning)  # as pickle takes it
        self.hub_lacks = f"it reads the data of {own.name}; fetch that"

    @property
    def source(self) -> str:
        """The task itself."""
        return self._own.name

    def list_languages(self, data: Folder) -> list[str]:
        """List the ordered pairs of two languages; DataError if there is none."""
        found = list(self._name_pairs(data))
        if not found:
            raise DataError(data, f"holds one language of {self.source}; two are needed")
        return found

    def choose_languages(self, data: Folder, languages: Languages = None) -> list[str]:
        """Give the pairs that are named, and those whose languages both are; or ConfigError."""
        pairs = self._name_pairs(data)
        if languages is None:
            return self.list_languages(data)
        self.pick_languages([*self._own.list_languages(data), *pairs], languages)
        chosen = [n for n, both in pairs.items() if n in languages or {*both} <= {*languages}]
        if not chosen:
            given = ", ".join(languages)
            raise ConfigError(f"{self.name} needs two languages, or pairs such as de-fr: {given}")
        return chosen

    def load(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, list[SentencePairExample]]]:
        """Read the pairs of sentences; where the gold of both languages differs, the label is "".

        Raises:
            DataError: more than a tenth differ, or one file has more lines than the other.
        """
        return self._mix(data, languages, gold=True)

    def load_gold(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, list[str]]]:
        """Read the labels alone."""
        for name, examples in self.load(data, languages):
            yield name, [example.label for example in examples]

    def count(self, found: Sequence[str], gold: Sequence[str]) -> Items:
        """Items are the pairs that have a label."""
        kept = [number for number, label in enumerate(gold) if label]
        return super().count([found[i] for i in kept], [gold[i] for i in kept])

    def predict(
        self, model: Classifier, data: Folder, predictions: Folder, languages: Languages = None
    ) -> list[Path]:
        """Write ``<name>/test-<xx>-<yy>.tsv``; no gold is read."""
        mixed = self._mix(data, languages, gold=False)
        return [self.write(predictions, name, model.predict(rows)) for name, rows in mixed]

    def read(
        self, data: Folder, split: Split, language: str, *, gold: bool = False
    ) -> list[SentencePairExample]:
        """Read the task's own examples, of one language."""
        return self._own.read(data, split, language, gold=gold)

    def locate(self, data: Folder) -> Path:
        """Tell where the task's own data stand."""
        return self._own.locate(data)

    def list_files(self, data: Folder) -> list[Path]:
        """List the task's own files."""
        return self._own.list_files(data)

    def fetch(self, out: Folder, languages: Sequence[str], revision: str | None = None) -> Path:
        """Say which task to fetch instead."""
        raise ConfigError(f"{self.name}: {self.hub_lacks}")

    def _name_pairs(self, data: Folder) -> dict[str, tuple[str, str]]:
        codes = self._own.list_languages(data)
        return {f"{one}-{other}": (one, other) for one, other in permutations(codes, 2)}

    def _mix(
        self, data: Folder, languages: Languages, *, gold: bool
    ) -> Iterator[tuple[str, list[SentencePairExample]]]:
        pairs = self._name_pairs(data)
        read = cache(partial(self.read, data, "test", gold=gold))
        for name in self.choose_languages(data, languages):
            one, other = pairs[name]
            firsts, seconds = read(one), read(other)
            agree = [a.label == b.label for a, b in zip(firsts, seconds, strict=False)]
            place = name_file(Path(data) / "labels", self.source, other)
            if len(firsts) != len(seconds):
                counts = f"{len(seconds)} lines, and that of {one} {len(firsts)}"
                raise DataError(place, f"has {counts}: lines don't belong together")
            if (differ := agree.count(False)) > _MOST * len(agree):
                known = f"on {differ} of {len(agree)} lines not that of {one}"
                raise DataError(place, f"its gold is {known}: lines don't belong together")
            yield (
                name,
                [
                    SentencePairExample(a.first, b.second, a.label if same else "")
                    for a, b, same in zip(firsts, seconds, agree, strict=True)
                ],
            )


TASKS = (MixedPairs(Xnli()), MixedPairs(PawsX()))
