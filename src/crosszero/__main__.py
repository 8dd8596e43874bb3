"""``python -m crosszero``."""

from crosszero.cli import main

main()
