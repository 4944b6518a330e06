# SPDX-License-Identifier: MIT
"""Shared by the system tests: a daemon on a temporary mount, its tree, and its control socket."""

from .control import CommandError, Control
from .daemon import Daemon, apus_binary, resident_kib
from .guest import Guest
from .machine import Adapter, Machine, worked_example
from .masks import ONES, ZEROS, bits, mask
from .mdev import MATRIX, TYPE_DIR, Mdev, uuid
from .tree import Tree

__all__ = [
    "Adapter", "CommandError", "Control", "Daemon", "Guest", "MATRIX", "Machine", "Mdev",
    "ONES", "TYPE_DIR", "Tree", "ZEROS", "apus_binary", "bits", "mask", "resident_kib", "uuid", "worked_example",
]
