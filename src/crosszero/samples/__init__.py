"""Word positioned samples: find word pairs in sentence pairs, store them, look at them.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.samples.filters import WordFilter as WordFilter
    from crosszero.samples.finder import Finder as Finder
    from crosszero.samples.finder import NoFinder as NoFinder
    from crosszero.samples.finder import WordFinder as WordFinder
    from crosszero.samples.preparation import Summary as Summary
    from crosszero.samples.preparation import prepare as prepare
    from crosszero.samples.prepare_config import FinderConfig as FinderConfig
    from crosszero.samples.prepare_config import make_finder as make_finder
    from crosszero.samples.sample import Sample as Sample
    from crosszero.samples.show import choose_samples as choose_samples
    from crosszero.samples.show import format_sample as format_sample
    from crosszero.samples.store import SampleStore as SampleStore
    from crosszero.samples.writer import SampleWriter as SampleWriter
    from crosszero.samples.writer import write_store as write_store

_HOMES = {
    "Finder": "finder",
    "FinderConfig": "prepare_config",
    "NoFinder": "finder",
    "Sample": "sample",
    "SampleStore": "store",
    "SampleWriter": "writer",
    "Summary": "preparation",
    "WordFilter": "filters",
    "WordFinder": "finder",
    "choose_samples": "show",
    "format_sample": "show",
    "make_finder": "prepare_config",
    "prepare": "preparation",
    "write_store": "writer",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)
