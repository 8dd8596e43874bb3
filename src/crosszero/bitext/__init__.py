"""Readers of parallel text: every format becomes one stream of sentence pairs.

Start with :func:`read_bitext`. The readers behind it, one for each format, are here too.
"""

from crosszero.bitext.chromium import ChromiumReader, find_interface_strings
from crosszero.bitext.formats import FORMATS, Format, detect_format
from crosszero.bitext.gettext import GettextReader
from crosszero.bitext.huggingface import HuggingFaceReader
from crosszero.bitext.moses import MosesReader
from crosszero.bitext.multiway import MultiwayReader
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.read import BitextConfig, read_bitext
from crosszero.bitext.rows import Reader
from crosszero.bitext.skip import SkipLog
from crosszero.bitext.tmx import TmxReader
from crosszero.bitext.tsv import TsvReader

__all__ = [
    "FORMATS",
    "BitextConfig",
    "ChromiumReader",
    "Format",
    "GettextReader",
    "HuggingFaceReader",
    "MosesReader",
    "MultiwayReader",
    "Reader",
    "SentencePair",
    "SkipLog",
    "TmxReader",
    "TsvReader",
    "detect_format",
    "find_interface_strings",
    "read_bitext",
]
