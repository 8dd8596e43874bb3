"""What every aligner can do: learn from parallel text, and link the words of sentence pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from crosszero.align.spans import Link, WordPair
from crosszero.align.word_reader import Words
from crosszero.bitext.pair import SentencePair


class Links(NamedTuple):
    """Which words of two texts mean the same.

    Attributes:
        source, target: words, those that are linked among them.
        pairs: number of a source word and of a target word.
        score: how sure a link is, from 0 to 1; worked out when it is asked for.
    """

    source: Words
    target: Words
    pairs: Sequence[Link]
    score: Callable[[int, int], float]

    def word_pairs(self) -> list[WordPair]:
        """Spell the links out, in the order of the source text."""
        return sorted(
            WordPair(self.source.spans[i], self.target.spans[j], self.score(i, j))
            for i, j in self.pairs
        )


def count_nothing(language: str) -> bool:
    """Tell that no words shall be counted."""
    return False


NO_LINKS = Links(Words([], []), Words([], []), (), lambda i, j: 0.0)


class Aligner(Protocol):
    """Links the words of sentence pairs, in any languages it has learnt or knows.

    Attributes:
        name: a word for it, which stores of samples keep.
        min_score: a link with a lower score is more likely wrong than right.
    """

    name: str
    min_score: float

    def check_languages(self, source: str, target: str) -> None:
        """Refuse languages that can't be served.

        Raises:
            ConfigError: so it is.
        """
        ...

    def fit(
        self, pairs: Iterable[SentencePair], *, counted: Callable[[str], bool] = count_nothing
    ) -> dict[str, Counter[str]]:
        """Learn what is needed from the corpus, in one pass.

        Args:
            pairs: the corpus, read once; may be larger than memory.
            counted: tells of a language whether its words shall be counted.

        Returns:
            How often each word occurs in the texts that were learnt from, by its key, for the
            languages that `counted` asks for.
        """
        ...

    def align(self, pairs: Sequence[SentencePair]) -> Iterable[Links]:
        """Link the words of a batch.

        Args:
            pairs: at best a few thousand at a time; language pairs may be mixed.

        Returns:
            The links of each pair. No word is linked twice, and no two words share a character.
        """
        ...


def sides(pair: SentencePair) -> tuple[tuple[str, str], tuple[str, str]]:
    """Give both languages of a pair with their texts."""
    return (pair.source_language, pair.source), (pair.target_language, pair.target)


def group_by_languages(pairs: Sequence[SentencePair]) -> dict[tuple[str, str], list[int]]:
    """Give the numbers of the pairs of each source and target language."""
    members: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        members[pair.source_language, pair.target_language].append(number)
    return members
