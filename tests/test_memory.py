"""A memory peak is that of what came after the reset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crosszero.memory import peak_memory, reset_memory


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_a_peak_is_forgotten_by_a_reset() -> None:
    reset_memory()
    before = peak_memory()
    held = np.ones(40_000_000)  # 320 MB
    assert peak_memory() > before + 250
    del held
    reset_memory()
    assert peak_memory() < before + 100
