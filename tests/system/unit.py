# SPDX-License-Identifier: MIT
"""Checklist items that are proved below the tree, by a unit test with the number in its name."""

import os
import re
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "unit"


def run_unit_tests(number):
    """Run the unit tests named test_<number>_…; there has to be one, and each has to pass."""
    pattern = re.compile(rf"^static void (test_{number}_\w+)\(", re.M | re.I)
    ran = []
    for source in sorted(SOURCES.glob("test_*.c")):
        names = pattern.findall(source.read_text())
        if not names:
            continue
        program = Path(os.environ["APUS_BUILD"]) / "tests" / "unit" / source.stem
        result = subprocess.run([program], text=True, capture_output=True, timeout=60, check=False)
        output = result.stdout + result.stderr
        for name in names:
            assert re.search(rf"\[\s+OK \] {name}$", output, re.M), output
        ran += names
    assert ran, f"no unit test is named test_{number}_…"
