# SPDX-License-Identifier: MIT
"""A run leaves nothing behind, whichever process dies, and how. The fixture checks that at the end."""

import os
import signal
import time

import pytest

UP = "echo up; exec sleep 1000"


def start(runs):
    child = runs.start("bash", "-c", UP)
    assert child.stdout.readline() == "up\n"
    return child, runs.children(child)


def test_the_parts_of_a_run(runs):
    child, parts = start(runs)
    assert sorted(parts) == ["daemon", "guard", "program", "run"]
    assert runs.machines() == [str(child.pid)]
    child.terminate()
    child.communicate(timeout=30)


def test_normal_end(runs):
    assert runs.run("true").returncode == 0
    assert runs.machines() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("part", ["run", "guard", "program"])
def test_one_of_its_processes_dies(runs, part, number):
    child, parts = start(runs)
    os.kill(parts[part], number)
    if part == "guard":
        assert child.poll() is None
        child.terminate()
    child.communicate(timeout=30)
    expected = -signal.SIGKILL if (part, number) == ("run", signal.SIGKILL) else \
        128 + (signal.SIGTERM if part == "guard" else number)
    assert child.returncode == expected
    assert runs.settle() == {}
    assert runs.machines() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_daemon_dies(runs, number):
    child = runs.start("bash", "-c", "echo up; read line; cat /sys/bus/ap/apmask; true", stdin=-1)
    assert child.stdout.readline() == "up\n"
    os.kill(runs.children(child)["daemon"], number)
    time.sleep(0.5)
    errors = child.communicate("line\n", timeout=30)[1]
    assert child.returncode == 125, "the program's success counts for nothing"
    assert "the daemon" in errors and "not connected" in errors


def test_all_die_at_once_and_the_next_run_sweeps(runs):
    child, parts = start(runs)
    os.kill(parts["guard"], signal.SIGKILL)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=30)
    assert runs.settle() == {}
    assert runs.machines() == [str(child.pid)]
    assert runs.run("true").returncode == 0
    assert runs.machines() == []


def test_the_sweep_spares_the_living(runs):
    child, _ = start(runs)
    assert runs.run("true").returncode == 0
    assert runs.machines() == [str(child.pid)]
    child.terminate()
    child.communicate(timeout=30)


def test_a_program_left_behind(runs):
    """The run ends with its program; background processes live on without the machine."""
    script = "(while ! [ -e $1/stop ]; do sleep 0.05; done; cat /sys/bus/ap/apmask 2> $1/answer) " \
             "< /dev/null > /dev/null 2>&1 & exit 3"
    result = runs.run("bash", "-c", script, "x", runs.base)
    assert result.returncode == 3
    left = runs.processes()
    assert left and not any(" daemon " in line for line in left.values())
    open(f"{runs.base}/stop", "w").close()
    assert runs.settle() == {}
    with open(f"{runs.base}/answer") as file:
        assert "not connected" in file.read()
    os.unlink(f"{runs.base}/answer")
    os.unlink(f"{runs.base}/stop")


def test_output_is_not_held_open(runs):
    """No process keeps the run's output open after its end."""
    result = runs.command("bash", "-c", f"'{os.environ['APUS_BIN']}' run echo x | cat; echo ${{PIPESTATUS[0]}}")
    assert result.stdout == "x\n0\n"


def test_twenty_at_once(runs):
    script = "echo 0x$1 > /sys/bus/ap/apmask && cut -c -4 /sys/bus/ap/apmask; exit $2"
    children = [runs.start("bash", "-c", script, "x", f"{i + 16:x}", str(i)) for i in range(20)]
    for i, child in enumerate(children):
        output, errors = child.communicate(timeout=120)
        assert (output, errors, child.returncode) == (f"0x{i + 16:x}\n", "", i)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_starts(runs, number):
    """At any moment between its start and that of the program."""
    children = []
    for step in range(30):
        children.append(runs.start("true"))
        time.sleep(step * 0.004)
        children[-1].send_signal(number)
    for child in children:
        child.communicate(timeout=30)
        assert child.returncode in (0, -number, 128 + number)
    assert runs.settle() == {}
    assert runs.run("true").returncode == 0, "sweeps what is left of those killed before they had a guard"
    assert runs.machines() == []
