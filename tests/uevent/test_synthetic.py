# SPDX-License-Identifier: MIT
"""Writes to the attributes "uevent"."""

import re

import pytest
from conftest import golden


def test_every_attribute(inside):
    golden("synthetic.txt", inside.run("synthetic.py"))


@pytest.mark.parametrize("seed", [1, 2])
def test_like_a_real_kernel(inside, seed):
    printed = inside.run("differential.py", str(seed), "1500")
    if printed.startswith("no device"):
        pytest.skip(printed.strip())
    taken, refused = map(int, re.fullmatch(r"(\d+) taken, (\d+) refused\n", printed).groups())
    assert taken > 200 and refused > 200
