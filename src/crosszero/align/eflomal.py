"""The statistical model behind the aligner: eflomal in both directions, as sil-thot implements it.

A trained model is written to disk and read back at once. The loaded model aligns bit for bit the
same, but without the corpus and samples it was trained on: a tenth of the memory. The two
directions are trained one after the other, so that the peak is that of one. The same files carry a
model to other processes: thot's own objects can't be pickled, and training in every process would
take minutes where loading takes a second.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from crosszero.align.spans import Link
from crosszero.errors import CrosszeroError, DataError
from crosszero.files import atomic_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Symmetrisation = Literal["intersection", "union", "grow-diag-final-and"]
Row = tuple[list[str], list[str]]
"""The words of a text and of its translation."""

Schedule = Literal["short", "thot"]
LONGEST = 256  # words; longer sentences are left without word pairs
_NO_WORD = 1  # number of what a model does not know; 0 is NULL
_SCORES = 200_000  # word pairs whose score is remembered
_WORDS = 5_000  # words whose translations are remembered
_RARE = 0.1  # probability added to each, so that a word seen once says little
_KIND = "symmetrisation"  # name of a member of the file of a model
_FOREIGN = "it was not written by crosszero align --save"
_CORPUS = ("src", "trg", "srctrgc")  # files of a model that hold the corpus, needed by none


class TwoWayModel:
    """Two eflomal models, one for each direction, and the links that are made of both.

    Args:
        rows: gives the words of the sentence pairs to train on; called once for each direction.
        seeds: of the sampling in each direction.
        schedule: ``"short"`` (a few iterations are enough for 10,000 pairs; a small corpus needs,
            and can pay, more) or ``"thot"``, what sil-thot itself takes.
        samplers: chains to average; ``None`` decides by the number of pairs, or leaves it to thot.
        symmetrisation: which of the links of both directions are kept. With ``"intersection"``
            every word has one partner at most.

    Example:
        >>> rows = [(["good", "day"], ["guten", "Tag"]), (["good"], ["guten"])]
        >>> model = TwoWayModel(lambda: rows, seeds=(1, 2))               # doctest: +SKIP
        >>> list(model.align(rows))                                       # doctest: +SKIP
        [[(0, 0), (1, 1)], [(0, 0)]]
    """

    def __init__(
        self,
        rows: Callable[[], Iterable[Row]],
        *,
        seeds: tuple[int, int],
        schedule: Schedule = "short",
        samplers: int | None = None,
        symmetrisation: Symmetrisation = "intersection",
    ) -> None:
        there = _train(rows(), seeds[0], schedule, samplers)
        turned = ((b, a) for a, b in rows())
        back = _train(turned, seeds[1], schedule, samplers) if there else {}
        self._open(there, back, symmetrisation)

    def __getstate__(self) -> dict[str, Any]:
        models = {} if self.empty else {"there": _write(self._there), "back": _write(self._back)}
        return {"symmetrisation": self.symmetrisation, **models}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._open(**state)

    def _open(
        self,
        there: dict[str, bytes] | None = None,
        back: dict[str, bytes] | None = None,
        symmetrisation: Symmetrisation = "intersection",
    ) -> None:
        import thot.alignment as thot

        self.symmetrisation = symmetrisation
        self.empty = not (there and back)
        self._scores: dict[tuple[str, str], float] = {}
        if there and back:
            self._there, self._back = _read(there), _read(back)
            self._both = thot.SymmetrizedAligner(self._there, self._back)
            self._translations = [
                lru_cache(_WORDS)(partial(_list_translations, model))
                for model in (self._there, self._back)
            ]
            self.symmetrise_by(symmetrisation)

    def symmetrise_by(self, symmetrisation: Symmetrisation) -> None:
        """Choose which of the links of both directions are kept from now on."""
        import thot.alignment as thot

        self.symmetrisation = symmetrisation
        if not self.empty:
            name = symmetrisation.replace("-", "_").upper()
            self._both.heuristic = getattr(thot.SymmetrizationHeuristic, name)

    def align(self, rows: Sequence[Row]) -> Iterator[list[Link]]:
        """Links of each row: number of a word of the first side and of one of the second.

        A row's links do not depend on the other rows.
        """
        usable = [] if self.empty else [place for place, row in enumerate(rows) if fits(*row)]
        links: dict[int, list[Link]] = {}
        if usable:
            aligned = self._both.get_best_alignments(
                [rows[place][0] for place in usable], [rows[place][1] for place in usable]
            )
            links = {p: self._read_links(m) for p, (_, m) in zip(usable, aligned, strict=True)}
        return (links.get(place, []) for place in range(len(rows)))

    def _read_links(self, matrix: Any) -> list[Link]:
        if self.symmetrisation == "intersection":
            # For each word of the second side: the partner's number from 1, or 0 for none.
            return [(i - 1, j) for j, i in enumerate(matrix.to_list()) if i > 0]
        return [(int(i), int(j)) for i, j in zip(*matrix.to_numpy().nonzero(), strict=True)]

    def count_known(self, first: Sequence[str], second: Sequence[str]) -> int:
        """Count the words of a text and of its translation that the model was trained on."""
        if self.empty:
            return 0
        sides = ((self._there, first), (self._back, second))
        return sum(model.get_src_word_index(word) > _NO_WORD for model, x in sides for word in x)

    def fit_words(self, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float32]:
        """Tell how well the words of two texts fit.

        Args:
            first, second: words of a text and of its translation.

        Returns:
            (first words, second words): translation probabilities of both directions, smoothed
            (what is rare was hardly counted) and each made a share, as a geometric mean.
        """
        import numpy as np

        tables = []
        for side, one, other in ((0, first, second), (1, second, first)):
            table = np.full((len(one), len(other)), _RARE)
            if not self.empty:
                model, translate = (self._there, self._back)[side], self._translations[side]
                numbers = [model.get_trg_word_index(word) for word in other]
                found = [[known.get(n, 0.0) for n in numbers] for known in map(translate, one)]
                table += np.reshape(found, table.shape)
            tables.append(table / table.sum(axis=0))
        fit: NDArray[np.float32] = np.sqrt(tables[0] * tables[1].T).astype(np.float32)
        return fit

    def save(self, path: str | Path) -> None:
        """Write the model to a file, from which :meth:`load` makes it again.

        Raises:
            CrosszeroError: it can't be written.
        """
        with atomic_file(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_KIND, self.symmetrisation)
            for side, model in () if self.empty else (("there", self._there), ("back", self._back)):
                for name, content in _write(model).items():
                    archive.writestr(f"{side}/{name}", content)

    @classmethod
    def load(cls, path: str | Path) -> TwoWayModel:
        """Read a model that :meth:`save` wrote; no code in it is run.

        Raises:
            DataError: it is not there, or no such file.
        """
        sides: dict[str, dict[str, bytes]] = {"there": {}, "back": {}}
        try:
            with zipfile.ZipFile(path) as archive:
                kind = archive.read(_KIND).decode()
                for name in archive.namelist():
                    side, slash, file = name.partition("/")
                    if slash and side in sides and file == Path(file).name:
                        sides[side][file] = archive.read(name)
        except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
            reason = getattr(error, "strerror", None) or _FOREIGN
            raise DataError(path, f"is no statistical aligner: {reason}") from error
        symmetrisation = next((name for name in get_args(Symmetrisation) if name == kind), None)
        if symmetrisation is None:
            raise DataError(path, f"is no statistical aligner: {_FOREIGN}")
        model = cls.__new__(cls)
        model._open(sides["there"], sides["back"], symmetrisation)
        return model

    def score(self, first: str, second: str) -> float:
        """Geometric mean of the two translation probabilities."""
        known = self._scores.get((first, second))
        if known is None:
            there, back = self._there, self._back
            p = there.translation_prob(
                there.get_src_word_index(first), there.get_trg_word_index(second)
            )
            q = back.translation_prob(
                back.get_src_word_index(second), back.get_trg_word_index(first)
            )
            known = min(1.0, max(0.0, sqrt(p * q)))
            if len(self._scores) >= _SCORES:
                self._scores.clear()
            self._scores[(first, second)] = known
        return known


def fits(first: list[str], second: list[str]) -> bool:
    """Tell whether a sentence pair can be aligned: words on both sides, and not too many."""
    return 0 < len(first) <= LONGEST and 0 < len(second) <= LONGEST


def _train(
    rows: Iterable[Row], seed: int, schedule: Schedule, samplers: int | None
) -> dict[str, bytes]:
    """Train one direction. Returns the model's files; none if there is no row."""
    import thot.alignment as thot

    model = thot.EflomalAlignmentModel()
    count = 0
    for first, second in rows:
        model.add_sentence_pair(first, second, 1)
        count += 1
    if not count:
        return {}
    model.seed = seed % 2**31
    model.deterministic = True
    if schedule == "short":
        times = min(8.0, max(1.0, sqrt(10_000 / count)))
        model.auto_iterations = False
        model.set_iterations(round(4 * times), round(4 * times), round(8 * times))
        model.set_decode_params(1, 8, 2)
        samplers = samplers or (3 if count < 5_000 else 1)
    if samplers:
        model.num_samplers = samplers
    model.start_training()
    for _ in range(model.scheduled_iterations):
        model.train()
    model.end_training()
    return _write(model)


def _list_translations(model: Any, word: str) -> dict[int, float]:
    """The probabilities of a word's translations; all others are hardly above 0."""
    return dict(model.get_translations(model.get_src_word_index(word)))


def _write(model: Any) -> dict[str, bytes]:
    """The files of a model, without its corpus."""
    with tempfile.TemporaryDirectory() as folder:
        if not model.print(f"{folder}/m"):
            raise CrosszeroError(
                f"{folder}: the aligner's model can't be written; is the disk full?"
            )
        return {
            path.name: b"" if path.suffix[1:] in _CORPUS else path.read_bytes()
            for path in Path(folder).iterdir()
        }


def _read(files: dict[str, bytes]) -> Any:
    import thot.alignment as thot

    model = thot.EflomalAlignmentModel()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        if not model.load(f"{folder}/m"):
            raise CrosszeroError(f"{folder}: the aligner's model can't be read back")
    return model
