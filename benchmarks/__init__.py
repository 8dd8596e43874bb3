"""How fast crosszero is, side by side with what one would use instead.

Each module is one command that writes one JSON file: ``python -m benchmarks.encode --out x.json``.
``python -m benchmarks.tables`` puts the files into docs/performance.md.
"""
