"""What linking and measuring words need from an encoder: one method that returns NumPy arrays.

Nothing here depends on torch. Any object with this method will do: a trained run, a wrapped model
from elsewhere, a table of random numbers in a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Protocol, runtime_checkable

from crosszero.align.spans import Span
from crosszero.search.neighbours import AnyFloats


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


def join_words(sentences: Sequence[Sequence[str]]) -> tuple[list[str], list[list[Span]]]:
    """Make texts of sentences that are cut into words, with one space between two words.

    Args:
        sentences: n lists of words.

    Returns:
        n texts, and for each of them where its words stand.

    Example:
        >>> join_words([["ein", "Haus"]])
        (['ein Haus'], [[Span(start=0, end=3), Span(start=4, end=8)]])
    """
    texts, spans = [" ".join(words) for words in sentences], []
    for words in sentences:
        ends = accumulate(map(len, words), lambda end, length: end + 1 + length)
        spans.append([Span(end - len(word), end) for word, end in zip(words, ends, strict=True)])
    return texts, spans
