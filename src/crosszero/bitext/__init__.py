"""Readers of parallel text: every format becomes one stream of sentence pairs.

Start with :func:`read_bitext`. The readers behind it, one per format, are here too.
"""

from crosszero.bitext.formats import FORMATS, detect_format
from crosszero.bitext.formats.chromium_pak import ChromiumReader, find_interface_strings
from crosszero.bitext.formats.gettext_catalogue import GettextReader
from crosszero.bitext.formats.huggingface import HuggingFaceReader
from crosszero.bitext.formats.multiway import MosesReader, MultiwayReader
from crosszero.bitext.formats.tmx import TmxReader
from crosszero.bitext.formats.tsv import TsvReader
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.read import BitextConfig, read_bitext
from crosszero.bitext.reader import FormatName, Reader, Row
from crosszero.bitext.skip import SkipLog

__all__ = [
    "FORMATS",
    "BitextConfig",
    "ChromiumReader",
    "FormatName",
    "GettextReader",
    "HuggingFaceReader",
    "MosesReader",
    "MultiwayReader",
    "Reader",
    "Row",
    "SentencePair",
    "SkipLog",
    "TmxReader",
    "TsvReader",
    "detect_format",
    "find_interface_strings",
    "read_bitext",
]
