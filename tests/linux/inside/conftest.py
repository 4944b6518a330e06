# SPDX-License-Identifier: MIT
"""These tests run inside `apus run` (../test_qemu.py). Guests are started with QEMU's command line, as on IBM Z."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest

BUILD = pathlib.Path(os.environ["APUS_BUILD"])
KERNEL, IMAGE = os.environ["APUS_TEST_KERNEL"], os.environ["APUS_TEST_IMAGE"]
MATRIX = pathlib.Path("/sys/devices/vfio_ap/matrix")
CPU = "host,ap=on,apqci=on,apft=on,apqi=on"  # as in the series of June 2019


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def apus(*words, check=True):
    return subprocess.run(["apus", *words], capture_output=True, text=True, check=check)


def guests():
    return {guest["name"]: guest for guest in json.loads(apus("guest", "list", "--json").stdout)["guests"]}


class Mdev:
    def __init__(self, number, adapters, domains):
        self.uuid = f"9c1b3b6a-8f0c-4b1e-9a53-2d1c7e7f{number:04x}"
        self.path = MATRIX / self.uuid
        (MATRIX / "mdev_supported_types/vfio_ap-passthrough/create").write_text(self.uuid)
        for kind, numbers in (("adapter", adapters), ("domain", domains)):
            for n in numbers:
                self.write(f"assign_{kind}", n)

    def write(self, name, value):
        (self.path / name).write_text(f"{value}\n")

    def queues(self):
        return (self.path / "guest_matrix").read_text().split()

    def remove(self):
        self.write("remove", 1)


class Guest:
    """QEMU, and programs inside its Linux. The options that our init needs are added to the command line."""

    def __init__(self, directory, name, *words, cpu=CPU, device=None, more="", append=""):
        self.directory, self.name = directory, name
        directory.mkdir()
        channels = ["-device", "virtio-serial-ccw"]
        for port in ("exec", "out", "err", "in"):
            channels += ["-chardev", f"socket,id={port},path={directory}/{port}.sock,server=on,wait=off",
                         "-device", f"virtserialport,chardev={port},name=org.apus.{port}"]
        line = ["qemu-system-s390x", "-nographic", "-m", "512", "-kernel", KERNEL, "-initrd", IMAGE, "-cpu", cpu]
        if device:
            line += ["-device", f"vfio-ap,id=ap0,sysfsdev={device.path}{more}"]
        self.process = subprocess.Popen(
            [*line, "-name", name, "-append", f"rdinit=/init apus.config_time=120 {append}", *channels,
             "-qmp", f"unix:{directory}/qmp,server=on,wait=off", *words],
            stdin=subprocess.PIPE, stdout=open(directory / "console", "wb"), stderr=subprocess.STDOUT)

    def console(self):
        return (self.directory / "console").read_text(errors="replace")

    def wait(self):
        wait_until(lambda: (self.directory / "exec.sock").exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.console()
        self.exec("true", timeout=200)
        return self

    def exec(self, *words, check=True, timeout=60):
        done = subprocess.run([BUILD / "linux" / "linux-exec", "-t", str(timeout), self.directory / "exec.sock", *words],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, (words, done, self.console()[-2000:])
        return done

    def sh(self, script, **more):
        return self.exec("sh", "-c", script, **more).stdout.strip()

    def queues(self):
        return self.sh("cd /sys/bus/ap/devices && ls -d *.* 2>/dev/null || :").split()

    def scanned(self):
        """Scans and returns the queues."""
        self.sh("echo 1 >/sys/bus/ap/scans")
        return self.queues()

    def interrupts(self):
        found = re.search(r"^APB: +(\d+)", self.sh("cat /proc/interrupts"), re.M)
        return int(found[1]) if found else 0

    def qmp(self, command, **arguments):
        """QEMU's return value, or the description of its error."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self.directory / "qmp"))
            answers = monitor.makefile()
            answers.readline()
            for step, words in (("qmp_capabilities", {}), (command, arguments)):
                monitor.sendall(json.dumps({"execute": step, "arguments": words}).encode())
                answer = next(a for a in map(json.loads, answers) if "event" not in a)
        return answer["return"] if "return" in answer else answer["error"]["desc"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)


@pytest.fixture(scope="session", autouse=True)
def domains():
    """Gives the domains of the worked example to vfio_ap."""
    pathlib.Path("/sys/bus/ap/aqmask").write_text("-4,-0x47,-0xab,-0xff\n")


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="apus-qemu-", dir="/tmp") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def device():
    """device(ADAPTERS, DOMAINS): a mediated device that is removed after the test."""
    made = []

    def call(adapters, domains):
        made.append(Mdev(len(made) + 1, adapters, domains))
        return made[-1]

    yield call
    for mdev in made:
        if mdev.path.exists():
            mdev.remove()


@pytest.fixture
def start(place, device):
    """start(NAME, ...) starts a guest; all are killed after the test."""
    running = []

    def call(name, *words, **more):
        running.append(Guest(place / name, name, *words, **more))
        return running[-1]

    yield call
    for guest in running:
        guest.kill()
    wait_until(lambda: not guests(), 60)
