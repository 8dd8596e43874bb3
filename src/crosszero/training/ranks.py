"""The processes of one training: what they share, and how they end together.

Every process ("rank") encodes its own texts of a batch that all of them know. A step has two large
exchanges: the anchors' vectors are gathered before the loss, and one all-reduce adds up the
gradients after it. Everything else is a few numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from crosszero.errors import ConfigError, PeerError, TrainingError, quote

T = TypeVar("T")
_FAILED = "crosszero/failed"
_PATIENCE = 5.0  # seconds in which the other ranks should notice that one has failed


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The place of this process among those of its run.

    Attributes:
        index: of this process, from 0. The first one (0) alone writes files.
        count: of all processes.
        device: where tensors must lie to be exchanged.
    """

    index: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        return self.index == 0

    @property
    def alone(self) -> bool:
        """Whether there is nobody to exchange anything with."""
        return self.count == 1

    def deal(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Divide a batch's texts among the ranks so that all have about the same to do.

        Texts are dealt out in order of length, so shares differ by less than the longest text.
        Bytes stand for tokens: only the owner tokenises a text. Gives, for each rank, the indices
        of its texts, rising.

        Example:
            >>> [share.tolist() for share in Ranks(count=2).deal(["aaaa", "b", "ccc", "dd"])]
            [[0, 3], [1, 2]]
        """
        order = np.argsort([-len(text.encode()) for text in texts], kind="stable")
        return [np.sort(order[rank :: self.count]) for rank in range(self.count)]

    def gather(self, own: Tensor, sizes: Sequence[int]) -> Tensor:
        """Join the rows of all ranks, `sizes` of each, to (sum(sizes), ...) on the device of `own`.

        Only one's own carry a gradient: each rank computes the whole loss from the joined rows and
        back-propagates into its own. The gradients of all ranks add up to those of one process.
        """
        if self.alone or not max(sizes):
            return own
        width = own.shape[1:]
        padded = own.new_zeros(max(sizes), *width, device=self.device)
        padded[: len(own)] = own.detach().to(self.device)
        parts = [torch.empty_like(padded) for _ in sizes]
        with _contact():
            distributed.all_gather(parts, padded)
        joined = [part[:size].to(own.device) for part, size in zip(parts, sizes, strict=True)]
        joined[self.index] = own
        return torch.cat(joined)

    def add_gradients(self, parameters: Sequence[nn.Parameter], values: Tensor) -> Tensor:
        """Replace every gradient by its sum over the ranks, in one all-reduce.

        A parameter that has a gradient on no rank keeps none, so that the optimiser passes over it
        as it does in a single process. The (n,) `values` are summed on the way, and given back.
        """
        if self.alone:
            return values
        used = torch.tensor([p.grad is not None for p in parameters], device=self.device)
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat(
            [values.to(self.device), used.to(values.dtype), *(part.flatten() for part in parts)]
        )
        parts.clear()
        for parameter in parameters:  # they live on in `flat`
            parameter.grad = None
        with _contact():
            distributed.all_reduce(flat)
        sizes = [len(values), len(used), *(p.numel() for p in parameters)]
        parts = list(flat.split(sizes))
        sums, owners, gradients = parts[0], parts[1], parts[2:]
        touched = owners.tolist()
        for parameter, gradient, ranks in zip(parameters, gradients, touched, strict=True):
            if ranks:
                parameter.grad = gradient.view_as(parameter).to(parameter.dtype)
        return sums.clone()  # not a view, which would keep all of `flat`

    def share(self, value: T) -> T:
        """Give all ranks the first one's value, for which they wait."""
        if self.alone:
            return value
        box = [value]
        with _contact():
            distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def wait(self) -> None:
        """Wait until all ranks have come here."""
        if not self.alone:
            with _contact():
                distributed.barrier()

    @contextmanager
    def ending_together(self) -> Iterator[None]:
        """Let an error on one rank end all of them, told by one.

        The first rank that fails raises its error. It hangs up, so that the others, which wait for
        it in an exchange, fail too: with a PeerError, of which nothing need be said.
        """
        if self.alone:
            yield
            return
        # The one thing by which ranks that are out of step can still reach each other.
        board: Any = distributed.distributed_c10d._get_default_store()
        try:
            yield
        except BaseException as error:
            try:
                place = board.add(_FAILED, 1)
            except RuntimeError:  # the rank that kept the board is gone, and told nobody why
                raise error from None
            if place > 1:
                leave_ranks()
                # A launcher ends all processes when one has ended: the one that tells comes first.
                time.sleep(_PATIENCE / 5)
                raise PeerError(
                    "another process of this training failed and reports why"
                ) from error
            leave_ranks()
            end = time.monotonic() + _PATIENCE
            while board.add(_FAILED, 0) < self.count and time.monotonic() < end:
                time.sleep(0.05)
            raise


ALONE = Ranks()


def join_ranks() -> Ranks:
    """Find the other processes that ``torchrun`` or ``accelerate launch`` started, if any.

    Raises:
        ConfigError: the variables by which they find each other are incomplete or wrong.
    """
    from accelerate import PartialState

    try:
        state = PartialState(cpu=not torch.accelerator.is_available())
    except (ValueError, RuntimeError) as error:
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        given = ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
        raise ConfigError(
            f"the processes of this training can't find each other ({quote(given)}): start them "
            "with torchrun or accelerate launch, which set these variables; for a single "
            "process, unset all of them"
        ) from error
    return Ranks(index=state.process_index, count=state.num_processes, device=state.device)


def leave_ranks() -> None:
    """Break the connections: at the end, or so that a rank that waits for this one need not do so.

    Threads of gloo that live until the interpreter ends may abort the process.
    """
    if distributed.is_initialized() and distributed.get_backend() == "gloo":
        distributed.destroy_process_group()  # NCCL's would wait; there the launcher ends the others


@contextmanager
def _contact() -> Iterator[None]:
    """Explain that the other processes are gone."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        raise TrainingError(
            "another process of this training disappeared, perhaps because it was killed "
            f"({reason}); continue with --resume and the same number of processes"
        ) from error
