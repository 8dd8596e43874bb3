"""The command line: ``crosszero prepare | train | show | score | run | demo``."""

from crosszero.cli.main import main

__all__ = ["main"]
