# SPDX-License-Identifier: MIT
"""A machine of the package apus on a mount, with what only tests want: all replies are checked, and nothing may be left behind."""

import os
import threading
import time
from pathlib import Path

import apus
from apus import ApusError
from apus.daemon import program as apus_binary

from . import schema
from .mdev import Mdev
from .tree import Tree

LIFE_SECONDS = 300


class Control(apus.Connection):
    """Checks what it gets against the protocol's schema."""

    def __init__(self, path, timeout=60):
        super().__init__(path, timeout)

    def receive(self):
        message = super().receive()
        if message and "event" in message:
            schema.check_event(message)
        return message

    def call(self, command, /, **arguments):
        value = super().call(command, **arguments)
        schema.check_return(command, value)
        return value

    execute = call


class Checked(apus.Machine):
    def connect(self):
        return Control(self.socket)


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def wait_connected(process):
    """Until a program of ours has reached its daemon: it has a socket then."""
    def target(fd):
        try:
            return os.readlink(f"/proc/{process.pid}/fd/{fd}")
        except OSError:
            return ""  # closed meanwhile

    end = time.monotonic() + 60
    while not any(target(fd).startswith("socket:") for fd in os.listdir(f"/proc/{process.pid}/fd")):
        assert process.poll() is None and time.monotonic() < end, f"{process.args} has not connected"
        time.sleep(0.01)


def devices(guest):
    """Cards and queues on the guest's own AP bus, as a program in it sees them; none if it has no AP bus."""
    return guest.run("bash", "-c", "if test -d /sys/bus/ap/devices; then ls /sys/bus/ap/devices; fi").split()


class Daemon(Tree):
    """The mounted tree of a machine. The tree's own methods answer with names of errno, as a program would see them."""

    def __init__(self, folder, machine=None, abi=None, arguments=()):
        folder = Path(folder)
        super().__init__(folder / "sys")
        self.root.mkdir(parents=True)
        self.use(Checked(machine, abi=abi, mount=self.root, directory=folder, arguments=list(map(str, arguments))))
        self.process = self.machine.daemon.process
        # If the daemon hangs, a reader of its mount cannot be interrupted; killing the daemon releases it.
        self.watchdog = threading.Timer(LIFE_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def use(self, machine):
        self.machine = machine
        self.socket = machine.socket
        self.guest = machine.guest
        self.execute = machine.call
        self.cli = machine.apus

    @property
    def control(self):
        return self.machine.connection

    def stderr(self):
        return self.machine.daemon.stderr()

    def stop(self):
        """Ends it as a user would; it must leave nothing behind."""
        try:
            self.machine.close()
            assert not os.path.ismount(self.root), "the daemon left its mount behind"
            assert not self.socket.exists(), "the daemon left its socket behind"
        finally:
            self.abandon()

    def abandon(self):
        self.watchdog.cancel()
        self.machine.kill()

    def is_tidy(self):
        """No mount, not even a dead one, and no socket."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return f" {self.root} " not in file.read() and not list(self.socket.parent.glob(f"{self.socket.name}*"))

    def wait_tidy(self):
        """For what its heir takes away after a death without a word."""
        deadline = time.monotonic() + 60
        while not self.is_tidy():
            assert time.monotonic() < deadline, "a dead daemon has left something behind"
            time.sleep(0.01)

    def refused(self, command, /, **arguments):
        """The error of a command that must fail."""
        try:
            result = self.execute(command, **arguments)
        except ApusError as error:
            assert error.desc, f"{command}: an error without a sentence"
            return error
        raise AssertionError(f"{command} {arguments} succeeded: {result}")

    def mdev(self, number):
        return Mdev(self, number).create()

    def se_adapter(self, adapter, state, **options):
        return self.execute("se-adapter", adapter=adapter, state=state, **options)

    def se_lpar(self, action, kind, number, **options):
        return self.execute("se-lpar", action=action, kind=kind, id=number, **options)

    def adapters_online(self):
        """Adapters that the bus shows as configured."""
        cards = [name for name in self.names("devices/ap") if name.startswith("card")]
        return [int(c[4:], 16) for c in cards if self.value(f"devices/ap/{c}/config") == "1"]

    def change_lpar(self, *changes):
        """Changes the LPAR's cryptographic controls as documented: adapters off, the changes, adapters on.

        A change is (action, kind, number). Adapters that were added are configured on too.
        """
        online = self.adapters_online()
        for adapter in online:
            self.se_adapter(adapter, "off")
        for action, kind, number in changes:
            self.se_lpar(action, kind, number)
            if (action, kind) == ("add", "adapter"):
                online.append(number)
            if (action, kind) == ("remove", "adapter"):
                online.remove(number)
        for adapter in online:
            self.se_adapter(adapter, "on")
