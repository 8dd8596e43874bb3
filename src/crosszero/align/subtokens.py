"""What linking words asks of an encoder: the vectors of a text's sub-tokens, as NumPy arrays.

Nothing here knows about torch. Two words are linked if any of their sub-tokens are, so that links
are many-to-many; the same functions link whole words, each of which is then its own only part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Span
from crosszero.search.neighbours import AnyFloats

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """What the words of a text are compared by.

    Attributes:
        vectors: (parts, dim), of sub-tokens or of words, in the order of the text.
        starts, ends: (words,) the first part of each word and the one behind its last; equal where
            the encoder saw nothing of a word. Words may share a sub-token.
    """

    vectors: AnyFloats
    starts: Integers
    ends: Integers
    on_device: ClassVar[bool] = False
    """Whether the vectors lie beside the processor (:mod:`crosszero.align.accelerated`)."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, int]:
        """Parts and dim."""
        return self.vectors.shape[0], self.vectors.shape[1]

    @property
    def lost(self) -> int:
        """How many words have no part, and so no vector."""
        return int((self.starts >= self.ends).sum())


@runtime_checkable
class SubtokenEncoder(Protocol):
    """Gives vectors to the sub-tokens of sentences."""

    def encode_subtokens(self, texts: list[str], spans: list[list[Span]]) -> Sequence[Parts]:
        """Give the vectors of all sub-tokens, and say which belong to which word.

        Args:
            texts: n sentences.
            spans: for each sentence the words, as character spans (end excluded).
        """
        ...


@runtime_checkable
class WordEncoder(Protocol):
    """Gives vectors to words in their sentences.

    ``isinstance(thing, WordEncoder)`` checks that the method exists, not what it takes or returns.
    """

    def encode_words(self, texts: list[str], spans: list[list[Span]]) -> Sequence[AnyFloats]:
        """Give one vector per word, in the light of its sentence.

        Args:
            texts: n sentences.
            spans: for each sentence the words, as character spans (end excluded).

        Returns:
            n arrays; the i-th has shape (len(spans[i]), dim). A word of which the model sees
            nothing (cut off at its maximal length) is a row of zeros.
        """
        ...


def encode_spans(
    encoder: WordEncoder, texts: list[str], spans: list[list[Span]], *, batch: int = 256
) -> Iterator[AnyFloats]:
    """Give the word vectors of one sentence after the other, with their shapes checked.

    Only one batch's vectors wait here; a caller that keeps what it gets holds them all.

    Args:
        encoder: where the vectors come from.
        texts: n sentences.
        spans: for each sentence its words.
        batch: sentences that are handed to the encoder at once.

    Yields:
        n arrays, the i-th of shape (len(spans[i]), dim).

    Raises:
        ValueError: the encoder returned another number of arrays or rows.
    """
    for start in range(0, len(texts), batch):
        part = spans[start : start + batch]
        arrays = encoder.encode_words(texts[start : start + batch], part)
        if len(arrays) != len(part):
            raise ValueError(f"encode_words returned {len(arrays)} arrays for {len(part)} texts")
        for offset, (array, words) in enumerate(zip(arrays, part, strict=True)):
            if array.ndim != 2 or len(array) != len(words):
                raise ValueError(
                    f"encode_words returned shape {array.shape} for text {start + offset}, "
                    f"which has {len(words)} words"
                )
            yield array


def word_vectors(parts: Parts) -> AnyFloats:
    """Give the mean over the sub-tokens of each word; zeros for a word without one.

    Example:
        >>> parts = Parts(np.array([[1.0], [3.0], [5.0]]), np.array([0, 2]), np.array([2, 3]))
        >>> word_vectors(parts).tolist()
        [[2.0], [5.0]]
    """
    found = np.zeros((len(parts), parts.vectors.shape[1]), parts.vectors.dtype)
    for words, tokens in group_by_length(parts.starts, parts.ends):
        found[words] = parts.vectors[tokens].mean(axis=1)
    return found


def group_by_length(starts: Integers, ends: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Put words of equally many sub-tokens together, which can be worked on at once.

    Yields:
        (n,) numbers of the words, and (n, length) of their sub-tokens; not of words without any.
    """
    lengths = ends - starts
    for length in np.unique(lengths[lengths > 0]):
        chosen = np.flatnonzero(lengths == length)
        yield chosen, starts[chosen, None] + np.arange(length)


def as_parts(vectors: AnyFloats) -> Parts:
    """Take a vector for each word as its only part; rows of zeros are words without one.

    Args:
        vectors: (words, dim).
    """
    seen = vectors.any(axis=1)
    ends = np.cumsum(seen, dtype=np.int64)
    return Parts(vectors[seen], ends - seen, ends)


@runtime_checkable
class DeviceEncoder(Protocol):
    """Gives vectors to the sub-tokens of sentences, and leaves them where it computed them."""

    def encode_on_device(self, texts: list[str], spans: list[list[Span]]) -> Sequence[Parts]:
        """As :meth:`SubtokenEncoder.encode_subtokens`."""
        ...


def encode_parts(
    encoder: SubtokenEncoder | WordEncoder,
    texts: list[str],
    spans: list[list[Span]],
    *,
    on_device: bool = False,
) -> Sequence[Parts]:
    """Give the parts of each sentence: sub-tokens, or words if that is all there is.

    Args:
        encoder, texts, spans: as in :func:`~crosszero.align.subtokens.encode_spans`.
        on_device: leave the vectors where the encoder computed them, if it can.

    Raises:
        ValueError: as there.
    """
    if on_device and isinstance(encoder, DeviceEncoder):
        return encoder.encode_on_device(texts, spans)
    if isinstance(encoder, SubtokenEncoder):
        return encoder.encode_subtokens(texts, spans)
    return list(map(as_parts, encode_spans(encoder, texts, spans)))
