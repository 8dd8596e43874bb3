"""Word positioned samples: find word pairs in sentence pairs, store them, look at them."""

from crosszero.samples.filters import WordFilter
from crosszero.samples.finder import Finder, NoFinder, WordFinder
from crosszero.samples.preparation import prepare
from crosszero.samples.prepare_config import FinderConfig, make_finder
from crosszero.samples.sample import Sample
from crosszero.samples.show import choose_samples, format_sample
from crosszero.samples.store import SampleStore
from crosszero.samples.summary import Summary
from crosszero.samples.writer import SampleWriter, write_store

__all__ = [
    "Finder",
    "FinderConfig",
    "NoFinder",
    "Sample",
    "SampleStore",
    "SampleWriter",
    "Summary",
    "WordFilter",
    "WordFinder",
    "choose_samples",
    "format_sample",
    "make_finder",
    "prepare",
    "write_store",
]
