# SPDX-License-Identifier: MIT
"""Drives Apus, the AP (Adjunct Processor) subsystem of IBM Z in user space.

    with apus.Machine({"domains": [4, 0x47], "adapters": {5: "CEX7C"}, "apmask": "0x0"}) as machine:
        mdev = machine.mdev(adapters=[5], domains=[4])
        machine.start_guest("Guest1", mdev)
        machine.se.adapter(5).off()
        machine.wait("not guest Guest1 has 05.0004", timeout=5)
"""

from .connection import ApusError, Connection, ConnectionLost, Event, Refused
from .machine import Machine
from .machine_file import machine_file
from .masks import bits, mask
from .objects import Fault, Guest, Mdev, ProgramFailed, Queue, SupportElement

__all__ = ["ApusError", "Connection", "ConnectionLost", "Event", "Fault", "Guest", "Machine", "Mdev", "ProgramFailed", "Queue",
           "Refused", "SupportElement", "bits", "machine_file", "mask"]
