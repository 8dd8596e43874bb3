"""The command line: ``crosszero prepare | train | show | run | demo``."""

from crosszero.cli.main import main

__all__ = ["main"]
