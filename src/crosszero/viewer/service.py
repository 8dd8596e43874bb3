"""One encoder for many requests: links, labels carried over them, similarities, neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crosszero.align.link_writer import make_row
from crosszero.align.linker import WordLinker
from crosszero.align.spans import CutText, LinkedPair
from crosszero.align.word_cutter import cut_words
from crosszero.bitext.lines import require_lines
from crosszero.model.encoder import Encoder
from crosszero.projection.linking import settle
from crosszero.projection.rules import Dropped, Label
from crosszero.projection.words import project_characters
from crosszero.search.neighbours import clip_cosines
from crosszero.search.top_k import Floats, Nearest
from crosszero.viewer.batching import Batcher

_BATCH = 100_000  # characters that are computed at once
_BLOCK = 16_384  # sentences of the file that are compared at once


class AskedPair(NamedTuple):
    """A text, its translation, and the codes of their languages, where known."""

    source: str
    target: str
    languages: tuple[str, str] = ("", "")


class Sentences(NamedTuple):
    """The different sentences of a file.

    Attributes:
        lines: where each stands first, from 1.
        texts: the sentences.
        vectors: (sentences, dimension) unit vectors.
    """

    lines: list[int]
    texts: list[str]
    vectors: Floats


def encode_lines(encoder: Encoder, path: Path) -> Sentences:
    """Read a file of sentences and give each one its vector.

    Raises:
        DataError: a line can't be used.
    """
    first: dict[str, int] = {}
    for number, line in enumerate(require_lines(path), start=1):
        first.setdefault(line, number)
    texts = list(first)
    return Sentences(list(first.values()), texts, encoder.encode(texts))


class Service:
    """Answers many requests at once with one encoder, which runs in a thread of its own.

    Args:
        encoder: of words and sentences.
        name: of the encoder, as people are told it.
        sentences: among which :meth:`find` looks.
    """

    def __init__(self, encoder: Encoder, *, name: str, sentences: Sentences | None = None) -> None:
        self.name, self.sentences = name, sentences
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._vectors: Batcher[str, Floats] = Batcher(self._encode, self._thread, most=_BATCH)
        self._links = Batcher(self._link, self._thread, most=_BATCH)

    async def align(self, pairs: Sequence[AskedPair]) -> list[dict[str, Any]]:
        """Link the words of texts to those of their translations: rows as JSONL has them."""
        size = sum(len(one) + len(two) for one, two, _ in pairs)
        return [make_row(*linked) for linked in await self._links.submit(pairs, size)]

    async def project(
        self, pair: AskedPair, labels: Sequence[Label]
    ) -> tuple[list[tuple[int, Label]], list[Dropped]]:
        """Carry labels over characters to the translation.

        Returns:
            (number of the given label, label in the target), and what has no place there.
        """
        [linked] = await self._links.submit([pair], len(pair.source) + len(pair.target))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _project, linked, labels)

    async def compare(self, pairs: Iterable[AskedPair]) -> list[float]:
        """Give the cosine of each pair of texts."""
        texts = [text for pair in pairs for text in pair[:2]]
        vectors = np.stack(await self._vectors.submit(texts, sum(map(len, texts))))
        cosines = clip_cosines((vectors[::2] * vectors[1::2]).sum(axis=1))
        return [float(cosine) for cosine in cosines]

    async def find(self, texts: Sequence[str], count: int) -> list[list[tuple[int, str, float]]]:
        """Give the nearest sentences of each text, best first: line, sentence and cosine."""
        sentences = self.sentences
        assert sentences is not None
        vectors = np.stack(await self._vectors.submit(texts, sum(map(len, texts))))
        loop = asyncio.get_running_loop()
        best = await loop.run_in_executor(self._thread, _search, sentences, vectors, count)
        return [
            [
                (sentences.lines[i], sentences.texts[i], float(cosine))
                for i, cosine in zip(*row, strict=True)
                if vector.any()  # a text without a token that is known is near to nothing
            ]
            for vector, *row in zip(
                vectors, best.index.tolist(), clip_cosines(best.value), strict=True
            )
        ]

    def close(self) -> None:
        """Let the thread end; what waits is not computed."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _encode(self, texts: list[str]) -> Floats:
        return self._encoder.encode(texts)

    def _link(self, pairs: list[AskedPair]) -> list[LinkedPair]:
        texts = [zip(pair[:2], pair.languages, strict=True) for pair in pairs]
        cut = ([CutText(text, cut_words(text, code)) for text, code in sides] for sides in texts)
        return list(WordLinker(self._encoder).link_pairs((one, other) for one, other in cut))


def _project(
    linked: LinkedPair, labels: Sequence[Label]
) -> tuple[list[tuple[int, Label]], list[Dropped]]:
    texts = linked.source.text, linked.target.text  # with punctuation, which a label may hold
    source, target, links = settle(texts, *linked)
    return project_characters(labels, links, source, target)


def _search(sentences: Sentences, queries: Floats, count: int) -> Nearest:
    best = Nearest(len(queries), min(count, len(sentences.texts)))
    for start in range(0, len(sentences.texts), _BLOCK):
        block = queries @ sentences.vectors[start : start + _BLOCK].T
        best.add(block, item=0, candidate=start)
    return best
