"""From character spans to token spans.

Samples hold characters, because a span must survive a change of tokeniser. Fast tokenisers
give the characters of each token (for others see :mod:`crosszero.model.slow_tokenizer`); a word's
tokens are those that share a character with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crosszero.bitext.decoding import find_control
from crosszero.errors import DataError
from crosszero.model.ragged import Integers, Ragged, spread

_FAR = 1 << 32  # more characters than any text has


class Encoding(Protocol):
    """What a tokeniser says of one text, as ``tokenizers`` gives it.

    Attributes:
        ids: token numbers.
        offsets: first character of each token and one past the last.
        special_tokens_mask: 1 for special tokens.
        overflowing: what was cut off; empty if nothing was.
    """

    @property
    def ids(self) -> list[int]: ...
    @property
    def offsets(self) -> list[tuple[int, int]]: ...
    @property
    def special_tokens_mask(self) -> list[int]: ...
    @property
    def overflowing(self) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenised text.

    Attributes:
        ids: token numbers, special tokens included.
        first: index of the first token that is not special.
        starts, ends: characters of the tokens that are not special, in order; ``starts[k]`` belongs
            to ``ids[first + k]``.
        truncated: whether the text was cut to the maximum length.
    """

    ids: list[int]
    first: int
    starts: Integers
    ends: Integers
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class TokenizedTexts:
    """n tokenised texts, all their tokens in one array.

    Attributes:
        ids: token numbers of each text, special tokens included.
        first: (n,) index of each text's first token that is not special.
        inner: (n,) how many are not special; they stand side by side.
        starts, ends: (sum of `inner`,) characters of these.
        truncated: (n,) whether the text was cut to the maximum length.
    """

    ids: Ragged
    first: Integers
    inner: Integers
    starts: Integers
    ends: Integers
    truncated: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[Encoding]) -> TokenizedTexts:
        """Join what a tokeniser says of texts.

        Raises:
            ValueError: special tokens stand between a text's tokens.
        """
        ids = Ragged.of([text.ids for text in texts])
        special = Ragged.of([text.special_tokens_mask for text in texts]).values
        plain = np.flatnonzero(special == 0)
        owner = np.repeat(np.arange(len(texts)), ids.lengths)[plain]
        inner = np.bincount(owner, minlength=len(texts))
        begin = np.append(plain, 0)[np.cumsum(inner) - inner]
        if not np.array_equal(plain, spread(begin, inner)):
            raise ValueError("special tokens inside a text are not supported")
        offsets = chain.from_iterable(text.offsets for text in texts)
        bounds = np.fromiter(chain.from_iterable(offsets), np.int64, 2 * len(special))
        starts, ends = bounds.reshape(-1, 2)[plain].T
        return cls(
            ids=ids,
            first=np.where(inner > 0, begin - ids.starts, 0),
            inner=inner,
            starts=starts,
            ends=ends,
            truncated=np.fromiter((bool(text.overflowing) for text in texts), bool, len(texts)),
        )

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Tokens]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, text: int) -> Tokens:
        inside = slice(self._begins[text], self._begins[text + 1])
        return Tokens(
            self.ids[text].tolist(),
            int(self.first[text]),
            self.starts[inside],
            self.ends[inside],
            bool(self.truncated[text]),
        )

    @cached_property
    def _begins(self) -> Integers:
        """(n + 1,) where each text's tokens begin in `starts` and `ends`; where all end."""
        return np.append(0, np.cumsum(self.inner))

    def locate(self, words: Sequence[tuple[int, int, int]] | Integers) -> Integers:
        """Find the tokens of words: those that share a character with the word.

        Args:
            words: (m, 3) the text of each word, its first character and one past its last.

        Returns:
            (m, 2) the first token of each and the one behind its last. Both are 0 for a word that
            was cut off, in whole or in part, or has no token of its own.

        Example:
            >>> from types import SimpleNamespace
            >>> text = SimpleNamespace(
            ...     ids=[2, 7, 8, 9, 3], offsets=[(0, 0), (0, 2), (2, 5), (6, 9), (0, 0)],
            ...     special_tokens_mask=[1, 0, 0, 0, 1], overflowing=[])
            >>> TokenizedTexts.of([text]).locate([(0, 0, 5), (0, 6, 9)])
            array([[1, 3],
                   [3, 4]])
        """
        text, start, end = np.asarray(words, np.int64).reshape(-1, 3).T
        owner = np.repeat(np.arange(len(self)), self.inner) * _FAR
        first = np.searchsorted(owner + self.ends, text * _FAR + start, side="right")
        last = np.searchsorted(owner + self.starts, text * _FAR + end, side="left")
        seen = last > first
        cut = np.flatnonzero(seen & self.truncated[text])
        seen[cut] = end[cut] <= self.ends[self._begins[text[cut] + 1] - 1]
        found = np.column_stack([first, last]) + (self.first - self._begins[:-1])[text, np.newaxis]
        return np.where(seen[:, np.newaxis], found, 0)

    def locate_each(
        self, spans: Sequence[Sequence[tuple[int, int]]]
    ) -> list[tuple[Integers, Integers]]:
        """Give for each text what :meth:`locate` finds for its words, given in characters."""
        counts = [len(some) for some in spans]
        numbers = chain.from_iterable(chain.from_iterable(spans))
        bounds = np.fromiter(numbers, np.int64, 2 * sum(counts)).reshape(-1, 2)
        texts = np.repeat(np.arange(len(spans)), counts)
        first, last = self.locate(np.column_stack([texts, bounds])).T
        ends = accumulate(counts, initial=0)
        return [(first[a:b], last[a:b]) for a, b in pairwise(ends)]


def check_texts(texts: Iterable[str]) -> list[str]:
    """Require that texts are `str` (TypeError) that UTF-8 can hold (DataError)."""
    for number, text in enumerate(texts := list(texts)):
        if not isinstance(text, str):
            raise TypeError(f"texts must be str, text {number} is {type(text).__name__}")
        if (problem := find_control(text)) and problem.reason == "not text":
            raise DataError(f"text {number}", problem.message)
    return texts
