# SPDX-License-Identifier: MIT
"""A machine with its AP subsystem: starts one, or uses one that runs."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import time
import uuid as uuids
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, Union

from .connection import ApusError, Connection, ConnectionLost, Event, event_of, follow, remaining
from .machine_file import machine_file

Source = Union[None, str, "os.PathLike[str]", Mapping[str, Any]]
MATRIX = "devices/vfio_ap/matrix"
START_SECONDS = 60


def program() -> str:
    """The command apus: $APUS_BIN, or that in PATH."""
    found = os.environ.get("APUS_BIN") or shutil.which("apus")
    if not found:
        raise FileNotFoundError("the command apus is not in PATH, and APUS_BIN does not name it")
    return found


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

    def show(self) -> dict[str, Any]:
        return self.machine.call("guest-show", name=self.name)

    @property
    def queues(self) -> list[str]:
        """The queues that it can use now: ["05.0004"]."""
        matrix: list[str] = self.show()["matrix"]
        return matrix

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


def text_of(source: Source) -> Optional[str]:
    """The text of a machine file; None: the default machine."""
    if source is None:
        return None
    if isinstance(source, Mapping):
        return machine_file(source)
    if isinstance(source, str) and "\n" in source:
        return source
    return Path(source).read_text(encoding="utf-8")


class Machine(Node):
    """A machine of one's own, which ends with close() or with the with statement.

    source is a machine file: its path, its text, or a dictionary (see machine_file); by default the machine of `apus run`.
    abi is "proposal" or "upstream". mount is an empty directory at which its /sys appears, which needs the right to mount; all
    else works without any right. arguments go to `apus daemon`.
    """

    def __init__(self, source: Source = None, *, abi: Optional[str] = None, virtual_clock: bool = False,
                 mount: Union[None, str, "os.PathLike[str]"] = None, arguments: Sequence[str] = ()) -> None:
        super().__init__(self)
        self.se = SupportElement(self)
        self.clock = Clock(self)
        self._connection: Optional[Connection] = None
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._folder = tempfile.TemporaryDirectory(prefix="apus-")
        self.socket = Path(self._folder.name) / "socket"
        command = [program(), "daemon", "--socket", str(self.socket)]
        command += ["--mount", os.fspath(mount)] if mount is not None else ["--no-tree"]
        text = text_of(source)
        if text is not None:
            file = Path(self._folder.name) / "machine.ini"
            file.write_text(text, encoding="utf-8")
            command += ["-m", str(file)]
        if abi is not None:
            command += ["--abi", abi]
        if virtual_clock:
            command += ["--clock", "virtual"]
        try:
            self._start([*command, *arguments])
            self._connection = Connection(self.socket)
        except BaseException:
            self.close()
            raise

    def _start(self, command: Sequence[str]) -> None:
        stderr = Path(self._folder.name) / "stderr"
        with open(stderr, "wb") as file:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if line != b"ready\n":
            raise RuntimeError(f"the machine did not start: {stderr.read_text(errors='replace').strip()}")

    @classmethod
    def imported(cls, *sources: Union[str, "os.PathLike[str]"], **options: Any) -> "Machine":
        """A machine like a real one: of what `apus import` takes."""
        done = subprocess.run([program(), "import", *map(os.fspath, sources)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr.strip())
        return cls(done.stdout, **options)

    @classmethod
    def running(cls, socket: Union[None, str, "os.PathLike[str]"] = None) -> "Machine":
        """One that somebody else has started: of that control socket, or of $APUS_SOCKET. close() leaves it running."""
        path = socket if socket is not None else os.environ.get("APUS_SOCKET")
        if path is None:
            raise ValueError("which machine? APUS_SOCKET is not set")
        machine = cls.__new__(cls)
        Node.__init__(machine, machine)
        machine.se = SupportElement(machine)
        machine.clock = Clock(machine)
        machine.socket = Path(path)
        machine._process = None
        machine._connection = Connection(path)
        return machine

    def close(self) -> None:
        """Ends the machine, unless it was running before. May be called twice."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        if self._connection:
            self._connection.close()
        self._connection = None
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        """Any command of the control protocol; arguments that are None are left out."""
        if not self._connection:
            raise ConnectionLost("the machine has ended")
        return self._connection.call(command, **arguments)

    # What there is.

    def status(self) -> dict[str, Any]:
        return self.call("status")

    def queues(self, **filters: Any) -> list[Queue]:
        """All queues, or queues(adapters=[5], domains=[4], guest="Guest1")."""
        return [Queue(**queue) for queue in self.call("map", **filters)["queues"]]

    def queue(self, apqn: str) -> Queue:
        """LookupError: neither the LPAR has it nor a mediated device."""
        for queue in self.queues(adapters=[int(apqn[:2], 16)], domains=[int(apqn[3:], 16)]):
            return queue
        raise LookupError(f"there is no queue {apqn}")

    def mdevs(self) -> list[Mdev]:
        return [Mdev(self, mdev["uuid"]) for mdev in self.status()["mdevs"]]

    def guests(self) -> list[Guest]:
        return [Guest(self, guest["name"]) for guest in self.call("guest-list")["guests"]]

    def guest(self, name: str) -> Guest:
        return Guest(self, name)

    def log(self, since: Optional[int] = None) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.call("log", since=since)["messages"]
        return messages

    def export(self) -> str:
        """The present state as the text of a machine file."""
        return str(self.call("export")["machine"])

    def plan(self, wanted: Source, undo: bool = False) -> dict[str, Any]:
        """The safe way to a wanted state: see plan in docs/control-protocol.md."""
        return self.call("plan", machine=text_of(wanted), undo=undo)

    def explain(self, what: Union[str, ApusError]) -> str:
        """Why a queue, a guest or a mediated device is as it is; of an error, what would have been accepted."""
        if isinstance(what, ApusError):
            return str(self.call("explain", refusal=what.message)["text"])
        return str(self.call("explain", what=what)["text"])

    # What changes.

    def mdev(self, uuid: Optional[str] = None, *, adapters: Sequence[int] = (), domains: Sequence[int] = (),
             control_domains: Sequence[int] = ()) -> Mdev:
        """Creates a mediated device, and assigns these."""
        name = uuid or str(uuids.uuid4())
        self.write(f"{MATRIX}/mdev_supported_types/vfio_ap-passthrough/create", name)
        return Mdev(self, name).assign(adapter=adapters, domain=domains, control_domain=control_domains)

    def start_guest(self, name: str, mdev: Union[None, Mdev, str] = None, features: Optional[Sequence[str]] = None) -> Guest:
        self.call("guest-start", name=name, mdev=getattr(mdev, "uuid", mdev), features=features)
        return Guest(self, name)

    def fault(self, rule: str) -> Fault:
        """Adds a fault rule, such as "05.* 3 busy"."""
        return Fault(self, int(self.call("fault-add", rule=rule)["number"]))

    def clear_faults(self) -> None:
        self.call("fault-remove", all=True)

    # What happens.

    def events(self, since: Optional[int] = None, kinds: Optional[list[str]] = None,
               timeout: Optional[float] = None) -> Iterator[Event]:
        """Events from now on, or those from a number on and then new ones; TimeoutError when none comes in time."""
        return follow(self.socket, since, kinds, timeout)

    def next_event(self) -> int:
        """The number that the next event will have: for since."""
        return int(self.call("events", since=2**62)["next"])

    def wait(self, condition: Union[str, Callable[[], Any]], timeout: Optional[float] = None,
             since: Optional[int] = None) -> Optional[Event]:
        """Waits until a condition holds, or a function returns something true. TimeoutError.

        Conditions are those of apus-wait: "guest Guest1 has 05.0004", "event CONFIG=0 card05". Returns the event, if it was one.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if callable(condition):
            self._wait_for(condition, deadline)
            return None
        with Connection(self.socket, timeout) as connection:
            try:
                found = connection.call("wait", condition=condition, since=since).get("event")
            except TimeoutError:
                raise TimeoutError(f"not in {timeout} seconds: {condition}") from None
        return event_of(found) if found else None

    def _wait_for(self, function: Callable[[], Any], deadline: Optional[float]) -> None:
        with Connection(self.socket) as connection:
            connection.call("subscribe", events=["state", "uevent", "log"])
            while not function():
                connection.event(remaining(deadline))
