"""A batch made ready for encoding: texts divided among the ranks, tokenised, masked, words located.

Each rank tokenises only its own texts. What it must know of the others' texts is a few numbers: how
many tokens each has, which of them are special, and which words `max_length` cut off. From these
every rank draws the same masks and weights, so that their number changes no result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosszero.errors import TrainingError
from crosszero.model.backbone import Backbone
from crosszero.model.ragged import Integers, Ragged
from crosszero.model.tokens import Tokens, locate_spans
from crosszero.training.batch import Batch
from crosszero.training.masking import mask_texts
from crosszero.training.mini_batch import MiniBatch, cut_texts
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig

_COLUMNS = ("left", "right", "groups", "pairs", "meanings")  # of the samples of a batch


class UnusableBatchError(TrainingError):
    """A batch that can't be contrasted: a single meaning, or no word within `max_length`."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one rank encodes, and what it must know of the whole batch.

    Attributes:
        mini_batches: the rank's texts and anchors.
        masked: whether there are masked texts, for MLM.
        sizes: anchors of each rank.
        order: (all anchors,) where each anchor of the batch stands when the ranks' are joined.
        left, right, groups, pairs, meanings: samples whose words `max_length` has left, as in
            :class:`~crosszero.training.batch.Batch`.
        cut: samples that it has not.
        texts, tokens: of the batch.
        origins: ``file:line`` of its sentence pairs, for messages.
    """

    mini_batches: list[MiniBatch]
    masked: bool
    sizes: list[int]
    order: Integers
    left: Integers
    right: Integers
    groups: Integers
    pairs: Integers
    meanings: Integers
    cut: int
    texts: int
    tokens: int
    origins: list[str]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What one rank knows of a batch before the ranks have told each other how long texts are.

    Attributes:
        batch: the whole batch.
        random: for the masks; the same on each rank.
        tokens: of the rank's texts.
        found: (k, 2) tokens of each of the rank's anchors; 0, 0 where it was cut off.
        shares, places: texts and anchors of each rank.
    """

    batch: Batch
    random: np.random.Generator
    tokens: list[Tokens]
    found: Integers
    shares: list[Integers]
    places: list[Integers]


def make_inputs(
    backbone: Backbone,
    batch: Batch,
    config: TrainConfig,
    random: np.random.Generator,
    ranks: Ranks = ALONE,
) -> Inputs:
    """Deal, tokenise, mask, find the tokens of the anchors, and cut all into mini-batches.

    Args:
        backbone: gives tokeniser and form of the texts; its weights are not used.
        batch, random: the same on each rank; the latter decides which tokens are masked.
        config: gives level, masking and lengths.
        ranks: the processes that encode the batch together.

    Raises:
        UnusableBatchError: all samples mean the same, or fewer than two are left after texts were
            cut to `max_length`. Every rank raises it.
    """
    return finish_inputs(
        backbone, draft_inputs(backbone, batch, config, random, ranks), config, ranks
    )


def draft_inputs(
    backbone: Backbone, batch: Batch, config: TrainConfig, random: np.random.Generator, ranks: Ranks
) -> Draft:
    """The first half of :func:`make_inputs`, for which ranks need not know each other."""
    shares = ranks.deal(batch.texts)
    own = shares[ranks.index]
    tokens = backbone.tokenize([batch.texts[i] for i in own], config.max_length)
    texts = np.asarray([text for text, _, _ in batch.anchors], dtype=np.int64)
    places = [np.flatnonzero(np.isin(texts, share)) for share in shares]
    local = dict(zip(own.tolist(), tokens, strict=True))
    found = np.zeros((len(places[ranks.index]), 2), dtype=np.int64)
    for row, place in zip(found, places[ranks.index], strict=True):
        text, start, end = batch.anchors[place]
        # A sentence, which has no characters, needs no tokens of its own.
        row[:] = np.ravel(locate_spans(local[text], [(start, end)])) if end else (0, 1)
    return Draft(
        batch=batch, random=random, tokens=tokens, found=found, shares=shares, places=places
    )


def finish_inputs(backbone: Backbone, draft: Draft, config: TrainConfig, ranks: Ranks) -> Inputs:
    """The second half of :func:`make_inputs`; UnusableBatchError as there."""
    batch, shares, places = draft.batch, draft.shares, draft.places
    own, own_anchors = shares[ranks.index], places[ranks.index]
    layout, usable = _exchange(draft, ranks)
    samples = _keep(batch, usable, config)
    ids = Ragged.of([t.ids for t in draft.tokens])
    masked = None
    if config.mlm_weight > 0:
        share = config.mlm_probability
        masked = mask_texts(backbone, ids, own, layout, batch.languages, share, draft.random)
    texts = np.asarray([batch.anchors[i][0] for i in own_anchors], dtype=np.int64)
    bounds = np.where(draft.found[:, 1:] > 0, draft.found, (0, 1))
    anchors = np.column_stack([np.searchsorted(own, texts), bounds])
    return Inputs(
        mini_batches=cut_texts(backbone, ids, masked, anchors, config),
        masked=masked is not None,
        sizes=[len(place) for place in places],
        order=np.argsort(np.concatenate(places)),
        **samples,
        cut=len(batch.left) - len(samples["left"]),
        texts=len(batch.texts),
        tokens=int(layout[:, 0].sum()),
        origins=batch.origins,
    )


def _exchange(draft: Draft, ranks: Ranks) -> tuple[Integers, NDArray[np.bool_]]:
    """For all texts (tokens, first that is not special, how many are not); anchors with a span."""
    shares, places = draft.shares, draft.places
    rows = [(len(t), t.first, len(t.starts)) for t in draft.tokens]
    rows += [(end > 0, 0, 0) for _, end in draft.found.tolist()]
    sizes = [len(share) + len(place) for share, place in zip(shares, places, strict=True)]
    own = torch.tensor(rows, dtype=torch.long).reshape(-1, 3)
    parts = ranks.gather(own, sizes).split(sizes)
    layout = np.empty((sum(map(len, shares)), 3), dtype=np.int64)
    usable = np.empty(sum(map(len, places)), dtype=bool)
    for part, share, place in zip(parts, shares, places, strict=True):
        layout[share] = part[: len(share)].numpy()
        usable[place] = part[len(share) :, 0].numpy() > 0
    return layout, usable


def _keep(
    batch: Batch, usable: NDArray[np.bool_], config: TrainConfig
) -> dict[str, NDArray[np.int64]]:
    """The columns of the samples whose words are left."""
    columns = {name: np.asarray(getattr(batch, name), np.int64) for name in _COLUMNS}
    whole = usable[columns["left"]] & usable[columns["right"]]
    kept = {name: column[whole] for name, column in columns.items()}
    cut = len(whole) - int(whole.sum())
    if len(kept["left"]) < 2 and cut:
        raise UnusableBatchError(
            f"max_length {config.max_length} cuts off the words of {cut} of "
            f"{len(batch.left)} samples; raise max_length (first of them: {batch.origins[0]})"
        )
    if len(np.unique(kept["meanings" if config.level == "split" else "groups"])) < 2:
        raise UnusableBatchError(
            f"all {len(batch.left)} samples have the same meaning, so that there is no negative "
            f"(first of them: {batch.origins[0]}); prepare with --deduplicate or raise batch_size"
        )
    return kept
