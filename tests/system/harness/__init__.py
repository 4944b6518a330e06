# SPDX-License-Identifier: MIT
"""What the system tests add to the package apus: a mounted tree as programs see it, and checks of all replies."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "python/src"))

# pylint: disable=wrong-import-position
from apus import ApusError, bits, machine_file, mask

from .daemon import Checked, Control, Daemon, apus_binary, devices, resident_kib, wait_connected
from .description import ABSENT, Machine, worked_example
from .mdev import MATRIX, TYPE_DIR, Mdev, uuid
from .tree import Tree

ONES, ZEROS = mask(*range(256)), mask()

__all__ = [
    "ABSENT", "ApusError", "Checked", "Control", "Daemon", "MATRIX", "Machine", "Mdev", "ONES", "TYPE_DIR", "Tree", "ZEROS",
    "apus_binary", "bits", "devices", "machine_file", "mask", "resident_kib", "uuid", "wait_connected", "worked_example",
]
