# SPDX-License-Identifier: MIT
"""Waiting for something, and following all that happens without missing any of it."""

import json
import os
import re
import subprocess
import threading
import time

import pytest

from harness import Control, apus_binary, uuid, wait_connected, worked_example


@pytest.fixture
def host(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.mdev(1).assign([5], [4])
    return host


def run(host, *words):
    return subprocess.Popen([apus_binary(), *words], env=dict(os.environ, APUS_SOCKET=str(host.socket)), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def since(host):
    return host.execute("events")["next"]


def kinds(host, first):
    return [event["event"] for event in host.execute("events", since=first)["events"] if event["event"] not in ("uevent", "log")]


@pytest.mark.parametrize(("condition", "act"), [
    ("guest Guest1 has 05.0004", lambda host: host.execute("guest-start", name="Guest1", mdev=uuid(1))),
    ("guest Guest1 runs", lambda host: host.execute("guest-start", name="Guest1")),
    ("queue 04.0004 bound vfio_ap", lambda host: host.w("bus/ap/apmask", "-4")),
    ("not queue 04.0004 bound zcrypt", lambda host: host.w("bus/ap/apmask", "-4")),
    ("adapter 5 standby", lambda host: host.se_adapter(5, "off")),
    (f"mdev {uuid(2)} exists", lambda host: host.mdev(2)),
    (f"mdev {uuid(1)} has 05.0047", lambda host: host.w(f"devices/vfio_ap/matrix/{uuid(1)}/assign_domain", "0x47")),
    (f"not mdev {uuid(1)} exists", lambda host: host.w(f"devices/vfio_ap/matrix/{uuid(1)}/remove", "1")),
    ("event CONFIG=0 card05", lambda host: host.se_adapter(5, "off")),
    ("event adapter adapter=5 state=standby", lambda host: host.se_adapter(5, "off"))])
def test_wait_ends_when_it_is_so_and_not_before(host, condition, act):
    with run(host, "wait", condition, "--timeout", "60") as waiter:
        other = run(host, "wait", *condition.split(), "--timeout", "0.5")
        assert other.wait(30) == 5 and "--timeout" in other.stderr.read()
        assert waiter.poll() is None
        act(host)
        assert waiter.wait(30) == 0, waiter.stderr.read()
        assert waiter.stdout.read() == waiter.stderr.read() == ""
    # A state is not waited for again, and an event that has been only with --since.
    again = run(host, "wait", condition, *(["--since", "1"] if "event" in condition else []), "--json")
    assert again.wait(30) == 0 and json.loads(again.stdout.read())["next"] == since(host)


def test_wait_says_what_is_wrong(host):
    for words, part in (("guest G1 flies", "'runs' or 'has'"), ("", "condition"), ("adapter 5 online adapter 6 online", "ends before 'adapter'"),
                        ("event x --timeout 0", "above 0")):
        done = host.cli("wait", *words.split())
        assert done.returncode == 2 and part in done.stderr


def test_a_waiter_does_not_hold_up_the_end(host):
    with run(host, "wait", "guest Nobody runs") as waiter:
        wait_connected(waiter)
        host.execute("quit")
        assert waiter.wait(30) == 4


def test_events_tell_what_happens_to_the_machine(host):
    """Guests, adapters, resets; each in its own kind."""
    first = since(host)
    host.execute("guest-start", name="Guest1", mdev=uuid(1))
    assert {"guest-started", "guest-matrix"} <= set(kinds(host, first))
    first = since(host)
    host.se_adapter(5, "off")
    host.execute("checkstop", adapter=4, state="on")
    told = [event["data"] for event in host.execute("events", since=first)["events"] if event["event"] == "adapter"]
    assert told == [{"adapter": 5, "state": "standby"}, {"adapter": 4, "state": "checkstop"}]
    host.se_adapter(5, "on")
    first = since(host)
    host.execute("guest-stop", name="Guest1")
    events = host.execute("events", since=first)["events"]
    assert "guest-stopped" in [event["event"] for event in events]
    assert {"adapter": 5, "domains": [4], "zeroized": [4]} in [event["data"] for event in events if event["event"] == "reset"]


def test_faults_that_are_met(host):
    """Each time of a rule with a count; of one that applies always the first time."""
    number = host.execute("fault-add", rule="05.* 2 busy")["number"]
    first = since(host)
    host.execute("guest-start", name="Guest1", mdev=uuid(1))
    host.execute("guest-stop", name="Guest1")
    told = [event["data"] for event in host.execute("events", since=first)["events"] if event["event"] == "fault"]
    assert told and told[0]["number"] == number and told[0]["rule"] == "05.* 2 busy" and told[0]["queue"].startswith("05.")
    assert host.execute("fault-list")["faults"][0]["hits"] == told[-1]["hits"]


def test_dates_are_the_time_of_day(host):
    before = time.time()
    host.se_adapter(5, "off")
    event = host.execute("events")["events"][-1]
    date = time.strptime(event["date"][:19], "%Y-%m-%dT%H:%M:%S")
    assert re.fullmatch(r".*\.\d{6}Z", event["date"]) and abs(time.mktime(date) - time.timezone - before) < 60
    assert all(line[:2] == "[2" for line in host.cli("events", "--ctime").stdout.splitlines())


def test_a_follower_misses_nothing(host):
    """It is killed and goes on where it was, again and again, while things happen."""
    first, stop, seen = since(host), threading.Event(), []

    def act():
        control = Control(host.socket)
        while not stop.is_set():
            for state in ("off", "on"):
                control.execute("se-adapter", adapter=5, state=state)
            time.sleep(0.05)  # what a slow follower waits for is not dropped meanwhile
        control.close()

    actor = threading.Thread(target=act)
    actor.start()
    try:
        for _ in range(10):
            number = seen[-1] + 1 if seen else first
            with run(host, "events", "--follow", "--since", str(number), "--json") as follower:
                for _ in range(40):
                    seen.append(json.loads(follower.stdout.readline())["number"])
                follower.kill()
    finally:
        stop.set()
        actor.join()
    assert seen == list(range(first, first + len(seen)))


def test_what_is_not_kept_is_said(host):
    first = since(host)
    for _ in range(80):
        host.se_adapter(5, "off")
        host.se_adapter(5, "on")
    assert since(host) > first + 1000
    done = host.cli("events", "--follow", "--since", first)
    assert done.returncode == 1 and "not kept any more" in done.stderr and done.stdout == ""
    assert host.refused("subscribe", since=10**9).errno == "ERANGE"
    assert host.cli("events", "--since", "many").returncode == 2
