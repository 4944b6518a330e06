# SPDX-License-Identifier: MIT
"""What a machine has: parts of its trees, mediated devices, guests, the Support Element, faults, the clock."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

if TYPE_CHECKING:
    from .machine import Machine

MATRIX = "devices/vfio_ap/matrix"


class ProgramFailed(subprocess.CalledProcessError):
    """A program in a guest; its stderr is in the text."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stderr}"


@dataclass(frozen=True)
class Queue:
    """A queue as `map` has it, see docs/control-protocol.md."""

    apqn: str
    device: bool
    owner: Optional[str]
    mdev: Optional[str]
    guest: Optional[str]
    in_use: bool
    adapter_state: str
    condition: str

    @property
    def adapter(self) -> int:
        return int(self.apqn[:2], 16)

    @property
    def domain(self) -> int:
        return int(self.apqn[3:], 16)


class Node:
    """A part of a tree: attributes below a directory of the host's /sys or of a guest's."""

    def __init__(self, machine: "Machine", directory: str = "", guest: Optional[str] = None) -> None:
        self.machine = machine
        self.directory = directory
        self.in_guest = guest

    def path(self, name: str) -> str:
        return f"{self.directory}/{name}" if self.directory else name

    def read(self, name: str) -> str:
        """All of an attribute, without its last newline. ApusError with the errno of a program."""
        value: str = self.machine.call("read", path=self.path(name), guest=self.in_guest)["value"]
        return value[:-1] if value.endswith("\n") else value

    def write(self, name: str, value: Any) -> None:
        """One write(2). ApusError with the errno of a program."""
        self.machine.call("write", path=self.path(name), value=str(value), guest=self.in_guest)

    def list(self, name: str = "") -> list[str]:
        """The names in a directory, sorted."""
        entries = self.machine.call("list", path=self.path(name) or "/", guest=self.in_guest)["entries"]
        return sorted(entry["name"] for entry in entries)


class Mdev(Node):
    """A mediated device."""

    def __init__(self, machine: "Machine", uuid: str) -> None:
        super().__init__(machine, f"{MATRIX}/{uuid}")
        self.uuid = uuid

    def _write_all(self, verb: str, ids: Mapping[str, Union[int, Sequence[int]]]) -> "Mdev":
        for kind, given in ids.items():
            if kind not in ("adapter", "domain", "control_domain"):
                raise TypeError(f"a mediated device has an adapter, a domain or a control_domain, no {kind}")
            for number in [given] if isinstance(given, int) else given:
                self.write(f"{verb}_{kind}", number)
        return self

    def assign(self, **ids: Union[int, Sequence[int]]) -> "Mdev":
        """assign(adapter=5, domain=[4, 0x47], control_domain=4): one write for each, in this order."""
        return self._write_all("assign", ids)

    def unassign(self, **ids: Union[int, Sequence[int]]) -> "Mdev":
        return self._write_all("unassign", ids)

    def remove(self) -> None:
        self.write("remove", 1)

    @property
    def matrix(self) -> list[str]:
        """The queues that are assigned: ["05.0004"]."""
        return self.read("matrix").split()

    @property
    def guest_matrix(self) -> list[str]:
        """Those of them that a guest has, or would have."""
        return self.read("guest_matrix").split()


class Guest(Node):
    """A guest that runs. Its attributes are those of its own /sys."""

    def __init__(self, machine: "Machine", name: str) -> None:
        super().__init__(machine, guest=name)
        self.name = name

    def start(self, mdev: Union[None, Mdev, str] = None, features: Optional[Sequence[str]] = None) -> "Guest":
        self.machine.call("guest-start", name=self.name, mdev=getattr(mdev, "uuid", mdev), features=features)
        return self

    def show(self) -> dict[str, Any]:
        return self.machine.call("guest-show", name=self.name)

    @property
    def queues(self) -> list[str]:
        """The queues that it can use now, sorted: ["05.0004"]."""
        return sorted(self.show()["matrix"])

    @property
    def control_domains(self) -> list[int]:
        """The domains that it may control, sorted."""
        return sorted(self.show()["control_domains"])

    def run(self, *command: Any) -> str:
        """What a program prints that runs in its /sys, which needs the right to mount. ProgramFailed."""
        done = self.machine.apus("guest", "exec", self.name, "--", *command)
        if done.returncode:
            raise ProgramFailed(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout

    def attach(self, mdev: Union[Mdev, str]) -> None:
        self.machine.call("guest-attach", name=self.name, mdev=getattr(mdev, "uuid", mdev))

    def detach(self) -> None:
        self.machine.call("guest-detach", name=self.name)

    def migrate(self) -> Optional[str]:
        """Asks for a live migration; None, or a sentence about the device that is still there."""
        note: Optional[str] = self.machine.call("guest-migrate", name=self.name)["note"]
        return note

    def stop(self) -> None:
        self.machine.call("guest-stop", name=self.name)


class SupportElementAdapter:
    """An adapter, as the operator sees it."""

    def __init__(self, machine: "Machine", number: int) -> None:
        self.machine = machine
        self.number = number

    def on(self, **options: bool) -> None:
        """Configures it on; options: force, silent."""
        self.machine.call("se-adapter", adapter=self.number, state="on", **options)

    def off(self, **options: bool) -> None:
        self.machine.call("se-adapter", adapter=self.number, state="off", **options)

    def checkstop(self, **options: bool) -> None:
        self.machine.call("checkstop", adapter=self.number, state="on", **options)

    def repair(self, **options: bool) -> None:
        self.machine.call("checkstop", adapter=self.number, state="off", **options)

    @property
    def state(self) -> str:
        """online, standby, checkstop or missing."""
        for adapter in self.machine.call("se-show")["adapters"]:
            if adapter["id"] == self.number:
                return str(adapter["state"])
        return "missing"


class SupportElement:
    """The Support Element."""

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine

    def adapter(self, number: int) -> SupportElementAdapter:
        return SupportElementAdapter(self.machine, number)

    def show(self) -> dict[str, Any]:
        return self.machine.call("se-show")

    def _change(self, action: str, force: bool, ids: Mapping[str, Union[int, Sequence[int]]]) -> None:
        for kind, given in ids.items():
            for number in [given] if isinstance(given, int) else given:
                self.machine.call("se-lpar", action=action, kind=kind.replace("_", "-"), id=number, force=force)

    def add(self, force: bool = False, **ids: Union[int, Sequence[int]]) -> None:
        """Change LPAR Cryptographic Controls: add(adapter=7, domain=[9, 10], control_domain=4)."""
        self._change("add", force, ids)

    def remove(self, force: bool = False, **ids: Union[int, Sequence[int]]) -> None:
        self._change("remove", force, ids)


@dataclass(frozen=True)
class Fault:
    """A fault rule."""

    machine: "Machine"
    number: int

    def show(self) -> dict[str, Any]:
        """rule, hits and left. LookupError: it was removed."""
        for fault in self.machine.call("fault-list")["faults"]:
            if fault["number"] == self.number:
                return dict(fault)
        raise LookupError(f"fault {self.number} was removed")

    @property
    def hits(self) -> int:
        return int(self.show()["hits"])

    def remove(self) -> None:
        self.machine.call("fault-remove", number=self.number)


class Clock:
    """The virtual clock of a machine that was started with virtual_clock=True."""

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine

    @property
    def now(self) -> float:
        return float(self.machine.call("status")["time"])

    def advance(self, seconds: float) -> float:
        """Lets timers fire in order, and returns the new time."""
        return float(self.machine.call("clock-advance", seconds=seconds)["time"])
