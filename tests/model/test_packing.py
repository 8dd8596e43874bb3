"""Packed texts against padded ones: vectors, losses and gradients, with a mask and with borders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface

from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.packing import choose_form, find_packing_obstacle, place
from crosszero.training.auto_settings import decide
from crosszero.training.batch import build_batch
from crosszero.training.gradients import compute_gradients
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner
from crosszero.training.train_config import TrainConfig
from tests.training.conftest import make_samples

Folders = Callable[..., Path]
PACKING = ("bert", "xlm-roberta", "modernbert")
TEXTS = [
    "the weather is good today",
    "猫",
    "le chat voit la maison rouge",
    "الطقس اليوم",
    "dog cat",
]


def attend_within_borders(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Stands for flash attention, which needs a GPU: text by text, between the given borders."""
    assert mask is None
    borders = options["cu_seq_lens_q"].tolist()
    assert options["max_length_q"] == max(np.diff(borders))
    window = options.get("sliding_window")  # exclusive, as transformers hands it to flash attention
    parts = []
    for start, end in pairwise(borders):
        q, k, v = (x[:, :, start:end] for x in (query, key, value))
        scores = q @ k.transpose(2, 3) * options["scaling"]
        places = torch.arange(end - start)
        if window:
            far = (places[:, None] - places[None, :]).abs() >= window
            scores = scores.masked_fill(far, float("-inf"))
        parts.append(scores.softmax(-1) @ v)
    return torch.cat(parts, 2).transpose(1, 2), None


AttentionInterface.register("borders", attend_within_borders)


@pytest.mark.parametrize("kind", PACKING)
@pytest.mark.parametrize("attention", ["mask", "borders", "torch"])
@pytest.mark.parametrize("cached", [False, True])
def test_packed_losses_and_gradients_equal_padded_ones(
    model_folder: Folders, kind: str, attention: str, cached: bool
) -> None:
    """Words, sentences, masked tokens; some mini-batches do not fill their rows; positions restart.

    With the gradient cache as well, against padded texts without it.
    """
    torch.manual_seed(0)
    backbone = Backbone.load(model_folder(kind, dropout=0.0), mlm=True).train()
    head = ProjectionHead(backbone.hidden_size, "multi")
    units = [(sample,) for sample in make_samples(9)]
    batch = build_batch(units, TrainConfig(words_per_sentence=2), np.random.default_rng(0))
    config = TrainConfig(max_length=64, mini_batch_num_tokens=150, precision="fp32")
    found = []
    for packs in (False, True):
        if packs and attention == "borders":
            backbone.model.set_attn_implementation("borders")
        backbone.packs = "varlen" if packs and attention == "torch" else packs
        form = "padded" if not packs else "blocks" if attention == "mask" else "varlen"
        assert choose_form(backbone) == form
        backbone.zero_grad()
        random = np.random.default_rng(5)
        way = replace(config, gradient_cache=packs and cached)
        learner = Learner(backbone=backbone, head=head, config=way)
        result = compute_gradients(learner, make_inputs(backbone, batch, config, random))
        grads = {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}
        found.append((result.contrast.loss.detach(), result.mlm.detach(), grads))
    (contrastive, mlm, expected), (packed_contrastive, packed_mlm, gradients) = found
    torch.testing.assert_close(packed_contrastive, contrastive, atol=1e-5, rtol=0)
    torch.testing.assert_close(packed_mlm, mlm, atol=1e-5, rtol=0)
    assert len(expected) > 15
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_rows_hold_every_text_once_and_little_else(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder("bert"))
    texts = [t.ids for t in backbone.tokenize(TEXTS, 64)]
    padded = place(backbone, texts)
    backbone.packs = True
    made = place(backbone, texts)
    layout = made.layout
    assert made.ids.numel() < padded.ids.numel()
    for i, text in enumerate(texts):
        start = layout.starts[i]
        assert made.ids[layout.rows[i], start : start + layout.lengths[i]].tolist() == text
    held = int(layout.lengths.sum())
    assert int((made.ids != backbone.tokenizer.pad_token_id).sum()) == held
    backbone.model.set_attn_implementation("borders")
    assert place(backbone, texts).ids.shape == (1, held)


def test_what_cant_pack_says_so(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in PACKING:
        assert find_packing_obstacle(Backbone.load(model_folder(kind))) == ""
    backbone = Backbone.load(model_folder("deberta-v2")).eval()
    assert "can't read packed texts" in find_packing_obstacle(backbone)
    assert not backbone.training
    options = {"precision": "fp32"}
    with pytest.raises(ConfigError, match=r"pack: true given, but .* use auto or false"):
        decide(backbone, TrainConfig(pack=True, **options), None)
    assert decide(backbone, TrainConfig(**options), None).pack is False
    bert = Backbone.load(model_folder("bert"))
    assert decide(bert, TrainConfig(**options), None).pack is False  # a CPU gains nothing
    assert decide(bert, TrainConfig(pack=True, **options), None).pack is True
    assert bert.packs
    monkeypatch.setattr("crosszero.training.auto_settings._has_kernel", lambda *_: True)
    with caplog.at_level("INFO", logger="crosszero"):  # as on a GPU
        assert decide(backbone, TrainConfig(**options), None).pack is False
        assert decide(bert, TrainConfig(**options), None).pack is True
    assert "padding texts: " in caplog.text
    assert bert.packs == "varlen"
    before = bert.model.config._attn_implementation
    assert (
        bert(torch.tensor([[1, 2]]), torch.tensor([[1, 0]])).read(-1).shape[0] == 1
    )  # padded texts are still read with a mask
    assert bert.model.config._attn_implementation == before


def test_an_encoder_that_ignores_positions_is_found_out(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = Backbone.load(model_folder("bert"))
    real = backbone.base.forward

    def deaf(*args: Any, position_ids: Any = None, **options: Any) -> Any:
        return real(*args, **options)

    monkeypatch.setattr(backbone.base, "forward", deaf)
    assert "does not read packed texts" in find_packing_obstacle(backbone)
