"""Sentences encoded and sentence pairs aligned a second, against what one would use instead."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from benchmarks.alignment_tools import make_simalign, run_simalign
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.timer import repeat
from crosszero.align.linker import align_words
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import from_words
from crosszero.model.encoder import Encoder
from crosszero.model.loading import quiet_transformers
from crosszero.model.options import Precision
from crosszero.model.word_layers import find_alignment_layer

T = TypeVar("T")
OURS, THEIRS = "crosszero", "SentenceTransformer.encode"
SENTENCES, PAIRS = "sentences/s", "pairs/s"
_LENGTH = 128  # tokens
_BATCH = 256  # pairs, as linking takes them
_SAME = {"fp32": 1e-4, "bf16": 0.02}


def measure_encoding(setting: Setting, journal: Journal) -> None:
    """Encode the same texts with both libraries."""
    rows = setting.read_rows(40 if setting.tiny else 2_048)
    texts = [text for row in rows for text in (row.source, row.target)]
    kinds: tuple[Precision, ...] = ("fp32", "bf16") if setting.gpu else ("fp32",)
    batches = (4, 8) if setting.tiny else (32, 512)
    left = len(kinds) * (1 + len(batches))
    for kind in kinds:
        encoder = _load(setting, kind)
        seconds = setting.clock.share(left)
        encode = partial(encoder.encode, texts)
        ours = _time(setting, journal, f"{OURS}, {kind}", SENTENCES, len(texts), encode, seconds)
        del encoder, encode
        other = load_sentence_transformer(setting, kind)
        for batch in batches:
            left -= 1
            encode = partial(other.encode, texts, batch_size=batch, show_progress_bar=False)
            name, seconds = f"{THEIRS}, {kind}", setting.clock.share(left)
            theirs = _time(setting, journal, name, SENTENCES, len(texts), encode, seconds, batch)
        left -= 1
        del other, encode
        what = f"both libraries' vectors, {kind}: largest difference of a value"
        journal.check(what, float(np.abs(ours - theirs).max()), _SAME[kind])


def load_sentence_transformer(setting: Setting, kind: Precision) -> Any:
    """The encoder as sentence-transformers loads it, in a number format."""
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[kind]
    with quiet_transformers():
        model = SentenceTransformer(
            str(setting.encoder), device=str(setting.device), model_kwargs={"dtype": dtype}
        )
    model.max_seq_length = _LENGTH
    return model


def measure_alignment(setting: Setting, journal: Journal) -> None:
    """Link the words of sentence pairs, absolute and against simalign."""
    rows = setting.read_rows(20 if setting.tiny else 4_096)
    source, target = ([getattr(row, side).split() for row in rows] for side in ("source", "target"))
    encoder = _load(setting, "bf16" if setting.gpu else "fp32")
    methods = (LinkConfig(), LinkConfig(method="argmax", unit="word", threshold=0.0))
    for number, config in enumerate(methods):
        align = partial(align_words, encoder, source, target, config)
        seconds = setting.clock.share(len(methods) + 2 - number)
        _time(setting, journal, f"{OURS}, {config.method}", PAIRS, len(rows), align, seconds)
    encode = partial(_encode_words, encoder, source, target)
    name = f"{OURS}, its encoding alone"
    _time(setting, journal, name, PAIRS, len(rows), encode, setting.clock.share(2))
    if importlib.util.find_spec("simalign") is None:
        journal.note("simalign is not installed")
        return
    few = 4 if setting.tiny else 200
    layer = find_alignment_layer(encoder.backbone)
    with quiet_transformers():
        aligner = make_simalign(setting.encoder, layer, "a", device=setting.device.type)
    align = partial(run_simalign, aligner, source[:few], target[:few])
    _time(setting, journal, "simalign, argmax", PAIRS, few, align, setting.clock.share(1))


def _encode_words(encoder: Encoder, *sides: list[list[str]]) -> None:
    """Do what linking does before it compares words."""
    for start in range(0, len(sides[0]), _BATCH):
        for side in sides:
            texts = list(map(from_words, side[start : start + _BATCH]))
            encoder.encode_on_device([text.text for text in texts], [text.spans for text in texts])


def _load(setting: Setting, precision: Precision) -> Encoder:
    return Encoder.load(
        setting.encoder, device=setting.device.type, max_length=_LENGTH, precision=precision
    )


def _time(
    setting: Setting,
    journal: Journal,
    name: str,
    unit: str,
    count: int,
    run: Callable[[], T],
    seconds: float,
    batch: int | None = None,
) -> T:
    """Add the speed of something that does `count` texts or pairs; gives what it found."""
    found: list[T] = []

    def call(_: int) -> None:
        found[:] = [run()]

    done = repeat(call, setting.device, seconds, warm_up=1, least=1)
    columns = {unit: count * done.count / done.seconds, "GB": done.memory}
    journal.row(name, **({"batch": batch} if batch else {}), **columns)
    return found[0]
