"""Word pairs found again by the encoder in training.

The word pairs of the next N steps are found with the weights of the step that begins them
(XLM-Align also labels words by the model itself: docs/method.md). They are written to their own
store, so that people can look at them (``crosszero show RUN/words/step-...``) and a run that is
resumed within the N steps reads the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from crosszero.align.encoder_aligner import EncoderAligner
from crosszero.align.gold import GOLD
from crosszero.align.spans import Span
from crosszero.config import build, read_json
from crosszero.errors import ConfigError, DataError
from crosszero.files import atomic_file
from crosszero.model.backbone import Backbone
from crosszero.model.inference import Vectors, encode_word_layers
from crosszero.samples.finder import WordFinder
from crosszero.samples.prepare_config import FinderConfig
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore, collect
from crosszero.training.alignment_layer import find_usual_layer
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.stream import NextBatch
from crosszero.training.train_config import TrainConfig

WORDS = "words"
_PAIRS = 1024  # sentence pairs encoded at a time
_BACK = "remove the newer checkpoints to continue"
_LEARN = 100_000  # sentence pairs from which word borders of scripts without spaces are learnt


class WordRefresher:
    """Replaces the word pairs of the batches to come.

    Args:
        backbone: the encoder in training.
        config: gives interval, layer (ConfigError if there is none such) and maximum length.
        store: the samples; gives the rules by which words were chosen. ConfigError if people made
            the links.
        out: folder of the run; the stores stand in ``out/words``.
        total: steps of the run; nothing is found for later ones.
        ranks: the processes of the run. The first one finds the words, the others read them.
    """

    def __init__(
        self,
        backbone: Backbone,
        config: TrainConfig,
        store: SampleStore,
        out: Path,
        total: int,
        ranks: Ranks = ALONE,
    ) -> None:
        if any(row.finder == GOLD for row in islice(store, 1)):
            raise ConfigError(
                f"refresh_words_every: {config.refresh_words_every} given, but the word pairs are "
                "links that people made, which would be lost; it must be 0 with them"
            )
        self._layer = config.refresh_layer or find_usual_layer(backbone, config.layers.word)
        backbone.check_layer(self._layer, "refresh_layer")
        self._backbone, self._config, self._folder = backbone, config, out / WORDS
        self._every, self._total, self._ranks = config.refresh_words_every, total, ranks
        known = store.metadata.get("finder_config") or {}
        rules = build(FinderConfig, known, where=f"{store.path}: finder_config")
        self._finder = WordFinder(EncoderAligner(self, batch=_PAIRS), rules)
        self._finder.fit(row.pair for row in islice(store, _LEARN))

    def refresh(self, batches: Iterator[NextBatch], done: int) -> Iterator[NextBatch]:
        """Hand batches on with new word pairs; a row without any keeps those of the store.

        Args:
            batches: from the stream.
            done: batches given before, those that were passed over among them.

        Raises:
            DataError: what an earlier sitting has found for these batches is gone or damaged.
        """
        while True:
            first = self._total if done >= self._total else 0  # what is passed over takes no step
            begun = first + (done - first) // self._every * self._every
            end = begun + self._every
            end = min(end, self._total) if begun < self._total else end
            block = list(islice(batches, end - done))
            rows = [row for units, _ in block for unit in units for row in unit]
            folder = self._folder / f"step-{begun:08d}"
            if begun == done:
                if self._ranks.first:
                    collect(self._find(rows), folder)
                    with atomic_file(folder.with_suffix(".json")) as file:
                        json.dump([sum(map(len, units)) for units, _ in block], file)
                self._ranks.wait()
            following = iter(self._read(folder, rows, done - begun))
            for units, position in block:
                refreshed = [tuple(islice(following, len(unit))) for unit in units]
                usable = [tuple(row for row in unit if row.words) for unit in refreshed]
                yield [unit for unit in usable if unit], position
                done += 1

    def _read(self, folder: Path, rows: list[Sample], done: int) -> list[Sample]:
        """What was found for the rows of a block, of which `done` batches were given before."""
        advice = _BACK if self._ranks.first else "all processes need a shared file system"
        sizes = read_json(folder.with_suffix(".json"), list[int], advice)
        found = list(SampleStore.open(folder))[sum(sizes[:done]) :]
        if [(row.source, row.target) for row in found] != [(r.source, r.target) for r in rows]:
            raise DataError(folder, f"holds words of other sentence pairs; {_BACK}")
        return found

    def _find(self, rows: list[Sample]) -> list[Sample]:
        found = self._finder.find([row.pair for row in rows])
        return [
            replace(row, words=words, finder=self._finder.name) if words else row
            for row, words in zip(rows, found, strict=True)
        ]

    def encode_words(self, texts: list[str], spans: list[list[Span]]) -> list[Vectors]:
        """Give vectors to words, as the encoder in training sees them now."""
        # In multi-way data a text stands in many pairs: each is encoded once. In another language
        # the same text can have other words.
        asked = [(text, tuple(own)) for text, own in zip(texts, spans, strict=True)]
        distinct = list(dict.fromkeys(asked))
        size = self._config.mini_batch_num_tokens
        vectors = encode_word_layers(
            self._backbone,
            [text for text, _ in distinct],
            [list(own) for _, own in distinct],
            max_length=self._config.max_length,
            layers=[self._layer],
            mini_batch_num_tokens=size if isinstance(size, int) else None,
        )
        found = {key: of_layers[0] for key, of_layers in zip(distinct, vectors, strict=True)}
        return [found[key] for key in asked]
