# SPDX-License-Identifier: MIT
"""A client of the control socket (docs/control-protocol.md): newline-delimited JSON, a reply for each request."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Union

Path = Union[str, "os.PathLike[str]"]


class ApusError(Exception):
    """An error of the daemon. kind is its class, errno the name of an errno such as "EBUSY", desc a sentence; message is the
    number of the message about it in the log, if there is one."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('desc', '')} ({error.get('errno', error.get('class'))})")
        self.error = error
        self.kind: str = error.get("class", "")
        self.errno: Optional[str] = error.get("errno")
        self.desc: str = error.get("desc", "")
        self.message: Optional[int] = error.get("message")


class Refused(ApusError):
    """The machine, the bus or a device refused it, and nothing was changed."""


class ConnectionLost(ConnectionError):
    """The daemon has ended, or has closed the connection."""


@dataclass(frozen=True)
class Event:
    """What has happened: its name, its data, seconds since the daemon started, the date (RFC 3339), and its number."""

    name: str
    data: dict[str, Any]
    timestamp: float
    date: str
    number: Optional[int]


def event_of(message: dict[str, Any]) -> Event:
    return Event(message["event"], message["data"], message["timestamp"], message["date"], message.get("number"))


class Connection:
    """Requests of one connection are answered in their order. Events that arrive in between are kept in events."""

    def __init__(self, path: Path, timeout: Optional[float] = 60) -> None:
        self.timeout = timeout
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.buffer = b""
        self.events: list[dict[str, Any]] = []
        self.serial = 0
        try:
            self.socket.connect(os.fspath(path))
            greeting = self.receive()
            if greeting is None:
                raise ConnectionLost("the daemon said nothing")
            if "error" in greeting:
                raise ApusError(greeting["error"])
        except BaseException:
            self.socket.close()
            raise
        self.greeting: dict[str, Any] = greeting

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> Optional[dict[str, Any]]:
        """The next message; None at the end of the connection."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def reply(self) -> Optional[dict[str, Any]]:
        """The next message that is no event."""
        while True:
            message = self.receive()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def call(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        """Executes a command and returns what it returns; arguments that are None are left out.

        The connection ends with a call that does not, by a timeout or any other exception: its reply would be taken for the next
        one's."""
        if self.socket.fileno() < 0:
            raise ConnectionLost("the connection is closed: an earlier call was given up")
        self.serial += 1
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            self.send(json.dumps({"execute": command, "id": self.serial, "arguments": given}).encode() + b"\n")
            reply = self.reply()
        except (BrokenPipeError, ConnectionResetError):
            reply = None
        except BaseException:
            self.close()
            raise
        if reply is None:
            raise ConnectionLost(f"the daemon closed the connection instead of an answer to {command}")
        if "error" in reply:
            error = reply["error"]
            raise (Refused if error["class"] == "Refused" else ApusError)(error)
        value: dict[str, Any] = reply["return"]
        return value

    def event(self, timeout: Optional[float] = None) -> dict[str, Any]:
        """Waits for the next event. TimeoutError."""
        if self.events:
            return self.events.pop(0)
        self.socket.settimeout(timeout)
        try:
            message = self.receive()
        except (socket.timeout, BlockingIOError):
            raise TimeoutError(f"no event in {timeout} seconds") from None
        finally:
            self.socket.settimeout(self.timeout)
        if message is None:
            raise ConnectionLost("the daemon closed the connection")
        return message


def follow(path: Path, since: Optional[int], kinds: Optional[list[str]], timeout: Optional[float]) -> Iterator[Event]:
    """Events from now on, or from a number on, until nothing comes for timeout seconds (TimeoutError)."""
    connection = Connection(path)
    # Now, not when the first event is wanted: what happens in between counts.
    connection.call("subscribe", since=since, events=kinds)

    def events() -> Iterator[Event]:
        with connection:
            while True:
                yield event_of(connection.event(timeout))

    return events()


def remaining(deadline: Optional[float]) -> Optional[float]:
    """Seconds to a deadline of time.monotonic(). TimeoutError."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left
