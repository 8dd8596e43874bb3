"""The words of texts linked to those of their translations: from an encoder to scored links."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from crosszero.align.batches import cut_batches, look_ahead
from crosszero.align.eflomal import LONGEST, TwoWayModel, fits
from crosszero.align.long_texts import link_long
from crosszero.align.methods import LinkConfig
from crosszero.align.similarity import Scores
from crosszero.align.spans import (
    CutPair,
    CutText,
    Link,
    LinkedPair,
    ScoredLink,
    WordPair,
    from_words,
)
from crosszero.align.subtokens import Parts, SubtokenEncoder, WordEncoder, encode_parts
from crosszero.align.word_cutter import cut_words
from crosszero.bitext.languages import check_code
from crosszero.errors import ConfigError, count_things

Encoded = tuple[Parts, Parts]
"""What an encoder saw of a text and of its translation."""
_LINKING = 3  # threads that link beside a GPU; Python itself runs in one at a time
_log = logging.getLogger("crosszero")


def align_words(
    encoder: SubtokenEncoder | WordEncoder,
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    config: LinkConfig | None = None,
) -> list[list[Link]]:
    """Link the words of translated sentences.

    Args:
        encoder: gives the vectors.
        source: n sentences, cut into words.
        target: their n translations, cut into words.
        config: how; by default by the method ``hmm``.

    Returns:
        For each sentence pair its links, 0-based. How many words have no vector, and so no link,
        is logged.

    Raises:
        ValueError: the numbers of sentences differ.

    Example:
        >>> align_words(encoder, [["good", "day"]], [["guten", "Tag"]])      # doctest: +SKIP
        [[(0, 0), (1, 1)]]
    """
    linker = WordLinker(encoder, config)
    found = linker.link(list(map(from_words, source)), list(map(from_words, target)))
    links = [[(link.source, link.target) for link in sentence] for sentence in found]
    linker.warn()
    return links


def link_texts(
    encoder: SubtokenEncoder | WordEncoder,
    source: Sequence[str],
    target: Sequence[str],
    config: LinkConfig | None = None,
    languages: tuple[str, str] = ("", ""),
) -> list[list[WordPair]]:
    """Link the words of raw texts: as :func:`align_words`, but by their characters.

    Args:
        encoder, config: as there.
        source: n texts.
        target: their n translations.
        languages: codes of both, or empty where they are not known.

    Raises:
        ConfigError: a language is not given by its code.
    """
    for code in filter(None, languages):
        check_code(code)
    sides = [
        [CutText(text, cut_words(text, language)) for text in texts]
        for texts, language in zip((source, target), languages, strict=True)
    ]
    linker = WordLinker(encoder, config)
    found = [
        [WordPair(one.spans[i], other.spans[j], score) for i, j, score in links]
        for one, other, links in zip(*sides, linker.link(*sides), strict=True)
    ]
    linker.warn()
    return found


class WordLinker:
    """Links the words of texts to those of their translations.

    Args:
        encoder: gives the vectors; none for the statistical method.
        config: how words are linked.
        statistics: trained on such texts; for the methods ``statistical`` and ``combined``.
        batch: pairs of texts that are encoded at once.

    Raises:
        ConfigError: the method needs what is not given.

    Example:
        >>> linker = WordLinker(Encoder.load("crosszero-mini"))               # doctest: +SKIP
        >>> next(linker.link([from_words(["good", "day"])],
        ...                  [from_words(["guten", "Tag"])]))                 # doctest: +SKIP
        [ScoredLink(source=0, target=0, score=0.93), ScoredLink(source=1, target=1, score=0.95)]
    """

    def __init__(
        self,
        encoder: SubtokenEncoder | WordEncoder | None = None,
        config: LinkConfig | None = None,
        *,
        statistics: TwoWayModel | None = None,
        batch: int = 256,
    ) -> None:
        config = config or LinkConfig()
        if config.method in ("statistical", "combined") and statistics is None:
            raise ConfigError(
                f"method {config.method} needs a statistical aligner, trained on text like this one"
            )
        if config.method != "statistical" and encoder is None:
            raise ConfigError(f"method {config.method} needs an encoder")
        self._encoder, self._config, self._batch = encoder, config, batch
        self._statistics, self._on_gpu = statistics, bool(getattr(encoder, "on_gpu", False))
        if config.method == "statistical" and statistics is not None:
            statistics.symmetrise_by(config.symmetrisation or "grow-diag-final-and")
        self._counting = Lock()
        self.lost = 0
        """Words so far that have no vector, and so no links."""
        self.words = self.known = 0
        """Words so far of which counts were needed, and those of which there are any."""
        self.too_long = 0
        """Pairs so far that are longer than the statistical aligner takes, and so have no links."""

    def link(
        self, sources: Sequence[CutText], targets: Sequence[CutText]
    ) -> Iterator[list[ScoredLink]]:
        """Link n texts to their n translations, in their order.

        Raises:
            ValueError: the numbers of texts differ.
        """
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} source texts, but {len(targets)} target texts")
        return (linked.links for linked in self.link_pairs(zip(sources, targets, strict=True)))

    def link_pairs(self, pairs: Iterable[CutPair]) -> Iterator[LinkedPair]:
        """Link texts to their translations as they come, in constant memory.

        If the encoder says that it is `on_gpu`, the next texts are encoded while the words of the
        last ones are linked, of several batches at once where no counts are asked for.
        """
        batches = cut_batches(pairs, self._batch)
        if not self._on_gpu:
            for batch in batches:
                yield from self._link(batch, self._encode(batch))
            return
        linking = _LINKING if self._statistics is None else 1
        with (
            ThreadPoolExecutor(1, thread_name_prefix="encoder") as encoder,
            ThreadPoolExecutor(linking, thread_name_prefix="linker") as linker,
        ):

            def finish(batch: list[CutPair], parts: Future[list[Encoded]]) -> list[LinkedPair]:
                return list(self._link(batch, parts.result()))

            begun = (
                linker.submit(finish, batch, encoder.submit(self._encode, batch))
                for batch in batches
            )
            for linked in look_ahead(begun, linking):
                yield from linked.result()

    def _encode(self, batch: Sequence[CutPair]) -> list[Encoded]:
        if self._encoder is None or self._config.method == "statistical":
            return []
        left, right = (
            encode_parts(
                self._encoder, [one.text for one in side], [one.spans for one in side],
                on_device=self._on_gpu,
            )
            for side in zip(*batch, strict=True)
        )  # fmt: skip
        return list(zip(left, right, strict=True))

    def _link(self, batch: Sequence[CutPair], parts: Sequence[Encoded]) -> Iterator[LinkedPair]:
        counting = self._config.method == "statistical"
        found = self._count(batch) if counting else self._compare(batch, parts)
        return (LinkedPair(*pair, links) for pair, links in zip(batch, found, strict=True))

    def _compare(
        self, batch: Sequence[CutPair], parts: Sequence[Encoded]
    ) -> list[list[ScoredLink]]:
        lost = sum(one.lost + other.lost for one, other in parts)
        with self._counting:
            self.lost += lost
        statistics = self._statistics
        if self._config.method != "combined" or statistics is None:
            return link_long(parts, self._config)
        words = [(source.keys, target.keys) for source, target in batch]

        def fit(number: int, some: slice, others: slice) -> Scores:
            source, target = words[number]
            self._note(statistics, source[some], target[others])
            return statistics.fit_words(source[some], target[others])

        return link_long(parts, self._config, fit)

    def _count(self, batch: Sequence[CutPair]) -> Iterator[list[ScoredLink]]:
        statistics = self._statistics
        assert statistics is not None
        rows = [(source.keys, target.keys) for source, target in batch]
        for row in rows:
            self._note(statistics, *row)
        threshold = self._config.threshold or 0.0
        for (source, target), links in zip(rows, statistics.align(rows), strict=True):
            scored = [
                ScoredLink(i, j, statistics.score(source[i], target[j])) for i, j in sorted(links)
            ]
            yield [link for link in scored if link.score >= threshold]

    def pass_over(self, pairs: Iterable[CutPair]) -> None:
        """Tell in :meth:`warn` what counts lack for these, too, which were linked before."""
        for source, target in pairs:
            if self._config.method in ("statistical", "combined") and self._statistics is not None:
                self._note(self._statistics, source.keys, target.keys)

    def _note(self, statistics: TwoWayModel, source: list[str], target: list[str]) -> None:
        self.words += len(source) + len(target)
        self.known += statistics.count_known(source, target)
        if self._config.method == "statistical" and source and target:
            self.too_long += not fits(source, target)

    def warn(self) -> None:
        """Say what could not be linked, or not well, and why."""
        warn_of_lost(self.lost)
        if self.too_long:
            _log.warning(
                "%s no links: the statistical aligner takes texts of up to %d words; cut them, or "
                "use another method",
                count_things(self.too_long, "pair has", "pairs have"),
                LONGEST,
            )
        elif self.words and self._statistics is not None and self._statistics.empty:
            _log.warning(
                "the statistical aligner has counted no words: it counts them in pairs of 1 to %d "
                "words on each side",
                LONGEST,
            )
        elif 2 * self.known < self.words:
            _log.warning(
                "the statistical aligner has counted only %.0f %% of the words: was it trained on "
                "these languages, the source first?",
                100 * self.known / self.words,
            )


def warn_of_lost(words: int) -> None:
    """Say how many words can't be linked, and why."""
    if words:
        _log.warning(
            "%s no vector (the encoder has no separate token for them), and so no links",
            count_things(words, "word has", "words have"),
        )
