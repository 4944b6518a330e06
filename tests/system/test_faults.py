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
    (["add", "05.* 3 busily"], 2, 'unknown kind of fault "busily"; write deconfigured, '),
    (["add", "5.* 3 busy"], 2, 'the adapter in "5.*" must be two lower-case hexadecimal digits'),
    (["add", "05.* 3 reset"], 2, "the time is missing"),
    (["add", "05.* 0 busy"], 2, '"0" is out of range'),
    (["add", ""], 2, "a string of 1 to 255 bytes"),
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
    assert sentence in result.stderr and "machine file" not in result.stderr
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
    assert guest.queues == ["06.0004", "06.00ab"]
    assert host.value("bus/ap/devices/05.0004/status") == "assigned"
    host.execute("clock-advance", seconds=1.999)
    assert guest.queues == ["06.0004", "06.00ab"]
    host.execute("clock-advance", seconds=0.001)
    assert guest.queues == ["05.0004", "05.00ab", "06.0004", "06.00ab"]
    assert host.value("bus/ap/devices/05.0004/status") == "in use"
    assert guest.show()["config_changes"] >= 1


def test_what_one_guest_lost_the_next_gets_after_its_reset(host, mdev):
    first = host.guest("Guest1").start(mdev)
    other = host.mdev(2).assign([], [4])
    second = host.guest("Guest2").start(other)
    fault(host, "06.0004 1 reset 5s")
    assert mdev.w("unassign_adapter", 6) == "OK"
    assert first.queues == ["05.0004", "05.00ab"]
    assert other.w("assign_adapter", 6) == "OK"
    assert second.queues == []
    host.execute("clock-advance", seconds=4.999)
    assert second.queues == []
    host.execute("clock-advance", seconds=0.001)
    assert second.queues == ["06.0004"]


