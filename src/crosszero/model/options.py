"""Names that configurations use; no torch here, so that ``crosszero --help`` is fast."""

from __future__ import annotations

from typing import Literal

LossName = Literal["cz-nce", "info-nce"]
Level = Literal["multi", "sentence"]
HeadStart = Literal["random", "identity"]
