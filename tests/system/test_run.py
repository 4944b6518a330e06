# SPDX-License-Identifier: MIT
"""apus run: a program with our tree over its /sys, and everything cleaned up afterwards."""

import os
import signal
import subprocess
import time

import pytest

from harness import ONES, apus_binary, worked_example


MARK = f"APUS_TEST_MARK={os.getpid()}-{time.monotonic_ns()}"


def marked(environment=None):
    """The environment of what these tests start, by which its processes are found again."""
    name, value = MARK.split("=")
    return {**(os.environ if environment is None else environment), name: value}


def run(*command, options=(), user=None, env=None, **settings):
    line = [apus_binary(), "run", *map(str, options), "--", *map(str, command)]
    if user:
        line = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *line]
    return subprocess.run(line, text=True, capture_output=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, env=marked(env), **settings)


def start(script, **settings):
    return subprocess.Popen([apus_binary(), "run", "--", "bash", "-c", script], stdout=subprocess.PIPE,
                            text=True, env=marked(), **settings)


def bash(script, **settings):
    return run("bash", "-c", script, **settings)


def processes():
    """{pid: command line} of all that these tests started and that still runs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if MARK.encode() not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found[int(pid)] = file.read().replace(b"\0", b" ")
        except OSError:
            continue
    return found


def settle(seconds=10):
    """Wait until what was started is gone; what remains."""
    end = time.monotonic() + seconds
    while (remaining := processes()) and time.monotonic() < end:
        time.sleep(0.05)
    return remaining


def mounts():
    """The mounts, those of tests that run beside these aside."""
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if "/pytest-of-" not in line]


@pytest.fixture(autouse=True)
def nothing_remains():
    before = mounts()
    yield
    remaining = settle()
    for pid in remaining:
        os.kill(pid, signal.SIGKILL)
    assert remaining == {}
    assert mounts() == before
    assert not os.path.exists("/sys/bus/ap")


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status_is_the_programs(status):
    assert bash(f"exit {status}").returncode == status


def test_a_program_that_dies_by_a_signal():
    assert bash("kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_the_default_machine_is_the_seeds():
    result = bash("cat /sys/bus/ap/apmask; ls /sys/bus/ap/devices")
    assert result.stderr == "" and result.returncode == 0
    apmask, *devices = result.stdout.split()
    assert apmask == ONES
    assert devices == sorted([*worked_example().queues(), "card04", "card05", "card06"])


def test_another_machine(tmp_path):
    file = tmp_path / "lab.ini"
    file.write_text("[machine]\ndomains = 9\n[adapter 12]\ntype = CEX6P\n")
    result = run("ls", "/sys/bus/ap/devices", options=["-m", file])
    assert result.stdout.split() == ["0c.0009", "card0c"]


def test_a_missing_machine_file_starts_nothing(tmp_path):
    result = run("touch", tmp_path / "ran", options=["-m", tmp_path / "none.ini"])
    assert result.returncode != 0 and "none.ini" in result.stderr
    assert not (tmp_path / "ran").exists()


def test_a_program_that_does_not_exist():
    result = run("/no/such/program")
    assert result.returncode == 127
    assert "/no/such/program" in result.stderr


def test_the_rest_of_sys_is_as_it_was():
    """Top-level names, a real device class and another bus are still there, and still sysfs."""
    listing = "ls /sys; ls /sys/class /sys/bus /sys/devices /sys/fs; cat /sys/kernel/uevent_seqnum > /dev/null"
    outside = subprocess.run(["bash", "-c", listing], text=True, capture_output=True, check=True)
    inside = bash(listing)
    assert inside.returncode == 0, inside.stderr
    assert set(outside.stdout.split()) <= set(inside.stdout.split())
    assert bash("stat -f -c %T /sys/kernel").stdout == "sysfs\n"
    assert bash("readlink -e /sys/class/net/lo").stdout == os.path.realpath("/sys/class/net/lo") + "\n"


def test_links_resolve_to_the_canonical_paths():
    result = bash("realpath /sys/bus/ap/devices/05.0004 /sys/class/mdev_bus/matrix /sys/bus/matrix/devices/matrix")
    assert result.stdout.split() == [
        "/sys/devices/ap/card05/05.0004", "/sys/devices/vfio_ap/matrix", "/sys/devices/vfio_ap/matrix"]


def test_the_control_socket_and_the_command_are_at_hand():
    result = bash('test -S "$APUS_SOCKET" && apus status && apus se adapter 5 off && cat /sys/devices/ap/card05/config')
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("0\n")


def test_standard_input_and_output_are_the_programs():
    result = subprocess.run([apus_binary(), "run", "--", "tr", "a-z", "A-Z"], input="hello\n", text=True,
                            capture_output=True, timeout=60, check=False, env=marked())
    assert (result.returncode, result.stdout, result.stderr) == (0, "HELLO\n", "")


def test_working_directory_and_environment_are_kept(tmp_path):
    result = bash("pwd; echo $MARK", cwd=tmp_path, env=dict(os.environ, MARK="here"))
    assert result.stdout.split() == [str(tmp_path), "here"]


def test_two_at_a_time_do_not_see_each_other():
    script = "echo {} > /sys/bus/ap/apmask; sleep 1; cut -c 1-3 /sys/bus/ap/apmask"
    children = [start(script.format(mask)) for mask in ("0x1", "0x2")]
    assert [child.communicate(timeout=60)[0] for child in children] == ["0x1\n", "0x2\n"]


def test_an_unprivileged_user(tmp_path):
    result = bash("id -u; echo -5 > /sys/bus/ap/apmask && basename $(readlink /sys/bus/ap/devices/05.0004/driver)",
                  user="65534", cwd="/", env=dict(os.environ, HOME="/", TMPDIR="/tmp", XDG_RUNTIME_DIR=""))
    if "namespace" in result.stderr and not result.stdout:
        pytest.skip("this machine has no user namespaces for users: " + result.stderr)
    assert result.stdout.split()[1:] == ["vfio_ap"], result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_killed_it_leaves_nothing(how):
    """The daemon, the mounts and the program go with apus run, whatever ends it."""
    child = start("echo up; exec sleep 1000", start_new_session=True)
    assert child.stdout.readline() == "up\n"
    assert len(processes()) >= 3, "apus run, its daemon and the program"
    child.send_signal(how)
    child.wait(20)
    assert settle() == {}
    child.stdout.close()
