# SPDX-License-Identifier: MIT
"""Something is killed in the middle of its work: containers, processes, mounts and files of the computer are as before.

APUS_KILLS is how often, of each kind (default 4; 50 are the proof)."""

import contextlib
import os
import random
import signal

import pytest

from engine import docker, wait_for
from place import PREFIX

APUS = os.environ["APUS_BIN"]
KILLS = min(50, int(os.environ.get("APUS_KILLS", "4")))
WITHOUT = ("-e", "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0", "--tmpfs", "/tmp")
MOUNTED = ("--device", "/dev/fuse", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE")
BUSY = "echo busy; while :; do ls -R /sys/bus/ap > /dev/null; echo +5 > /sys/bus/ap/apmask; cat /sys/bus/ap/apmask > /dev/null; done"
# Who is killed, by the word that its command line has after "apus".
PARTS = {"run": "run", "daemon": "daemon"}


def mounts():
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if PREFIX in line]


def members(container):
    """{pid: command line} of the processes of a container, by their numbers outside."""
    lines = docker("top", container, "-eo", "pid,args").stdout.splitlines()[1:]
    return {int(line.split()[0]): line for line in lines}


def kill(container, whom):
    """True: it was there."""
    if whom == "all":
        return docker("kill", container).returncode == 0
    found = [pid for pid, line in members(container).items() if "apus" in line and f" {PARTS[whom]} " in line]
    for pid in found:
        # The first may be the container's init: the kernel has killed the others by then.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


@pytest.mark.parametrize("way, options", [("no-mount", WITHOUT), ("fuse", MOUNTED)])
def test_in_a_container(engine, way, options):
    """Its daemon, its `apus run`, or all at once: the container ends, and nothing of it stays."""
    chance, before = random.Random(KILLS), mounts()
    for turn in range(KILLS):
        chosen = ["--no-mount"] if way == "no-mount" else ["--ioctl=fuse"]
        container = engine.start(options, APUS, "run", *chosen, "--", "sh", "-c", BUSY)
        wait_for(lambda: "busy" in docker("logs", container).stdout)
        inside = list(members(container))
        whom = chance.choice(["run", "daemon", "all"])
        assert kill(container, whom), (turn, docker("logs", container))
        if whom == "daemon":  # the program goes on without its machine
            docker("kill", container)
        wait_for(lambda: docker("inspect", "-f", "{{.State.Running}}", container).stdout == "false\n")
        assert docker("rm", container).returncode == 0, (turn, whom)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in inside))
        assert mounts() == before, (turn, whom)


def test_a_daemon_outside(engine, place):
    """It is killed while containers use its tree; they can end, and its mount, sockets and links of nodes go."""
    links = place.path / "dev"
    links.mkdir()
    before, files = mounts(), sorted(os.listdir(place.path))
    for turn in range(KILLS):
        place.start("--dev-links", links)
        assert (links / "z90crypt").exists()
        container = engine.start(place.inside(), "sh", "-c", BUSY)
        wait_for(lambda: "busy" in docker("logs", container).stdout)
        place.end(signal.SIGKILL)
        assert docker("rm", "-f", container).returncode == 0, turn
        wait_for(lambda: sorted(os.listdir(place.path)) == files and os.listdir(links) == [] and mounts() == before)
