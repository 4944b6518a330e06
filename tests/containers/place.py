# SPDX-License-Identifier: MIT
"""A daemon outside of containers."""

import os
import signal
import subprocess

APUS = os.environ["APUS_BIN"]
PREFIX = f"apus-containers-{os.getpid()}-"  # other tests of containers may run beside these


class Place:
    """A directory whose mounts containers see, and at most one daemon that mounts its tree in it."""

    def __init__(self, path):
        self.path = path
        self.tree, self.socket = path / "sys", path / "socket"
        self.daemon = None
        self.tree.mkdir()

    def start(self, *options):
        self.daemon = subprocess.Popen([APUS, "daemon", "--mount", self.tree, "--socket", self.socket, *options],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.daemon.stdout.readline() == "ready\n", self.daemon.communicate()[1]

    def end(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        self.daemon.communicate(timeout=60)
        self.daemon = None

    def inside(self):
        """Options of a container that has the tree as its /sys."""
        return "-v", f"{self.tree}:/sys:ro", "-v", f"{self.tree}/dev/z90crypt:/dev/z90crypt"
