# SPDX-License-Identifier: MIT
"""A daemon with its own mount, and short forms of what an administrator does."""

import json
import os
import signal
import subprocess

from conftest import BUILD, wait_until

APUS = BUILD / "src" / "cli" / "apus"


class Machine:
    def __init__(self, place, text):
        self.place, self.root, self.socket = place, place / "sys", place / "control"
        self.root.mkdir(parents=True)
        self.file = place / "machine.ini"
        self.file.write_text(text)
        self.process = None

    def start(self):
        self.log = open(self.place / "daemon.log", "ab")
        self.process = subprocess.Popen(
            [APUS, "daemon", "--mount", self.root, "--socket", self.socket, "-m", self.file], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log)
        assert self.process.stdout.readline() == b"ready\n", (self.place / "daemon.log").read_text()

    def stop(self):
        """For the guests this is as if it were killed: their connections end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        self.process.stdout.close()
        self.log.close()

    def end(self):
        """Stops all guests and the daemon, whatever state the test left them in."""
        for directory in sorted(self.place.glob("control.linux/*")):
            self.apus("guest", "stop", directory.name, check=False)
        if self.process and self.process.poll() is None:
            self.stop()

    def apus(self, *words, check=True, input=None, timeout=300):
        more = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run([APUS, *words[:2], "--socket", self.socket, *words[2:]], capture_output=True, text=True,
                              timeout=timeout, **more)
        if check:
            assert done.returncode == 0, (words, done)
        return done

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
        self.directory = machine.place / f"control.linux/{name}"
        machine.apus("guest", "start", name, mdev.uuid, "--linux", *options)

    def pid(self):
        return self.pid_of(self.machine, self.name)

    @staticmethod
    def pid_of(machine, name):
        return int((machine.place / f"control.linux/{name}/pid").read_text())

    def exec(self, *words, check=True, input=None):
        return self.machine.apus("guest", "exec", self.name, "--", *words, check=check, input=input)

    def popen(self, *words, **more):
        return subprocess.Popen([APUS, "guest", "exec", "--socket", self.machine.socket, self.name, "--", *words], **more)

    def sh(self, script, **more):
        return self.exec("sh", "-c", script, **more).stdout.strip()

    def without_daemon(self, script):
        """Works after the daemon has ended: `apus guest exec` needs only the path of its socket. Waits until script
        prints nothing."""
        wait_until(lambda: self.sh(script) == "", 60)
        return self.sh(script)

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
