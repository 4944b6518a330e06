# SPDX-License-Identifier: MIT
"""A machine with its AP subsystem: starts one, or uses one that runs."""

from __future__ import annotations

import os
import subprocess
import time
import uuid as uuids
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, Union

from .connection import ApusError, Connection, ConnectionLost, Event, event_of, follow, remaining
from .daemon import AnyPath, Daemon, program
from .machine_file import machine_file
from .objects import MATRIX, Clock, Fault, Guest, Mdev, Node, Queue, SupportElement

ANSWER_SECONDS = 0.5  # that a machine has to say whether a condition holds

Source = Union[None, AnyPath, Mapping[str, Any]]


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
    else works without any right. Its control socket and what it says on standard error are in directory, if one is given.
    arguments go to `apus daemon`.
    """

    def __init__(self, source: Source = None, *, abi: Optional[str] = None, virtual_clock: bool = False,
                 mount: Optional[AnyPath] = None, directory: Optional[AnyPath] = None, arguments: Sequence[str] = ()) -> None:
        options = ["--abi", abi] if abi is not None else []
        if virtual_clock:
            options += ["--clock", "virtual"]
        daemon = Daemon(text_of(source), mount, directory, [*options, *arguments])
        self._use(daemon.socket, daemon)

    def _use(self, socket: AnyPath, daemon: Optional[Daemon]) -> None:
        super().__init__(self)
        self.se = SupportElement(self)
        self.clock = Clock(self)
        self.socket = Path(socket)
        self.daemon = daemon
        self._connection: Optional[Connection] = None
        self._closed = False

    @classmethod
    def imported(cls, *sources: AnyPath, **options: Any) -> "Machine":
        """A machine like a real one: of what `apus import` takes."""
        done = subprocess.run([program(), "import", *(os.fspath(source) for source in sources)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr.strip())
        return cls(done.stdout, **options)

    @classmethod
    def running(cls, socket: Optional[AnyPath] = None) -> "Machine":
        """One that somebody else has started: of that control socket, or of $APUS_SOCKET. close() leaves it running."""
        path = socket if socket is not None else os.environ.get("APUS_SOCKET")
        if path is None:
            raise ValueError("which machine? APUS_SOCKET is not set")
        machine = cls.__new__(cls)
        machine._use(path, None)
        machine._connection = machine.connect()
        return machine

    def close(self) -> None:
        """Ends the machine, unless it was running before. May be called twice. RuntimeError: its daemon did not end well."""
        self._disconnect()
        if self.daemon:
            self.daemon.stop()

    def kill(self) -> None:
        """Ends the machine as a crash of its daemon would; what runs that somebody else has started is left alone."""
        self._disconnect()
        if self.daemon:
            self.daemon.kill()

    def _disconnect(self) -> None:
        self._closed = True
        if self._connection:
            self._connection.close()
        self._connection = None

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        """Any command of the control protocol; arguments that are None are left out."""
        return self.connection.call(command, **arguments)

    def connect(self) -> Connection:
        """Another connection to its control socket."""
        return Connection(self.socket)

    @property
    def connection(self) -> Connection:
        """The connection of this object's requests."""
        if self._closed:
            raise ConnectionLost("the machine has ended")
        if not self._connection:
            self._connection = self.connect()
        return self._connection

    def apus(self, *words: Any, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Runs a subcommand on this machine: apus("se", "adapter", "5", "off"). options are those of subprocess.run."""
        environment = {**os.environ, **options.pop("env", {}), "APUS_SOCKET": str(self.socket)}
        settings: dict[str, Any] = {"timeout": 60, "capture_output": True, "check": False, **options}
        done: subprocess.CompletedProcess[str] = subprocess.run([program(), *map(str, words)], env=environment, text=True, **settings)
        return done

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
        return Guest(self, name).start(mdev, features)

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
        A machine has at least half a second to say whether a condition holds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if callable(condition):
            self._wait_for(condition, deadline)
            return None
        with Connection(self.socket) as connection:
            connection.socket.settimeout(None if timeout is None else max(timeout, ANSWER_SECONDS))
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
