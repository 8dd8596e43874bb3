"""Exact nearest neighbours on an accelerator: a fast product names candidates, an exact one picks.

A product of 16-bit numbers takes a tenth of the time of one of 32 bits, but it is off. How far it
can be off is known, though: by the Cauchy-Schwarz inequality no further than

    |x - x'| |y| + |x'| |y - y'| + what the sums lose,

with x' and y' the rounded vectors. So some more candidates than are wanted are kept for each row,
and their cosines are computed in float64. Where the k-th best of these is further above the 16-bit
cosine of the last candidate than that bound, nothing that was left out can be among the k best.
Rows of which this can't be said are looked at once more, with many candidates. The few that are
left then (hundreds of candidates are as good as equal) are handed back, for the search on a CPU.

torch is imported here and nowhere else in this folder: arrays alone never wait for it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosszero.errors import ConfigError
from crosszero.search.top_k import Floats, Ints, Nearest

_log = logging.getLogger("crosszero")
_BLOCK = 32_768  # rows and columns of a product: 4 GB of float32
_RUN = 64  # similarities of which only the largest is looked at first
_SPARE, _WIDER = 12, 16  # candidates more than wanted; how many times as many in the second look
_AT_ONCE = 2**25  # numbers of what is worked on at a time
_SUM_ERROR = 2.0**-23  # of each addition in float32, rounded or cut off


def find_device(name: str | None) -> torch.device | None:
    """Give the device to search on: `name`, or a GPU if there is one; ``None`` for the CPU.

    Raises:
        ConfigError: there is no such device, or it has no float64.
    """
    if name is None:
        return torch.device("cuda") if torch.cuda.is_available() else None
    try:
        device = torch.device(name)
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError, AssertionError, ValueError) as error:
        raise ConfigError(
            f"device: {name!r} given; cpu, cuda or cuda:N of this machine is allowed"
        ) from error
    return None if device.type == "cpu" else device


@torch.no_grad()
def search(
    one: Floats, other: Floats, k: int, *, device: torch.device, both: bool
) -> list[tuple[Nearest, Ints]]:
    """Find the `k` best columns of every row, and with `both` the `k` best rows of every column.

    Similarities are those of float64, rounded to float32; of equal ones the lower number is better.
    What the memory of the device can't hold comes in pieces.

    Args:
        one, other: (rows, dim) and (columns, dim), unit vectors, on either side all distinct.

    Returns:
        For each direction the neighbours, and the rows, rising, of which they are not proven: those
        have to be searched otherwise.
    """
    sides, ways = (one, other), ((0, 1), (1, 0))[: 1 + both]
    found = [Nearest(len(sides[i]), min(k, len(sides[j]))) for i, j in ways]
    doubt = [np.zeros(len(sides[i]), np.bool_) for i, _ in ways]
    block, piece = _size_pieces(device, one.shape[1])
    try:
        for a in range(0, len(one), piece):
            x = _upload(one[a : a + piece], device)
            for b in range(0, len(other), piece):
                y = _upload(other[b : b + piece], device)
                firsts = ((a, b), (b, a))
                for way, best in enumerate(_search_piece(x, y, k, block, both)):
                    item, candidate = firsts[way]
                    rows = slice(item, item + len(best.value))
                    value, index = best.value.cpu().numpy(), best.index.cpu().numpy() + candidate
                    doubt[way][rows] |= best.doubt.cpu().numpy()
                    near = found[way]
                    if candidate == 0 and value.shape == near.value[rows].shape:
                        near.value[rows], near.index[rows] = value, index
                    else:
                        near.merge(np.arange(rows.start, rows.stop), value, index)
    except torch.OutOfMemoryError:
        _log.warning("%s has not enough free memory, so the CPU searches", device)
        for some in doubt:
            some[:] = True
    return [(near, np.flatnonzero(some)) for near, some in zip(found, doubt, strict=True)]


@dataclass(frozen=True)
class _Side:
    """Unit vectors on the device, and below them rows of zeros up to a whole run."""

    rows: Tensor
    count: int


@dataclass(frozen=True)
class _Best:
    """For each row the best candidates, (rows, k) each, and whether others might be better."""

    value: Tensor
    index: Tensor
    doubt: Tensor


def _size_pieces(device: torch.device, dim: int) -> tuple[int, int]:
    """How many rows and columns a product has, and how many rows a side has on the device."""
    if device.type != "cuda":
        return _BLOCK, 2**20
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    block = min(_BLOCK, int((free / 64) ** 0.5) // _RUN * _RUN)  # a sixteenth, as float32
    return max(_RUN, block), max(_RUN, int(free / 2 / (8 * dim + 1024)) // _RUN * _RUN)


def _upload(rows: Floats, device: torch.device) -> _Side:
    return _pad(torch.from_numpy(rows).to(device))


def _pad(rows: Tensor) -> _Side:
    missing = -len(rows) % _RUN
    whole = torch.cat([rows, rows.new_zeros(missing, rows.shape[1])]) if missing else rows
    return _Side(whole, len(rows))


def _search_piece(x: _Side, y: _Side, k: int, block: int, both: bool) -> list[_Best]:
    """The best `k` of each row of `x` among those of `y`, and with `both` the other way, too."""
    width = k + _SPARE
    result = []
    first_look = _name_candidates(x, y, width, block, both)
    for (left, right), candidates in zip(((x, y), (y, x)), first_look, strict=False):
        best = _settle(left, right, k, candidates)
        rows = best.doubt.nonzero()[:, 0]
        if len(rows):
            unsure = _pad(left.rows[rows])
            (candidates,) = _name_candidates(unsure, right, width * _WIDER, block, both=False)
            better = _settle(unsure, right, k, candidates)
            best.value[rows], best.index[rows] = better.value, better.index
            best.doubt[rows] = better.doubt
        result.append(best)
    return result


class _Candidates:
    """For each item the candidates with the largest 16-bit similarities that came by, best first.

    Attributes:
        value: (items, width) these similarities.
        index: (items, width) numbers of the candidates.
    """

    def __init__(self, items: int, width: int, device: torch.device) -> None:
        self.value = torch.full((items, width), -torch.inf, device=device)
        self.index = torch.zeros((items, width), dtype=torch.int64, device=device)

    def add(self, table: Tensor, item: int, candidate: int) -> None:
        """Take similarities (items, candidates), of the items and candidates from these numbers on.

        As in :class:`~crosszero.search.top_k.Nearest`, only runs whose largest value can matter
        are opened.
        """
        peaks = table.unflatten(1, (-1, _RUN)).amax(dim=2)
        known = self.value[item : item + len(table)]
        hits = int((peaks > known[:, -1:]).sum(dim=1).max())
        opened = min(hits, known.shape[1])
        if not opened:
            return
        rows = max(1, _AT_ONCE // (opened * _RUN))
        inside = torch.arange(_RUN, device=table.device)
        for start in range(0, len(table), rows):
            part = slice(start, start + rows)
            runs = peaks[part].topk(opened, dim=1).indices
            places = (runs[:, :, None] * _RUN + inside).flatten(1)
            values = torch.cat([known[part], table[part].gather(1, places)], dim=1)
            here = slice(item + start, item + start + len(places))
            numbers = torch.cat([self.index[here], places + candidate], dim=1)
            self.value[here], chosen = values.topk(known.shape[1], dim=1)
            self.index[here] = numbers.gather(1, chosen)


def _name_candidates(x: _Side, y: _Side, width: int, block: int, both: bool) -> list[_Candidates]:
    """For each row of `x` the `width` best of `y` by 16-bit products, and perhaps the other way."""
    device = x.rows.device
    there = _Candidates(len(x.rows), min(width, y.count), device)
    back = _Candidates(len(y.rows), min(width, x.count), device) if both else None
    for item in range(0, len(x.rows), block):
        left = x.rows[item : item + block].half()
        for candidate in range(0, len(y.rows), block):
            right = y.rows[candidate : candidate + block].half()
            if device.type == "cuda":
                scores = torch.mm(left, right.T, out_dtype=torch.float32)
            else:
                scores = left.float() @ right.float().T
            scores[:, max(0, y.count - candidate) :] = -torch.inf
            there.add(scores, item, candidate)
            if back is not None:
                scores[max(0, x.count - item) :] = -torch.inf
                back.add(scores.T, candidate, item)
    return [there] if back is None else [there, back]


def _settle(x: _Side, y: _Side, k: int, candidates: _Candidates) -> _Best:
    """Pick the best `k` candidates by exact similarities, and say where these may not be all."""
    rough, index = candidates.value[: x.count].double(), candidates.index[: x.count]
    width, dim = index.shape[1], x.rows.shape[1]
    exact = torch.empty_like(rough)
    rows = max(1, _AT_ONCE // (width * dim))
    for start in range(0, x.count, rows):
        part = slice(start, min(start + rows, x.count))
        ours, theirs = x.rows[part].double(), y.rows[index[part]].double()
        exact[part] = torch.bmm(theirs, ours[:, :, None])[:, :, 0]
    off = 1.001 * (_rounding(x)[: x.count] + _rounding(y).max() + (dim + 8) * _SUM_ERROR)
    # The last term of `doubt` can't be true unless the device computes otherwise than it should.
    least = exact.topk(min(k, width), dim=1).values[:, -1]
    doubt = (least - off <= rough[:, -1]) & (width < y.count)
    doubt |= ((exact - rough).abs() > off[:, None]).any(dim=1)
    value = exact.float()
    by_number = index.argsort(dim=1)
    value, index = value.gather(1, by_number), index.gather(1, by_number)
    order = value.argsort(dim=1, descending=True, stable=True)[:, :k]
    return _Best(value.gather(1, order), index.gather(1, order), doubt)


def _rounding(side: _Side) -> Tensor:
    """(rows,) lengths of what the rows lose as 16-bit numbers."""
    lost = [(rows - rows.half()).norm(dim=1) for rows in side.rows.split(_BLOCK)]
    return torch.cat(lost).double()
