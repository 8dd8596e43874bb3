"""What the model sees of an example: token numbers, segments and labels, in padded mini-batches."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.model.padding import cut_mini_batches, pad
from crosszero.tasks.finetune.heads import TaskModel

IGNORED = -100  # a label that no loss counts: what PyTorch and transformers use


class Feature(NamedTuple):
    """One example as numbers, in arrays: lists of 400,000 examples would take gigabytes.

    Attributes:
        ids: (tokens,) token numbers, special ones included.
        segments: (tokens,) 0 for the first sentence and 1 for the second.
        labels: () label of the example, or (tokens,) labels of the tokens; :data:`IGNORED` where
            there is none.
        original: of which this is a copy, if both are read together.
    """

    ids: NDArray[np.int32]
    segments: NDArray[np.int8]
    labels: NDArray[np.int16]
    original: Feature | None = None


class MiniBatch(NamedTuple):
    """Examples that go through the model together.

    Attributes:
        members: places of the examples in the list that was cut.
        inputs: of the model, on its device, each (batch, tokens), or (2 x batch, tokens) where
            examples are copies: their originals stand below them.
        labels: (batch,) or (batch, tokens).
    """

    members: NDArray[np.int64]
    inputs: dict[str, Tensor]
    labels: Tensor


def cut_features(
    features: Sequence[Feature], task: TaskModel, budget: int = 4096
) -> Iterator[MiniBatch]:
    """Cut examples into mini-batches of like length, of `budget` padded tokens at most."""
    model = task.model
    # XLM-R's one segment has no embedding for a second; ModernBERT has none at all.
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    segmented = takes and getattr(model.config, "type_vocab_size", 0) > 1
    originals = [f.original for f in features if f.original is not None]
    lengths = [len(f.ids) for f in features]
    if originals:  # two rows of an example are padded to one length
        lengths = [max(n, len(f.ids)) for n, f in zip(lengths, originals, strict=True)]
        budget //= 2
    for members in cut_mini_batches(lengths, budget):
        chosen = [features[i] for i in members]
        rows = [*chosen, *(originals[i] for i in members if originals)]
        ids, mask = pad([f.ids for f in rows], cast(int, task.tokenizer.pad_token_id))
        inputs = {"input_ids": ids, "attention_mask": mask}
        if segmented:
            inputs["token_type_ids"] = pad([f.segments for f in rows], 0)[0]
        if chosen[0].labels.ndim:
            labels = pad([f.labels for f in chosen], IGNORED)[0]
        else:
            labels = torch.from_numpy(np.asarray([f.labels for f in chosen], np.int64))
        device = model.device
        yield MiniBatch(members, {k: v.to(device) for k, v in inputs.items()}, labels.to(device))
