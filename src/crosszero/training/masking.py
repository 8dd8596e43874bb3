"""Texts of a batch with tokens hidden, for masked language modelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosszero.model.backbone import Backbone
from crosszero.model.mlm import IGNORED, mask_tokens
from crosszero.model.ragged import Integers, Ragged, spread


@dataclass(frozen=True)
class Masked:
    """Texts of a rank with tokens hidden.

    Attributes:
        ids: token numbers to read of each text.
        columns: for each text the places of the tokens to predict.
        targets: (all of `columns`,) the original numbers of these tokens.
        weights: likewise. Over all ranks they make the loss the mean over the languages of the mean
            over their tokens.
    """

    ids: Ragged
    columns: Ragged
    targets: Integers
    weights: NDArray[np.float64]


def mask_texts(
    backbone: Backbone,
    ids: Ragged,
    own: Integers,
    layout: Integers,
    languages: Sequence[str],
    probability: float,
    random: np.random.Generator,
) -> Masked:
    """Mask the texts of the whole batch; those of other ranks are blanks of the right shape.

    Args:
        backbone: gives the tokens.
        ids: of the rank's texts.
        own: which texts of the batch these are, rising.
        layout: for all texts of the batch the number of tokens, the first that is not special, and
            how many are not.
        languages: of all texts.
        probability: share of tokens to predict.
        random: the same on each rank.
    """
    lengths, first, inner = layout.T
    ends = np.cumsum(lengths)
    column = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    before = np.repeat(first, lengths)
    special = (column < before) | (column >= before + np.repeat(inner, lengths))
    kept = spread((ends - lengths)[own], lengths[own])  # tokens of the rank's texts
    flat = np.zeros(len(column), dtype=np.int64)
    flat[kept] = ids.values
    hidden, labels = mask_tokens(
        flat,
        special,
        probability=probability,
        mask_id=int(backbone.tokenizer.mask_token_id),
        ordinary=backbone.ordinary_ids,
        random=random,
    )
    names = {name: i for i, name in enumerate(dict.fromkeys(languages))}
    owner = np.repeat([names[language] for language in languages], lengths)
    counts = np.bincount(owner[labels != IGNORED], minlength=len(names))
    shares = 1.0 / np.maximum(1, counts * np.count_nonzero(counts))  # of one token of a language
    chosen = labels[kept] != IGNORED
    texts = np.repeat(np.arange(len(own)), lengths[own])
    columns = Ragged(column[kept][chosen], np.bincount(texts[chosen], minlength=len(own)))
    shown, targets = Ragged(hidden[kept], lengths[own]), labels[kept][chosen]
    return Masked(shown, columns, targets, shares[owner[kept][chosen]])
