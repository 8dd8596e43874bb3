"""Rows: many sentences side by side in a row of fixed length, none of which sees its neighbour.

A batch of padded single sentences wastes half of its tokens; a row of joined sentences teaches
the encoder that a sentence has strangers beside it. Here every sentence keeps its own [CLS] ...
[SEP], its own positions from 0, and attends to itself only, so the encoder learns exactly what it
will be used for, at full density and with one shape for the compiler. Rows are packed once;
sentences do not see each other, so it does not matter who shares a row with whom.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .corpus import smoothed_shares
from .tokenizer import SPECIALS

PAD, CLS = SPECIALS.index("[PAD]"), SPECIALS.index("[CLS]")


def encode_lines(tokenizer: Tokenizer, lines: Sequence[str], *, longest: int) -> list[np.ndarray]:
    """Token ids of each line, [CLS] and [SEP] included; a cut line keeps its [SEP]."""
    encoded = []
    for encoding in tokenizer.encode_batch_fast(list(lines)):
        ids = encoding.ids
        encoded.append(np.asarray(ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]]))
    return encoded


def pad_lines(lines: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """One line a row, padded, and the attention mask: both (lines, longest)."""
    rows = [torch.from_numpy(ids) for ids in lines]
    masks = [torch.ones_like(ids) for ids in rows]
    return pad_sequence(rows, batch_first=True), pad_sequence(masks, batch_first=True)


def group_lines(lengths: Sequence[int], *, row: int) -> list[list[int]]:
    """Put lines into rows, in order, each into the fullest of a few open rows that has room."""
    rows: list[list[int]] = []
    open_rows: list[tuple[int, list[int]]] = []  # (room left, line numbers)
    for line, need in enumerate(lengths):
        fitting = [slot for slot, (room, _) in enumerate(open_rows) if room >= need]
        if fitting:
            best = min(fitting, key=lambda slot: open_rows[slot][0])
            room, members = open_rows[best]
            members.append(line)
            open_rows[best] = (room - need, members)
        else:
            if len(open_rows) == 8:
                fullest = min(range(8), key=lambda slot: open_rows[slot][0])
                rows.append(open_rows.pop(fullest)[1])
            open_rows.append((row - need, [line]))
    return rows + [members for _, members in open_rows]


def pack_lines(lines: Sequence[np.ndarray], *, row: int) -> NDArray[np.uint16]:
    """Token ids (rows, row) of all lines, padded at the end of each row."""
    groups = group_lines([len(ids) for ids in lines], row=row)
    packed = np.full((len(groups), row), PAD, np.uint16)
    for number, members in enumerate(groups):
        joined = np.concatenate([lines[line] for line in members])
        packed[number, : len(joined)] = joined
    return packed


def unpack_lines(rows: NDArray[np.uint16]) -> list[np.ndarray]:
    """The lines of packed rows, in the order in which they lie there."""
    flat = rows.ravel().astype(np.int64)
    flat = flat[flat != PAD]
    return np.split(flat, np.flatnonzero(flat == CLS)[1:])


class RowStream:
    """An endless stream of batches, a pure function of the seed; its place is a few numbers.

    The rows lie on the device that trains; only their numbers travel there.
    """

    def __init__(
        self,
        packed: Mapping[str, NDArray[np.uint16]],
        *,
        rows: int,
        smoothing: float,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.rows, self.seed, self.device = rows, seed, torch.device(device)
        sizes = {name: int(np.count_nonzero(table)) for name, table in packed.items()}
        self.shares = smoothed_shares(sizes, smoothing)
        self.drawn = dict.fromkeys(packed, 0)  # rows so far
        self.batches = 0
        self._counts = {name: len(table) for name, table in packed.items()}
        self._first = dict(zip(packed, np.cumsum([0, *self._counts.values()]), strict=False))
        whole = np.concatenate(list(packed.values()))
        self._table = torch.from_numpy(whole.astype(np.int32)).to(self.device)
        self._ordinary = (whole >= len(SPECIALS)).sum(axis=1)
        self._orders: dict[str, tuple[int, NDArray[np.int64]]] = {}

    def _order(self, name: str, epoch: int) -> NDArray[np.int64]:
        if self._orders.get(name, (-1,))[0] != epoch:
            order = list(range(self._counts[name]))
            random.Random(f"{self.seed}:{name}:{epoch}").shuffle(order)
            self._orders[name] = epoch, np.asarray(order) + self._first[name]
        return self._orders[name][1]

    def _take(self, name: str, count: int) -> list[NDArray[np.int64]]:
        taken = []
        while count:
            epoch, place = divmod(self.drawn[name], self._counts[name])
            taken.append(self._order(name, epoch)[place : place + count])
            self.drawn[name] += len(taken[-1])
            count -= len(taken[-1])
        return taken

    def next_batch(self) -> tuple[Tensor, int]:
        """The next batch (rows, row) on the device, and how many ordinary tokens it holds.

        Each row holds one language, drawn by its smoothed share.
        """
        chance = np.random.default_rng([self.seed, self.batches])
        counts = chance.multinomial(self.rows, list(self.shares.values()))
        self.batches += 1
        parts = [
            part
            for name, count in zip(self.shares, counts.tolist(), strict=True)
            for part in self._take(name, count)
        ]
        numbers = np.concatenate(parts)
        chosen = torch.from_numpy(numbers)
        if self.device.type == "cuda":
            chosen = chosen.pin_memory().to(self.device, non_blocking=True)
        return self._table[chosen].long(), int(self._ordinary[numbers].sum())

    def state(self) -> dict[str, object]:
        """Where the stream stands."""
        return {"drawn": dict(self.drawn), "batches": self.batches}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Go on from where `state` was taken."""
        self.drawn, self.batches = dict(state["drawn"]), int(state["batches"])  # type: ignore[call-overload]


def find_sentences(ids: Tensor) -> tuple[Tensor, Tensor]:
    """For packed rows: which sentence of its row a token belongs to (0: padding), and its place."""
    starts, kept = ids == CLS, ids != PAD
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    first = torch.where(starts, places, 0).cummax(1).values
    return starts.cumsum(1) * kept, (places - first) * kept


def sees(segments: Tensor) -> Tensor:
    """Attention mask (rows, 1, length, length): a token sees the tokens of its own sentence."""
    return (segments.unsqueeze(2) == segments.unsqueeze(1)).unsqueeze(1)
