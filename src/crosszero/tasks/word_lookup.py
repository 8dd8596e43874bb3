"""Word vectors of a set of texts, each text encoded once however many language pairs ask for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from crosszero.align.spans import Span
from crosszero.align.word_boundaries import word_spans
from crosszero.align.word_encoder import WordEncoder
from crosszero.samples.sample import Sample
from crosszero.search.neighbours import AnyFloats


class WordLookup:
    """An encoder that knows the words of some samples beforehand.

    In six-way data a text stands in ten directions; encoding it once instead makes measuring ten
    times as fast.

    Args:
        encoder: the encoder.
        samples: whatever will be asked: their words, and all words of their texts.
    """

    def __init__(self, encoder: WordEncoder, samples: Iterable[Sample]) -> None:
        self._encoder = encoder
        wanted: dict[str, dict[Span, int]] = {}
        for sample in samples:
            for text, language, side in (
                (sample.source, sample.source_language, 0),
                (sample.target, sample.target_language, 1),
            ):
                if text not in wanted:
                    wanted[text] = {s: i for i, s in enumerate(word_spans(text, language))}
                spans = wanted[text]
                for word in sample.words:
                    spans.setdefault(word.target if side else word.source, len(spans))
        vectors = encoder.encode_words(list(wanted), [list(s) for s in wanted.values()])
        self._places = wanted
        self._vectors = dict(zip(wanted, vectors, strict=True))

    def encode(self, texts: list[str]) -> AnyFloats:
        """Give sentence vectors; see :meth:`Encoder.encode`."""
        return self._encoder.encode(texts)

    def encode_words(self, texts: list[str], spans: list[list[Span]]) -> list[AnyFloats]:
        """Give word vectors; texts and words that were not announced are encoded now."""
        found: list[AnyFloats] = []
        for text, words in zip(texts, spans, strict=True):
            places = self._places.get(text)
            if places is not None and all(span in places for span in words):
                rows = np.asarray([places[span] for span in words], dtype=np.int64)
                found.append(self._vectors[text][rows])
            else:
                found += self._encoder.encode_words([text], [words])
        return found
