"""Robust losses: each by the property that defines it, on every architecture."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.finetune.classification import (
    _encode_training,
    encode_pairs,
    fine_tune_classifier,
)
from crosszero.tasks.finetune.config import FineTuneConfig, Robust
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.finetune.features import cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head
from crosszero.tasks.finetune.losses import make_loss, plain_loss
from crosszero.tasks.finetune.robust.ball import (
    Embedded,
    find_worst,
    measure_scale,
    project,
    sample_ball,
    vote,
)
from crosszero.tasks.finetune.robust.ear import measure_ear
from crosszero.tasks.finetune.robust.synonyms import copy_pairs, read_synonyms, replace_words
from tests.conftest import ARCHITECTURES
from tests.tasks.finetune.test_classification import make_pairs

ModelFolder = Callable[..., Path]
RADIUS = 0.1  # embeddings of the models below are about 0.4 long


class Case(NamedTuple):
    task: TaskModel
    batch: Embedded
    labels: Tensor
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
    config = FineTuneConfig(max_length=60, robust="ear", synonyms="any.json")
    task = add_head(folder, "classification", ["no", "yes"], config)
    task.model.train()
    with torch.no_grad():
        for parameter in task.model.parameters():  # fresh weights are so small that little happens
            if parameter.dim() > 1:
                parameter.mul_(5)
    features = encode_pairs(make_pairs(6), task)
    part = next(cut_features(features, task))
    assert (part.inputs["attention_mask"] == 0).any()
    batch = Embedded.of(task.model, part.inputs, task.tokenizer.all_special_ids)
    return Case(task, batch, part.labels, part.inputs)


def measure_loss(case: Case, shift: Tensor | float = 0.0) -> Tensor:
    return cross_entropy(case.batch.run(case.task.model, shift), case.labels)


def search(case: Case, radius: float = RADIUS, steps: int = 4) -> Tensor:
    options = {"radius": radius, "steps": steps, "step_size": 0.5}
    return find_worst(case.task.model, case.batch, case.labels, **options)


def test_embeddings_stand_for_tokens(case: Case) -> None:
    logits = case.task.model(**case.inputs).logits
    torch.testing.assert_close(logits, case.batch.run(case.task.model))
    ids = case.inputs["input_ids"]
    special = [[int(x) in case.task.tokenizer.all_special_ids for x in row] for row in ids]
    assert torch.equal(case.batch.movable, ~torch.tensor(special))


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
    assert (lengths[case.batch.movable] > 0.5 * RADIUS).all()
    assert (lengths[~case.batch.movable] == 0).all()
    random_shift = sample_ball(shift, RADIUS)
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
    scale = measure_scale(case.task.model)  # radii are shares of the length of embeddings
    for radius in (RADIUS, 0.0):
        config = FineTuneConfig(
            robust="adversarial", adversarial_radius=radius / scale, adversarial_steps=4
        )
        loss = make_loss(config, case.task)(case.task.model, case.inputs, case.labels)
        torch.testing.assert_close(loss, measure_loss(case, search(case, radius)))


def test_smoothing_is_random_and_bounded(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    forward = case.task.model.forward

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["inputs_embeds"].detach() - case.batch.embeddings.detach())
        return forward(*args, **kwargs)

    monkeypatch.setattr(case.task.model, "forward", spy)

    def measure(radius: float) -> Tensor:
        share = radius / measure_scale(case.task.model)
        config = FineTuneConfig(robust="smoothing", smoothing_radius=share)
        return make_loss(config, case.task)(case.task.model, case.inputs, case.labels)

    first, second = measure(RADIUS), measure(RADIUS)
    assert first != second
    for shift in seen:
        assert shift.norm(dim=-1).max() <= RADIUS * (1 + 1e-4)
        assert (shift[~case.batch.movable] == 0).all()
        assert (shift[case.batch.movable].norm(dim=-1) > 0).all()
    torch.testing.assert_close(measure(0.0), measure_loss(case))


def test_votes_add_up(case: Case) -> None:
    options: dict[str, Any] = {"votes": 5, "generator": torch.Generator().manual_seed(1)}
    counts = vote(case.task.model, case.batch, radius=1.0, **options)
    assert counts.sum(-1).tolist() == [5] * len(case.labels)
    sure = vote(case.task.model, case.batch, radius=0.0, **options)
    best = case.batch.run(case.task.model).argmax(-1)
    assert torch.equal(sure.argmax(-1), best)
    assert (sure.max(-1).values == 5).all()


TABLE = {"cat": ["dog", "house cat"], "good": ["bad"], "the": []}


@settings(deadline=None)
@given(st.lists(st.sampled_from([*TABLE, "Cat", "red"]), max_size=8), st.integers(0, 99))
def test_words_with_synonyms_are_replaced_and_no_others(words: list[str], seed: int) -> None:
    text = "  ".join(words) + "\u00a0!"
    found = replace_words(text, TABLE, random.Random(seed)).replace("house cat", "house-cat")
    parts = found.removesuffix("\u00a0!").split("  ") if words else []
    allowed = {"cat": {"cat", "dog", "house-cat"}, "good": {"good", "bad"}}
    assert found.endswith("\u00a0!")
    assert len(parts) == len(words)
    assert all(new in allowed.get(old, {old}) for new, old in zip(parts, words, strict=True))


def test_a_word_and_its_synonyms_are_equally_likely() -> None:
    [pair] = [SentencePairExample("cat", "good", "yes")]
    copies = copy_pairs([pair], TABLE, copies=6000, seed=1)
    assert {copy.label for copy in copies} == {"yes"}
    for word, synonyms in (("first", ["cat", *TABLE["cat"]]), ("second", ["good", "bad"])):
        counts = Counter(getattr(copy, word) for copy in copies)
        assert counts.keys() == {*synonyms}
        for count in counts.values():
            assert abs(count / 6000 - 1 / len(synonyms)) < 0.03


def test_the_seed_decides_the_copies() -> None:
    pairs = make_pairs(6)
    one, again, other = (copy_pairs(pairs, TABLE, copies=3, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert [c.label for c in one] == [p.label for p in pairs for _ in range(3)]


@pytest.mark.parametrize("content", ["[]", '{"a": "b"}', "{", "{}", '{"a": []}'])
def test_a_table_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.json").write_text(content)
    with pytest.raises(DataError, match=r"table\.json"):
        read_synonyms(tmp_path / "table.json")
    with pytest.raises(DataError, match="none"):
        read_synonyms(tmp_path / "none.json")


def make_ear_case(folder: Path, table: Path, budget: int = 4096, **settings: Any) -> list[Any]:
    """Mini-batches of copies with their originals, and the model."""
    table.write_text(json.dumps({"good": ["bad dog"], "bad": ["the cat is"], "red": ["le chat"]}))
    config = FineTuneConfig(max_length=60, robust="ear", synonyms=str(table), copies=2, **settings)
    task = make_case(folder).task
    features = _encode_training(make_pairs(5), task, config)
    return [task, *cut_features(features, task, budget)]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "modernbert"])
def test_ear_is_what_each_pair_gives_by_itself(
    kind: str, model_folder: ModelFolder, tmp_path: Path
) -> None:
    """Slowly: pair by pair, token by token, without padding but for the shorter one."""
    task, part, *_ = make_ear_case(model_folder(kind, dropout=0.0), tmp_path / "t.json")
    terms = measure_ear(task.model, part.inputs, part.labels, layer=2)
    count = len(part.labels)
    assert len(part.inputs["input_ids"]) == 2 * count > 0
    expected = [0.0] * 4
    task.model.requires_grad_(False)
    for i in range(count):
        masks = part.inputs["attention_mask"][[i, i + count]]
        width = int(masks.sum(1).max())
        inputs = {name: x[[i, i + count], :width] for name, x in part.inputs.items()}
        output = task.model(**inputs, output_attentions=True, output_hidden_states=True)
        logs = output.logits.log_softmax(-1)
        expected[0] -= float(logs[1, part.labels[i]]) / count
        expected[1] -= float(logs[0, part.labels[i]]) / count
        means = [
            h[: int(m.sum())].mean(0) for h, m in zip(output.hidden_states[0], masks, strict=True)
        ]
        size = len(means[0])
        expected[2] += sum(float(a - b) ** 2 for a, b in zip(*means, strict=True)) / size / count
        copy, original = output.attentions[1]
        cells = [
            float(copy[head, row, column] - original[head, row, column]) ** 2
            for head in range(len(copy))
            for row in range(width)
            for column in range(width)
        ]
        expected[3] += sum(cells) / len(cells) / count
    torch.testing.assert_close(torch.stack(list(terms)), torch.tensor(expected))
    assert all(term > 0 for term in terms)
    total = terms.add_up(0.1, 1.0)
    hand = expected[0] + expected[1] - 0.1 * expected[2] + 1.0 * expected[3]
    torch.testing.assert_close(total, torch.tensor(hand))


def test_ear_does_not_see_how_a_batch_is_cut(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = model_folder("bert", dropout=0.0)
    found = []
    for budget in (4096, 60):
        task, *parts = make_ear_case(folder, tmp_path / "t.json", budget)
        sums = [
            torch.stack(list(measure_ear(task.model, p.inputs, p.labels, layer=1))) * len(p.labels)
            for p in parts
        ]
        found.append((len(parts), torch.stack(sums).sum(0)))
    assert found[0][0] == 1 < found[1][0]
    torch.testing.assert_close(found[0][1], found[1][1])


def test_copies_stand_above_their_originals(model_folder: ModelFolder, tmp_path: Path) -> None:
    task, part = make_ear_case(model_folder("bert"), tmp_path / "t.json")
    pairs = encode_pairs(make_pairs(5), task)
    for row, member in enumerate(part.members):
        original = pairs[member // 2]
        ids = part.inputs["input_ids"][row + len(part.members)]
        assert ids[: len(original.ids)].tolist() == original.ids.tolist()
        assert part.labels[row] == int(original.labels)


def test_pushing_drives_embeddings_apart(model_folder: ModelFolder, tmp_path: Path) -> None:
    """The sign: a step down the loss makes the one distance greater and the other smaller."""
    for weights, place, grows in (((50.0, 0.0), 2, True), ((0.0, 50.0), 3, False)):
        task, part = make_ear_case(model_folder("bert", dropout=0.0), tmp_path / "t.json")
        before = measure_ear(task.model, part.inputs, part.labels, layer=2)
        before.add_up(*weights).backward()
        with torch.no_grad():
            for parameter in task.model.parameters():
                if parameter.grad is not None:
                    parameter -= 1e-4 * parameter.grad
        after = measure_ear(task.model, part.inputs, part.labels, layer=2)
        assert (after[place] > before[place]) == grows


def test_a_model_without_attention_weights_is_refused(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    _, part = make_ear_case(model_folder("bert"), tmp_path / "t.json")
    task = add_head(
        model_folder("bert"), "classification", ["no", "yes"], FineTuneConfig(max_length=60)
    )
    with pytest.raises(ConfigError, match="eager"):
        measure_ear(task.model, part.inputs, part.labels, layer=1)
    task, part = make_ear_case(model_folder("bert"), tmp_path / "t.json")
    with pytest.raises(ConfigError, match="ear_layer: 4 given; the model has layers 1 to 3"):
        measure_ear(task.model, part.inputs, part.labels, layer=4)


@pytest.mark.parametrize("robust", ["adversarial", "smoothing"])
def test_gradients_reach_every_part(case: Case, robust: Robust) -> None:
    model = case.task.model
    make_loss(FineTuneConfig(robust=robust), case.task)(model, case.inputs, case.labels).backward()
    table = model.get_input_embeddings().weight.grad
    used = case.inputs["input_ids"][case.batch.movable].unique()
    assert (table[used].abs().sum(-1) > 0).all()
    for name, parameter in model.named_parameters():
        if "embeddings" not in name and "rel" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_the_plain_loss_is_that_of_xtreme_and_of_copies_with_synonyms(case: Case) -> None:
    assert make_loss(FineTuneConfig(), case.task) is plain_loss
    assert make_loss(FineTuneConfig(robust="synonyms", synonyms="a"), case.task) is plain_loss


@pytest.mark.parametrize("robust", ["synonyms", "adversarial", "smoothing", "ear"])
def test_a_simple_task_is_learnt(model_folder: ModelFolder, tmp_path: Path, robust: Robust) -> None:
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"red": ["house"], "cat": ["the", "red cat"]}))
    config = FineTuneConfig(
        learning_rate=1e-2, steps=160, max_length=40, eval_every=40, batch_size=16, robust=robust,
        synonyms=str(table), copies=2,
    )  # fmt: skip
    train, test = make_pairs(200), make_pairs(40, seed=1)
    classifier = fine_tune_classifier(
        model_folder(), train, train[:40], config, out=tmp_path / "out"
    )
    predicted = classifier.predict(test)
    assert sum(p == e.label for p, e in zip(predicted, test, strict=True)) >= 38
    again = FineTuneConfig(robust="ear", synonyms=str(tmp_path / "none.json"))
    with pytest.raises(DataError, match="none"):
        fine_tune_classifier(model_folder(), train, train[:40], again, out=tmp_path / "other")
