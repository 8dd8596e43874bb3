"""Words as pieces: where a sentence is split, and which piece carries the tag.

As XTREME does it, each word is tokenised by itself, the tag sits on its first piece, and a sentence
that is too long is split between words and glued together again, never cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crosszero.errors import CheckpointError, ConfigError
from crosszero.tasks.finetune.examples import TaggedSentence
from crosszero.tasks.finetune.features import IGNORED, Feature
from crosszero.tasks.finetune.heads import TaskModel

_SPECIAL = 2  # one token before the words, one after


class Chunk(NamedTuple):
    """A run of words of one sentence that the model can take.

    Attributes:
        sentence: place of the sentence.
        start: place of the first word in it.
        feature: the words as numbers, labels on first pieces.
        firsts: for each word the place of its first piece in the feature.
    """

    sentence: int
    start: int
    feature: Feature
    firsts: list[int]


def split_words(words: Sequence[str], task: TaskModel) -> list[list[list[int]]]:
    """Tokenise the words of a sentence one by one, split where the row grows too long.

    Returns:
        Chunks of words of pieces (token numbers). A word without pieces, or with more than a chunk
        can hold, is one unknown token.

    Raises:
        CheckpointError: the tokeniser has no unknown token.
        ConfigError: the maximum length leaves no place for a word.
    """
    limit = task.max_length - _SPECIAL
    if limit < 1:
        raise ConfigError(f"max_length: {task.max_length} given; a word takes {_SPECIAL + 1}")
    unknown = task.tokenizer.unk_token_id
    if unknown is None:
        raise CheckpointError("the tokeniser has no unknown token, which tagging needs")
    if not words:
        return [[]]
    coded = task.tokenizer(
        list(words), add_special_tokens=False, return_attention_mask=False, verbose=False
    )
    chunks: list[list[list[int]]] = [[]]
    used = 0
    for pieces in coded["input_ids"]:
        word = pieces if 0 < len(pieces) <= limit else [unknown]
        if used + len(word) > limit:
            chunks.append([])
            used = 0
        chunks[-1].append(word)
        used += len(word)
    return chunks


def encode_sentences(sentences: Sequence[TaggedSentence], task: TaskModel) -> list[Chunk]:
    """Turn sentences into chunks that the model can take, in order; raises as :func:`split_words`.

    A tag that the model does not have becomes -100.
    """
    before, after = task.tokenizer.cls_token_id, task.tokenizer.sep_token_id
    if before is None or after is None:
        raise CheckpointError("the tokeniser has no tokens for start and end, which tagging needs")
    numbers = {label: i for i, label in enumerate(task.labels)}
    chunks = []
    for place, sentence in enumerate(sentences):
        start = 0
        for words in split_words(sentence.words, task):
            ids, labels, firsts = [before], [IGNORED], []
            for offset, pieces in enumerate(words, start):
                tag = sentence.tags[offset] if sentence.tags else ""
                firsts.append(len(ids))
                ids += pieces
                labels += [numbers.get(tag, IGNORED)] + [IGNORED] * (len(pieces) - 1)
            feature = Feature(
                np.asarray([*ids, after], np.int32),
                np.zeros(len(ids) + 1, np.int8),
                np.asarray([*labels, IGNORED], np.int16),
            )
            chunks.append(Chunk(place, start, feature, firsts))
            start += len(words)
    return chunks
