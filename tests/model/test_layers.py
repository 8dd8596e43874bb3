"""Single layers without those above them, and the cheapest slices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.model.backbone import Backbone
from crosszero.model.layers import find_layers
from crosszero.model.padding import cut_mini_batches, pad
from tests.conftest import ARCHITECTURES

TEXTS = ["the weather is good today", "猫 狗", "le chat voit la maison rouge"]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_layers_are_those_of_the_whole_pass_and_higher_ones_do_not_run(
    model_folder: Callable[..., Path], kind: str
) -> None:
    backbone = Backbone.load(model_folder(kind)).eval()
    ids, mask = pad(backbone.tokenize(TEXTS, 32).ids, backbone.tokenizer.pad_token_id)
    layers = find_layers(backbone.base, backbone.layers)
    assert layers is not None
    assert backbone.blocks is not None
    ran: list[int] = []
    for number, layer in enumerate(layers, start=1):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    with torch.no_grad():
        states = backbone(ids, mask).states
        for wanted in ([1], [2], [2, 1, 2], [3], [None, 1], [None]):
            ran.clear()
            with backbone.reading(wanted) as read:
                found = read(ids, mask)
            assert len(found) == len(wanted)
            for number, hidden in zip(wanted, found, strict=True):
                expected = states[1] + states[3] if number is None else states[number]
                assert torch.equal(hidden, expected)
            assert max(ran) == (3 if None in wanted else max(wanted))  # type: ignore[type-var]


def test_layers_that_can_not_be_told_are_not_guessed(model_folder: Callable[..., Path]) -> None:
    backbone = Backbone.load(model_folder())
    layers = list(backbone.base.encoder.layer)
    backbone.base.encoder.layer = torch.nn.ModuleList(layers[::-1])
    assert find_layers(backbone.base, backbone.layers) is not None
    backbone.base.other = torch.nn.ModuleList(layers)  # of the same number, in another order
    assert list(find_layers(backbone.base, backbone.layers) or []) == layers[::-1]
    assert find_layers(backbone.base, backbone.layers + 1) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=7), st.integers(1, 90), st.integers(0, 40))
def test_slices_are_the_cheapest_of_all(lengths: list[int], budget: int, overhead: int) -> None:
    def cost(slices: list[list[int]]) -> int:
        return sum(len(part) * max(part) + overhead for part in slices)

    found = [[lengths[i] for i in part] for part in cut_mini_batches(lengths, budget, overhead)]
    ordered = sorted(lengths, reverse=True)
    assert [size for part in found for size in part] == ordered
    assert all(len(part) == 1 or len(part) * max(part) <= budget for part in found)
    best = None
    for cuts in product([False, True], repeat=len(lengths) - 1):
        parts = [[ordered[0]]]
        for cut, size in zip(cuts, ordered[1:], strict=True):
            if cut:
                parts.append([])
            parts[-1].append(size)
        if all(len(part) == 1 or len(part) * max(part) <= budget for part in parts):
            best = min(cost(parts), best if best is not None else cost(parts))
    assert cost(found) == best


def test_every_text_is_in_one_slice() -> None:
    lengths = [3, 50, 7, 7, 120, 3, 9] * 20
    slices = cut_mini_batches(lengths, 256)
    assert sorted(int(i) for part in slices for i in part) == list(range(len(lengths)))
    assert cut_mini_batches([], 256) == []


class _Window(torch.nn.Module):
    """Pads its texts inside, as Longformer does to whole windows of attention."""

    def __init__(self, base: torch.nn.Module) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(3))
        self.embed = base.get_input_embeddings()

    def forward(self, input_ids: torch.Tensor, **_: object) -> SimpleNamespace:
        states = [torch.nn.functional.pad(self.embed(input_ids), (0, 0, 0, 5))]
        for layer in self.layers:
            states.append(layer(states[-1]))
        states = [state[:, :-5] for state in states]
        return SimpleNamespace(hidden_states=tuple(states), last_hidden_state=states[-1])


def test_layers_of_another_shape_are_read_from_the_whole_pass(
    model_folder: Callable[..., Path],
) -> None:
    backbone = Backbone.load(model_folder()).eval()
    window = _Window(backbone.base)
    backbone.model.base_model_prefix = "window"
    backbone.model.window = window
    assert backbone.base is window
    assert find_layers(window, 3) is None
    ids = torch.tensor([[2, 7, 9, 3]])
    states = window(ids).hidden_states
    with backbone.reading([2, None]) as read:
        second, both = read(ids, torch.ones_like(ids))
    assert torch.equal(second, states[2])
    assert torch.equal(both, states[1] + states[3])


def test_no_list_of_layers_is_handed_to_the_model(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions of transformers number such a list from 0 or from 1."""
    backbone = Backbone.load(model_folder()).eval()
    asked: list[object] = []
    real = type(backbone.base).forward

    def forward(self: torch.nn.Module, *args: object, **options: object) -> object:
        asked.append(options.get("output_hidden_states"))
        return real(self, *args, **options)

    monkeypatch.setattr(type(backbone.base), "forward", forward)
    ids = torch.tensor([[2, 7, 9, 3]])
    for layers in ([None], [1], [1, 2, None]):
        for known in (True, False):
            if not known:
                monkeypatch.setattr(Backbone, "blocks", None)
            with backbone.reading(layers) as read:
                read(ids, torch.ones_like(ids))
    assert set(asked) <= {None, True}
    assert True in asked


def test_modules_are_switched_only_where_dropout_is_on(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = Backbone.load(model_folder())
    assert not any(module.training for module in backbone.modules())
    backbone.model.train()  # behind its back
    with backbone.evaluating():
        assert not any(module.training for module in backbone.modules())
    backbone.train()
    with backbone.evaluating():
        assert not any(module.training for module in backbone.modules())
    assert all(module.training for module in backbone.modules())
    backbone.eval()
    monkeypatch.setattr(backbone, "train", None)  # would raise
    with backbone.evaluating():
        assert not backbone.training
