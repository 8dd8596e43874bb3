"""Links between the words of two texts: where words are, aligners, gold links, alignment error.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.align.word_lists import Lexicon as Lexicon
    from crosszero.align.word_lists import read_lexicon as read_lexicon

_HOMES = {
    "Lexicon": "word_lists",
    "read_lexicon": "word_lists",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)
