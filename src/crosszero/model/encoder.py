"""Sentence vectors, word vectors and word links from any encoder, trained here or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, Unpack, cast, overload

import torch

from crosszero.align.linker import link_texts
from crosszero.align.methods import LinkConfig, LinkOptions
from crosszero.align.spans import WordPair
from crosszero.align.subtokens import Parts
from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.inference import (
    Layers,
    Spans,
    Vectors,
    encode_sentences,
    encode_subtoken_layers,
    encode_word_layers,
)
from crosszero.model.options import BLOCK, Pooling, Precision, WordLayer, layer_number
from crosszero.model.precision import CopyInBf16, choose_reading_precision
from crosszero.model.readout import FIRST_LAST, Readout, read_readout
from crosszero.model.tokens import check_texts
from crosszero.model.word_layers import OwnLayers, choose_word_layers, read_own_layers

T = TypeVar("T")
Languages = tuple[str, str]


class Encoder:
    """Turns texts into vectors, and links their words.

    Args:
        backbone: the model.
        readout: how the vector of a sentence is made; by default as crosszero trains it.
        max_length: longest text in tokens; ``None``: the model's, and of sentences its folder's.
        layer: read one layer, 1 to L, whatever the folder says: of sentences the mean over its
            tokens; or ``"first-last"``.
        alignment_layer, word_layer: that words are linked by, and their vectors read from, without
            `layer`; see :mod:`crosszero.model.word_layers`.
        mini_batch_num_tokens: padded tokens in one forward pass; ``None``: what suits the device.
        precision: ``fp32``; ``bf16``, in half the time on GPUs and some processors; or ``auto``:
            :func:`~crosszero.model.precision.choose_reading_precision`. The attribute says which.

    Example:
        >>> Encoder.load("crosszero-mini").encode(["Good morning.", "Bonjour."]).shape
        (2, 320)
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        readout: Readout = FIRST_LAST,
        max_length: int | None = None,
        layer: WordLayer | None = None,
        alignment_layer: int | None = None,
        word_layer: int | None = None,
        mini_batch_num_tokens: int | None = None,
        precision: Precision = "fp32",
    ) -> None:
        self.backbone = backbone
        self.max_length = backbone.max_length if max_length is None else max_length
        self.layer = layer
        self.mini_batch_num_tokens = mini_batch_num_tokens
        self._readout = readout
        limit = readout.max_length if max_length is None else None
        self.sentence_length = min(self.max_length, limit or self.max_length)
        backbone.check_length(self.max_length)
        if isinstance(layer, int):
            backbone.check_layer(layer)
        own = OwnLayers(alignment_layer, word_layer)
        self.alignment_layer, self.word_layer = choose_word_layers(backbone, layer, own)
        readout.to(backbone.device)
        self.precision = choose_reading_precision(backbone, precision)
        self._copy = None if self.precision == "fp32" else CopyInBf16(backbone)

    @classmethod
    def load(
        cls,
        name: str | Path,
        *,
        pooling: Pooling | None = None,
        max_length: int | None = None,
        layer: WordLayer | None = None,
        device: str | None = None,
        precision: Precision = "auto",
    ) -> Encoder:
        """Load an encoder.

        Args:
            name: ``crosszero-mini``, a run folder, any model folder or a hub id.
            pooling: ``first-last`` (as crosszero trains), or ``mean``, ``cls`` or ``max`` of the
                last layer; by default as the folder says, or if it says nothing, ``mean``.
            max_length, layer, precision: see :class:`Encoder`.
            device: such as ``cuda:1``; by default a GPU if there is one.

        Raises:
            CheckpointError: it can't be loaded.
            ConfigError: there is no such pooling, layer or length, or `layer` is given, too.

        Example:
            >>> enc = Encoder.load("intfloat/multilingual-e5-base")         # doctest: +SKIP
        """
        if pooling is not None and layer is not None:
            raise ConfigError(f"pooling: {pooling} and layer: {layer} given; give only one of them")
        backbone = Backbone.load(name)
        backbone.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        own = read_own_layers(name, backbone)._asdict()
        return cls(
            backbone, readout=read_readout(name, pooling), max_length=max_length, layer=layer,
            precision=precision, **own,
        )  # fmt: skip

    @property
    def on_gpu(self) -> bool:
        """Whether it computes beside the processor, which may link words meanwhile."""
        return self.backbone.device.type != "cpu"

    @property
    def pooling(self) -> str:
        """How sentences are read, such as ``first-last``, ``mean``, ``cls`` or ``layer-8``."""
        return self.readout.name

    @property
    def dimension(self) -> int:
        """Width of sentence vectors; word vectors have ``backbone.hidden_size``."""
        return self.readout.width(self.backbone.hidden_size)

    @property
    def readout(self) -> Readout:
        """How hidden states become the vector of a sentence."""
        return self._readout if self.layer is None else Readout(layers=(self.word_layer,))

    @property
    def _reader(self) -> Backbone:
        return self.backbone if self._copy is None else self._copy.fresh()

    def encode(self, texts: str | Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Give a unit vector to each of n texts, or to a single one.

        Args:
            prompt: stands before every text; ``None`` for that of the folder, if it has one.

        Returns:
            (n, dimension) float32, in the order of `texts`, equal to what
            ``SentenceTransformer(folder).encode(texts, normalize_embeddings=True)`` gives for the
            same folder; (dimension,) for a single sentence. A text without any token is a row of
            zeros.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> enc.encode(["Good morning.", "Bonjour."]).shape, enc.encode("Bonjour.").shape
            ((2, 320), (320,))
        """
        if isinstance(texts, str):
            return cast(Vectors, self.encode([texts], prompt=prompt)[0])
        readout = self.readout if prompt is None else replace(self.readout, prompt=prompt)
        return encode_sentences(
            self._reader,
            check_texts(texts),
            max_length=self.sentence_length,
            readout=readout,
            mini_batch_num_tokens=self.mini_batch_num_tokens,
        )

    def encode_words(self, texts: Sequence[str], spans: Spans) -> list[Vectors]:
        """Give a vector to each word in its sentence.

        Args:
            texts: n sentences.
            spans: for each sentence the words, as character spans (end excluded).

        Returns:
            n arrays (words, H) float32, not normalised; zeros for a word beyond `max_length`.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> enc.encode_words(["Good morning."], [[(0, 4), (5, 12)]])[0].shape
            (2, 320)
        """
        return [vectors[0] for vectors in self.encode_word_layers(texts, spans, [self.word_layer])]

    def encode_word_layers(
        self, texts: Sequence[str], spans: Spans, layers: Layers
    ) -> list[Vectors]:
        """Give vectors of several layers to each word, from one forward pass.

        Args, raises: as :meth:`encode_words`; `layers` are each from 1 to L (ConfigError
            otherwise), or ``None`` for first + last layer.

        Returns:
            n arrays (layers, words, H) float32.
        """
        return self._encode_words(encode_word_layers, texts, spans, layers)

    def encode_subtokens(self, texts: Sequence[str], spans: Spans) -> list[Parts]:
        """Give the vectors of all sub-tokens, and say which belong to which word.

        They are read from :attr:`alignment_layer`. A text longer than `max_length` is read in
        windows that overlap, so that no word is cut off. Args, raises: as :meth:`encode_words`.

        Example:
            >>> enc = Encoder.load("crosszero-mini")
            >>> enc.encode_subtokens(["Good morning."], [[(0, 4), (5, 12)]])[0].starts
            array([0, 2])
        """
        layer = layer_number(self.alignment_layer)
        return [parts for (parts,) in self.encode_subtoken_layers(texts, spans, [layer])]

    def encode_on_device(self, texts: Sequence[str], spans: Spans) -> list[Parts]:
        """As :meth:`encode_subtokens`, but the vectors stay on the encoder's device."""
        encode = partial(encode_subtoken_layers, on_device=True)
        layers = [layer_number(self.alignment_layer)]
        return [parts for (parts,) in self._encode_words(encode, texts, spans, layers)]

    def encode_subtoken_layers(
        self, texts: Sequence[str], spans: Spans, layers: Layers
    ) -> list[list[Parts]]:
        """For each text the sub-tokens of several layers; see :meth:`encode_word_layers`."""
        return self._encode_words(encode_subtoken_layers, texts, spans, layers)

    def _encode_words(
        self, encode: Callable[..., list[T]], texts: Sequence[str], spans: Spans, layers: Layers
    ) -> list[T]:
        if isinstance(texts, str) or len(texts) != len(spans):
            raise ValueError(f"{len(spans)} lists of spans given for {len(texts)} texts; one each")
        texts = check_texts(texts)
        found: list[T] = []
        for start in range(0, len(texts), BLOCK):
            found += encode(
                self._reader,
                texts[start : start + BLOCK],
                spans[start : start + BLOCK],
                layers=layers,
                max_length=self.max_length,
                mini_batch_num_tokens=self.mini_batch_num_tokens,
            )
        return found

    @overload
    def align(  # type: ignore[overload-overlap]  # a str is a Sequence[str]
        self, source: str, target: str, *, languages: Languages = ..., **how: Unpack[LinkOptions]
    ) -> list[WordPair]: ...
    @overload
    def align(
        self,
        source: Sequence[str],
        target: Sequence[str],
        *,
        languages: Languages = ...,
        **how: Unpack[LinkOptions],
    ) -> list[list[WordPair]]: ...

    def align(
        self,
        source: str | Sequence[str],
        target: str | Sequence[str],
        *,
        languages: Languages = ("", ""),
        **how: Unpack[LinkOptions],
    ) -> list[WordPair] | list[list[WordPair]]:
        """Link the words of a text to those of its translation, as ``crosszero align`` does.

        Args:
            source, target: a text of any length and its translation, or n. ICU cuts the words where
                there are no spaces.
            languages: their codes, such as ``("en", "fr")``; they decide what an apostrophe does.
            how: settings of :class:`~crosszero.align.methods.LinkConfig`; no method counts words.

        Returns:
            The links of the text, or a list for each of n: character spans in both texts, and how
            sure the link is (0 to 1). A word may have several.

        Raises:
            ValueError, ConfigError: the numbers of texts differ; there is no such method or unit,
                or a language is not given by its code.

        Example:
            >>> enc, source = Encoder.load("crosszero-mini"), "The house is small."
            >>> for one, other, score in enc.align(source, source)[:2]:
            ...     source[slice(*one)], source[slice(*other)], round(score, 2)
            ('The', 'The', 0.92)
            ('house', 'house', 0.94)
        """
        if isinstance(source, str) and isinstance(target, str):
            return self.align([source], [target], languages=languages, **how)[0]
        if isinstance(source, str) or isinstance(target, str) or len(source) != len(target):
            raise ValueError("sentences and translations must be equal in number")
        texts = check_texts(source), check_texts(target)
        return link_texts(self, *texts, LinkConfig(**how), languages)
