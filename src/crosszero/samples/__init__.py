"""Word positioned samples: find word pairs in sentence pairs, store them, look at them.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosszero.samples.aligner import AlignerFinder
    from crosszero.samples.config import FinderConfig, make_finder
    from crosszero.samples.encoder import EncoderFinder
    from crosszero.samples.filters import WordFilter
    from crosszero.samples.finder import Finder, NoFinder
    from crosszero.samples.lexicon import Lexicon, read_lexicon
    from crosszero.samples.lookup import LexiconFinder
    from crosszero.samples.preparation import Summary, prepare
    from crosszero.samples.sample import Sample, Span, WordPair
    from crosszero.samples.show import choose_samples, format_sample
    from crosszero.samples.store import SampleStore
    from crosszero.samples.words import word_spans
    from crosszero.samples.writer import SampleWriter, write_store

_WHERE = {
    "AlignerFinder": "aligner",
    "EncoderFinder": "encoder",
    "Finder": "finder",
    "FinderConfig": "config",
    "Lexicon": "lexicon",
    "LexiconFinder": "lookup",
    "NoFinder": "finder",
    "Sample": "sample",
    "SampleStore": "store",
    "SampleWriter": "writer",
    "Span": "sample",
    "Summary": "preparation",
    "WordFilter": "filters",
    "WordPair": "sample",
    "choose_samples": "show",
    "format_sample": "show",
    "make_finder": "config",
    "prepare": "preparation",
    "read_lexicon": "lexicon",
    "word_spans": "words",
    "write_store": "writer",
}

__all__ = [
    "AlignerFinder",
    "EncoderFinder",
    "Finder",
    "FinderConfig",
    "Lexicon",
    "LexiconFinder",
    "NoFinder",
    "Sample",
    "SampleStore",
    "SampleWriter",
    "Span",
    "Summary",
    "WordFilter",
    "WordPair",
    "choose_samples",
    "format_sample",
    "make_finder",
    "prepare",
    "read_lexicon",
    "word_spans",
    "write_store",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
