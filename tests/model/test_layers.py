"""Single layers without those above them, and the cheapest slices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.model.backbone import Backbone
from crosszero.model.layers import find_layers
from crosszero.model.mini_batches import cut_mini_batches, pad
from tests.conftest import ARCHITECTURES

TEXTS = ["the weather is good today", "猫 狗", "le chat voit la maison rouge"]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_layers_are_those_of_the_whole_pass_and_higher_ones_do_not_run(
    model_folder: Callable[..., Path], kind: str
) -> None:
    backbone = Backbone.load(model_folder(kind)).eval()
    ids, mask = pad([t.ids for t in backbone.tokenize(TEXTS, 32)], backbone.tokenizer.pad_token_id)
    layers = find_layers(backbone.base, backbone.layers)
    assert layers is not None
    assert backbone._blocks is not None
    ran: list[int] = []
    for number, layer in enumerate(layers, start=1):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    with torch.no_grad():
        states = backbone.hidden_states(ids, mask)
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
