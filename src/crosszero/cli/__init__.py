"""The command line: ``crosszero align``, ``crosszero train``, ``crosszero evaluate`` ..."""

from crosszero.cli.main import main

__all__ = ["main"]
