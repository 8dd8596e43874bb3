"""Word tagging: fine-tune on the English part, predict any language, one tag for every word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import TaggedSentence
from crosszero.tasks.finetune.features import cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head, load_task_model
from crosszero.tasks.finetune.loop import check_folder, own_randomness, train_best
from crosszero.tasks.finetune.losses import plain_loss
from crosszero.tasks.finetune.word_pieces import encode_sentences

Metric = Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], float]
"""Gold tags and predicted tags, a row for each sentence, to a number; higher is better."""

_KIND = "tagging"
_NUM_TOKENS = 4096  # padded tokens that are predicted at once


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
        """Give each word the likeliest tag at its first piece; tags of `sentences` are not read.

        Args:
            sentences: n sentences of any length; long ones are read in parts.

        Returns:
            n rows of tags, in the order of `sentences`, each as long as its sentence.
        """
        model = self.task.model.eval()
        found = [[""] * len(sentence.words) for sentence in sentences]
        chunks = encode_sentences([TaggedSentence(s.words) for s in sentences], self.task)
        features = [chunk.feature for chunk in chunks]
        with torch.inference_mode():
            for part in cut_features(features, model, self.task.padding, _NUM_TOKENS):
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

    The tag of a word is learnt and read at its first piece. The rest is as in
    :func:`~crosszero.tasks.finetune.classification.fine_tune_classifier`.

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
        raise ConfigError(f"robust: {config.robust} given; tagging takes none")
    for name, sentences in (("train", train), ("dev", dev)):
        if not sentences:
            raise DataError(name, "there are no sentences")
        for number, sentence in enumerate(sentences, 1):
            words, tags = len(sentence.words), len(sentence.tags)
            if not words or words != tags or not all(sentence.tags):
                raise DataError(name, f"sentence {number} has {words} words and {tags} tags")
    check_folder(Path(out))
    gold = [sentence.tags for sentence in dev]
    labels = sorted({tag for sentence in (*train, *dev) for tag in sentence.tags})
    with own_randomness(config.seed):
        task = add_head(encoder, _KIND, labels, config)
        tagger = Tagger(task)
        train_best(
            task,
            [chunk.feature for chunk in encode_sentences(train, task)],
            loss=plain_loss,
            score=lambda: float(metric(gold, tagger.predict(dev))),
            config=config,
            out=Path(out),
            described={"kind": _KIND, "encoder": str(encoder), "measure": "metric"},
        )
    return Tagger.load(out)
