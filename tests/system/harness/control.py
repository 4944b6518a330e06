# SPDX-License-Identifier: MIT
"""A client of the control socket that checks what it gets against the protocol's schema."""

import sys
from pathlib import Path

from . import schema

sys.path.insert(0, str(Path(__file__).parents[3] / "python/src"))
from apus import ApusError, Connection  # pylint: disable=wrong-import-position


class CommandError(Exception):
    """An {"error": …} reply; errno is the name, None where the reply has none."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error}")
        self.command = command
        self.error = error
        self.desc = error.get("desc", "")
        self.errno = error.get("errno")


class Control(Connection):
    def __init__(self, path, timeout=20):
        super().__init__(path, timeout)

    def receive(self):
        message = super().receive()
        if message and "event" in message:
            schema.check_event(message)
        return message

    def execute(self, command, /, **arguments):
        try:
            value = self.call(command, **arguments)
        except ApusError as error:
            raise CommandError(command, error.error) from None
        schema.check_return(command, value)
        return value
