"""Rows: many sentences side by side in a row of fixed length, none of which sees its neighbour.

A batch of padded single sentences wastes half of its tokens; a row of joined sentences teaches
the encoder that a sentence has strangers beside it. Here every sentence keeps its own [CLS] ...
[SEP], its own positions from 0, and attends to itself only (`segments` says which tokens belong
together), so the encoder learns exactly what it will be used for, at full density and with one
shape for the compiler.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from .corpus import smoothed_shares


@dataclass(frozen=True)
class Batch:
    """Packed rows, each tensor (rows, row length)."""

    ids: torch.Tensor
    segments: torch.Tensor
    """1, 2, ... for the sentences of a row; 0 for padding."""
    positions: torch.Tensor


def encode_lines(tokenizer: Tokenizer, lines: Sequence[str], *, longest: int) -> list[np.ndarray]:
    """Token ids of each line, [CLS] and [SEP] included; a cut line keeps its [SEP]."""
    encoded = []
    for encoding in tokenizer.encode_batch_fast(list(lines)):
        ids = encoding.ids
        encoded.append(np.asarray(ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]]))
    return encoded


def pack_lines(lengths: Sequence[int], order: Sequence[int], *, row: int) -> list[list[int]]:
    """Put lines into rows, in order, each into the fullest of a few open rows that has room."""
    rows: list[list[int]] = []
    open_rows: list[tuple[int, list[int]]] = []  # (room left, line numbers)
    for line in order:
        need = lengths[line]
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


class RowStream:
    """An endless stream of batches, a pure function of the seed; its place is a few numbers."""

    def __init__(
        self,
        lines: Mapping[str, Sequence[np.ndarray]],
        *,
        row: int,
        rows: int,
        smoothing: float,
        seed: int,
    ) -> None:
        self.lines = lines
        self.row = row
        self.rows = rows
        self.seed = seed
        sizes = {name: sum(map(len, encoded)) for name, encoded in lines.items()}
        self.shares = smoothed_shares(sizes, smoothing)
        self.place = dict.fromkeys(lines, (0, 0))  # epoch, next row
        self.drawn = 0
        self._packed: dict[str, tuple[int, list[list[int]]]] = {}

    def _rows_of(self, name: str, epoch: int) -> list[list[int]]:
        if self._packed.get(name, (-1, []))[0] != epoch:
            lengths = [len(ids) for ids in self.lines[name]]
            order = list(range(len(lengths)))
            chance = random.Random(f"{self.seed}:{name}:{epoch}")
            chance.shuffle(order)
            packed = pack_lines(lengths, order, row=self.row)
            chance.shuffle(packed)
            self._packed[name] = (epoch, packed)
        return self._packed[name][1]

    def _next_row(self, name: str) -> list[np.ndarray]:
        epoch, place = self.place[name]
        packed = self._rows_of(name, epoch)
        self.place[name] = (epoch, place + 1) if place + 1 < len(packed) else (epoch + 1, 0)
        return [self.lines[name][line] for line in packed[place]]

    def next_batch(self) -> Batch:
        """The next batch; each row holds one language, drawn by its smoothed share."""
        chance = random.Random(f"{self.seed}:batch:{self.drawn}")
        names = chance.choices(list(self.shares), weights=list(self.shares.values()), k=self.rows)
        self.drawn += 1
        ids = np.zeros((self.rows, self.row), dtype=np.int64)
        segments, positions = np.zeros_like(ids), np.zeros_like(ids)
        for number, name in enumerate(names):
            start = 0
            for segment, line in enumerate(self._next_row(name), start=1):
                end = start + len(line)
                ids[number, start:end] = line
                segments[number, start:end] = segment
                positions[number, start:end] = np.arange(len(line))
                start = end
        return Batch(*(torch.from_numpy(array) for array in (ids, segments, positions)))

    def state(self) -> dict[str, Any]:
        """Where the stream stands."""
        return {"place": dict(self.place), "drawn": self.drawn}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.place = {name: (int(a), int(b)) for name, (a, b) in state["place"].items()}
        self.drawn = int(state["drawn"])


def sees(segments: torch.Tensor) -> torch.Tensor:
    """Attention mask (rows, 1, length, length): a token sees the tokens of its own sentence."""
    return (segments.unsqueeze(2) == segments.unsqueeze(1)).unsqueeze(1)
