"""What many requests ask for at the same time is computed together, in one thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Generic, NamedTuple, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class _Request(NamedTuple, Generic[In, Out]):
    items: Sequence[In]
    size: int
    answer: asyncio.Future[list[Out]]


class Batcher(Generic[In, Out]):
    """Joins the items of requests that wait.

    While one batch is computed, further requests gather; the next batch takes them all, up to a
    size. A request whose client has given up is left out. If a batch fails, its requests are
    computed one by one, so that only the one at fault is told.

    Args:
        work: from items to results, as many and in their order; runs in `executor`.
        executor: with one thread, which several batchers may share.
        most: largest sum of the sizes in a batch; a single request may exceed it.
        pause: seconds that the first request waits for others.

    Example:
        >>> batcher = Batcher(encoder.encode, ThreadPoolExecutor(1), most=100_000)  # doctest: +SKIP
        >>> await batcher.submit(["a text"], size=6)                                # doctest: +SKIP
    """

    def __init__(
        self,
        work: Callable[[list[In]], Iterable[Out]],
        executor: Executor,
        *,
        most: int,
        pause: float = 0.002,
    ) -> None:
        self._work, self._executor, self._most, self._pause = work, executor, most, pause
        self._waiting: deque[_Request[In, Out]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[In], size: int) -> list[Out]:
        """Give the results of some items, once they are computed.

        Args:
            items: any number.
            size: of all of them together.
        """
        answer: asyncio.Future[list[Out]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(items, size, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            await asyncio.sleep(self._pause)
            while batch := self._take():
                if not await self._answer(batch) and len(batch) > 1:
                    for request in batch:
                        await self._answer([request])
        finally:
            self._running = None

    def _take(self) -> list[_Request[In, Out]]:
        batch: list[_Request[In, Out]] = []
        size = 0
        while self._waiting:
            request = self._waiting[0]
            if batch and size + request.size > self._most:
                break
            self._waiting.popleft()
            if not request.answer.done():  # the client may have given up
                batch.append(request)
                size += request.size
        return batch

    async def _answer(self, batch: list[_Request[In, Out]]) -> bool:
        items = [item for request in batch for item in request.items]
        try:
            loop = asyncio.get_running_loop()
            found = list(await loop.run_in_executor(self._executor, self._work, items))
        except Exception as error:
            if len(batch) == 1 and not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return False
        for request in batch:
            own, found = found[: len(request.items)], found[len(request.items) :]
            if not request.answer.done():
                request.answer.set_result(own)
        return True
