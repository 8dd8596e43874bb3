"""Sentence and word vectors from any encoder, trained here or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from crosszero.align.spans import Span
from crosszero.model.backbone import Backbone
from crosszero.model.inference import Vectors, encode_sentences, encode_word_layers
from crosszero.model.vector_file import BLOCK


class Encoder:
    """Turns texts into vectors, with the pooling that training uses: first + last layer, mean.

    Args:
        backbone: the model.
        max_length: tokens of a text; longer ones are cut. ``None``: as many as the model takes.
        layer: read one layer, 1 to L, instead of first + last.
        mini_batch_num_tokens: padded tokens of a forward pass; ``None`` for as many as suit the
            device.

    Example:
        >>> encoder = Encoder.load("crosszero-mini")               # doctest: +SKIP
        >>> encoder.encode(["Good morning.", "Bonjour."]).shape     # doctest: +SKIP
        (2, 256)
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        max_length: int | None = None,
        layer: int | None = None,
        mini_batch_num_tokens: int | None = None,
    ) -> None:
        self.backbone = backbone
        self.max_length = backbone.max_length if max_length is None else max_length
        self.layer = layer
        self.mini_batch_num_tokens = mini_batch_num_tokens
        backbone.check_length(self.max_length)

    @classmethod
    def load(
        cls,
        name: str | Path,
        *,
        max_length: int | None = None,
        layer: int | None = None,
        device: str | None = None,
    ) -> Encoder:
        """Load an encoder: ``crosszero-mini``, a run folder, any model folder or a hub id.

        Args:
            name: the encoder.
            max_length, layer: see :class:`Encoder`.
            device: such as ``cuda:1``; by default a GPU if there is one.

        Raises:
            CheckpointError: it can't be loaded.
        """
        backbone = Backbone.load(name)
        backbone.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return cls(backbone, max_length=max_length, layer=layer)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give one unit vector per text.

        Args:
            texts: n sentences.

        Returns:
            (n, H) float32, in the order of `texts`, equal to what ``SentenceTransformer`` gives for
            the same folder.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts; for a single one: encode([text])[0]")
        vectors = np.empty((len(texts), self.backbone.hidden_size), np.float32)
        for start in range(0, len(texts), BLOCK):
            vectors[start : start + BLOCK] = encode_sentences(
                self.backbone,
                texts[start : start + BLOCK],
                max_length=self.max_length,
                layer=self.layer,
                mini_batch_num_tokens=self.mini_batch_num_tokens,
            )
        return vectors

    def encode_words(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[Vectors]:
        """Give one vector per word, in the light of its sentence.

        Args:
            texts: n sentences.
            spans: for each sentence the words, as character spans (end excluded).

        Returns:
            n arrays (words, H) float32; zeros for a word that `max_length` cut off.
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
            >>> spans = [[Span(0, 4), Span(5, 8)]]
            >>> encoder.encode_word_layers(["Good day"], spans, [1, 6])[0].shape  # doctest: +SKIP
            (2, 2, 256)
        """
        if isinstance(texts, str) or len(texts) != len(spans):
            raise ValueError(f"{len(texts)} texts need as many lists of spans, given {len(spans)}")
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
