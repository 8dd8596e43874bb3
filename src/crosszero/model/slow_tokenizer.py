"""Tokenisers that transformers has in Python only (XLM's): the characters of each token.

Such a tokeniser gives tokens, but not where they stand. The letters of the tokens, one after the
other, are those of the text, but for what the tokeniser normalises (Moses writes other quotation
marks): so the two rows of letters are laid beside each other. Where they differ, and in number too,
the tokens of the stretch share its characters.

A token for what is unknown tells no letter, and neighbours must not share each other's. A text with
such tokens is therefore cut into the smallest pieces whose tokens, one after the other, are its
own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, cast

from transformers import PreTrainedTokenizerBase

# What says that a token begins or ends a word, or goes on with one.
_MARKS = re.compile("^(?:##|\u2581)(?=.)|(?<=.)(?:</w>|@@)$")
_LONGEST = 200  # characters between two spaces that are tried letter by letter


class SlowEncoding(NamedTuple):
    """What a fast tokeniser would say of a text, as :class:`crosszero.model.tokens.Encoding`."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    special_tokens_mask: list[int]
    overflowing: list[str]


def tokenize_slowly(
    tokenizer: PreTrainedTokenizerBase, text: str, max_length: int | None
) -> SlowEncoding:
    """Tokenise one text, cut to `max_length` tokens with special tokens (one more than these)."""
    tokens = tokenizer.tokenize(text)
    room = len(tokens)
    if max_length is not None:
        room = max_length - tokenizer.num_special_tokens_to_add(pair=False)
    inner = cast(list[int], tokenizer.convert_tokens_to_ids(tokens[:room]))
    special = tokenizer.get_special_tokens_mask(inner)
    places = iter(_place(tokenizer.tokenize, text, tokens, str(tokenizer.unk_token)))
    return SlowEncoding(
        tokenizer.build_inputs_with_special_tokens(inner),
        [(0, 0) if mark else next(places) for mark in special],
        special,
        tokens[room:],
    )


def _place(
    tokenize: Callable[[str], list[str]], text: str, tokens: list[str], unknown: str
) -> list[tuple[int, int]]:
    """The characters of each token, as :func:`find_offsets` gives them, piece by piece."""
    if unknown not in tokens:
        return find_offsets(text, tokens)
    pieces = [(match.start(), tokenize(match[0])) for match in re.finditer(r"\S+", text)]
    if [token for _, own in pieces for token in own] != tokens:
        pieces = [(0, tokens)]
    ends = [start for start, _ in pieces[1:]] + [len(text)]
    offsets: list[tuple[int, int]] = []
    for (start, own), end in zip(pieces, ends, strict=True):
        while own:
            piece = text[start:end].rstrip()
            length, count = _cut_piece(tokenize, piece, own, unknown)
            found = find_offsets(piece[:length], own[:count], unknown)
            offsets += [(start + first, start + last) for first, last in found]
            start, own = start + length, own[count:]
    return offsets


def _cut_piece(
    tokenize: Callable[[str], list[str]], text: str, tokens: list[str], unknown: str
) -> tuple[int, int]:
    """Characters and tokens of the shortest beginning whose tokens stand for it alone.

    Characters behind it that make no token (marks of a letter that is written without) are its own.
    """
    best = len(text), len(tokens)
    if unknown not in tokens or len(tokens) < 2 or len(text) > _LONGEST:
        return best
    for length in range(1, len(text)):
        first = tokenize(text[:length])
        fits = 0 < len(first) < len(tokens) and first + tokenize(text[length:]) == tokens
        if best[0] < len(text) and not (fits and len(first) == best[1]):
            break
        best = (length, len(first)) if fits else best
    return best


def find_offsets(
    text: str, tokens: Sequence[str], unknown: str | None = None
) -> list[tuple[int, int]]:
    """Find the characters of the text that each of its tokens stands for.

    Args:
        text: what was tokenised.
        tokens: as the tokeniser writes them, in order.
        unknown: the token that stands for anything.

    Returns:
        For each token (start, end) in characters, in order; empty where it stands for none.

    Example:
        >>> find_offsets("L\u2019été", ["l", "'</w>", "é", "té</w>"])
        [(0, 1), (1, 2), (2, 3), (3, 5)]
    """
    letters = [(letter, n) for n, character in enumerate(text) for letter in _fold(character)]
    pieces = ["\0" if token == unknown else _fold(_MARKS.sub("", token)) for token in tokens]
    spans = _lay_beside(letters, "".join(pieces), len(text))
    offsets: list[tuple[int, int]] = []
    end = used = 0
    for piece in pieces:
        own = [span for span in spans[used : used + len(piece)] if span[0] < span[1]]
        used += len(piece)
        start, end = (own[0][0], own[-1][1]) if own else (end, end)
        offsets.append((start, end))
    return offsets


def _lay_beside(letters: list[tuple[str, int]], written: str, length: int) -> list[tuple[int, int]]:
    """For each letter that the tokens have, the characters of the text."""
    read = "".join(letter for letter, _ in letters)
    places = [place for _, place in letters]
    if read == written:
        return [(place, place + 1) for place in places]
    spans: list[tuple[int, int]] = []
    matcher = SequenceMatcher(None, read, written, autojunk=False)
    for _, a, b, c, d in matcher.get_opcodes():
        if b - a == d - c:  # the same, or other letters one by one: " for \u00bb
            spans += [(place, place + 1) for place in places[a:b]]
        elif a < b:
            spans += [(places[a], places[b - 1] + 1)] * (d - c)
        else:
            nowhere = places[a] if a < len(places) else length
            spans += [(nowhere, nowhere)] * (d - c)
    return spans


def _fold(text: str) -> str:
    """What is left of letters whatever a tokeniser does with case, accents and widths."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if unicodedata.category(c)[0] not in "MCZ")
