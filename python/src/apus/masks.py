# SPDX-License-Identifier: MIT
"""256-bit masks as sysfs prints them: bit 0 is the leftmost."""

from __future__ import annotations

import re


def mask(*ids: int) -> str:
    """The text of a mask with exactly these bits: for apmask, aqmask, and those of a node of zcrypt."""
    value = 0
    for number in ids:
        if not 0 <= number <= 255:
            raise ValueError(f"a mask has the bits 0 to 255, not {number}")
        value |= 1 << (255 - number)
    return f"0x{value:064x}"


def bits(text: str) -> set[int]:
    """The set of bits of a mask that was read."""
    if not re.fullmatch(r"0x[0-9a-f]{64}\n?", text):
        raise ValueError(f"a mask reads 0x and 64 hexadecimal digits, not {text!r}")
    value = int(text, 16)
    return {number for number in range(256) if value >> (255 - number) & 1}
