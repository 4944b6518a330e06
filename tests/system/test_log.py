# SPDX-License-Identifier: MIT
"""The message log: each refusal names the rule, the queue, and the mediated device or guest."""

import calendar
import os
import re
import select
import signal
import subprocess
import time

import pytest
from apus import ApusError, Machine

from harness import apus_binary, worked_example

DRIVERS = "bus/ap/drivers"
TYPE = "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"


class Log:
    def __init__(self, daemon):
        self.daemon = daemon
        self.next = daemon.execute("log")["next"]

    def new(self):
        """The messages since the last call, except those about successes."""
        answer = self.daemon.execute("log", since=self.next)
        self.next = answer["next"]
        return [message["message"] for message in answer["messages"] if message["level"] != "info"]


@pytest.fixture
def host(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    host.one, host.two = host.mdev(1).assign([5], [4]), host.mdev(2).assign([6], [4])
    host.log = Log(host)
    return host


def refusals(host):
    """(write and where to, errno, what the message must name)"""
    one, two = f"devices/vfio_ap/matrix/{host.one.uuid}", f"devices/vfio_ap/matrix/{host.two.uuid}"
    return [
        ("bus/ap/apmask", "+5", "EADDRINUSE", ["05.0004", host.one.uuid]),
        ("bus/ap/apmask", "nonsense", "EINVAL", ["apmask", "not a mask"]),
        (f"{two}/assign_adapter", "5", "EADDRINUSE", [host.two.uuid, "0x05", "05.0004", host.one.uuid]),
        (f"{two}/assign_adapter", "4", "EADDRNOTAVAIL", [host.two.uuid, "04.0004", "apmask", "aqmask"]),
        (f"{one}/assign_domain", "256", "ENODEV", [host.one.uuid, "assign_domain", "256", "255"]),
        (f"{one}/assign_control_domain", "-1", "EINVAL", [host.one.uuid, "assign_control_domain", "number"]),
        (f"{one}/ap_config", "0x1", "EINVAL", [host.one.uuid, "ap_config"]),
        (f"{TYPE}/create", "nonsense", "EINVAL", ["create", "UUID"]),
        (f"{TYPE}/create", host.one.uuid, "EEXIST", ["create", host.one.uuid]),
        (f"{DRIVERS}/vfio_ap/bind", "05.9999", "ENODEV", ["vfio_ap/bind", "no such device"]),
        (f"{DRIVERS}/vfio_ap/unbind", "04.0004", "ENODEV", ["vfio_ap/unbind", "no such device"]),
        ("bus/ap/drivers_probe", "05.9999", "ENODEV", ["drivers_probe", "no such device"]),
        ("bus/ap/ap_domain", "256", "EINVAL", ["ap_domain", "from 0 to 255", "aqmask"]),
        ("bus/ap/config_time", "121", "EINVAL", ["config_time", "from 5 to 120"]),
        ("bus/ap/poll_thread", "maybe", "EINVAL", ["poll_thread", "0 or 1"]),
        ("bus/ap/poll_timeout", "120000000001", "EINVAL", ["poll_timeout", "120000000000"]),
        ("bus/ap/poll_timeout", "99999999999999999999", "ERANGE", ["poll_timeout", "120000000000"]),
        ("bus/ap/uevent", "nonsense", "EINVAL", ["bus/ap/uevent", "add, remove"]),
        ("devices/ap/card04/config", "2", "EINVAL", ["card04: config", "0 or 1"]),
        ("devices/ap/card04/online", "2", "EINVAL", ["card04: online", "0 or 1"]),
        ("devices/ap/card04/04.0004/online", "2", "EINVAL", ["04.0004: online", "0 or 1"]),
        ("devices/ap/card04/04.0004/driver_override", "vfio_ap", "EINVAL", ["04.0004: driver_override", "all ones"]),
        ("class/zcrypt/create", "z90crypt", "EEXIST", ["class/zcrypt/create", "name"]),
        ("class/zcrypt/destroy", "nobody", "ENOENT", ["class/zcrypt/destroy", "no node"]),
        ("class/zcrypt/mine/apmask", "nonsense", "EINVAL", ["class/zcrypt/mine/apmask", "not a mask"]),
        ("class/zcrypt/mine/ioctlmask", "-256", "EINVAL", ["class/zcrypt/mine/ioctlmask", "not a mask"]),
    ]


def test_writes(host):
    assert host.w("class/zcrypt/create", "mine") == "OK"
    for file, data, errno, parts in refusals(host):
        assert host.w(file, data) == errno
        messages = host.log.new()
        assert len(messages) == 1 and f"refused ({errno}): " in messages[0], (file, data, messages)
        assert all(part in messages[0] for part in parts), (messages, parts)


def test_what_is_off_cannot_be_online(host):
    card, queue = "devices/ap/card04", "devices/ap/card04/04.0004"
    assert host.w(f"{card}/online", "0") == "OK"
    assert host.w(f"{queue}/online", "1") == "EINVAL"
    host.se_adapter(4, "off")
    assert [host.w(f"{file}/online", "1") for file in (card, queue)] == ["ENODEV"] * 2
    offline, no_card, no_queue = host.log.new()
    assert "04.0004: online refused (EINVAL): the card is offline" in offline
    assert "card04: online refused (ENODEV): the adapter is in standby" in no_card
    assert "04.0004: online refused (ENODEV): the adapter is in standby" in no_queue


def test_remove_with_a_guest(host):
    host.guest("Guest1").start(host.one)
    assert host.one.remove() == "EBUSY"
    (message,) = host.log.new()
    assert all(part in message for part in ("remove refused (EBUSY): ", host.one.uuid, "Guest1"))


def test_a_write_in_a_guest(host):
    host.guest("Guest1").start(host.one)
    host.guest("Guest1").run("sh", "-c", "! echo nonsense > /sys/bus/ap/apmask")
    (message,) = host.log.new()
    assert message.startswith("guest Guest1: apmask refused (EINVAL): not a mask")


def test_commands(host):
    host.guest("Guest1").start(host.one)
    host.guest("Guest2").start(features=["apft"])
    for command, arguments, errno, parts in (
            ("guest-start", {"name": "Guest3", "mdev": host.one.uuid}, "EBUSY", [host.one.uuid, "Guest1"]),
            ("guest-start", {"name": "Guest1"}, "EEXIST", ["Guest1"]),
            ("guest-attach", {"name": "Guest1", "mdev": host.two.uuid}, "EPERM", ["Guest1", "detach it first"]),
            ("guest-attach", {"name": "Guest2", "mdev": host.two.uuid}, "EOPNOTSUPP", ["Guest2", "feature ap"]),
            ("guest-detach", {"name": "Guest2"}, "ENODEV", ["Guest2", "no mediated device"]),
            ("guest-migrate", {"name": "Guest1"}, "EBUSY", ["Guest1", "05.0004"]),
            ("se-adapter", {"adapter": 9, "state": "on"}, "ENODEV", ["0x09"]),
            ("se-lpar", {"action": "add", "kind": "domain", "id": 9}, "EBUSY", ["0x04 0x05 0x06", "off first"]),
            ("checkstop", {"adapter": 9, "state": "on"}, "ENODEV", ["0x09"])):
        error = host.refused(command, **arguments)
        assert error.errno == errno
        wanted = f"{command.replace('-', ' ')} refused ({errno}): {error.desc}"
        assert host.log.new() == [wanted] and all(part in wanted for part in parts)


def test_sclp(host):
    assert host.execute("sclp", command="configure", adapter=9)["response_code"] == "0x09f0"
    (message,) = host.log.new()
    assert all(part in message for part in ("SCLP", "configure", "0x09", "0x09f0"))


def test_an_event_of_a_stopped_guest_has_its_name(host):
    events = host.execute("events")["next"]
    host.guest("Guest1").start(host.one)
    host.guest("Guest1").stop()
    told = [event for event in host.execute("events", since=events)["events"] if event["event"].startswith("guest-")]
    assert "guest-started" in [event["event"] for event in told]
    assert [event["event"] for event in told][-3:] == ["guest-matrix", "guest-detached", "guest-stopped"]
    assert {event["data"]["guest"] for event in told} == {"Guest1"}
    assert told[-3]["data"]["adapters"] == []


def test_one_refusal_is_one_message(apus):
    """However many APQNs conflict, the message has their number, the first few, and their owners, untruncated."""
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    first, second = host.mdev(1).assign([5], [4, 0x47, 0xAB]), host.mdev(2).assign([6], [4, 0x47, 0xAB])
    host.guest("Guest1").start(second)
    messages = Log(host)
    assert host.w("bus/ap/apmask", "+5,+6") == "EADDRINUSE"
    assert first.w("assign_adapter", 6) == "EADDRINUSE"
    mask, assign = messages.new()
    assert mask == (f"apmask refused (EADDRINUSE): APQNs 05.0004, 05.0047, 05.00ab are assigned to {first.uuid}, "
                    f"06.0004 is assigned to {second.uuid} (guest Guest1), and 2 more; unassign them first")
    assert assign.startswith(f"{first.uuid}: assign_adapter 0x06 refused (EADDRINUSE): APQNs 06.0004, 06.0047, 06.00ab are "
                             f"assigned to {second.uuid} (guest Guest1); ")


def test_new_messages_are_followed(host):
    """No message is lost between the stored and the new ones, and none is shown twice."""
    command = [apus_binary(), "log", "--follow", "--socket", str(host.socket)]
    assert host.w("bus/ap/apmask", "+5") != "OK"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        lines = [follower.stdout.readline()]
        while "apmask" not in lines[-1]:
            lines.append(follower.stdout.readline())
        assert host.w("bus/ap/aqmask", "+4") == "OK"
        assert host.w("bus/ap/apmask", "+6") != "OK"
        lines.append(follower.stdout.readline())
        assert "apmask" in lines[-1] and re.match(r"\[ +\d+\.\d{6}\] ", lines[-1])
        follower.terminate()
    past = host.cli("log").stdout.splitlines(keepends=True)
    assert lines == past[-len(lines):]


def test_date_and_time(host):
    assert host.w("bus/ap/apmask", "+5") != "OK"
    lines = host.cli("log", "-T").stdout.splitlines()
    assert len(lines) == len(host.cli("log").stdout.splitlines())
    year = time.strftime("%Y")
    assert all(re.match(rf"\[{year}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}}\] ", line) for line in lines)
    date = host.execute("log")["messages"][-1]["date"]
    assert abs(calendar.timegm(time.strptime(date[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) < 60


def test_an_event_is_one_line(host):
    """Also APMASK, whose value ends with a newline."""
    assert host.w("bus/ap/apmask", "-7") == "OK"
    lines = host.cli("events").stdout.splitlines()
    assert any("APMASK=0x" in line for line in lines) and all(line.startswith("[") for line in lines)


def test_a_guest_that_is_refused_does_not_start(host):
    started = host.cli("guest", "start", "--cpu", "ap=off", "G", host.one.uuid)
    assert started.returncode == 1 and started.stdout == "" and "ap" in started.stderr
    assert host.execute("guest-list")["guests"] == []


@pytest.mark.guest
def test_what_a_guest_loses(host):
    """Immediately and with the reason; only once, until the queue has come back."""
    host.one.assign([], [0x47])
    host.guest("Guest1").start(host.one)
    host.log.new()
    assert host.w(f"{DRIVERS}/vfio_ap/unbind", "05.0047") == "OK"
    assert host.log.new() == ["guest Guest1 loses adapter 0x05 (queue 05.0047 is bound to no driver)"]
    assert host.w(f"{DRIVERS}/vfio_ap/unbind", "05.0004") == "OK"
    assert host.log.new() == []
    for queue in ("05.0004", "05.0047"):
        assert host.w(f"{DRIVERS}/vfio_ap/bind", queue) == "OK"
    host.se_adapter(5, "off")
    assert host.log.new() == ["guest Guest1 loses adapter 0x05 (it is in standby)"]
    host.se_adapter(5, "on")
    assert host.log.new() == []
    host.se_lpar("remove", "adapter", 5, force=True)
    assert host.log.new() == ["guest Guest1 loses adapter 0x05 (the LPAR does not have it)"]


@pytest.mark.guest
def test_what_a_guest_loses_upstream(apus):
    """There a queue is withdrawn before its driver is gone, and ap_config withdraws in steps. What is unassigned is no loss
    to be explained."""
    host = apus(worked_example(abi="upstream"))
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    one = host.mdev(1).assign([5, 6], [4, 0x47])
    host.guest("Guest1").start(one)
    host.log = Log(host)
    assert host.w(f"{DRIVERS}/vfio_ap/unbind", "05.0047") == "OK"
    assert host.log.new() == ["guest Guest1 loses adapter 0x05 (queue 05.0047 is bound to no driver)"]
    assert host.w(f"{DRIVERS}/vfio_ap/unbind", "05.0004") == "OK"
    assert host.log.new() == []
    for queue in ("05.0004", "05.0047"):
        assert host.w(f"{DRIVERS}/vfio_ap/bind", queue) == "OK"
    for adapters, domains in (("0x02", "0x08"), ("0x06", "0x00"), ("0x06", "0x08")):
        config = ",".join(mask.ljust(66, "0") for mask in (adapters, domains, "0x0"))
        assert host.w(f"devices/vfio_ap/matrix/{one.uuid}/ap_config", config) == "OK"
    assert host.w(f"devices/vfio_ap/matrix/{one.uuid}/unassign_adapter", "6") == "OK"
    assert host.log.new() == []


@pytest.mark.guest
def test_what_a_guest_does_not_get(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    host.one.assign([7, 8, 9, 10, 11], [9])
    host.log.new()
    host.guest("Guest1").start(host.one)
    assert host.log.new() == [
        "guest Guest1 does not get adapter 0x07 (the LPAR does not have it), adapter 0x08 (the LPAR does not have it), "
        "adapter 0x09 (the LPAR does not have it), adapter 0x0a (the LPAR does not have it) and 2 more"]
    assert host.w(f"devices/vfio_ap/matrix/{host.one.uuid}/assign_control_domain", "0x1b") == "OK"
    assert host.log.new() == ["guest Guest1 does not get control domain 0x1b (the LPAR does not have it)"]
    host.guest("Guest2").start(host.two)
    assert host.log.new() == []


def test_a_refusal_has_a_number_and_alternatives(host):
    two = f"devices/vfio_ap/matrix/{host.two.uuid}"
    assert host.w(f"{two}/assign_adapter", "5") == "EADDRINUSE"
    message = host.execute("log")["messages"][-1]
    assert message["write"] == {"path": f"{two}/assign_adapter", "value": "5\n"}
    printed = host.cli("log").stdout.splitlines()[-1]
    assert f"] warning {message['number']}: {host.two.uuid}: assign_adapter" in printed
    last = host.cli("explain", "--last")
    assert last.returncode == 0, last
    assert host.cli("explain", message["number"]).stdout == last.stdout
    assert last.stdout.startswith(message["message"] + "\nIt would be accepted in these ways")
    # The first way is taken as it stands.
    commands = re.findall(r"^ {2,4}(?:1\. | {3})echo (\S+) > /sys/(\S+)$", last.stdout.split("  2. ", maxsplit=1)[0], re.M)
    assert len(commands) == 2
    for value, path in commands:
        assert host.w(path, value) == "OK", (path, value)
    assert host.cli("explain", "--last").stdout.endswith("\nIt would be accepted now.\n")


def test_a_refused_change_of_the_lpar_has_alternatives(host):
    assert host.cli("se", "lpar", "add", "domain", "9").returncode == 1
    message = host.execute("log")["messages"][-1]
    assert message["command"] == "se lpar add domain 0x09"
    printed = host.cli("log").stdout.splitlines()[-1]
    assert f"] warning {message['number']}: se lpar refused" in printed
    last = host.cli("explain", "--last").stdout
    assert host.cli("explain", message["number"]).stdout == last
    # The first way is taken as it stands.
    commands = re.findall(r"^ {2,4}(?:1\. | {3})apus (.*)$", last.split("  2. ", maxsplit=1)[0], re.M)
    assert len(commands) == 3
    for command in commands:
        assert host.cli(*command.split()).returncode == 0, command
    assert host.cli("explain", "--last").stdout.endswith("\nIt would be accepted now.\n")


def test_numbers_that_are_no_refusals(host):
    assert "nothing was refused" in host.cli("explain", "--last").stderr
    done = host.cli("explain", "9999")
    assert done.returncode == 1 and "message 9999 is not about a refusal" in done.stderr
    assert host.cli("explain").returncode == 2
    assert host.cli("explain", "--last", "05.0004").returncode == 2


def test_nobody_reads_standard_error(tmp_path):
    """The daemon serves its clients, and hears signals. What was lost is told when somebody reads again."""
    socket = tmp_path / "control"

    def refuse(host):
        with pytest.raises(ApusError):
            host.call("se-adapter", adapter=9, state="off")

    def said(daemon):
        assert select.select([daemon.stderr], [], [], 60)[0], "nothing is said"
        return os.read(daemon.stderr.fileno(), 1 << 20)

    with subprocess.Popen([apus_binary(), "daemon", "--no-tree", "--socket", socket], stderr=subprocess.PIPE) as daemon:
        try:
            end = time.monotonic() + 60
            while not socket.exists() and time.monotonic() < end:
                time.sleep(0.01)
            with Machine.running(socket) as host:
                for _ in range(2000):
                    refuse(host)
                text = said(daemon)
                assert text.startswith(b"apus: ") and b"were lost" not in text
                refuse(host)
                assert b"messages were lost, since nobody read standard error" in said(daemon)
            daemon.terminate()
            assert daemon.wait(60) in (0, -signal.SIGTERM)
        finally:
            daemon.kill()