def test_a_queue_goes_back_to_the_host_during_its_reset(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    assert len(guest.queues) == 4
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
    assert guest.queues == ["06.0004", "06.00ab"]
    host.execute("clock-advance", seconds=3600)
    assert guest.queues == ["06.0004", "06.00ab"]
    host.execute("fault-remove", number=number)
    assert len(guest.queues) == 4


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


def phases(host):
    return [(f["phase"], f["hits"]) for f in host.execute("fault-list")["faults"]]


def test_a_rule_begins_and_ends_by_the_clock(host):
    """Also one that is a state of its queues: the bus sees it when it begins, without a command."""
    fault(host, "05.* always deconfigured at 10s for 5s")
    for seconds, config, phase in ((9.9, "1", "waits"), (0.2, "0", "active"), (4.8, "0", "active"), (0.2, "1", "over"), (100, "1", "over")):
        host.execute("clock-advance", seconds=seconds)
        assert host.value("devices/ap/card05/config") == config
        assert phases(host)[0][0] == phase
    assert host.cli("fault", "list").stdout.splitlines()[1].split()[2] == "over"
    assert host.execute("fault-remove", all=True) == {}
    assert host.value("devices/ap/card05/config") == "1"


def test_a_guest_loses_an_adapter_for_a_while(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    fault(host, "05.* always checkstop at 10s for 5s")
    before = guest.queues
    host.execute("clock-advance", seconds=10)
    events = [e["data"] for e in host.execute("events")["events"] if e["event"] == "fault"]
    assert events[-1]["rule"] == "05.* always checkstop at 10s for 5s"
    host.execute("clock-advance", seconds=5)
    assert guest.queues == before


def test_every_and_chance_by_resets(host):
    """A write to "reset" is a RAPQ, which busy refuses: the counts say what was met."""
    fault(host, "05.0004 always busy every 3")
    fault(host, "06.0004 1000 busy chance 50% seed 3")
    for _ in range(30):
        host.w("devices/ap/card05/05.0004/reset", "1")
        host.w("devices/ap/card06/06.0004/reset", "1")
    (_, third), (_, half) = phases(host)
    assert third > 5 and half > 5
    text = host.execute("export")["machine"]
    assert "every 3 seen " in text and "chance 50% seed 3 seen " in text


def test_the_same_seed_meets_the_same(apus):
    def run(seed):
        host = apus(worked_example(), arguments=["--clock", "virtual"])
        fault(host, f"05.0004 1000000 busy chance 20% seed {seed}")
        met = []
        for _ in range(40):
            host.w("devices/ap/card05/05.0004/reset", "1")
            met.append(phases(host)[0][1])
            host.execute("clock-advance", seconds=0.04)
        return met
    assert run(7) == run(7)
    assert run(7) != run(8)


def test_what_is_left_of_a_schedule_is_exported_and_kept(apus, tmp_path):
    host = apus(worked_example(), arguments=["--clock", "virtual", "--state", tmp_path / "state"])
    for rule in ("05.* always busy at 10s for 5s", "06.* 3 full at 60s", "04.* always delay 1s for 2s", "04.* always busy every 4"):
        fault(host, rule)
    host.execute("clock-advance", seconds=12)
    assert host.w("bus/ap/config_time", 120) == "OK"  # what is left is that of the last command
    rules = [line[7:] for line in host.execute("export")["machine"].splitlines() if line.startswith("rule = ")]
    assert rules == ["05.* always busy for 3s", "06.* 3 full at 48s", "04.* 1 delay 1s", "04.* always busy every 4"]
    host.stop()
    host = apus(worked_example(), arguments=["--clock", "virtual", "--state", tmp_path / "state"])
    assert [f["rule"].split(" at ")[0].split(" for ")[0] for f in host.execute("fault-list")["faults"]] == [
        "05.* always busy", "06.* 3 full", "04.* 1 delay 1s", "04.* always busy every 4"]
    assert [f["left"] for f in host.execute("fault-list")["faults"]] == [None, 3, 0, None]
    host.execute("clock-advance", seconds=5)  # the state was written when the rule began
    assert host.execute("fault-list")["faults"][0]["phase"] == "over"


def test_a_recording_has_the_schedule(apus, tmp_path):
    host = apus(worked_example(), arguments=["--clock", "virtual", "--record", tmp_path / "record"])
    fault(host, "05.* always deconfigured at 1s for 1s")
    fault(host, "06.* 100 busy chance 50% seed 1")
    for _ in range(10):
        host.w("devices/ap/card06/06.0004/reset", "1")
        host.execute("clock-advance", seconds=0.5)
    host.stop()
    replayed = host.cli("replay", tmp_path / "record")
    assert replayed.returncode == 0, replayed.stderr


SCENARIOS = """[scenario bad day]
fault = 05.* always bad-reply type every 100
fault = 05.* always deconfigured at 10s for 10s

[scenario other]
fault = 06.* 3 busy
"""


def test_scenarios(host, tmp_path):
    path = tmp_path / "faults.ini"
    path.write_text(SCENARIOS)
    shown = host.cli("fault", "scenario", path, "bad day")
    assert shown.stdout == "fault 1: 05.* always bad-reply type every 100\nfault 2: 05.* always deconfigured at 10s for 10s\n"
    assert json.loads(host.cli("fault", "scenario", path, "other", "--json").stdout) == {"numbers": [3]}
    assert [f["phase"] for f in listed(host)] == ["active", "waits", "active"]
    path.write_text("[scenario one]\nfault = 06.* 3 busy\n")
    assert host.cli("fault", "scenario", path).stdout == "fault 4: 06.* 3 busy\n"


@pytest.mark.parametrize("text, name, sentence", [
    (SCENARIOS, None, "has several scenarios; name one of bad day, other"),
    (SCENARIOS, "good day", "has no scenario 'good day'; it has bad day, other"),
    (SCENARIOS + "[scenario wrong]\nfault = 06.* 3 busily\n", "other", ':8: unknown kind of fault "busily"'),
    ("[scenario a]\nfailt = 06.* 3 busy\n", None, ":2: a scenario has no key 'failt'; write fault = RULE"),
    ("[machine]\nfault = 06.* 3 busy\n", None, ":1: [machine] is no section of a scenario; write [scenario NAME]"),
    ("[scenario a]\n", None, ":1: the scenario has no rule; write fault = "),
    ("", None, "has no scenario; write [scenario NAME]"),
    ("fault\n", None, ":1: "),
    ("[scenario a]\nfault = 05.* \0\n", None, ":2: the line contains a NUL byte"),
    pytest.param("\n" * 2_000_000, None, "too large; the limit is ", id="large"),
    (None, None, "faults.ini: cannot be read: No such file or directory"),
])
def test_refused_scenarios_add_nothing(host, tmp_path, text, name, sentence):
    path = tmp_path / "faults.ini"
    if text is not None:
        path.write_text(text)
    result = host.cli("fault", "scenario", path, *([name] if name else []))
    assert (result.returncode, result.stdout) == (1, "")
    assert sentence in result.stderr and "machine file" not in result.stderr
    assert listed(host) == []


def test_a_scenario_is_added_as_a_whole(host, tmp_path):
    """The limit is met in the middle of it."""
    for _ in range(999):
        fault(host, "05.* 1 busy")
    path = tmp_path / "faults.ini"
    path.write_text(SCENARIOS)
    result = host.cli("fault", "scenario", path, "bad day")
    assert result.returncode == 1 and "the limit of 1000 faults is reached" in result.stderr
    assert len(listed(host)) == 999
    assert host.cli("fault", "scenario").returncode == 2
    assert host.cli("fault", "scenario", path, "a", "b").returncode == 2
