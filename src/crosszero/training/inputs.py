"""A batch made ready for encoding: texts divided among the ranks, tokenised, masked, words located.

Each rank tokenises only its own texts. What it must know of the others' texts is a few numbers: how
many tokens each has, which of them are special, and which words `max_length` cut off. From these
every rank draws the same masks and weights, so that their number changes no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.errors import TrainingError
from crosszero.model.backbone import Backbone
from crosszero.model.mlm import IGNORED, mask_tokens
from crosszero.model.tokens import Tokens, locate_span
from crosszero.training.batch import Batch
from crosszero.training.ranks import Ranks
from crosszero.training.train_config import TrainConfig

Integers = NDArray[np.int64]


class UnusableBatchError(TrainingError):
    """A batch that can't be contrasted: a single meaning, or no word within `max_length`."""


@dataclass(frozen=True)
class Masked:
    """Texts with tokens hidden.

    Attributes:
        ids: token numbers to read, one list for each text.
        labels: for each text the original numbers of the tokens to predict, ``IGNORED`` elsewhere.
        weights: for each text the weight of each token to predict. Over all ranks they make the
            loss the mean over the languages of the mean over their tokens.
    """

    ids: list[list[int]]
    labels: list[Integers]
    weights: list[NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one rank encodes, and what it must know of the whole batch.

    Attributes:
        ids: token numbers of the rank's texts.
        masked: the same texts masked; ``None`` without MLM.
        anchor_texts, starts, ends: of the rank's anchors, (m,) each: index into `ids`, first token,
            one past the last.
        sizes: anchors of each rank.
        order: (all anchors,) where each anchor of the batch stands when the ranks' are joined.
        left, right, groups, pairs, meanings: samples whose words `max_length` has left, as in
            :class:`~crosszero.training.batch.Batch`.
        cut: samples that it has not.
        texts, tokens: of the batch.
    """

    ids: list[list[int]]
    masked: Masked | None
    anchor_texts: Integers
    starts: Integers
    ends: Integers
    sizes: list[int]
    order: Tensor
    left: Tensor
    right: Tensor
    groups: Tensor
    pairs: Tensor
    meanings: Tensor
    cut: int
    texts: int
    tokens: int


def make_inputs(
    backbone: Backbone, batch: Batch, config: TrainConfig, random: np.random.Generator, ranks: Ranks
) -> Inputs:
    """Deal, tokenise, mask, and find the tokens of the anchors.

    Arguments are those of :func:`crosszero.training.step.compute_losses`.

    Raises:
        UnusableBatchError: all samples mean the same, or fewer than two are left after texts were
            cut to `max_length`. Every rank raises it.
    """
    shares = ranks.deal(batch.texts)
    own = shares[ranks.index]
    tokens = backbone.tokenize([batch.texts[i] for i in own], config.max_length)
    anchor_texts = np.asarray([text for text, _, _ in batch.anchors], dtype=np.int64)
    places = [np.flatnonzero(np.isin(anchor_texts, share)) for share in shares]
    local = np.zeros(len(batch.texts), dtype=np.int64)
    local[own] = np.arange(len(own))
    found = [  # a sentence, which has no characters, needs no tokens of its own
        locate_span(tokens[local[text]], start, end) if end else (0, 1)
        for text, start, end in (batch.anchors[i] for i in places[ranks.index])
    ]
    layout, usable = _exchange(tokens, found, shares, places, ranks)
    left, right, groups, pairs, meanings = _keep(batch, usable, config)
    bounds = np.asarray([span or (0, 1) for span in found], dtype=np.int64).reshape(-1, 2)
    masked = None
    if config.mlm_weight > 0:
        masked = _mask(backbone, tokens, own, layout, batch.languages, config, random)
    return Inputs(
        ids=[t.ids for t in tokens],
        masked=masked,
        anchor_texts=local[anchor_texts[places[ranks.index]]],
        starts=bounds[:, 0],
        ends=bounds[:, 1],
        sizes=[len(place) for place in places],
        order=torch.from_numpy(np.argsort(np.concatenate(places))),
        left=left,
        right=right,
        groups=groups,
        pairs=pairs,
        meanings=meanings,
        cut=len(batch.left) - len(left),
        texts=len(batch.texts),
        tokens=int(layout[:, 0].sum()),
    )


def _exchange(
    tokens: Sequence[Tokens],
    found: Sequence[tuple[int, int] | None],
    shares: Sequence[Integers],
    places: Sequence[Integers],
    ranks: Ranks,
) -> tuple[Integers, NDArray[np.bool_]]:
    """For all texts (tokens, first that is not special, how many are not); anchors with a span."""
    rows = [(len(t), t.first, len(t.starts)) for t in tokens]
    rows += [(span is not None, 0, 0) for span in found]
    sizes = [len(share) + len(place) for share, place in zip(shares, places, strict=True)]
    own = torch.tensor(rows, dtype=torch.long).reshape(-1, 3)
    parts = ranks.gather(own, sizes).split(sizes)
    layout = np.empty((sum(map(len, shares)), 3), dtype=np.int64)
    usable = np.empty(sum(map(len, places)), dtype=bool)
    for part, share, place in zip(parts, shares, places, strict=True):
        layout[share] = part[: len(share)].numpy()
        usable[place] = part[len(share) :, 0].numpy() > 0
    return layout, usable


def _keep(batch: Batch, usable: NDArray[np.bool_], config: TrainConfig) -> Tensor:
    """(5, samples): left, right, groups, pairs, meanings of those whose words are left."""
    rows = [batch.left, batch.right, batch.groups, batch.pairs, batch.meanings]
    columns = np.asarray(rows, dtype=np.int64)
    kept = columns[:, usable[columns[0]] & usable[columns[1]]]
    cut = len(batch.left) - kept.shape[1]
    if kept.shape[1] < 2 and cut:
        raise UnusableBatchError(
            f"max_length {config.max_length} cuts off the words of {cut} of "
            f"{len(batch.left)} samples; raise max_length (first of them: {batch.origins[0]})"
        )
    if len(np.unique(kept[4 if config.level == "split" else 2])) < 2:
        raise UnusableBatchError(
            f"all {len(batch.left)} samples have the same meaning, so that there is no negative "
            f"(first of them: {batch.origins[0]}); prepare with --deduplicate or raise batch_size"
        )
    return torch.from_numpy(kept)


def _mask(
    backbone: Backbone,
    tokens: Sequence[Tokens],
    own: Integers,
    layout: Integers,
    languages: Sequence[str],
    config: TrainConfig,
    random: np.random.Generator,
) -> Masked:
    """Mask the texts of the whole batch; those of other ranks are blanks of the right shape."""
    lengths, first, inner = layout.T
    ends = np.cumsum(lengths)
    column = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    before = np.repeat(first, lengths)
    special = (column < before) | (column >= before + np.repeat(inner, lengths))
    flat = np.zeros(len(column), dtype=np.int64)
    for text, part in zip(own, tokens, strict=True):
        flat[ends[text] - lengths[text] : ends[text]] = part.ids
    hidden, labels = mask_tokens(
        flat,
        special,
        probability=config.mlm_probability,
        mask_id=int(backbone.tokenizer.mask_token_id),
        ordinary=backbone.ordinary_ids,
        random=random,
    )
    names = {name: i for i, name in enumerate(dict.fromkeys(languages))}
    owner = np.repeat([names[language] for language in languages], lengths)
    chosen = labels != IGNORED
    counts = np.bincount(owner[chosen], minlength=len(names))
    shares = 1.0 / np.maximum(1, counts * np.count_nonzero(counts))  # of one token of a language
    spans = [slice(ends[text] - lengths[text], ends[text]) for text in own]
    return Masked(
        [hidden[span].tolist() for span in spans],
        [labels[span] for span in spans],
        [shares[owner[span][chosen[span]]] for span in spans],
    )
