"""Mini-batches: texts that are encoded together, and all that the device is to know of them.

They are made from numbers alone, by any process and ahead of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosszero.model.backbone import Backbone
from crosszero.model.packing import Layout, choose_form
from crosszero.model.padding import cut_mini_batches
from crosszero.model.ragged import Integers, Ragged, spread
from crosszero.training.masking import Masked
from crosszero.training.train_config import TrainConfig

USUAL = 4096
"""Tokens of a mini-batch on a CPU."""


@dataclass(frozen=True, kw_only=True)
class MiniBatch:
    """Some of the rank's texts.

    Attributes:
        anchors: (k,) which of the rank's anchors stand in them.
        layout: where the texts stand.
        arrays: what is sent to the device: what :meth:`Layout.describe` gives; ``ids`` and
            ``masked``, the token numbers as they stand and masked; ``anchors``; ``texts``, of each
            anchor; ``word_tokens``, ``word_owners``, ``word_counts``, as
            :func:`~crosszero.model.pooling.pool_tokens` takes them; ``mlm_tokens``, ``targets`` and
            ``weights`` of the tokens to predict.
    """

    anchors: Integers
    layout: Layout
    arrays: dict[str, NDArray[Any]]


def cut_texts(
    backbone: Backbone,
    ids: Ragged,
    masked: Masked | None,
    anchors: Integers,
    config: TrainConfig,
) -> list[MiniBatch]:
    """Cut the rank's texts into mini-batches: by length where they are padded, else as they come.

    Args:
        backbone: gives the form that texts are read in.
        ids: token numbers of the texts.
        masked: the same texts masked; ``None`` without MLM.
        anchors: (m, 3) text, first token and one past the last of each anchor.
        config: gives level and size.
    """
    most, total = config.mini_batch_num_tokens, int(ids.lengths.sum())
    if most == "auto":
        most = USUAL
    if choose_form(backbone) == "varlen":  # nothing is padded: equal parts, however long texts are
        number = max(1, -(-total // most))
        part = (np.cumsum(ids.lengths) - 1) * number // max(1, total)
        groups = np.split(np.arange(len(ids)), np.flatnonzero(np.diff(part)) + 1)
        groups = [group for group in groups if len(group)]
    else:
        groups = cut_mini_batches(ids.lengths.tolist(), most)
    return [_make(backbone, ids, masked, anchors, members, config) for members in groups]


def _make(
    backbone: Backbone,
    ids: Ragged,
    masked: Masked | None,
    anchors: Integers,
    members: Integers,
    config: TrainConfig,
) -> MiniBatch:
    layout = Layout.make(backbone, ids.lengths[members])
    number = np.full(len(ids), -1)
    number[members] = np.arange(len(members))
    of = number[anchors[:, 0]]  # text of each anchor, as it is counted in the mini-batch
    inside = np.flatnonzero(of >= 0)
    of, (_, starts, ends) = of[inside], anchors[inside].T
    arrays = layout.describe() | {"anchors": inside, "texts": of}
    arrays["ids"] = layout.fill(ids.take(members).values, layout.padding)
    first = layout.rows * layout.shape[1] + layout.starts  # place of each text
    if config.level != "sentence":
        arrays["word_tokens"] = spread(first[of] + starts, ends - starts)
        arrays["word_owners"] = np.repeat(np.arange(len(inside)), ends - starts)
        arrays["word_counts"] = ends - starts
    if masked is not None:
        arrays["masked"] = layout.fill(masked.ids.take(members).values, layout.padding)
        chosen = masked.columns.take(members)
        arrays["mlm_tokens"] = np.repeat(first, chosen.lengths) + chosen.values
        at = spread(masked.columns.starts[members], chosen.lengths)
        arrays["targets"], arrays["weights"] = masked.targets[at], masked.weights[at]
    return MiniBatch(anchors=inside, layout=layout, arrays=arrays)
