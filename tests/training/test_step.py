"""The losses of a step, against a slow reading: text by text, word by word, no mini-batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.losses import contrast
from crosszero.training.batch import Batch, build_batch
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner, StartEncoder
from crosszero.training.step import StepResult, UnusableBatchError, compute_losses
from crosszero.training.train_config import LayersConfig, TrainConfig
from tests.conftest import ARCHITECTURES
from tests.training.conftest import make_samples

Folders = Callable[..., Path]


def make_batch(level: str = "multi", words: int = 2) -> Batch:
    config = TrainConfig(level=level, words_per_sentence=words)
    return build_batch([(s,) for s in make_samples(9)], config, np.random.default_rng(0))


def take_step(
    backbone: Backbone,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    seed: int,
    start: StartEncoder | None = None,
) -> StepResult:
    learner = Learner(backbone=backbone, head=head, config=config, start=start)
    inputs = make_inputs(backbone, batch, config, np.random.default_rng(seed))
    return compute_losses(learner, inputs)


def load(folder: Path, level: str = "multi") -> tuple[Backbone, ProjectionHead]:
    torch.manual_seed(0)
    backbone = Backbone.load(folder, mlm=True).train()
    return backbone, ProjectionHead(backbone.hidden_size, level)


def slow_vector(
    backbone: Backbone, text: str, start: int, end: int, ids: torch.Tensor | None = None
) -> torch.Tensor:
    """[s ; w] of one word from one sentence alone, tokens found by their offsets.

    `ids` are read in the place of the text's own.
    """
    coded = backbone.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    states = backbone.base(
        coded["input_ids"] if ids is None else ids,
        attention_mask=coded["attention_mask"],
        output_hidden_states=True,
    ).hidden_states
    h = (states[1] + states[-1])[0]
    special = backbone.tokenizer(text, return_special_tokens_mask=True)["special_tokens_mask"]
    inside = [
        i
        for i, (a, b) in enumerate(coded["offset_mapping"][0].tolist())
        if not special[i] and a < end and b > start
    ]
    sentence = h.mean(0)
    return torch.cat([sentence, h[inside].mean(0)]) if end else sentence


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("level", ["multi", "sentence"])
def test_contrastive_loss_equals_the_slow_reading(
    model_folder: Folders, kind: str, level: str
) -> None:
    backbone, head = load(model_folder(kind, dropout=0.0), level)
    batch = make_batch(level)
    config = TrainConfig(level=level, mlm_weight=0.0, mini_batch_num_tokens=30, max_length=64)
    found = take_step(backbone, head, batch, config, 0)
    vectors = torch.stack(
        [slow_vector(backbone, batch.texts[t], a, b) for t, a, b in batch.anchors]
    )
    projected = head(vectors)
    expected = contrast(
        projected[batch.left], projected[batch.right], groups=torch.tensor(batch.groups)
    )
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-4, atol=1e-4)
    assert found.mlm is None


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_sentences_and_words_apart_equal_the_slow_reading(model_folder: Folders, kind: str) -> None:
    """Each from its layer and among its own negatives, the sentences held near their start."""
    backbone, head = load(model_folder(kind, dropout=0.0), "split")
    assert not head.state_dict()
    batch = make_batch("split", words=3)
    config = TrainConfig(
        level="split", layers=LayersConfig(sentence="last", word=1), word_weight=0.7,
        anchor_weight=0.4, mlm_weight=0.0, mini_batch_num_tokens=30, max_length=64,
        words_per_sentence=3,
    )  # fmt: skip
    start = StartEncoder(backbone, -1)
    with torch.no_grad():  # as training would
        for parameter in backbone.base.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    found = take_step(backbone, head, batch, config, 0, start)

    def unit(vector: torch.Tensor) -> torch.Tensor:
        return vector / vector.norm()

    rows: dict[int, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    sentences: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for left, right, pair in zip(batch.left, batch.right, batch.pairs, strict=True):
        one, other = (
            slow_parts(backbone, batch.texts[t], a, b)
            for t, a, b in (batch.anchors[left], batch.anchors[right])
        )
        sentences[pair] = unit(one[0]), unit(other[0])
        rows.setdefault(pair, []).append((unit(one[1]), unit(other[1])))
    assert len(rows) == 9
    assert max(map(len, rows.values())) > 1

    def cz(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> list[torch.Tensor]:
        losses = []
        for n, both in enumerate(pairs):
            strangers = [v for m, other in enumerate(pairs) if m != n for v in other]
            for this, positive in (both, both[::-1]):
                negatives = [torch.exp(this @ v / 0.07) for v in strangers]
                if negatives:
                    losses.append(torch.log(sum(negatives)) - this @ positive / 0.07)
        return losses

    words = torch.stack([loss for pairs in rows.values() for loss in cz(pairs)]).mean()
    apart = torch.stack(cz(list(sentences.values()))).mean()
    before = start._backbone
    drift = [
        (unit(slow_parts(backbone, t, 0, 1)[0]) - unit(slow_parts(before, t, 0, 1)[0])).square()
        for t in batch.texts
    ]
    expected = apart + 0.7 * words + 0.4 * torch.stack([d.sum() for d in drift]).mean()
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-4)
    assert float(found.drift.detach()) > 1e-4
    assert found.words is not None


def slow_parts(
    backbone: Backbone, text: str, start: int, end: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of the last layer, and the word's mean of the first."""
    coded = backbone.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    states = backbone.base(
        coded["input_ids"], attention_mask=coded["attention_mask"], output_hidden_states=True
    ).hidden_states
    special = backbone.tokenizer(text, return_special_tokens_mask=True)["special_tokens_mask"]
    inside = [
        i
        for i, (a, b) in enumerate(coded["offset_mapping"][0].tolist())
        if not special[i] and a < end and b > start
    ]
    return states[-1][0].mean(0), states[1][0][inside].mean(0)


