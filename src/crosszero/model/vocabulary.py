"""The tokens of a fast tokeniser, and the same tokeniser with fewer of them.

Three kinds of tokenisers are known: Unigram, WordPiece and BPE. Of each, some tokens can't be left
out without changing how others are found; :meth:`Vocabulary.close` adds those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.decoders import ByteLevel
from transformers import PreTrainedTokenizerBase

from crosszero.errors import CheckpointError

KINDS = ("BPE", "Unigram", "WordPiece")
_SPACE = "\u2581"  # stands for a space in Unigram and in some BPE vocabularies


class Vocabulary:
    """The tokens of a tokeniser.

    Args:
        tokenizer: a fast one.
        name: what messages call the encoder.

    Attributes:
        tokenizer: the tokeniser itself, without truncation and padding.
        kind: one of :data:`KINDS`.
        pieces: the tokens by their numbers, added ones included.

    Raises:
        CheckpointError: the tokeniser is slow or of another kind.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, name: str) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise CheckpointError(f"{name}: its tokeniser is slow; only fast ones can be trimmed")
        self.tokenizer = Tokenizer.from_str(backend.to_str())
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self._content: dict[str, Any] = json.loads(self.tokenizer.to_str())
        self._model: dict[str, Any] = self._content["model"]
        self.kind: str = self._model["type"]
        if self.kind not in KINDS:
            raise CheckpointError(
                f"{name}: its tokeniser is a {self.kind}; only {', '.join(KINDS)} can be trimmed"
            )
        rows: Any = self._model["vocab"]
        if self.kind == "Unigram":
            self.pieces: dict[int, str] = {i: piece for i, (piece, _) in enumerate(rows)}
        else:
            self.pieces = {i: piece for piece, i in rows.items()}
        self.pieces |= {added["id"]: added["content"] for added in self._content["added_tokens"]}

    @cached_property
    def ids(self) -> dict[str, int]:
        """The numbers of the tokens."""
        return {piece: i for i, piece in self.pieces.items()}

    @cached_property
    def unknown(self) -> int | None:
        """Number of the token for what is not in the vocabulary."""
        if self.kind == "Unigram":
            return cast("int | None", self._model["unk_id"])
        return self.ids.get(self._model.get("unk_token") or "")

    def show(self, token: int) -> str | None:
        """Give the text of a token without marks and spaces; ``None`` for parts of a character."""
        piece = self.pieces[token]
        if '"ByteLevel"' in self._parts:
            text = str(ByteLevel().decode([piece]))
            return None if "\ufffd" in text else text.strip()
        start, end = self._marks
        return piece.removeprefix(start).removesuffix(end).replace(_SPACE, "")

    def list_fixed(self) -> set[int]:
        """List the tokens that no tokeniser may lack: added ones, bytes, the one for unknowns."""
        fixed = {added["id"] for added in self._content["added_tokens"]}
        if self.unknown is not None:
            fixed.add(self.unknown)
        if self._model.get("byte_fallback"):
            fixed |= {self.ids[f"<0x{n:02X}>"] for n in range(256) if f"<0x{n:02X}>" in self.ids}
        if '"ByteLevel"' in self._parts:
            fixed |= {self.ids[x] for x in pre_tokenizers.ByteLevel.alphabet() if x in self.ids}
        if self.kind == "Unigram":  # an unknown letter costs 10 more than the least likely token
            scores = [score for _, score in self._model["vocab"]]
            fixed.add(scores.index(min(scores)))
        return fixed

    def close(self, tokens: Iterable[int]) -> set[int]:
        """Add the tokens out of which BPE makes the given ones; other kinds need none."""
        found = set(tokens)
        if self.kind == "BPE":
            for token in sorted(found):
                found.update(self.ids[part] for part in self._derive(self.pieces[token]))
        return found

    def match_unknown(self, text: str) -> Iterator[int]:
        """Give the tokens that WordPiece finds in a word before it has to give the word up.

        Without them it would take shorter ones there, and might find what comes behind.
        """
        normalizer, pre_tokenizer = self.tokenizer.normalizer, self.tokenizer.pre_tokenizer
        text = normalizer.normalize_str(text) if normalizer else text
        for word, _ in pre_tokenizer.pre_tokenize_str(text) if pre_tokenizer else [(text, (0, 0))]:
            start = 0
            while start < len(word) <= self._model["max_input_chars_per_word"]:
                prefix = self._model["continuing_subword_prefix"] if start else ""
                ends = range(len(word), start, -1)
                end = next((n for n in ends if prefix + word[start:n] in self.ids), 0)
                if not end:
                    break
                yield self.ids[prefix + word[start:end]]
                start = end

    def shorten(self, tokens: Sequence[int]) -> str:
        """Write the ``tokenizer.json`` of the same tokeniser with some of its tokens.

        Args:
            tokens: their numbers, rising; the place of a token is its new number.
        """
        new = {token: i for i, token in enumerate(tokens)}
        content = json.loads(json.dumps(self._content))
        model = content["model"]
        if self.kind == "Unigram":
            model["vocab"] = [row for i, row in enumerate(model["vocab"]) if i in new]
            model["unk_id"] = new.get(model["unk_id"])
        else:
            model["vocab"] = {piece: new[i] for piece, i in model["vocab"].items() if i in new}
        if self.kind == "BPE":
            kept = model["vocab"]
            model["merges"] = [
                pair for pair in model["merges"] if {*pair, self._join(*pair)} <= kept.keys()
            ]
        for added in content["added_tokens"]:
            added["id"] = new[added["id"]]
        if content["post_processor"]:
            _renumber(content["post_processor"], new)
        return json.dumps(content, ensure_ascii=False)

    @cached_property
    def _parts(self) -> str:
        """How text is cut before the model sees it, as JSON."""
        names = ("normalizer", "pre_tokenizer", "decoder")
        return json.dumps([self._content[name] for name in names])

    @cached_property
    def _marks(self) -> tuple[str, str]:
        """What tokens that go on with a word begin with, and those that end one end with."""
        start, end = ("continuing_subword_prefix", "end_of_word_suffix")
        return self._model.get(start) or "", self._model.get(end) or ""

    @cached_property
    def _ranks(self) -> Mapping[tuple[str, str], int]:
        return {(one, other): rank for rank, (one, other) in enumerate(self._model["merges"])}

    def _join(self, one: str, other: str) -> str:
        return one + other.removeprefix(self._marks[0])

    def _derive(self, piece: str) -> Iterator[str]:
        """Give what BPE makes on its way to a token: letters first, then what it joins."""
        start, end = self._marks
        inner = piece.removeprefix(start)
        letters = list(inner.removesuffix(end))
        if not letters:
            return
        goes_on = bool(start) and inner != piece
        parts = [x if n == 0 and not goes_on else start + x for n, x in enumerate(letters)]
        if end and inner.endswith(end):
            parts[-1] += end
        yield from (part for part in parts if part in self.ids)
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            best = min(range(len(pairs)), key=lambda n: self._ranks.get(pairs[n], len(self._ranks)))
            if pairs[best] not in self._ranks:
                return
            parts[best : best + 2] = [self._join(*pairs[best])]
            yield parts[best]


def _renumber(processor: dict[str, Any], new: Mapping[int, int]) -> None:
    """Give the special tokens that stand around a text their new numbers."""
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [new[i] for i in token["ids"]]
    for name in ("cls", "sep"):  # of BERT's and RoBERTa's own processors
        if name in processor:
            processor[name][1] = new[processor[name][1]]
    for part in processor.get("processors", ()):
        _renumber(part, new)
