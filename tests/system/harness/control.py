# SPDX-License-Identifier: MIT
"""A client of the control socket: newline-delimited JSON, one reply for each command."""

import json
import socket

from . import schema


class CommandError(Exception):
    """An {"error": …} reply; errno is the name, None where the reply has none."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error}")
        self.command = command
        self.error = error
        self.desc = error.get("desc", "")
        self.errno = error.get("errno")


class Control:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b""
        self.events = []
        self.serial = 0
        self.greeting = self.receive()
        assert "apus" in self.greeting, self.greeting

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next message; None at the end of the connection."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        message = json.loads(line)
        if "event" in message:
            schema.check_event(message)
        return message

    def reply(self):
        """The next message that is not an event; events before it are kept."""
        while True:
            message = self.receive()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def execute(self, command, /, **arguments):
        self.serial += 1
        request = {"execute": command, "id": self.serial}
        if arguments:
            request["arguments"] = arguments
        self.send(json.dumps(request).encode() + b"\n")
        reply = self.reply()
        assert reply is not None, f"{command}: connection closed"
        assert reply.get("id") == self.serial, reply
        if "error" in reply:
            raise CommandError(command, reply["error"])
        schema.check_return(command, reply["return"])
        return reply["return"]
