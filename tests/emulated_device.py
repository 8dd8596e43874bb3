"""A second device, emulated on the CPU, for what only a GPU would complain about.

Its tensors say that they lie on the device ``meta``, which is the one that torch lets anybody fill;
what they hold is computed on the CPU. Two devices that meet in one operator raise, as on a GPU, and
so does NumPy. Whatever makes the host wait for a GPU is counted, by the line that asked for it:
reading a number, copying what is not pinned, operators whose result has a size that depends on
their data.

It is no GPU: kernels, autocast, streams, and random numbers of its own are not emulated.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ContextDecorator, ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map
from transformers import PreTrainedModel

DEVICE = torch.device("meta")
CPU = torch.device("cpu")
_aten = torch.ops.aten
_READS = {_aten._local_scalar_dense, _aten.is_nonzero, _aten.equal}
_SIZED_BY_DATA = {_aten.nonzero, _aten._unique2, _aten.masked_select, _aten.unique_dim}
_INDEXED = {_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_}
_COPIES = {_aten._to_copy, _aten.to}


class Watch:
    """What made the host wait.

    Attributes:
        waits: number of times, by kind and place.
    """

    def __init__(self) -> None:
        self.waits: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """All waits together."""
        return self.waits.total()

    def note(self, kind: str) -> None:
        """Count a wait, where crosszero asked for it."""
        self.waits[f"{kind} at {_find_place()}"] += 1


_watch = Watch()


class _Nothing(ContextDecorator):
    """A context and decorator that does nothing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class DeviceTensor(Tensor):
    """A tensor on the emulated device; `held` is what it holds, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> DeviceTensor:
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        made = Tensor._make_wrapper_subclass(
            cls, held.size(), dtype=held.dtype, layout=held.layout, device=DEVICE, **shape
        )
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:
        return f"DeviceTensor({self.held})"

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return _run(func, args, kwargs or {})

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert a tensor on the device to numpy; use Tensor.cpu() first")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        _watch.note("tolist")
        return self.held.tolist()

    def data_ptr(self) -> int:
        return self.held.data_ptr()


class _Mode(TorchDispatchMode):
    """Sees the operators that make tensors, too: torch.zeros(..., device=...)."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def emulated_device() -> Iterator[Watch]:
    """Make :data:`DEVICE` usable, as the accelerator of this machine; gives what waited."""
    device_module, autocast = torch.get_device_module, torch.autocast
    casting = torch.is_autocast_enabled
    generator, tensor = torch.Generator, torch.tensor
    own = SimpleNamespace(
        get_rng_state=torch.get_rng_state,
        set_rng_state=torch.set_rng_state,
        synchronize=lambda *_: None,
    )

    def is_ours(device: Any) -> bool:
        return device is not None and torch.device(device).type == DEVICE.type

    def find_module(device: Any = None) -> Any:
        return own if is_ours(device) else device_module(device)

    def cast(device_type: str, *args: Any, **options: Any) -> Any:
        if is_ours(device_type):
            return _Nothing()
        return autocast(device_type, *args, **options)

    def is_casting(device_type: str | None = None) -> bool:
        return not is_ours(device_type) and casting(*filter(None, [device_type]))

    def generate(device: Any = "cpu") -> torch.Generator:
        return generator("cpu" if is_ours(device) else device)

    def infer(mode: Any = True) -> Any:  # wrapped tensors can't be inference tensors
        return torch.no_grad()(mode) if callable(mode) else torch.no_grad() if mode else _Nothing()

    def make(data: Any, *, device: Any = None, **options: Any) -> Tensor:
        made = tensor(data, **options)
        return made.to(device) if device is not None else made

    submit = ThreadPoolExecutor.submit

    def submit_here(
        pool: ThreadPoolExecutor, work: Callable[..., Any], *args: Any, **options: Any
    ) -> Future[Any]:
        def run() -> Any:
            with _Mode():  # a mode is of one thread alone
                return work(*args, **options)

        return submit(pool, run)

    load = PreTrainedModel.from_pretrained.__func__  # type: ignore[attr-defined]

    def load_on_the_cpu(cls: Any, *args: Any, **options: Any) -> Any:
        with _disable_current_modes():  # transformers fills meta tensors in its own way
            return load(cls, *args, **options)

    _watch.waits.clear()
    with ExitStack() as stack:
        for owner, name, replacement in (
            (torch, "get_device_module", find_module),
            (torch, "autocast", cast),
            (torch, "is_autocast_enabled", is_casting),
            (torch, "Generator", generate),
            (torch, "tensor", make),  # its own way to a device is not seen by a mode
            (torch, "inference_mode", infer),
            (torch.accelerator, "is_available", lambda: True),
            (nn.Module, "_apply", _apply),
            (ThreadPoolExecutor, "submit", submit_here),
            (PreTrainedModel, "from_pretrained", classmethod(load_on_the_cpu)),
        ):
            stack.enter_context(mock.patch.object(owner, name, replacement))
        stack.enter_context(_Mode())
        yield _watch


