"""BUCC 2018: find the translations among sentences of two languages, as XTREME runs it.

Sentence vectors, margin over the 4 nearest neighbours, best candidates of both directions
one-to-one, threshold tuned on dev and applied to test. Equal sentences take part once and are left
out of the result (see :mod:`crosszero.mine.texts`); XTREME's mBERT reads layer 8, mean over all
tokens, which is the setting of the encoder here. Source: Hu et al. 2020, section 3 and appendix.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.evaluation.bucc import (
    BuccSet,
    Part,
    list_languages,
    read_bucc,
    read_gold,
    read_pairs,
)
from crosszero.mine import Margin, mine_texts, score_pairs, tune_threshold
from crosszero.mine.texts import SentenceEncoder
from crosszero.tasks.outputs import choose_languages, find_output, name_output, write_output
from crosszero.tasks.task import TaskScore

ScoredIds = list[tuple[str, str, float]]  # foreign id, English id, margin score


class Bucc:
    """The task ``bucc2018``: sentence pairs mined with an encoder.

    Example:
        >>> task = Bucc()
        >>> task.predict(Embedder.load("run"), "xtreme", "out")                # doctest: +SKIP
        [PosixPath('out/bucc2018/test-zh.tsv')]
        >>> task.score("out", "xtreme")[0]                                     # doctest: +SKIP
        TaskScore(metric='xtreme/bucc2018/f1', language='zh', value=..., size=138)
    """

    name = "bucc2018"
    fine_tuned = False

    def list_languages(self, data: str | Path) -> list[str]:
        """List the languages whose test sentences are in `data`, sorted; DataError if none."""
        return list_languages(data)

    def predict(
        self,
        embedder: SentenceEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
        *,
        k: int = 4,
        margin: Margin = "ratio",
    ) -> list[Path]:
        """Tune a threshold on dev, mine test with it, write ``bucc2018/test-<xx>.tsv``.

        Args:
            embedder: gives the sentence vectors.
            data: folder that holds ``bucc2018/``, dev gold included.
            predictions: folder of the predictions.
            languages: which; None for all.
            k, margin: see :func:`crosszero.mine.mine`.

        Returns:
            The files, a pair a line (``<xx> id TAB English id``), best first; a file is empty where
            no pair reaches the threshold.

        Raises:
            ConfigError: a language, `k` or `margin` is unknown.
            DataError: a file is missing or can't be used.
        """
        written = []
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            parts = {part: read_bucc(data, language, part) for part in _PARTS}
            gold = read_gold(data, parts["dev"], "dev")  # before the hours that mining may take
            tuned = mine_ids(embedder, parts["dev"], k=k, margin=margin)
            threshold = tune_threshold(tuned, gold)
            found = mine_ids(embedder, parts["test"], k=k, margin=margin)
            kept = [f"{one}\t{other}" for one, other, score in found if score >= threshold]
            written.append(write_output(name_output(predictions, self.name, language), kept))
        return written

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[TaskScore]:
        """Score the prediction files: F1, precision and recall over the set of pairs.

        Args:
            predictions, data: as in :meth:`predict`; gold is in ``<data>/labels/bucc2018``.
            languages: which; None for all of the data.

        Returns:
            ``xtreme/bucc2018/f1``, ``.../precision`` and ``.../recall`` for each language, 0 where
            no pair is right; `size` is the number of gold pairs.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing, or a line is not two ids of the test sentences.
        """
        scores = []
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            path = find_output(name_output(predictions, self.name, language))
            sentences = read_bucc(data, language, "test")
            found = read_pairs(path, sentences, empty=True)
            result = score_pairs(found, read_gold(data, sentences, "test"))
            for measure in ("f1", "precision", "recall"):
                metric, value = f"xtreme/{self.name}/{measure}", getattr(result, measure)
                scores.append(TaskScore(metric, language, value, result.gold))
        return scores


_PARTS: tuple[Part, Part] = ("dev", "test")


def mine_ids(
    embedder: SentenceEncoder, data: BuccSet, *, k: int = 4, margin: Margin = "ratio"
) -> ScoredIds:
    """Mine one part and name the pairs by their ids.

    Args:
        embedder: gives the sentence vectors.
        data: the sentences.
        k, margin: see :func:`crosszero.mine.mine`.

    Returns:
        (foreign id, English id, score), best first.
    """
    foreign, english = list(data.foreign), list(data.english)
    found = mine_texts(
        embedder, list(data.foreign.values()), list(data.english.values()), k=k, margin=margin
    )
    return [(foreign[i], english[j], score) for i, j, score in found]
