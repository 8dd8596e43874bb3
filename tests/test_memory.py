"""A memory peak is that of what came after the reset."""

from __future__ import annotations

import gc
import platform
from pathlib import Path

import numpy as np
import pytest

from crosszero.memory import collector_paused, peak_memory, release_memory, reset_memory


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_a_peak_is_forgotten_by_a_reset() -> None:
    reset_memory()
    before = peak_memory()
    held = np.ones(40_000_000)  # 320 MB
    assert peak_memory() > before + 250
    del held
    reset_memory()
    assert peak_memory() < before + 100


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep less")
def test_gaps_between_blocks_are_given_back() -> None:
    blocks = [np.ones(10_000) for _ in range(2_000)]  # 160 MB in blocks that come from the heap
    del blocks[::2]
    reset_memory()
    before = peak_memory()
    release_memory()
    reset_memory()
    assert peak_memory() < before - 40
    assert all(block[0] == 1 for block in blocks)


def test_the_collector_is_as_it_was_afterwards() -> None:
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            with pytest.raises(KeyError), collector_paused():
                assert not gc.isenabled()
                raise KeyError
            assert gc.isenabled() == enabled
        finally:
            gc.enable()
