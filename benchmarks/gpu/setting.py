"""What all sections share: the device, the encoder, the text, and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from benchmarks.corpus import make_corpus
from benchmarks.encoders import load_backbone
from benchmarks.gpu.timer import Clock
from crosszero.align.spans import Span, WordPair
from crosszero.model.backbone import Backbone
from crosszero.model.saving import save_encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore, collect

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The setting of a visit.

    Attributes:
        device: that is measured.
        size: of the encoder that is timed, as in :func:`benchmarks.encoders.load_backbone`.
        tiny: everything small, for a test of the script.
        store: the text.
        out: folder of the results.
        folder: for what nobody keeps.
        clock: of the visit.
        batches: sentence pairs of a training step; the last is for the gradient cache.
    """

    device: torch.device
    size: str
    tiny: bool
    store: SampleStore
    out: Path
    folder: Path
    clock: Clock
    batches: tuple[int, int, int]

    @property
    def gpu(self) -> bool:
        """Whether the device is an accelerator."""
        return self.device.type != "cpu"

    @cached_property
    def encoder(self) -> Path:
        """A folder with the encoder that is timed."""
        path = self.folder / "encoder"
        save_encoder(self.load_backbone(), path)
        return path

    def load_backbone(self, device: torch.device | None = None) -> Backbone:
        """Make the encoder that is timed, on the device or another one."""
        return load_backbone(self.size, device=str(device or self.device))

    def read_rows(self, count: int) -> list[Sample]:
        """So many rows of the store, again from the first one if it has fewer."""
        rows: list[Sample] = []
        for row in self.store:
            rows.append(row)
            if len(rows) == count:
                return rows
        return (rows * (count // len(rows) + 1))[:count]


def make_store(folder: Path, pairs: int) -> SampleStore:
    """Make up text with its words linked, for a visit without a store."""
    corpus = make_corpus(pairs)
    samples = []
    for pair, links in zip(corpus.pairs, corpus.links, strict=True):
        source, target = _find_words(pair.source), _find_words(pair.target)
        words = tuple(WordPair(source[i], target[j]) for i, j in sorted(links)[:8])
        samples.append(Sample.of(pair, words, "made up"))
    return collect(samples, folder)


def _find_words(text: str) -> list[Span]:
    spans, start = [], 0
    for word in text.split(" "):
        spans.append(Span(start, start + len(word)))
        start += len(word) + 1
    return spans
