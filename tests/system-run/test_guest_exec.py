# SPDX-License-Identifier: MIT
"""apus guest exec: runs a program in a guest, from inside apus run and from outside."""

import os
import signal

import pytest

from guests import UUID, Machine

@pytest.fixture(params=["root", "user", "root without a mount", "user without a mount"])
def machine(request):
    user, without = "user" in request.param, "without" in request.param
    runs = request.getfixturevalue("user_runs" if user else "runs")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    machine = Machine(runs, user, ["--no-mount"] if without else [])
    yield machine
    machine.stop()


@pytest.fixture
def roots_machine(runs):
    machine = Machine(runs, False)
    yield machine
    machine.stop()


def test_a_guest_has_its_own_bus_and_no_vfio_ap(machine):
    result = machine.bash("ls /sys/bus/ap/devices; cat /sys/devices/ap/card05/type; echo $APUS_GUEST")
    assert result.stdout.split() == ["05.0004", "card05", "CEX5C", "G"], result.stderr
    result = machine.bash("""for p in /sys/bus/matrix /sys/bus/mdev /sys/class/mdev_bus /sys/devices/vfio_ap
        do test -e $p && echo $p; done; ls -A /sys/kernel/iommu_groups; test -d /sys/class/zcrypt && echo zcrypt""")
    assert result.stdout == "zcrypt\n"


def test_inside_apus_run(machine):
    assert machine.say("apus guest exec G -- ls /sys/bus/ap/devices | tr '\\n' ' '; echo") == "05.0004 card05 \n"
    assert machine.say("apus guest exec G sh -c 'exit 7'; echo $?") == "7\n"
    assert machine.say("test -d /sys/bus/mdev && ls /sys/bus/ap/devices | wc -l") == "15\n", "the host has all still"


def test_exit_status(machine):
    assert machine.bash("exit 9").returncode == 9
    assert machine.bash("kill -TERM $$").returncode == 143
    result = machine.exec("/no/such/program")
    assert (result.returncode, result.stderr.count("\n")) == (127, 1)


def test_changes_are_seen_by_a_program_that_runs(machine):
    child = machine.start("echo up; while read line; do ls /sys/bus/ap/devices | tr '\\n' ' '; echo; done")
    assert child.stdout.readline() == "up\n"

    def seen(change):
        assert machine.say(f"{change} && echo done") == "done\n"
        child.stdin.write("look\n")
        child.stdin.flush()
        return child.stdout.readline().split()

    matrix = f"/sys/devices/vfio_ap/matrix/{UUID}"
    assert seen(f"echo 6 > {matrix}/assign_adapter") == ["05.0004", "06.0004", "card05", "card06"]
    assert seen("apus se adapter 5 off > /dev/null") == ["06.0004", "card06"]
    assert seen("apus se adapter 5 on > /dev/null") == ["05.0004", "06.0004", "card05", "card06"]
    assert seen(f"echo 6 > {matrix}/unassign_adapter") == ["05.0004", "card05"]
    child.communicate(timeout=60)
    assert child.returncode == 0


def test_several_programs_in_one_guest(machine):
    children = [machine.start("ls /sys/bus/ap/devices; exit $((10 + $(cat)))") for _ in range(8)]
    for i, child in enumerate(children):
        assert child.communicate(str(i), timeout=60)[0] == "05.0004\ncard05\n"
        assert child.returncode == 10 + i


def test_a_guest_that_stops_under_a_program(machine):
    child = machine.start("echo up; read line; ls /sys/bus/ap/devices > /dev/null || echo gone")
    assert child.stdout.readline() == "up\n"
    assert machine.say("apus guest stop G && echo stopped") == "stopped\n"
    output = child.communicate("\n", timeout=60)[0]
    assert output == "gone\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_it_leaves_nothing(machine, number):
    before = set(machine.runs.processes())
    child = machine.start("echo up; exec sleep 1000")
    assert child.stdout.readline() == "up\n"
    child.send_signal(number)
    child.communicate(timeout=60)
    assert machine.runs.settle(before) == {}
    assert machine.bash("ls /sys/bus/ap/devices").returncode == 0, "the guest goes on"


def test_a_guest_that_is_not_there(roots_machine):
    result = roots_machine.runs.apus("guest", "exec", "Nobody", "true")
    assert result.returncode == 125
    assert "Nobody" in result.stderr and result.stderr.count("\n") == 1
    for words in [[], ["G"], ["G", "--"]]:
        assert roots_machine.runs.apus("guest", "exec", *words).returncode == 2


def test_the_socket_by_name(roots_machine, runs):
    socket = f"{runs.base}/{roots_machine.shell.pid}/control"
    assert roots_machine.exec("true", options=["--socket", socket]).returncode == 0
    result = roots_machine.exec("true", options=["--socket", f"{runs.base}/none"])
    assert result.returncode == 125 and f"{runs.base}/none" in result.stderr


def test_root_in_a_users_guest(user_runs):
    """The user who mounts need not be the one whose daemon serves the mount."""
    machine = Machine(user_runs, True)
    machine.prefix = []
    socket = f"{user_runs.base}/{machine.shell.pid}/control"
    result = machine.exec("ls", "/sys/bus/ap/devices", options=["--socket", socket])
    assert result.stdout.split() == ["05.0004", "card05"], result.stderr
    machine.stop()
