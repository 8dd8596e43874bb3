"""Importing the package stays cheap: heavy libraries are loaded only where they are used."""

import subprocess
import sys


def test_import_loads_nothing_heavy():
    heavy = "{'torch', 'matplotlib', 'sklearn', 'scipy', 'transformers'}"
    modules = "crosszero.align.aer, crosszero.search"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
