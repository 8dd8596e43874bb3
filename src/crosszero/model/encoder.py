"""Sentence and word vectors, and word links, from any encoder, trained here or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch

from crosszero.align.links import count_lost, link_words, warn_of_lost
from crosszero.align.spans import Span, WordPair
from crosszero.align.word_boundaries import word_spans
from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.inference import Vectors, encode_sentences, encode_word_layers
from crosszero.model.options import BLOCK, Pooling
from crosszero.model.readout import FIRST_LAST, Readout, read_readout
from crosszero.search.neighbours import unit_rows


class Encoder:
    """Turns texts into vectors, and links their words.

    Args:
        backbone: the model.
        readout: how a sentence's vector is made; by default as crosszero trains it.
        max_length: tokens of a text; longer ones are cut. ``None``: as many as the model takes, and
            of a sentence as many as its folder says.
        layer: read one layer, 1 to L: of words instead of first + last, of sentences the mean over
            its tokens, whatever the folder says.
        mini_batch_num_tokens: padded tokens of a forward pass; ``None`` for as many as suit the
            device.

    Example:
        >>> enc = Encoder.load("crosszero-mini")
        >>> enc.encode(["Good morning.", "Bonjour."]).shape
        (2, 256)
        >>> enc.pooling
        'first-last'
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        readout: Readout = FIRST_LAST,
        max_length: int | None = None,
        layer: int | None = None,
        mini_batch_num_tokens: int | None = None,
    ) -> None:
        self.backbone = backbone
        self.max_length = backbone.max_length if max_length is None else max_length
        self.layer = layer
        self.mini_batch_num_tokens = mini_batch_num_tokens
        self._readout = readout
        limit = readout.max_length if max_length is None else None
        self._sentence_length = min(self.max_length, limit or self.max_length)
        backbone.check_length(self.max_length)
        if layer is not None:
            backbone.check_layer(layer)
        readout.to(next(backbone.parameters()).device)

    @classmethod
    def load(
        cls,
        name: str | Path,
        *,
        pooling: Pooling | None = None,
        max_length: int | None = None,
        layer: int | None = None,
        device: str | None = None,
    ) -> Encoder:
        """Load an encoder.

        Args:
            name: ``crosszero-mini``, a run folder, any model folder or a hub id.
            pooling: ``first-last`` (as crosszero trains), or ``mean``, ``cls`` or ``max`` of the
                last layer. By default what the folder says, as sentence-transformers reads it; one
                that says nothing is read as ``mean``.
            max_length, layer: see :class:`Encoder`.
            device: such as ``cuda:1``; by default a GPU if there is one.

        Raises:
            CheckpointError: it can't be loaded.
            ConfigError: there is no such pooling, layer or length, or `layer` is given, too.

        Example:
            >>> enc = Encoder.load("run")                                   # doctest: +SKIP
            >>> enc = Encoder.load("intfloat/multilingual-e5-base")         # doctest: +SKIP
        """
        if pooling is not None and layer is not None:
            raise ConfigError(f"pooling: {pooling} and layer: {layer} given; give one of them")
        backbone = Backbone.load(name)
        backbone.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        readout = read_readout(name, pooling)
        return cls(backbone, readout=readout, max_length=max_length, layer=layer)

    @property
    def pooling(self) -> str:
        """What is made of sentences: ``first-last`` (crosszero's own), ``mean``, ``cls``,
        ``mean+dense``, ``layer-8`` ..."""
        return self._sentences.name

    @property
    def dimension(self) -> int:
        """Columns of the vectors of sentences; those of words have ``backbone.hidden_size``."""
        return self._sentences.width(self.backbone.hidden_size)

    @property
    def _sentences(self) -> Readout:
        return self._readout if self.layer is None else Readout(layers=(self.layer,))

    def encode(self, texts: str | Sequence[str]) -> Vectors:
        """Give a unit vector to each text.

        Args:
            texts: n sentences, or a single one.

        Returns:
            (n, dimension) float32, in the order of `texts`, equal to what
            ``SentenceTransformer(folder).encode(texts, normalize_embeddings=True)`` gives for the
            same folder; (dimension,) for a single sentence. A text of which the tokeniser leaves
            nothing is a row of zeros.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> one, other = enc.encode(["Good morning.", "Bonjour."])
            >>> enc.encode("Good morning.").shape
            (256,)
        """
        if isinstance(texts, str):
            vector: Vectors = self.encode([texts])[0]
            return vector
        texts = _check_texts(texts)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), BLOCK):
            vectors[start : start + BLOCK] = encode_sentences(
                self.backbone,
                texts[start : start + BLOCK],
                max_length=self._sentence_length,
                readout=self._sentences,
                mini_batch_num_tokens=self.mini_batch_num_tokens,
            )
        return vectors

    def encode_words(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[Vectors]:
        """Give a vector to each word, in the light of its sentence.

        Args:
            texts: n sentences.
            spans: for each sentence the words, as character spans (end excluded).

        Returns:
            n arrays (words, H) float32, not normalised; zeros for a word that `max_length` cut off.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> enc.encode_words(["Good morning."], [[(0, 4), (5, 12)]])[0].shape
            (2, 256)
        """
        return [vectors[0] for vectors in self.encode_word_layers(texts, spans, [self.layer])]

    def encode_word_layers(
        self,
        texts: Sequence[str],
        spans: Sequence[Sequence[Span]],
        layers: Sequence[int | None],
    ) -> list[Vectors]:
        """Give vectors of several layers to each word, from one forward pass.

        Args:
            texts, spans: as in :meth:`encode_words`.
            layers: each from 1 to L, or ``None`` for first + last layer.

        Returns:
            n arrays (layers, words, H) float32.

        Raises:
            ConfigError: there is no such layer.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> enc.encode_word_layers(["Good day"], [[(0, 4), (5, 8)]], [1, 6])[0].shape
            (2, 2, 256)
        """
        if isinstance(texts, str) or len(texts) != len(spans):
            raise ValueError(f"{len(texts)} texts need as many lists of spans, given {len(spans)}")
        texts = _check_texts(texts)
        found: list[Vectors] = []
        for start in range(0, len(texts), BLOCK):
            found += encode_word_layers(
                self.backbone,
                texts[start : start + BLOCK],
                spans[start : start + BLOCK],
                layers=layers,
                max_length=self.max_length,
                mini_batch_num_tokens=self.mini_batch_num_tokens,
            )
        return found

    @overload
    def align(  # type: ignore[overload-overlap]  # a str is a Sequence[str]
        self, source: str, target: str, *, languages: tuple[str, str] = ...
    ) -> list[WordPair]: ...
    @overload
    def align(
        self, source: Sequence[str], target: Sequence[str], *, languages: tuple[str, str] = ...
    ) -> list[list[WordPair]]: ...

    def align(
        self,
        source: str | Sequence[str],
        target: str | Sequence[str],
        *,
        languages: tuple[str, str] = ("", ""),
    ) -> list[WordPair] | list[list[WordPair]]:
        """Link the words of a sentence to those of its translation.

        Two words are linked if each is the other's nearest, as ``crosszero align`` links them.

        Args:
            source: a sentence, or n.
            target: its translation, or n.
            languages: their codes, such as ``("en", "fr")``; they decide what an apostrophe does.

        Returns:
            The links of the sentence, or a list for each of n: character spans in both texts, and
            the cosine of the words (0 to 1).

        Raises:
            ValueError: the numbers of sentences differ.

        Example:
            >>> enc, source = Encoder.load("crosszero-mini"), "The house is small."
            >>> for one, other, score in enc.align(source, source)[:2]:
            ...     source[slice(*one)], source[slice(*other)], round(score, 3)
            ('The', 'The', 1.0)
            ('house', 'house', 1.0)
        """
        if isinstance(source, str) and isinstance(target, str):
            return self.align([source], [target], languages=languages)[0]
        if isinstance(source, str) or isinstance(target, str) or len(source) != len(target):
            raise ValueError("as many sentences as translations are needed")
        sides = list(zip((source, target), languages, strict=True))
        spans = [[word_spans(text, language) for text in side] for side, language in sides]
        vectors = [self.encode_words(side, s) for (side, _), s in zip(sides, spans, strict=True)]
        warn_of_lost(sum(map(count_lost, vectors)))
        return [_pair_words(*row) for row in zip(*vectors, *spans, strict=True)]


def _pair_words(
    source: Vectors, target: Vectors, left: Sequence[Span], right: Sequence[Span]
) -> list[WordPair]:
    links = link_words(source, target)
    cosines = np.clip(unit_rows(source) @ unit_rows(target).T, 0, 1)
    return [WordPair(left[i], right[j], float(cosines[i, j])) for i, j in links]


def _check_texts(texts: Iterable[str]) -> list[str]:
    texts = list(texts)
    if (odd := next((i for i, text in enumerate(texts) if not isinstance(text, str)), -1)) >= 0:
        raise TypeError(f"texts must be str, text {odd} is {type(texts[odd]).__name__}")
    return texts
