"""Robust losses: each by the property that defines it, on every architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from crosszero.errors import ConfigError
from crosszero.tasks.finetune import FineTuneConfig, fine_tune_classifier
from crosszero.tasks.finetune.classification import encode_pairs
from crosszero.tasks.finetune.config import Robust
from crosszero.tasks.finetune.features import cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head
from crosszero.tasks.finetune.losses import measure_cross_entropy, plain_loss
from crosszero.tasks.finetune.robust import (
    adversarial_loss,
    find_worst,
    make_loss,
    measure_ear,
    measure_scale,
    push_embeddings,
    smoothing_loss,
    vote_noisy,
)
from crosszero.tasks.finetune.robust.ball import find_movable, project, sample_ball
from crosszero.tasks.finetune.robust.ear import measure_attention, measure_divergence
from tests.conftest import ARCHITECTURES
from tests.tasks.finetune.test_classification import make_pairs

ModelFolder = Callable[..., Path]
RADIUS = 0.1  # embeddings of the models below are about 0.4 long


class Case(NamedTuple):
    task: TaskModel
    embeddings: Tensor
    rest: dict[str, Tensor]
    labels: Tensor
    movable: Tensor
    inputs: dict[str, Tensor]


@pytest.fixture(params=ARCHITECTURES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(kind: str, model_folder: ModelFolder) -> Case:
    """Nothing is dropped: two passes over the same embeddings agree."""
    return make_case(model_folder(kind, dropout=0.0))


def make_case(folder: Path) -> Case:
    """A batch with padding and a model in training mode."""
    torch.manual_seed(0)
    config = FineTuneConfig(max_length=60, robust="ear")
    task = add_head(folder, "classification", ["no", "yes"], config)
    task.model.train()
    with torch.no_grad():
        for parameter in task.model.parameters():  # fresh weights are so small that little happens
            if parameter.dim() > 1:
                parameter.mul_(5)
    features = encode_pairs(make_pairs(6), task)
    part = next(cut_features(features, task))
    rest = dict(part.inputs)
    ids = rest.pop("input_ids")
    assert (rest["attention_mask"] == 0).any()
    movable = find_movable(ids, rest["attention_mask"], task.tokenizer.all_special_ids)
    embeddings = task.model.get_input_embeddings()(ids)
    return Case(task, embeddings, rest, part.labels, movable, part.inputs)


def measure_loss(case: Case, shift: Tensor | float = 0.0) -> Tensor:
    logits = case.task.model(inputs_embeds=case.embeddings + shift, **case.rest).logits
    return measure_cross_entropy(logits, case.labels)


def search(case: Case, radius: float = RADIUS, steps: int = 4) -> Tensor:
    return find_worst(
        case.task.model,
        case.embeddings,
        case.labels,
        case.rest,
        movable=case.movable,
        radius=radius,
        steps=steps,
        step_size=0.5,
    )


def test_embeddings_stand_for_tokens(case: Case) -> None:
    logits = case.task.model(**case.inputs).logits
    again = case.task.model(inputs_embeds=case.embeddings, **case.rest).logits
    torch.testing.assert_close(logits, again)


def test_vectors_are_brought_back_into_the_ball() -> None:
    shift = torch.randn(50, 16)
    shift[0] = 0.0
    near = project(shift, 2.0)
    assert (near.norm(dim=-1) <= 2.0 + 1e-5).all()
    inside = shift.norm(dim=-1) <= 2.0
    assert inside.any()
    assert torch.equal(near[inside], shift[inside])


def test_noise_fills_the_ball() -> None:
    noise = sample_ball(torch.zeros(5000, 2), 3.0, torch.Generator().manual_seed(1))
    lengths = noise.norm(dim=-1)
    assert lengths.max() <= 3.0 + 1e-5
    # Half the radius bounds a quarter of a disc.
    assert abs(float((lengths < 1.5).float().mean()) - 0.25) < 0.03
    assert noise.mean(0).abs().max() < 0.1


def test_the_worst_shift_stays_in_the_ball_and_raises_the_loss(case: Case) -> None:
    shift = search(case)
    lengths = shift.norm(dim=-1)
    assert lengths.max() <= RADIUS * (1 + 1e-5)
    assert (lengths[case.movable] > 0.5 * RADIUS).all()
    assert (lengths[~case.movable] == 0).all()
    random_shift = sample_ball(shift, RADIUS) * case.movable.unsqueeze(-1)
    assert measure_loss(case, shift) > measure_loss(case) + 1e-4
    assert measure_loss(case, shift) > measure_loss(case, random_shift)


def test_a_wider_search_finds_a_greater_loss(case: Case) -> None:
    losses = [measure_loss(case, search(case, radius)).item() for radius in (0.0, 0.02, 0.1)]
    assert losses[0] < losses[1] < losses[2]


def test_the_search_leaves_the_model_alone(case: Case) -> None:
    assert not search(case).requires_grad
    assert all(p.grad is None for p in case.task.model.parameters())
    assert case.task.model.training
    assert all(m.training for m in case.task.model.modules())


def test_adversarial_loss_is_the_loss_at_the_worst_shift(case: Case) -> None:
    options: dict[str, Any] = {"movable": case.movable, "steps": 4, "step_size": 0.5}
    loss = adversarial_loss(
        case.task.model, case.embeddings, case.labels, case.rest, radius=RADIUS, **options
    )
    torch.testing.assert_close(loss, measure_loss(case, search(case)))
    still = adversarial_loss(
        case.task.model, case.embeddings, case.labels, case.rest, radius=0.0, **options
    )
    torch.testing.assert_close(still, measure_loss(case))


def test_smoothing_is_random_and_bounded(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    forward = case.task.model.forward

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["inputs_embeds"].detach() - case.embeddings.detach())
        return forward(*args, **kwargs)

    monkeypatch.setattr(case.task.model, "forward", spy)

    def measure(radius: float) -> Tensor:
        return smoothing_loss(
            case.task.model,
            case.embeddings,
            case.labels,
            case.rest,
            movable=case.movable,
            radius=radius,
        )

    first, second = measure(RADIUS), measure(RADIUS)
    assert first != second
    for shift in seen:
        assert shift.norm(dim=-1).max() <= RADIUS * (1 + 1e-4)
        assert (shift[~case.movable] == 0).all()
        assert (shift[case.movable].norm(dim=-1) > 0).all()
    torch.testing.assert_close(measure(0.0), measure_loss(case))


def test_votes_add_up(case: Case) -> None:
    options: dict[str, Any] = {"movable": case.movable, "votes": 5}
    counts = vote_noisy(case.task.model, case.embeddings, case.rest, radius=1.0, **options)
    assert counts.sum(-1).tolist() == [5] * len(case.labels)
    sure = vote_noisy(case.task.model, case.embeddings, case.rest, radius=0.0, **options)
    best = case.task.model(inputs_embeds=case.embeddings, **case.rest).logits.argmax(-1)
    assert torch.equal(sure.argmax(-1), best)
    assert (sure.max(-1).values == 5).all()


def push(case: Case, steps: int, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return push_embeddings(
        case.task.model,
        case.embeddings,
        case.rest,
        movable=case.movable,
        radius=RADIUS,
        steps=steps,
    )


def test_every_word_is_pushed_by_the_radius(case: Case) -> None:
    for steps in (0, 2):
        lengths = push(case, steps).norm(dim=-1)
        torch.testing.assert_close(
            lengths[case.movable], torch.full_like(lengths[case.movable], RADIUS)
        )
        assert (lengths[~case.movable] == 0).all()
    assert case.task.model.training
    assert all(p.grad is None for p in case.task.model.parameters())


def test_turning_the_push_changes_the_prediction_more(case: Case) -> None:
    def measure(steps: int) -> float:
        shift = push(case, steps)
        model = case.task.model
        original = model(inputs_embeds=case.embeddings, **case.rest).logits
        pushed = model(inputs_embeds=case.embeddings + shift, **case.rest).logits
        return measure_divergence(original, pushed).item()

    assert measure(2) > 1.5 * measure(0) > 0


def test_ear_terms_vanish_when_nothing_is_pushed(kind: str, model_folder: ModelFolder) -> None:
    case = make_case(model_folder(kind, dropout=0.2))  # both passes must drop the same
    terms = measure_ear(case.task.model, case.embeddings, case.embeddings, case.labels, case.rest)
    assert terms.attention.item() == 0.0
    assert abs(terms.target.item()) < 1e-7
    assert terms.task.item() > 0
    moved = case.embeddings + push(case, 1)
    terms = measure_ear(case.task.model, case.embeddings, moved, case.labels, case.rest)
    assert terms.attention.item() > 0
    assert terms.target.item() > 0


def test_ear_draws_new_dropout_at_each_call(model_folder: ModelFolder) -> None:
    case = make_case(model_folder("bert", dropout=0.2))
    arguments = (case.task.model, case.embeddings, case.embeddings, case.labels, case.rest)
    assert measure_ear(*arguments).task != measure_ear(*arguments).task


def test_padding_does_not_count_in_attention() -> None:
    first, second = torch.rand(2, 2, 3, 4, 4).unbind(0)
    second[:, :, :2] = first[:, :, :2]
    mask = torch.tensor([[1.0, 1, 0, 0]]).expand(2, 4)
    assert measure_attention(first, second, mask) == 0
    apart = measure_attention(first, second, torch.ones(2, 4))
    expected = (first - second).square().sum(-1).mean()
    torch.testing.assert_close(apart, expected)


def test_a_model_without_attention_weights_is_refused(model_folder: ModelFolder) -> None:
    config = FineTuneConfig(max_length=60)
    task = add_head(model_folder("bert"), "classification", ["no", "yes"], config)
    inputs = next(cut_features(encode_pairs(make_pairs(2), task), task)).inputs
    embeddings = task.model.get_input_embeddings()(inputs.pop("input_ids"))
    with pytest.raises(ConfigError, match="eager"):
        measure_ear(task.model, embeddings, embeddings, torch.tensor([0, 1]), inputs)


@pytest.mark.parametrize("robust", ["adversarial", "smoothing", "ear"])
def test_gradients_reach_every_part(case: Case, robust: Robust) -> None:
    config = FineTuneConfig(robust=robust)
    model = case.task.model
    make_loss(config, model, case.task.tokenizer.all_special_ids)(
        model, case.inputs, case.labels
    ).backward()
    table = model.get_input_embeddings().weight.grad
    used = case.inputs["input_ids"][case.movable].unique()
    assert (table[used].abs().sum(-1) > 0).all()
    for name, parameter in model.named_parameters():
        if "embeddings" not in name and "rel" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_radii_are_shares_of_the_length_of_embeddings(case: Case) -> None:
    model = case.task.model
    scale = measure_scale(model)
    loss = make_loss(
        FineTuneConfig(robust="adversarial"), model, case.task.tokenizer.all_special_ids
    )
    torch.testing.assert_close(
        loss(model, case.inputs, case.labels),
        adversarial_loss(
            model,
            case.embeddings,
            case.labels,
            case.rest,
            movable=case.movable,
            radius=0.1 * scale,
            steps=3,
            step_size=0.5,
        ),
    )
    plain = make_loss(FineTuneConfig(), model, [])
    assert plain is plain_loss


@pytest.mark.parametrize("robust", ["adversarial", "smoothing", "ear"])
def test_a_simple_task_is_learnt(model_folder: ModelFolder, tmp_path: Path, robust: Robust) -> None:
    config = FineTuneConfig(
        learning_rate=1e-2, steps=80, max_length=24, eval_every=20, batch_size=16, robust=robust
    )
    train, test = make_pairs(200), make_pairs(40, seed=1)
    classifier = fine_tune_classifier(
        model_folder(), train, train[:40], config, out=tmp_path / "out"
    )
    predicted = classifier.predict(test)
    assert sum(p == e.label for p, e in zip(predicted, test, strict=True)) >= 38
