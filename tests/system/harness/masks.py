# SPDX-License-Identifier: MIT
"""256-bit masks as sysfs prints them: bit 0 is the leftmost."""

ONES = "0x" + "f" * 64
ZEROS = "0x" + "0" * 64


def mask(*ids):
    """The text of a mask with exactly these bits."""
    value = 0
    for i in ids:
        value |= 1 << (255 - i)
    return f"0x{value:064x}"


def bits(text):
    """The set of bits of a printed mask, whose form is checked."""
    text = text.rstrip("\n")
    assert len(text) == 66 and text.startswith("0x") and text == text.lower(), text
    value = int(text, 16)
    return {i for i in range(256) if value >> (255 - i) & 1}
