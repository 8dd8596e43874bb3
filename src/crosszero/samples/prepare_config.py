"""How samples are made and words found: settings for YAML and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from crosszero.align.statistical_aligner import check_fit
from crosszero.align.word_lists import read_lexicon, split_specifications
from crosszero.config import require, require_seed
from crosszero.errors import ConfigError, suggest
from crosszero.samples.filters import WordFilter
from crosszero.samples.finder import Finder, NoFinder, WordFinder
from crosszero.samples.stopwords import Source as Source  # the command line looks it up here

if TYPE_CHECKING:
    from crosszero.align.aligner import Aligner
    from crosszero.align.subtokens import WordEncoder

Kind = Literal["aligner", "lexicon", "encoder", "none"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderConfig(WordFilter):
    """How word pairs are found.

    Attributes:
        kind: ``aligner`` (statistics of the corpus itself, any language pair), ``lexicon`` (a word
            list that you trust), ``encoder`` (the words that an encoder links) or ``none``
            (sentence level only).
        lexicon: word lists: ``LANGUAGE,LANGUAGE=FILE`` for a list of two columns, or
            ``LANGUAGE=FILE`` for each of several lists that are aligned line by line.
        fit_pairs: sentence pairs per language pair to train the aligner on; each 10,000 take about
            40 MB of memory during training, and 10 MB afterwards.
        samplers: sampling chains of the aligner; by default chosen by the size of the corpus.
        seed: of the aligner.

    Raises:
        ConfigError: a value is unknown or out of range.
    """

    kind: Kind = "aligner"
    lexicon: tuple[str, ...] = ()
    fit_pairs: int = 100_000
    samplers: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"unknown finder {self.kind!r}: {suggest(self.kind, KINDS)}")
        if self.kind == "lexicon" and not self.lexicon:
            raise ConfigError("the lexicon finder needs a word list: lexicon: [en,fr=words.tsv]")
        split_specifications(self.lexicon)
        check_fit(self.fit_pairs, self.samplers)
        require_seed(self.seed)
        WordFilter.__post_init__(self)


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """How samples are made from text.

    Attributes:
        hold_out: meanings (pairs or multi-way lines) kept out of training, for measuring.
        deduplicate: leave out pairs that came before, also if they differ in white space or in what
            can't be seen.
        max_chars: longest text in characters.
        seed: of the draw of held-out texts.
    """

    hold_out: int = 0
    deduplicate: bool = False
    max_chars: int = 2000
    seed: int = 1

    def __post_init__(self) -> None:
        require("hold_out", self.hold_out, self.hold_out >= 0, "0 or more")
        require("max_chars", self.max_chars, self.max_chars >= 1, "1 or more")
        require_seed(self.seed)


def make_finder(config: FinderConfig, *, encoder: WordEncoder | str | Path | None = None) -> Finder:
    """Make the finder that a configuration describes.

    Args:
        config: the configuration.
        encoder: gives word vectors for ``kind="encoder"``; one that is named, by its middle layer.

    Raises:
        ConfigError: `encoder` is missing, or the lexicon is not given as it should be.
        DataError: a word list can't be used.
    """
    if config.kind == "none":
        return NoFinder()
    return WordFinder(_make_aligner(config, encoder), config)


def _make_aligner(config: FinderConfig, encoder: WordEncoder | str | Path | None) -> Aligner:
    if config.kind == "aligner":
        from crosszero.align.statistical_aligner import StatisticalAligner

        return StatisticalAligner(
            fit_pairs=config.fit_pairs, seed=config.seed, samplers=config.samplers
        )
    if config.kind == "lexicon":
        from crosszero.align.lexicon_aligner import LexiconAligner

        return LexiconAligner(read_lexicon(config.lexicon))
    if config.kind != "encoder":
        raise ValueError(f"there is no aligner for words.kind {config.kind}")
    if encoder is None:
        raise ConfigError("the encoder finder needs an encoder: give one")
    from crosszero.align.encoder_aligner import EncoderAligner

    if isinstance(encoder, str | Path):
        from crosszero.model.encoder import Encoder

        backbone = Encoder.load(encoder, precision="fp32").backbone
        encoder = Encoder(backbone, layer=(backbone.layers + 1) // 2)
    return EncoderAligner(encoder)
