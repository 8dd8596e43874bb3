"""Sentence-pair classification: fine-tune on the English part, predict any language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from crosszero.errors import ConfigError, DataError
from crosszero.model.precision import autocast
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.finetune.features import IGNORED, Feature, cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head, load_task_model
from crosszero.tasks.finetune.loop import prepare_fine_tuning, train_best
from crosszero.tasks.finetune.losses import make_loss
from crosszero.tasks.finetune.robust.ball import Embedded, measure_scale, vote
from crosszero.tasks.finetune.robust.synonyms import copy_pairs, read_synonyms

_KIND = "classification"


@dataclass(frozen=True)
class Classifier:
    """A fine-tuned model that names what holds between two sentences.

    Attributes:
        task: model, tokeniser and labels.

    Example:
        >>> classifier = Classifier.load("runs/xnli")                         # doctest: +SKIP
        >>> pair = SentencePairExample("Il pleut.", "Il fait beau.")
        >>> classifier.predict([pair])                                       # doctest: +SKIP
        ['contradiction']
    """

    task: TaskModel

    @classmethod
    def load(cls, folder: str | Path) -> Classifier:
        """Load what :func:`fine_tune_classifier` wrote; CheckpointError if it is no such folder."""
        return cls(load_task_model(folder, _KIND))

    def predict(
        self,
        examples: Sequence[SentencePairExample],
        *,
        votes: int = 0,
        radius: float = 0.5,
        seed: int = 1,
    ) -> list[str]:
        """Name the label of each pair; labels that the examples have are not read.

        Args:
            examples: n pairs.
            votes: 0 takes the likeliest label; else so many copies with noise in their embeddings
                vote, as randomised smoothing does (arXiv 2104.08645).
            radius: of the noise, as a share of the mean length of the token embeddings.
            seed: of the noise.

        Returns:
            n labels, in the order of `examples`.
        """
        model = self.task.model.eval()
        found = np.zeros(len(examples), np.int64)
        noise = torch.Generator(model.device).manual_seed(seed)
        length = radius * measure_scale(model)
        with torch.inference_mode(), autocast(self.task.precision, model.device):
            for part in cut_features(encode_pairs(examples, self.task), self.task):
                if votes:
                    batch = Embedded.of(model, part.inputs, self.task.tokenizer.all_special_ids)
                    counts = vote(model, batch, radius=length, votes=votes, generator=noise)
                else:
                    counts = model(**part.inputs).logits
                found[part.members] = counts.argmax(-1).cpu().numpy()
        return [self.task.labels[i] for i in found]


def fine_tune_classifier(
    encoder: str | Path,
    train: Sequence[SentencePairExample],
    dev: Sequence[SentencePairExample],
    config: FineTuneConfig = FineTuneConfig(),  # noqa: B008 - frozen
    *,
    out: str | Path,
) -> Classifier:
    """Train an encoder to classify pairs, and keep the model with the best accuracy on `dev`.

    A pair is read as ``[CLS] first [SEP] second [SEP]``. `dev` is measured every
    ``config.eval_every`` steps and at the end; a later model must be better, not equal, to be kept.
    On a CPU the same seed gives the same weights.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        train: labelled pairs; their labels, sorted, are those of the model.
        dev: labelled pairs to choose the model by.
        config: settings, such as a task's ``make_config`` gives them.
        out: a new or empty folder. Afterwards it is a model folder that
            ``AutoModelForSequenceClassification`` loads too, with settings and scores in
            ``finetune.json``. Nothing is written elsewhere.

    Raises:
        ConfigError: settings do not fit the encoder, or `out` is in use.
        CheckpointError: the encoder can't be loaded.
        DataError: there are no examples, one has no label, or all have the same.
        TrainingError: the loss is not finite, or the disk can't take the model.

    Source:
        XTREME (arXiv 2003.11080); docs/xtreme.md.
    """
    for name, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise DataError(name, "there are no examples")
        for number, example in enumerate(examples, 1):
            if not example.label:
                raise DataError(name, f"example {number} has no label")
    if config.synonyms:  # told before the encoder is loaded
        read_synonyms(config.synonyms)
    gold = [example.label for example in dev]
    with prepare_fine_tuning(Path(out), config.seed):
        task = add_head(encoder, _KIND, sorted({example.label for example in train}), config)
        least = task.tokenizer.num_special_tokens_to_add(pair=True) + 2
        if config.max_length < least:
            raise ConfigError(f"max_length: {config.max_length} given; a pair takes {least} tokens")

        def score() -> float:
            predicted = Classifier(task).predict(dev)
            return sum(p == g for p, g in zip(predicted, gold, strict=True)) / len(gold)

        train_best(
            task,
            _encode_training(train, task, config),
            loss=make_loss(config, task),
            score=score,
            config=config,
            out=Path(out),
            described={"kind": _KIND, "encoder": str(encoder), "measure": "accuracy"},
        )
    return Classifier.load(out)


def _encode_training(
    examples: Sequence[SentencePairExample], task: TaskModel, config: FineTuneConfig
) -> list[Feature]:
    """Encode what is learnt from: the examples, or copies of them with other words."""
    features = encode_pairs(examples, task)
    if config.robust not in ("synonyms", "ear"):
        return features
    table = read_synonyms(config.synonyms)
    copies = encode_pairs(copy_pairs(examples, table, copies=config.copies, seed=config.seed), task)
    if config.robust == "synonyms":
        return copies
    return [copy._replace(original=features[i // config.copies]) for i, copy in enumerate(copies)]


def encode_pairs(examples: Sequence[SentencePairExample], task: TaskModel) -> list[Feature]:
    """Turn pairs into token numbers, the longer sentence cut where both are too long.

    A label that the model does not have becomes -100.
    """
    if not examples:
        return []
    numbers = {label: i for i, label in enumerate(task.labels)}
    coded = task.tokenizer(
        [example.first for example in examples],
        [example.second for example in examples],
        truncation="longest_first",
        max_length=task.max_length,
        return_attention_mask=False,
        return_token_type_ids=True,
        verbose=False,
    )
    labels = [np.asarray(numbers.get(example.label, IGNORED), np.int16) for example in examples]
    return [
        Feature(np.asarray(ids, np.int32), np.asarray(segments, np.int8), label)
        for ids, segments, label in zip(
            coded["input_ids"], coded["token_type_ids"], labels, strict=True
        )
    ]
