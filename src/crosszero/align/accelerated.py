"""Words compared where an encoder has left their vectors: beside the processor.

The vectors of a sentence pair are a hundred times as large as the similarities of its words, so
these alone are copied. Methods make links of them on the processor, as of any others.

torch is imported here and nowhere else in this folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from crosszero.align.blocks import Side, Unit, compare_sides
from crosszero.align.similarity import OUTSIDE, ROUNDING, SHORT, Similarity
from crosszero.align.subtokens import Integers, Parts
from crosszero.search.neighbours import AnyFloats


class DeviceParts(Parts):
    """Parts whose vectors lie on a device; :attr:`vectors` copies them when somebody asks.

    Args:
        rows: (parts, dim) float32.
        starts, ends: as :class:`~crosszero.align.subtokens.Parts` has them.

    Example:
        >>> parts = DeviceParts(torch.ones(2, 3), np.array([0, 1]), np.array([1, 2]))
        >>> parts.shape, parts.vectors.sum()
        ((2, 3), np.float32(6.0))
    """

    on_device: ClassVar[bool] = True
    rows: Tensor

    def __init__(self, rows: Tensor, starts: Integers, ends: Integers) -> None:
        self.__dict__.update(rows=rows, starts=starts, ends=ends)  # the class is frozen

    @cached_property
    def vectors(self) -> AnyFloats:
        """(parts, dim) on the processor."""
        found: AnyFloats = self.rows.cpu().numpy()
        return found

    @property
    def shape(self) -> tuple[int, int]:
        """Parts and dim."""
        return self.rows.shape[0], self.rows.shape[1]


@torch.no_grad()
def compare_there(
    members: Sequence[Sequence[Parts]], sides: Sequence[Side], *, unit: Unit, centred: bool
) -> tuple[Similarity | None, Similarity | None]:
    """Do what :func:`~crosszero.align.blocks.compare_sides` does, for :class:`DeviceParts`."""
    tokens, words = [], []
    for some, side in zip(members, sides, strict=True):
        rows = pad_sequence([cast(DeviceParts, parts).rows for parts in some], batch_first=True)
        arrays = (side.sizes, side.counts, *_locate_words(side))
        sizes, counts, starts, ends = _send(arrays, rows.device)
        tokens.append((rows, sizes))
        if unit != "subtoken":
            words.append((_average(rows, starts, ends), counts))
    asked = [rows for rows, other in ((words, "subtoken"), (tokens, "word")) if unit != other]
    found, doubts = zip(*(_compare(*rows, centred=centred) for rows in asked), strict=True)
    numbers = torch.cat([*(one.flatten() for one in found), torch.stack(doubts).float()])
    *made, doubt = np.split(numbers.cpu().numpy(), np.cumsum([one.numel() for one in found]))
    if doubt.any():  # vectors that are no numbers, or very short ones
        return compare_sides(members, sides, unit=unit, centred=centred)
    made = [one.reshape(like.shape) for one, like in zip(made, found, strict=True)]
    return made[0] if unit != "subtoken" else None, made[-1] if unit != "word" else None


def _locate_words(side: Side) -> tuple[Integers, Integers]:
    """(texts, words) the first sub-token of each word, and the one behind its last; 0 for none."""
    tables = np.zeros((2, *side.numbers.shape), np.int64)
    for table, places in zip(tables, (side.starts, side.ends), strict=True):
        table[side.texts, side.words] = places - side.texts * side.width
    return tables[0], tables[1]


def _send(arrays: Sequence[Integers], device: torch.device) -> list[Tensor]:
    """Copy arrays at once."""
    flat = torch.from_numpy(np.concatenate([array.ravel() for array in arrays]))
    if device.type == "cuda":  # from other memory a copy waits for all that is queued before it
        flat = flat.pin_memory()
    parts = flat.to(device, non_blocking=True).split([array.size for array in arrays])
    return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]


def _average(rows: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The mean of each word's sub-tokens: (texts, words, dim)."""
    tokens = torch.arange(rows.shape[1], device=rows.device)
    own = (tokens >= starts[:, :, None]) & (tokens < ends[:, :, None])
    return own.to(rows.dtype) @ rows / (ends - starts).clamp(min=1)[:, :, None]


def _compare(
    source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor], *, centred: bool
) -> tuple[Tensor, Tensor]:
    """Cosines of rows, of which each text has as many as said, and whether they are to be doubted.

    See :func:`~crosszero.align.blocks.compare_rows`.
    """
    several = torch.minimum(source[1], target[1]) > 1
    units, lengths, doubts = [], [], []
    for rows, sizes in (source, target):
        if centred:
            means = torch.where(several[:, None], rows.sum(dim=1) / sizes[:, None], 0)[:, None]
            least = ROUNDING * means.abs().amax(dim=2, keepdim=True)
            rows = rows - means
            rows = rows.masked_fill((rows.abs() <= least).all(dim=2, keepdim=True), 0)
        length = rows.square().sum(dim=2, keepdim=True).sqrt()
        short = length < SHORT
        doubts.append(~length.isfinite().all() | (short & (rows != 0)).any())
        units.append(rows)
        lengths.append(length.masked_fill(short, 1))
    similarity = units[0] @ units[1].transpose(1, 2) / lengths[0] / lengths[1].transpose(1, 2)
    outside = [
        torch.arange(rows.shape[1], device=rows.device) >= sizes[:, None]
        for rows, sizes in (source, target)
    ]
    similarity.masked_fill_(outside[0][:, :, None] | outside[1][:, None], OUTSIDE)
    return similarity, doubts[0] | doubts[1]