def _apply(module: nn.Module, change: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
    """In place of Module._apply, by which modules move: tied parameters stay tied."""
    made: dict[int, nn.Parameter] = {}
    for part in module.modules() if recurse else [module]:
        for name, parameter in part._parameters.items():
            if parameter is None:
                continue
            if id(parameter) not in made:
                with torch.no_grad():
                    changed = change(parameter)
                if changed is not parameter:
                    changed = nn.Parameter(changed.detach(), parameter.requires_grad)
                made[id(parameter)] = changed
                made[id(changed)] = changed
            part._parameters[name] = made[id(parameter)]
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = change(buffer)
    return module


def _run(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Do an operator on the CPU, if a GPU would do it."""
    kind = func.overloadpacket
    tensors = [leaf for leaf in tree_leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, DeviceTensor)]
    if kind is torch.ops.prim.device:
        return DEVICE if ours else args[0].device
    target = next((x for x in args if isinstance(x, torch.device)), kwargs.get("device"))
    there = bool(ours) if target is None else torch.device(target).type == DEVICE.type
    if not ours and not there:
        return func(*args, **kwargs)
    if kind in _COPIES or kind is _aten.copy_:
        _count_copy(kind, args, kwargs, there)
    else:
        _count_waits(kind, args, kwargs)
        _refuse_mix(kind, args, tensors)
    if func is _aten.mm.dtype:  # a GPU alone has it
        left, right, kind_of_sum = args
        return _close(_open(left).to(kind_of_sum) @ _open(right).to(kind_of_sum))
    found = func(*tree_map(_open, args), **tree_map(_open, dict(kwargs)))
    if kind in _COPIES and bool(ours) != there:
        found = found.clone()  # a copy to another device never shares memory
    if not there:
        return found
    mutated = {id(tensor.held): tensor for tensor in ours}
    return tree_map(lambda leaf: mutated[id(leaf)] if id(leaf) in mutated else _close(leaf), found)


def _count_copy(kind: Any, args: Sequence[Any], kwargs: Mapping[str, Any], there: bool) -> None:
    source = args[1] if kind is _aten.copy_ else args[0]
    to_device = isinstance(args[0], DeviceTensor) if kind is _aten.copy_ else there
    if isinstance(source, DeviceTensor) == to_device:
        return
    blocking = not (kwargs.get("non_blocking") or (kind is _aten.copy_ and args[2:3] == (True,)))
    if not to_device:
        _watch.note("copy from the device")
    elif blocking and source.dim():
        _watch.note("copy to the device")


def _count_waits(kind: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    if kind in _READS:
        _watch.note("read of a number")
    elif kind in _SIZED_BY_DATA:
        _watch.note(f"{kind.__name__}")
    elif kind is _aten.repeat_interleave and kwargs.get("output_size") is None:
        _watch.note("repeat_interleave without output_size")
    elif kind in _INDEXED:
        given = [index for index in args[1] if index is not None]
        if any(index.dtype in (torch.bool, torch.uint8) for index in given):
            _watch.note("index by a mask")
        elif any(index.dim() and not isinstance(index, DeviceTensor) for index in given):
            _watch.note("index from the CPU")


def _refuse_mix(kind: Any, args: Sequence[Any], tensors: Sequence[Tensor]) -> None:
    """A number of the CPU may meet the device, and an index may be the CPU's; nothing else."""
    if kind in _INDEXED and isinstance(args[0], DeviceTensor):
        tensors = [args[0], *(x for x in args[2:] if isinstance(x, Tensor))]
    if any(tensor.dim() and not isinstance(tensor, DeviceTensor) for tensor in tensors):
        raise RuntimeError(
            "expected all tensors to be on the same device, but found the device and cpu in "
            f"{kind.__name__} at {_find_place()}"
        )


def _open(leaf: Any) -> Any:
    if isinstance(leaf, torch.device) and leaf.type == DEVICE.type:
        return CPU
    return leaf.held if isinstance(leaf, DeviceTensor) else leaf


def _close(leaf: Any) -> Any:
    return DeviceTensor(leaf) if type(leaf) is Tensor else leaf


def _find_place() -> str:
    """The line of crosszero, or else of a library, that is being run."""
    frames = traceback.extract_stack()
    for part in ("/crosszero/", "/transformers/", "/torch/optim/", "/torch/nn/utils/"):
        for frame in reversed(frames):
            if part in frame.filename and "emulated_device" not in frame.filename:
                return f"{frame.filename.rpartition(part)[2]}:{frame.lineno}"
    return "?"
