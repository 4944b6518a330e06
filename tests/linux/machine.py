# SPDX-License-Identifier: MIT
"""A machine of `apus up`, and short forms of what an administrator does."""

import contextlib
import json
import os
import pathlib
import subprocess

from conftest import BUILD, wait_until

APUS = BUILD / "src" / "cli" / "apus"


class Machine:
    NAME = "lab"

    def __init__(self, place, text):
        place.mkdir(mode=0o700)
        self.directory = place / self.NAME
        self.env = {**os.environ, "APUS_RUNTIME_DIR": str(place)}
        self.file = place / "machine.ini"
        self.file.write_text(text)

    def start(self, *options):
        self.run("up", self.NAME, "-m", self.file, *options)
        self.pid = json.loads(self.run("list", "--json").stdout)["pid"]  # the only one in this directory
        self.root = pathlib.Path(f"/proc/{self.pid}/root/sys")  # what programs in it see

    def end(self):
        """Ends all guests and the daemon, whatever state the test left them in."""
        if self.directory.exists():
            self.run("down", self.NAME)
        assert not self.directory.exists()

    def run(self, *words, check=True, input=None, timeout=300):
        more = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run([APUS, *words], capture_output=True, text=True, timeout=timeout, env=self.env, **more)
        if check:
            assert done.returncode == 0, (words, done)
        return done

    def apus(self, *words, **more):
        """A command about this machine."""
        return self.run(*words[:2], "-n", self.NAME, *words[2:], **more)

    def popen(self, *words, **more):
        return subprocess.Popen([APUS, *words[:2], "-n", self.NAME, *words[2:]], env=self.env, **more)

    def ask(self, *words):
        return json.loads(self.apus(*words, "--json").stdout)

    def write(self, path, value):
        (self.root / path).write_text(f"{value}\n")

    def read(self, path):
        return (self.root / path).read_text().rstrip("\n")

    def mdev(self, uuid):
        return Mdev(self, uuid)

    def guests(self):
        return {guest["name"]: guest for guest in self.ask("guest", "list")["guests"]}


@contextlib.contextmanager
def running(place, text, aqmask=None, *options):
    """A machine that runs; aqmask says which domains are not zcrypt's."""
    machine = Machine(place, text)
    try:
        machine.start(*options)
        if aqmask:
            machine.write("bus/ap/aqmask", aqmask)
        yield machine
    finally:
        machine.end()


class Mdev:
    def __init__(self, machine, uuid):
        self.machine, self.uuid, self.path = machine, uuid, f"devices/vfio_ap/matrix/{uuid}"

    def create(self, adapters=(), domains=(), control_domains=()):
        self.machine.write("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", self.uuid)
        for kind, numbers in (("adapter", adapters), ("domain", domains), ("control_domain", control_domains)):
            for number in numbers:
                self.assign(kind, number)
        return self

    def assign(self, kind, number):
        self.machine.write(f"{self.path}/assign_{kind}", number)

    def unassign(self, kind, number):
        self.machine.write(f"{self.path}/unassign_{kind}", number)

    def guest_matrix(self):
        return self.machine.read(f"{self.path}/guest_matrix").split()

    def matrix(self):
        return self.machine.read(f"{self.path}/matrix").split()


class Guest:
    """A guest that `apus guest start --linux` boots."""

    def __init__(self, machine, name, mdev, *options):
        self.machine, self.name, self.mdev = machine, name, mdev
        self.directory = machine.directory / f"control.linux/{name}"
        machine.apus("guest", "start", name, mdev.uuid, "--linux", *options)

    def pid(self):
        return self.pid_of(self.machine, self.name)

    @staticmethod
    def pid_of(machine, name):
        return int((machine.directory / f"control.linux/{name}/pid").read_text())

    def exec(self, *words, check=True, input=None):
        return self.machine.apus("guest", "exec", self.name, "--", *words, check=check, input=input)

    def popen(self, *words, **more):
        return self.machine.popen("guest", "exec", self.name, "--", *words, **more)

    def sh(self, script, **more):
        return self.exec("sh", "-c", script, **more).stdout.strip()

    def queues(self):
        return self.sh("cd /sys/bus/ap/devices && ls -d *.* 2>/dev/null || :").split()

    def mask(self, kind):
        value = int(self.sh(f"cat /sys/bus/ap/ap_{kind}_mask"), 16)
        return {n for n in range(256) if value >> (255 - n) & 1}

    def sees_the_matrix(self):
        """Whether the guest's queues are those of guest_matrix."""
        return sorted(self.queues()) == sorted(self.mdev.guest_matrix())

    def wait_for(self, *queues):
        wait_until(lambda: sorted(self.queues()) == sorted(queues), 60)
        assert sorted(self.mdev.guest_matrix()) == sorted(queues)

    def alive(self, pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
