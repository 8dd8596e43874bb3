"""Links between the tokens of spaCy's documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from crosszero.align.linker import WordLinker
from crosszero.align.methods import LinkConfig, LinkOptions
from crosszero.align.spans import CutText, Span
from crosszero.align.subtokens import SubtokenEncoder, WordEncoder
from crosszero.errors import MissingExtraError

try:
    from spacy.tokens import Doc, Token
except ImportError as error:
    raise MissingExtraError("spacy", "spacy", "linking the documents of spaCy") from error


def link_docs(
    encoder: SubtokenEncoder | WordEncoder,
    source: Doc | Sequence[Doc],
    target: Doc | Sequence[Doc],
    **how: Unpack[LinkOptions],
) -> None:
    """Link the tokens of documents to those of their translations, as spaCy has cut them.

    Afterwards ``doc._.links`` of either side is a list of (its own token, token of the other side,
    score), ordered and counted from 0, and ``token._.links`` of (token of the other side, score).
    They are kept where spaCy keeps a document. White space is linked to nothing.

    Args:
        encoder: such as a :class:`crosszero.Encoder`.
        source, target: a document and its translation, or n.
        how: settings of :class:`~crosszero.align.LinkConfig`; no method counts words.

    Raises:
        MissingExtraError: spaCy is not installed (when the module is imported).
        ConfigError: there is no such method or unit.
        ValueError: the numbers of documents differ.

    Example:
        >>> link_docs(encoder, english("The sea."), french("La mer."))     # doctest: +SKIP
    """
    sources = [source] if isinstance(source, Doc) else list(source)
    targets = [target] if isinstance(target, Doc) else list(target)
    linker = WordLinker(encoder, LinkConfig(**how))
    found = linker.link(list(map(_cut, sources)), list(map(_cut, targets)))
    for one, other, links in zip(sources, targets, found, strict=True):
        own, its = _list_words(one), _list_words(other)
        pairs = [(own[i].i, its[j].i, score) for i, j, score in links]
        one._.links, other._.links = pairs, sorted((j, i, score) for i, j, score in pairs)
    linker.warn()


def _list_words(doc: Doc) -> list[Token]:
    return [token for token in doc if not token.is_space]


def _cut(doc: Doc) -> CutText:
    spans = [Span(token.idx, token.idx + len(token)) for token in _list_words(doc)]
    return CutText(doc.text, spans)


def _list_links(token: Token) -> list[tuple[int, float]]:
    return [(other, score) for own, other, score in token.doc._.links if own == token.i]


for _kind, _settings in ((Doc, {"default": ()}), (Token, {"getter": _list_links})):
    if not _kind.has_extension("links"):
        _kind.set_extension("links", **_settings)
