"""crosszero on a GPU in one visit: is it right there, how fast is it, where does the time go?

    python -m benchmarks.gpu --out OUT [--samples STORE] [--seconds 240] [--tiny]
    python -m benchmarks.gpu.report OUT/result.json --page docs/performance.md

One module for each section, from which the sections of one visit are put together
(:mod:`benchmarks.gpu.__main__`). What a section finds is on disk at once, so that neither an error
nor the end of the visit loses anything. ``--tiny`` runs all of it small on a CPU.
"""
