# SPDX-License-Identifier: MIT
"""No uevents are sent where they must not go."""

import os
import socket
import sys

import pytest

sys.path.append(os.path.join(os.path.dirname(__file__), "inside"))
from netlink import NETLINK_KOBJECT_UEVENT, Listener  # noqa: E402


def netns():
    return os.stat("/proc/self/ns/net").st_ino


def daemon(inside, fd, outside, **settings):
    done = inside.command("timeout", "60", os.environ["APUS_BIN"], "daemon", "--mount", inside.base,
                          "--socket", f"{inside.base}/control", "--uevent-fd", fd,
                          "--outside", outside, **settings)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_socket_from_outside(inside):
    """A daemon gets a socket that was not created in a separate network namespace."""
    heard = Listener()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT) as ours:
        status, said = daemon(inside, ours.fileno(), netns(), pass_fds=[ours.fileno()])
    assert status == 1 and said.startswith("apus: uevents are not sent") and said.count("\n") == 1
    assert heard.hear(b"/devices/ap") == []


def test_other_descriptors(inside):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE) as other:
        number = other.fileno()
        assert daemon(inside, number, netns(), pass_fds=[number]) == \
            (1, f"apus: descriptor {number} is not a netlink socket for uevents\n")
    status, said = daemon(inside, 99, netns())
    assert status == 2 and said.startswith("apus daemon: --uevent-fd 99: this descriptor is not open\n")


@pytest.mark.parametrize("fd, outside", [("one", "1"), ("0", "net:[1]"), ("0", "0"), ("0", "-1")])
def test_bad_numbers(inside, fd, outside):
    status, said = daemon(inside, fd, outside)
    assert status == 2 and f"'{fd if fd == 'one' else outside}'" in said


def test_options_go_together(inside):
    done = inside.command(os.environ["APUS_BIN"], "daemon", "--mount", inside.base,
                          "--socket", f"{inside.base}/control", "--uevent-fd", 0)
    assert done.returncode == 2 and "--outside" in done.stderr


def test_nothing_is_heard_outside(inside):
    """The computer sees no uevents of the machine, with and without --uevents."""
    heard = Listener()
    script = "echo -4 > /sys/bus/ap/aqmask && echo add > /sys/devices/ap/uevent"
    for options in [], ["--uevents"]:
        done = inside.command(os.environ["APUS_BIN"], "run", *options, "--", "bash", "-c", script)
        assert (done.returncode, done.stderr) == (0, "")
        for ours in b"/devices/ap", b"/devices/vfio_ap", b"/bus/ap":
            assert heard.hear(ours) == []


def test_own_network(inside):
    """With --uevents a new namespace whose loopback device is up; without, the caller's."""
    look = ["bash", "-c", "readlink /proc/self/ns/net; echo > /dev/tcp/127.0.0.1/9"]
    new = inside.command(os.environ["APUS_BIN"], "run", "--uevents", "--", *look)
    old = inside.command(os.environ["APUS_BIN"], "run", "--", *look)
    assert old.stdout.strip() == os.readlink("/proc/self/ns/net") != new.stdout.strip()
    assert "refused" in new.stderr
