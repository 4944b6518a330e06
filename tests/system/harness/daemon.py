# SPDX-License-Identifier: MIT
"""A daemon in the foreground on a temporary mount point."""

import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

from .control import CommandError, Control
from .guest import Guest
from .mdev import Mdev
from .tree import Tree

START_SECONDS = 20
LIFE_SECONDS = 300


def apus_binary():
    path = os.environ.get("APUS_BIN")
    if not path:
        raise RuntimeError("APUS_BIN names no program; run the tests through meson")
    return path


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class Daemon(Tree):
    """The tree of a running daemon, and its control socket."""

    def __init__(self, folder, machine=None, abi=None, arguments=()):
        folder = Path(folder)
        super().__init__(folder / "sys")
        self.root.mkdir(parents=True)
        self.socket = folder / "socket"
        self.stderr_path = folder / "stderr"
        command = [apus_binary(), "daemon", "--mount", self.root, "--socket", self.socket]
        if machine is not None:
            file = folder / "machine.ini"
            file.write_text(machine if isinstance(machine, str) else machine.text())
            command += ["-m", file]
        if abi is not None:
            command += ["--abi", abi]
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        # If the daemon hangs, a reader of its mount cannot be interrupted; killing the daemon releases it.
        self.watchdog = threading.Timer(LIFE_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        self.control_connection = None
        try:
            self.wait_ready()
        except BaseException:
            self.abandon()
            raise

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def wait_ready(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        assert line == b"ready\n", f"the daemon did not start: {line!r}\n{self.stderr()}"

    def abandon(self):
        self.process.kill()
        self.process.wait()
        self.watchdog.cancel()
        self.process.stdout.close()
        subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL, check=False)

    def is_tidy(self):
        """No mount, not even a dead one, and no socket."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return f" {self.root} " not in file.read() and not list(self.socket.parent.glob(f"{self.socket.name}*"))

    def wait_tidy(self):
        """For what its heir takes away after a death without a word."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_tidy():
            assert time.monotonic() < deadline, "a dead daemon has left something behind"
            time.sleep(0.01)

    def stop(self):
        """Ends it as a user would; it must leave nothing behind."""
        if self.control_connection:
            self.control_connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError("the daemon did not end at SIGTERM\n" + self.stderr()) from None
        self.watchdog.cancel()
        self.process.stdout.close()
        mounted = os.path.ismount(self.root)
        if mounted:
            subprocess.run(["umount", "-l", self.root], check=False)
        assert status == 0, f"the daemon ended with {status}\n{self.stderr()}"
        assert not mounted, "the daemon left its mount behind"
        assert not self.socket.exists(), "the daemon left its socket behind"

    # The control socket.

    @property
    def control(self):
        if self.control_connection is None:
            self.control_connection = Control(self.socket)
        return self.control_connection

    def execute(self, command, /, **arguments):
        return self.control.execute(command, **arguments)

    def refused(self, command, /, **arguments):
        """The error of a command that must fail."""
        try:
            result = self.execute(command, **arguments)
        except CommandError as error:
            assert error.desc, f"{command}: an error without a sentence"
            return error
        raise AssertionError(f"{command} {arguments} succeeded: {result}")

    def guest(self, name):
        return Guest(self, name)

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

    def cli(self, *arguments, **options):
        """Runs an apus subcommand on this daemon."""
        environment = dict(os.environ, APUS_SOCKET=str(self.socket))
        return subprocess.run([apus_binary(), *map(str, arguments)], env=environment, text=True,
                              capture_output=True, timeout=60, check=False, **options)
