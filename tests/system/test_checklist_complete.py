# SPDX-License-Identifier: MIT
"""Each number of the checklist is exactly one test."""

import re
from collections import Counter
from pathlib import Path

NAME = re.compile(r"^def test_([SR]\d\d+)_", re.M)


def test_each_number_is_exactly_one_test():
    files = Path(__file__).parent.glob("test_checklist_*.py")
    found = Counter(number for file in files for number in NAME.findall(file.read_text()))
    wanted = [f"S{n:02}" for n in range(1, 110)] + ["R01", "R02"]
    assert not [n for n in wanted if found[n] != 1], "missing or double"
    assert set(found) == set(wanted)
