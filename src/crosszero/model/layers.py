"""Hidden states of single layers, without keeping the others or computing the layers above them.

A layer in the middle (8 of 12) aligns words best, so a third of the encoder would be computed for
nothing. A hook after the highest layer needed ends the pass. The layer modules are found by their
number, and used only if they give the hidden states that the model itself returns; otherwise the
whole model runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class _EnoughError(Exception):
    """Ends a pass; never leaves this module."""


def find_layers(model: nn.Module, count: int) -> Sequence[nn.Module] | None:
    """Find the `count` transformer layers of a model (without its head), from the lowest on.

    Their outputs are the model's hidden states 1 to ``count - 1``, its own output being the last.
    ``None`` if no modules of this kind can be told.
    """
    training = model.training
    model.train(False)
    try:
        device = next(model.parameters()).device
        ids = torch.arange(3, device=device)[None]
        mask = torch.ones_like(ids)
        with torch.no_grad():
            wanted = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            for module in model.modules():
                if isinstance(module, nn.ModuleList) and len(module) == count:
                    layers = list(module)
                    with reading(model, layers, range(1, count + 1)) as read:
                        found = read(ids, mask)
                    if len(wanted.hidden_states) == count + 1 and all(
                        _is_close(found.get(n), wanted.hidden_states[n])
                        for n in range(1, count + 1)
                    ):
                        return layers
    finally:
        model.train(training)
    return None


@contextmanager
def reading(
    model: nn.Module, layers: Sequence[nn.Module], wanted: Collection[int]
) -> Iterator[Callable[[Tensor, Tensor], dict[int, Tensor]]]:
    """Make a model end its passes at the highest layer that is wanted, while the context lasts.

    The last layer is read from the model's own output, before which it may normalise.

    Yields:
        A function from `input_ids` and `attention_mask`, (batch, tokens), to the output
        (batch, tokens, H) of each of the `wanted` layers, counted from 1. Several threads may call
        it at once.
    """
    here = threading.local()  # what the pass of a thread has found; other passes are let be
    last = len(layers)
    top = max(wanted, default=last)

    def keep(number: int) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            found = getattr(here, "found", None)
            if found is None:
                return
            found[number] = output[0] if isinstance(output, tuple) else output
            if number == top:
                raise _EnoughError

        return hook

    def read(input_ids: Tensor, attention_mask: Tensor) -> dict[int, Tensor]:
        found: dict[int, Tensor] = {}
        here.found = found
        try:
            output = model(input_ids=input_ids, attention_mask=attention_mask)
            found[last] = output.last_hidden_state
        except _EnoughError:
            pass
        finally:
            here.found = None
        return found

    inner = set(wanted) - {last}
    hooks = [layers[number - 1].register_forward_hook(keep(number)) for number in inner]
    compiled = [layer._compiled_call_impl for layer in layers]
    for layer in layers:
        layer._compiled_call_impl = None  # each hook would be compiled, and for every layer anew
    try:
        yield read
    finally:
        for layer, call in zip(layers, compiled, strict=True):
            layer._compiled_call_impl = call
        for handle in hooks:
            handle.remove()


def _is_close(found: Tensor | None, wanted: Tensor) -> bool:
    if found is None or found.shape != wanted.shape:  # some pad their texts inside
        return False
    return torch.allclose(found, wanted, atol=1e-5)
