"""A memory peak is that of what came after the reset."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from crosszero.memory import collector_paused, peak_memory, reset_memory


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_a_peak_is_forgotten_by_a_reset() -> None:
    reset_memory()
    before = peak_memory()
    held = np.ones(40_000_000)  # 320 MB
    assert peak_memory() > before + 250
    del held
    reset_memory()
    assert peak_memory() < before + 100


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
