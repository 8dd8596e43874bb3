"""Requests that wait are computed together, and none pays for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from crosszero.viewer.batching import Batcher


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Doubler:
    """Doubles numbers; 13 it can't."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        if 13 in items:
            raise ValueError("13")
        return [2 * item for item in items]


def test_what_arrives_together_is_one_batch(thread: ThreadPoolExecutor) -> None:
    work = Doubler()

    async def ask() -> list[list[int]]:
        batcher = Batcher(work, thread, most=1000)
        return await asyncio.gather(*(batcher.submit([n, n + 1], size=2) for n in range(20, 70)))

    assert asyncio.run(ask()) == [[2 * n, 2 * n + 2] for n in range(20, 70)]
    assert len(work.batches) == 1


def test_a_batch_has_a_size(thread: ThreadPoolExecutor) -> None:
    work = Doubler()

    async def ask() -> list[list[int]]:
        batcher = Batcher(work, thread, most=10)
        sizes = [4, 4, 4, 25, 1]
        return await asyncio.gather(*(batcher.submit([n], size=n) for n in sizes))

    assert asyncio.run(ask()) == [[8], [8], [8], [50], [2]]
    assert work.batches == [[4, 4], [4], [25], [1]]


def test_only_the_one_at_fault_is_told(thread: ThreadPoolExecutor) -> None:
    async def ask() -> list[list[int] | BaseException]:
        batcher = Batcher(Doubler(), thread, most=1000)
        requests = (batcher.submit([n], size=1) for n in (1, 13, 2))
        found = await asyncio.gather(*requests, return_exceptions=True)
        return [*found, await batcher.submit([3], size=1)]  # and it goes on

    first, wrong, last, later = asyncio.run(ask())
    assert (first, last, later) == ([2], [4], [6])
    assert isinstance(wrong, ValueError)


def test_who_gave_up_is_left_out(thread: ThreadPoolExecutor) -> None:
    work = Doubler()

    async def ask() -> list[int]:
        batcher = Batcher(work, thread, most=1000, pause=0.05)
        lost = asyncio.create_task(batcher.submit([1], size=1))
        kept = asyncio.create_task(batcher.submit([2], size=1))
        await asyncio.sleep(0)
        lost.cancel()
        return await kept

    assert asyncio.run(ask()) == [4]
    assert work.batches == [[2]]
