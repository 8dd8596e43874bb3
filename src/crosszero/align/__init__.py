"""Links between the words of two texts: word boundaries, aligners, gold links, alignment error.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.align.aligner import Aligner as Aligner
    from crosszero.align.aligner import Links as Links
    from crosszero.align.encoder_aligner import EncoderAligner as EncoderAligner
    from crosszero.align.lexicon_aligner import LexiconAligner as LexiconAligner
    from crosszero.align.linker import WordLinker as WordLinker
    from crosszero.align.linker import align_words as align_words
    from crosszero.align.linker import link_texts as link_texts
    from crosszero.align.methods import LinkConfig as LinkConfig
    from crosszero.align.spans import Span as Span
    from crosszero.align.spans import WordPair as WordPair
    from crosszero.align.statistical_aligner import StatisticalAligner as StatisticalAligner
    from crosszero.align.subtokens import WordEncoder as WordEncoder
    from crosszero.align.word_lists import Lexicon as Lexicon
    from crosszero.align.word_lists import read_lexicon as read_lexicon

_HOMES = {
    "Aligner": "aligner",
    "EncoderAligner": "encoder_aligner",
    "Lexicon": "word_lists",
    "LexiconAligner": "lexicon_aligner",
    "LinkConfig": "methods",
    "Links": "aligner",
    "Span": "spans",
    "StatisticalAligner": "statistical_aligner",
    "WordEncoder": "subtokens",
    "WordLinker": "linker",
    "WordPair": "spans",
    "align_words": "linker",
    "link_texts": "linker",
    "read_lexicon": "word_lists",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)
