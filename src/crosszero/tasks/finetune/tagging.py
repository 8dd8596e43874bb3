"""Word tagging: fine-tune on the English part, predict any language, one tag for every word.

As in XTREME, each word is tokenised by itself, its tag is learnt and read at its first sub-token,
and a sentence that is too long is split between words and joined again, never truncated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from crosszero.errors import CheckpointError, ConfigError, DataError
from crosszero.model.precision import autocast
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import TaggedSentence
from crosszero.tasks.finetune.features import IGNORED, Feature, cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head, load_task_model
from crosszero.tasks.finetune.loop import prepare_fine_tuning, train_best
from crosszero.tasks.finetune.losses import plain_loss

Metric = Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], float]
"""Gold tags and predicted tags, a row for each sentence, to a number; higher is better."""

_KIND = "tagging"
_SPECIAL = 2  # one token before the words, one after


@dataclass(frozen=True)
class Tagger:
    """A fine-tuned model that gives every word a tag.

    Attributes:
        task: model, tokeniser and tags.

    Example:
        >>> tagger = Tagger.load("runs/udpos")                               # doctest: +SKIP
        >>> tagger.predict([TaggedSentence(("Il", "pleut"))])                # doctest: +SKIP
        [('PRON', 'VERB')]
    """

    task: TaskModel

    @classmethod
    def load(cls, folder: str | Path) -> Tagger:
        """Load what :func:`fine_tune_tagger` wrote; CheckpointError if it is no such folder."""
        return cls(load_task_model(folder, _KIND))

    def predict(self, sentences: Sequence[TaggedSentence]) -> list[tuple[str, ...]]:
        """Give each word the likeliest tag; tags of `sentences` are not read.

        Args:
            sentences: n sentences of any length; long ones are read in parts.

        Returns:
            n rows of tags, in the order of `sentences`, each as long as its sentence.
        """
        model = self.task.model.eval()
        found = [[""] * len(sentence.words) for sentence in sentences]
        chunks = encode_sentences([TaggedSentence(s.words) for s in sentences], self.task)
        with torch.inference_mode(), autocast(self.task.precision, model.device):
            for part in cut_features([chunk.feature for chunk in chunks], self.task):
                best = model(**part.inputs).logits.argmax(-1).tolist()
                for member, row in zip(part.members, best, strict=True):
                    chunk = chunks[member]
                    for offset, first in enumerate(chunk.firsts, chunk.start):
                        found[chunk.sentence][offset] = self.task.labels[row[first]]
        return [tuple(tags) for tags in found]


def fine_tune_tagger(
    encoder: str | Path,
    train: Sequence[TaggedSentence],
    dev: Sequence[TaggedSentence],
    config: FineTuneConfig = FineTuneConfig(epochs=10.0, eval_every=500, seed=1),  # noqa: B008
    *,
    metric: Metric,
    out: str | Path,
) -> Tagger:
    """Train an encoder to tag words, and keep the model that does best on `dev`.

    The rest is as in :func:`~crosszero.tasks.finetune.classification.fine_tune_classifier`.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        train, dev: tagged sentences; the tags of both, sorted, are those of the model.
        config: settings; the default is that of UDPOS.
        metric: called with the gold tags and the predicted tags of `dev`; XTREME's is span F1.
        out: a new or empty folder, which ``AutoModelForTokenClassification`` loads too.

    Raises:
        ConfigError: settings do not fit the encoder, `out` is in use, or ``config.robust`` is set:
            those losses are for classification.
        CheckpointError: the encoder can't be loaded, or its tokeniser lacks a special token.
        DataError: there are no sentences, or one has not as many tags as words.
        TrainingError: the loss is not finite, or the disk can't take the model.
    """
    if config.robust != "none":
        raise ConfigError(f"robust: {config.robust} given; tagging does not support it")
    for name, sentences in (("train", train), ("dev", dev)):
        if not sentences:
            raise DataError(name, "there are no sentences")
        for number, sentence in enumerate(sentences, 1):
            words, tags = len(sentence.words), len(sentence.tags)
            if not words or words != tags or not all(sentence.tags):
                raise DataError(name, f"sentence {number} has {words} words and {tags} tags")
    gold = [sentence.tags for sentence in dev]
    labels = sorted({tag for sentence in (*train, *dev) for tag in sentence.tags})
    with prepare_fine_tuning(Path(out), config.seed):
        task = add_head(encoder, _KIND, labels, config)
        train_best(
            task,
            [chunk.feature for chunk in encode_sentences(train, task)],
            loss=plain_loss,
            score=lambda: float(metric(gold, Tagger(task).predict(dev))),
            config=config,
            out=Path(out),
            described={"kind": _KIND, "encoder": str(encoder), "measure": "metric"},
        )
    return Tagger.load(out)


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
