# SPDX-License-Identifier: MIT
"""Faults of queues: the commands, and guests, which get no queue before its reset has ended
[guests-queue-reset]. The clock is virtual, so no test waits in real time."""

import json

import pytest

from harness import worked_example

RULES = ["05.* 3 busy", "* always delay 200ms", "04-06.0004 1 bad-reply code=0x85"]


@pytest.fixture(params=["proposal", "upstream"])
def host(apus, request):
    return apus(worked_example(), abi=request.param, arguments=["--clock", "virtual"])


@pytest.fixture
def mdev(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    return host.mdev(1).assign([5, 6], [4, 0xab])


def fault(host, rule):
    return host.execute("fault-add", rule=rule)["number"]


def listed(host):
    return [json.loads(line) for line in host.cli("fault", "list", "--json").stdout.splitlines()]


def test_add_list_remove(host):
    for number, rule in enumerate(RULES, 1):
        # As one argument or several.
        added = host.cli("fault", "add", *(rule.split() if number == 2 else [rule]))
        assert (added.returncode, added.stdout) == (0, f"fault {number}\n"), added.stderr
    assert [(f["number"], f["rule"], f["left"]) for f in listed(host)] == [
        (1, RULES[0], 3), (2, RULES[1], None), (3, RULES[2], 1)]
    table = host.cli("fault", "list").stdout.splitlines()
    assert table[0].split() == ["NUMBER", "HITS", "LEFT", "RULE"]
    assert table[2].split(None, 3) == ["2", "0", "always", RULES[1]]
    assert host.cli("fault", "remove", 2).returncode == 0
    assert [f["number"] for f in listed(host)] == [1, 3]
    assert host.cli("fault", "remove", "all").returncode == 0
    assert listed(host) == []
    assert json.loads(host.cli("fault", "add", "--json", RULES[0]).stdout) == {"number": 4}


@pytest.mark.parametrize("arguments, status, sentence", [
    (["add", "05.* 3 busily"], 1, 'unknown kind of fault "busily"; write deconfigured, '),
    (["add", "5.* 3 busy"], 1, 'the adapter in "5.*" must be two lower-case hexadecimal digits'),
    (["add", "05.* 3 reset"], 1, "the time is missing"),
    (["add", "05.* 0 busy"], 1, '"0" is out of range'),
    (["add", ""], 1, "a string of 1 to 255 bytes"),
    (["add"], 2, "expected a rule such as"),
    (["remove", "7"], 1, "there is no fault 7; 'apus fault list' lists the existing ones"),
    (["remove", "0"], 1, "there is no fault 0"),
    (["remove", "some"], 2, "expected the number of a fault or 'all', not 'some'"),
    (["remove"], 2, "expected the number of a fault, or 'all'"),
    (["list", "lab", "all"], 2, "unexpected operand 'all'"),
])
def test_refusals(host, arguments, status, sentence):
    result = host.cli("fault", *arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert sentence in result.stderr
    assert listed(host) == []


def test_help_teaches(host):
    for command in ("add", "list", "remove"):
        result = host.cli("fault", command, "--help")
        assert result.returncode == 0
    text = host.cli("fault", "add", "--help").stdout
    for rule in ("05.* 3 busy", "06.0004 always delay 200ms", "04-06.* 1 reset 2s"):
        assert f"apus fault add '{rule}'" in text
        fault(host, rule)


def test_a_guest_gets_an_adapter_when_its_reset_has_ended(host, mdev):
    fault(host, "05.0004 1 reset 2s")
    guest = host.guest("Guest1").start(mdev)
    assert guest.apqns() == ["06.0004", "06.00ab"]
    assert host.value("bus/ap/devices/05.0004/status") == "assigned"
    host.execute("clock-advance", seconds=1.999)
    assert guest.apqns() == ["06.0004", "06.00ab"]
    host.execute("clock-advance", seconds=0.001)
    assert guest.apqns() == ["05.0004", "05.00ab", "06.0004", "06.00ab"]
    assert host.value("bus/ap/devices/05.0004/status") == "in use"
    assert guest.show()["config_changes"] >= 1


def test_what_one_guest_lost_the_next_gets_after_its_reset(host, mdev):
    first = host.guest("Guest1").start(mdev)
    other = host.mdev(2).assign([], [4])
    second = host.guest("Guest2").start(other)
    fault(host, "06.0004 1 reset 5s")
    assert mdev.w("unassign_adapter", 6) == "OK"
    assert first.apqns() == ["05.0004", "05.00ab"]
    assert other.w("assign_adapter", 6) == "OK"
    assert second.apqns() == []
    host.execute("clock-advance", seconds=4.999)
    assert second.apqns() == []
    host.execute("clock-advance", seconds=0.001)
    assert second.apqns() == ["06.0004"]


def test_a_queue_goes_back_to_the_host_during_its_reset(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    assert len(guest.apqns()) == 4
    fault(host, "06.0004 1 reset 5s")
    assert mdev.w("unassign_adapter", 6) == "OK"
    assert host.w("bus/ap/apmask", "+6") == "OK"
    assert host.drv("06.0004") == "cex4queue"
    assert host.value("bus/ap/devices/06.0004/reset") == "Reset in progress."
    assert host.value("bus/ap/devices/06.00ab/reset") == "No Reset Timer set."
    assert host.value("bus/ap/devices/06.0004/interrupt") == "Interrupts disabled."
    host.execute("clock-advance", seconds=5)
    assert host.value("bus/ap/devices/06.0004/reset") == "No Reset Timer set."
    assert host.value("bus/ap/devices/06.0004/interrupt") == "Interrupts enabled."


def test_a_busy_queue_is_withheld_until_it_answers(host, mdev):
    number = fault(host, "05.0004 always busy")
    guest = host.guest("Guest1").start(mdev)
    assert guest.apqns() == ["06.0004", "06.00ab"]
    host.execute("clock-advance", seconds=3600)
    assert guest.apqns() == ["06.0004", "06.00ab"]
    host.execute("fault-remove", number=number)
    assert len(guest.apqns()) == 4


def test_states(host):
    """A fault 'always deconfigured' or 'always checkstop' is a state, which the tree shows at once."""
    number = fault(host, "05.* always deconfigured")
    assert host.value("devices/ap/card05/config") == "0"
    assert host.value("devices/ap/card05/05.00ab/config") == "0"
    assert host.value("devices/ap/card06/config") == "1"
    host.execute("fault-remove", number=number)
    assert host.value("devices/ap/card05/config") == "1"
    assert host.value("devices/ap/card05/05.00ab/online") == "1"
    fault(host, "06.00ab always checkstop")
    assert host.value("devices/ap/card06/06.00ab/chkstop") == "1"
    assert host.value("devices/ap/card06/06.0004/chkstop") == "0"