@pytest.mark.parametrize("together", [True, False])
def test_slices_change_no_gradient(model_folder: Folders, together: bool) -> None:
    """Length-sorted mini-batches of a batch give the loss and gradients of the whole batch."""
    backbone, head = load(model_folder(dropout=0.0))
    batch = make_batch()
    gradients = []
    for budget in (10_000, 40, 25):
        config = TrainConfig(
            mini_batch_num_tokens=budget, mask_contrastive_input=together, max_length=64
        )
        backbone.zero_grad()
        result = take_step(backbone, head, batch, config, 5)
        result.loss.backward()
        grads = {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}
        gradients.append((float(result.loss.detach()), float(result.mlm.detach()), grads))
    assert len(gradients[0][2]) > 20
    for loss, mlm, grads in gradients[1:]:
        assert loss == pytest.approx(gradients[0][0], abs=1e-5)
        assert mlm == pytest.approx(gradients[0][1], abs=1e-5)
        for name, gradient in grads.items():
            torch.testing.assert_close(gradient, gradients[0][2][name], rtol=1e-4, atol=1e-6)


def test_mlm_loss_is_the_mean_over_languages(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the model's own loss on whole sentences, one language at a time."""
    backbone, head = load(model_folder(dropout=0.0))
    batch = make_batch()
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    from crosszero.training import masking

    def spy(ids: np.ndarray, *args: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        seen.append(mask(ids, *args, **options))
        return seen[-1]

    mask = masking.mask_tokens
    monkeypatch.setattr(masking, "mask_tokens", spy)
    config = TrainConfig(mlm_probability=0.3, max_length=64, mini_batch_num_tokens=40)
    found = take_step(backbone, head, batch, config, 2)
    masked, labels = seen[0]
    losses: dict[str, list[torch.Tensor]] = {}
    start = 0
    for text, language in zip(batch.texts, batch.languages, strict=True):
        size = len(backbone.tokenizer(text)["input_ids"])
        ids = torch.from_numpy(masked[start : start + size])[None]
        wanted = torch.from_numpy(labels[start : start + size])
        logits = backbone.model(input_ids=ids).logits[0]
        chosen = wanted != -100
        losses.setdefault(language, []).append(
            torch.nn.functional.cross_entropy(logits[chosen], wanted[chosen], reduction="none")
        )
        start += size
    expected = torch.stack([torch.cat(v).mean() for v in losses.values()]).mean()
    torch.testing.assert_close(found.mlm, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.loss, found.contrast.loss + 0.1 * found.mlm)


def test_one_pass_gives_the_gradients_of_two(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass for each loss over the same masked texts, one by one; each with its own backward."""
    backbone, head = load(model_folder(dropout=0.0))
    batch = make_batch()
    from crosszero.training import masking

    def spy(*args: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        seen.append(mask(*args, **options))
        return seen[-1]

    seen: list[tuple[np.ndarray, np.ndarray]] = []
    mask = masking.mask_tokens
    monkeypatch.setattr(masking, "mask_tokens", spy)
    config = TrainConfig(mlm_probability=0.3, max_length=64, mini_batch_num_tokens=40)
    passes: list[int] = []
    base = backbone.base.register_forward_hook(lambda *_: passes.append(1))
    take_step(backbone, head, batch, config, 2).loss.backward()
    base.remove()
    named = [*backbone.named_parameters(), *head.named_parameters()]
    found = {name: p.grad.clone() for name, p in named if p.grad is not None}
    for _, parameter in named:
        parameter.grad = None

    sizes = [len(backbone.tokenizer(text)["input_ids"]) for text in batch.texts]
    masked, labels = (torch.from_numpy(row).split(sizes) for row in seen[0])
    assert len(passes) < len(batch.texts)  # mini-batches, each of which is read once
    losses: dict[str, list[torch.Tensor]] = {}
    for language, ids, wanted in zip(batch.languages, masked, labels, strict=True):
        logits = backbone.model(input_ids=ids[None]).logits[0]
        each = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
        losses.setdefault(language, []).append(each[wanted != -100])
    mlm = torch.stack([torch.cat(each).mean() for each in losses.values()]).mean()
    (config.mlm_weight * mlm).backward()
    vectors = [
        slow_vector(backbone, batch.texts[text], start, end, masked[text][None])
        for text, start, end in batch.anchors
    ]
    projected = head(torch.stack(vectors))
    groups = torch.tensor(batch.groups)
    contrast(projected[batch.left], projected[batch.right], groups=groups).loss.backward()

    expected = {name: p.grad for name, p in named if p.grad is not None}
    assert found.keys() == expected.keys()
    assert len(found) > 20
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_contrastive_input_is_masked_only_if_asked(model_folder: Folders) -> None:
    backbone, head = load(model_folder(dropout=0.0))
    batch = make_batch()
    unmasked = TrainConfig(mlm_weight=0.0, max_length=64)
    plain = take_step(backbone, head, batch, unmasked, 1)
    for masked, equal in ((False, True), (True, False)):
        config = TrainConfig(mask_contrastive_input=masked, max_length=64)
        found = take_step(backbone, head, batch, config, 1)
        difference = float((found.contrast.loss - plain.contrast.loss).abs().detach())
        assert (difference < 1e-5) == equal


def test_words_beyond_the_maximum_are_counted(model_folder: Folders) -> None:
    backbone, head = load(model_folder())
    batch = make_batch(words=3)
    config = TrainConfig(max_length=4, mlm_weight=0.0)
    inputs = make_inputs(backbone, batch, config, np.random.default_rng(1))
    assert inputs.cut > 0
    assert len(inputs.left) + inputs.cut == len(batch.left)
    short = TrainConfig(max_length=3, mlm_weight=0.0)
    units = [(sample,) for sample in make_samples(2)]
    late = build_batch(units, TrainConfig(), np.random.default_rng(7))
    moved = [(t, len(late.texts[t]) - 1, len(late.texts[t])) for t, _, _ in late.anchors]
    late = Batch(**{f: getattr(late, f) for f in late.__dataclass_fields__} | {"anchors": moved})
    with pytest.raises(UnusableBatchError, match="max_length 3 cuts off"):
        take_step(backbone, head, late, short, 1)


def test_bf16_losses_are_close_and_in_fp32(model_folder: Folders) -> None:
    backbone, head = load(model_folder(dropout=0.0))
    config = TrainConfig(max_length=64)
    exact = take_step(backbone, head, make_batch(), config, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = take_step(backbone, head, make_batch(), config, 1)
    assert found.loss.dtype == torch.float32
    torch.testing.assert_close(found.loss, exact.loss, rtol=0.05, atol=0.1)
