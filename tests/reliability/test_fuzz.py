"""No file makes a reader raise anything but a CrosszeroError, or take long.

``FUZZ_MINUTES=60`` feeds the readers for an hour, with other files each time; ``FUZZ_SEED`` says
where to begin.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.fuzz import Tried, feed
from tests.reliability.readers import READERS

EXAMPLES = 150
MINUTES, SEED = (float(os.environ.get(name, 0)) for name in ("FUZZ_MINUTES", "FUZZ_SEED"))


@pytest.mark.timeout(300 + 60 * MINUTES)
@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_any_file(
    name: str, desk: Path, record_property: Callable[[str, object], None]
) -> None:
    reader, all_tried = READERS[name], Tried()
    end = time.monotonic() + 60 * MINUTES / len(READERS)
    start = int(SEED)
    while not all_tried.files or time.monotonic() < end:
        all_tried.add(feed(reader, desk, examples=EXAMPLES // reader.costs, start=start))
        start += 1
    for key, value in vars(all_tried).items():
        record_property(key, value)
