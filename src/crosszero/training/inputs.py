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
from crosszero.model.ragged import Integers
from crosszero.model.tokens import TokenizedTexts
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
        anchors: (k, 3) the rank's text of each of its anchors, and its first token and one past the
            last; 0, 0 where it was cut off.
        shares, places: texts and anchors of each rank.
    """

    batch: Batch
    random: np.random.Generator
    tokens: TokenizedTexts
    anchors: Integers
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
    every = np.asarray(batch.anchors, dtype=np.int64).reshape(-1, 3)
    places = [np.flatnonzero(np.isin(every[:, 0], share)) for share in shares]
    anchors = every[places[ranks.index]]
    anchors[:, 0] = np.searchsorted(own, anchors[:, 0])
    whole = anchors[:, 2] == 0  # a sentence, which has no characters, needs no tokens of its own
    anchors[:, 1:] = np.where(whole[:, np.newaxis], (0, 1), tokens.locate(anchors))
    return Draft(
        batch=batch, random=random, tokens=tokens, anchors=anchors, shares=shares, places=places
    )


def finish_inputs(backbone: Backbone, draft: Draft, config: TrainConfig, ranks: Ranks) -> Inputs:
    """The second half of :func:`make_inputs`; UnusableBatchError as there."""
    batch, shares, places = draft.batch, draft.shares, draft.places
    own, ids = shares[ranks.index], draft.tokens.ids
    layout, usable = _exchange(draft, ranks)
    samples = _keep(batch, usable, config)
    masked = None
    if config.mlm_weight > 0:
        share = config.mlm_probability
        masked = mask_texts(backbone, ids, own, layout, batch.languages, share, draft.random)
    anchors = draft.anchors.copy()
    anchors[anchors[:, 2] == 0, 2] = 1  # what was cut off is read, too, but is in no sample
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
    texts = np.column_stack([draft.tokens.ids.lengths, draft.tokens.first, draft.tokens.inner])
    anchors = np.zeros_like(draft.anchors)
    anchors[:, 0] = draft.anchors[:, 2] > 0
    sizes = [len(share) + len(place) for share, place in zip(shares, places, strict=True)]
    parts = ranks.gather(torch.from_numpy(np.concatenate([texts, anchors])), sizes).split(sizes)
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
