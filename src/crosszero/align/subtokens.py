"""What linking words asks of an encoder: the vectors of a text's sub-tokens, as NumPy arrays.

Nothing here knows about torch. Two words are linked if any of their sub-tokens are, so that links
are many-to-many; the same functions link whole words, each of which is then its own only part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Span
from crosszero.align.word_encoder import WordEncoder, encode_spans
from crosszero.search.neighbours import AnyFloats

Unit = Literal["subtoken", "word"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the words of a text are compared by.

    Attributes:
        vectors: (parts, dim), of sub-tokens or of words, in the order of the text.
        starts, ends: (words,) the first part of each word and the one behind its last; equal where
            the encoder saw nothing of a word. Words may share a sub-token.
    """

    vectors: AnyFloats
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

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


def word_vectors(parts: Parts) -> AnyFloats:
    """Give the mean over the sub-tokens of each word; zeros for a word without one.

    Example:
        >>> parts = Parts(np.array([[1.0], [3.0], [5.0]]), np.array([0, 2]), np.array([2, 3]))
        >>> word_vectors(parts).tolist()
        [[2.0], [5.0]]
    """
    found = np.zeros((len(parts), parts.vectors.shape[1]), parts.vectors.dtype)
    for word in np.flatnonzero(parts.ends > parts.starts):
        found[word] = parts.vectors[parts.starts[word] : parts.ends[word]].mean(axis=0)
    return found


def as_parts(vectors: AnyFloats) -> Parts:
    """Take a vector for each word as its only part; rows of zeros are words without one.

    Args:
        vectors: (words, dim).
    """
    seen = vectors.any(axis=1)
    ends = np.cumsum(seen, dtype=np.int64)
    return Parts(vectors[seen], ends - seen, ends)


def encode_parts(
    encoder: SubtokenEncoder | WordEncoder,
    texts: list[str],
    spans: list[list[Span]],
    *,
    batch: int = 256,
) -> Iterator[Parts]:
    """Give the parts of one sentence after the other: sub-tokens, or words if that is all there is.

    Args, raises: as :func:`~crosszero.align.word_encoder.encode_spans`.
    """
    if not isinstance(encoder, SubtokenEncoder):
        yield from map(as_parts, encode_spans(encoder, texts, spans, batch=batch))
        return
    for start in range(0, len(texts), batch):
        yield from encoder.encode_subtokens(
            texts[start : start + batch], spans[start : start + batch]
        )
