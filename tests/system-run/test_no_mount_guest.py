# SPDX-License-Identifier: MIT
"""apus guest exec without a mount: whose tree a process sees, whatever becomes of it."""

import errno
import os
import platform
import subprocess

import pytest

from guests import PRELOADED, UUID, Machine
from reachable import opened
from runs import USER, wait_for

PYTHON = "/usr/bin/python3"
CLIENT = opened(os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client"))
GUEST = "05.0004 card05"
SECOND = "22222222-2222-4333-8444-555555555555"
# Another guest, H, that has 06.0004.
SETUP_OTHER = f"""m=/sys/devices/vfio_ap/matrix; echo {SECOND} > $m/mdev_supported_types/vfio_ap-passthrough/create
echo 6 > $m/{SECOND}/assign_adapter; echo 4 > $m/{SECOND}/assign_domain; apus guest start H {SECOND}; echo up"""
LIST = "echo $(ls /sys/bus/ap/devices)"


@pytest.fixture
def machine(runs):
    machine = Machine(runs, options=["--no-mount"])
    yield machine
    machine.stop()


@pytest.fixture(params=["inside", "outside"])
def bash(request, machine):
    """Runs a script in the guest, from a program of the machine, or from elsewhere; returns a line of output."""
    def inside(script):
        return machine.say(f"apus guest exec G -- bash -c '{script}'")
    return inside if request.param == "inside" else lambda script: machine.bash(script).stdout


ORPHAN = "setsid bash -c \"(until [ -e {0}/go ]; do sleep 0.02; done; " \
         "env -i ls /sys/bus/ap/devices > {0}/new; mv {0}/new {0}/seen) & disown; exit 0\" > /dev/null 2>&1 < /dev/null; echo left"


def test_an_orphan_stays_in_the_guest(machine, bash, tmp_path):
    """Its parents have ended, `apus guest exec` too; it has a session of its own, and no environment."""
    assert bash(ORPHAN.format(tmp_path)) == "left\n"
    assert machine.say(LIST).split()[0] == "04.0004"
    (tmp_path / "go").touch()
    wait_for((tmp_path / "seen").exists)
    assert (tmp_path / "seen").read_text().split() == GUEST.split()


def test_each_sees_its_own(machine, bash):
    """Paths, working directories, listings, status; beside programs of the host."""
    script = "cd /sys/bus/ap/devices; echo $(pwd -P) $(ls) $(stat -c %d ../apmask) $(ls -d ../../../devices/ap/card*)"
    place, *listed, device, card = bash(script).split()
    assert (place, listed, card) == ("/sys/bus/ap/devices", GUEST.split(), "../../../devices/ap/card05")
    assert len(machine.say(LIST).split()) == 15
    assert machine.say("stat -c %d /sys/bus/ap/apmask") != device + "\n"


def test_other_guests_and_back(machine):
    """From a guest to another one, and to the host's system."""
    assert machine.say(SETUP_OTHER) == "up\n"
    assert machine.say(f"apus guest exec H -- bash -c '{LIST}'") == "06.0004 card06\n"
    assert machine.say(f"apus guest exec G -- apus guest exec H -- apus guest exec G -- bash -c '{LIST}'") == GUEST + "\n"
    assert machine.say(f"apus guest exec G -- apus guest exec H -- bash -c '{LIST}'") == "06.0004 card06\n"
    back = "apus exec $(apus list | grep -o ^[0-9]*) -- ls /sys/bus/ap/devices | wc -l"
    assert machine.say(f"apus guest exec G -- bash -c '{back}'") == "15\n"


LIMITS = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
lower = (ctypes.c_ulonglong * 2)(1000, 1000)
for number in (160, 302):
    arguments = (15, lower) if number == 160 else (0, 15, lower, None, 0, 0)
    print(libc.syscall(number, *arguments), ctypes.get_errno())
for call in (lambda: resource.setrlimit(resource.RLIMIT_RTTIME, (1000, 1000)), lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
             lambda: resource.prlimit(0, resource.RLIMIT_RTTIME)[1] >> 32 == 0x41505553, lambda: sorted(os.listdir("/sys/bus/ap/devices"))):
    try:
        print(call())
    except (OSError, ValueError) as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86")
def test_a_badge_stays(machine, tmp_path):
    """What tells a guest's programs cannot be taken off, and all other limits are as they were."""
    (tmp_path / "limits.py").write_text(LIMITS)
    result = machine.exec(PYTHON, tmp_path / "limits.py")
    expected = 2 * [f"-1 {errno.EPERM}"] + ["ValueError", "None", "True", "['05.0004', 'card05']"]
    assert result.stdout.splitlines() == expected, result


def test_a_limit_that_leaves_no_room(machine):
    """Root can raise its limits, but for one that has given that up."""
    machine.prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "prlimit", "--rttime=1000:1000"]
    result = machine.exec("true")
    assert result.returncode == 125 and "ulimit -R" in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_what_is_open_stays_what_it_is(machine, tmp_path):
    """A guest's files in the hands of a program of the host, and the reverse."""
    child = machine.start("cd /sys/bus/ap; exec 5< apmask 6< /sys/bus/ap/devices; echo $$; read line; ls devices | wc -l; cat <&5 | wc -l")
    pid = child.stdout.readline().strip()
    assert machine.say(f"echo $(ls /proc/{pid}/cwd/devices) $(ls /proc/{pid}/fd/6) $(readlink /proc/{pid}/cwd)") == f"{GUEST} {GUEST} /sys/bus/ap\n"
    # cwd and descriptors of the host's, inherited.
    assert machine.say("cd /sys/bus/ap; exec 7< /sys/bus/ap/devices; apus guest exec G -- bash -c 'echo $(ls devices | wc -l) $(ls /proc/self/fd/7 | wc -l) $(ls /sys/bus/ap/devices | wc -l)'; cd /") == "15 15 2\n"
    child.communicate("\n", timeout=60)


def test_writes_and_requests(machine):
    """A guest's own attributes and device node: those of the host do not change."""
    script = f"echo 0 > /sys/devices/ap/card05/online; cat /sys/devices/ap/card05/online; echo x > /sys/devices/ap/card05/online; " \
             f"echo 1 > /sys/devices/ap/card05/online; {CLIENT} latency /dev/z90crypt 3 > /dev/null && echo computed; cat /sys/devices/ap/card05/request_count"
    result = machine.bash(script)
    assert result.stdout.split()[:2] == ["0", "computed"] and int(result.stdout.split()[2]) >= 3, result
    assert "Invalid argument" in result.stderr
    assert machine.say("cat /sys/devices/ap/card04/request_count") == "0\n"


def test_nodes_of_a_guest_that_stops(machine):
    child = machine.start("exec 5<>/dev/z90crypt; echo up; read line; " + f"{CLIENT} latency /dev/fd/5 1; cat /dev/z90crypt; ls /sys/bus/ap; cat /proc/self/status > /dev/null && echo alive")
    assert child.stdout.readline() == "up\n"
    assert machine.say("apus guest stop G && echo stopped") == "stopped\n"
    out, err = child.communicate("\n", timeout=60)
    assert out == "alive\n" and err.count("not connected") == 2, err
    assert machine.say(f"apus guest start G {UUID}; apus guest exec G -- bash -c '{LIST}'") == GUEST + "\n"


def test_another_users_programs(machine):
    script = f"exec setpriv --reuid={USER} --regid={USER} --clear-groups bash -c '{LIST}; echo x > /sys/bus/ap/apmask'"
    result = machine.bash(script)
    assert result.stdout == GUEST + "\n" and "Permission denied" in result.stderr


def test_only_the_machines_user_comes_in(user_runs):
    """The daemon of an ordinary user cannot look at root's programs, which would see the computer's files."""
    machine = Machine(user_runs, True, ["--no-mount"])
    machine.prefix = []
    results = [machine.exec("true", options=["--socket", f"{user_runs.base}/{machine.shell.pid}/control"]),
               user_runs.apus("exec", str(machine.shell.pid), "--", "true")]
    machine.stop()
    # By name it is not looked for in a directory of somebody else.
    for result, words in zip(results, (f"that of user {USER}", "is not a directory of yours"), strict=True):
        assert result.returncode == 125 and words in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_a_socket_in_the_environment(machine, runs):
    """It makes nobody a program of the machine."""
    socket = {"APUS_SOCKET": f"{runs.base}/{machine.shell.pid}/control", **PRELOADED}
    assert machine.bash(LIST, env=socket).stdout == GUEST + "\n"
    assert runs.apus("exec", str(machine.shell.pid), "--", "bash", "-c", LIST, env=socket).stdout.startswith("04.0004 ")


def test_threads_and_processes(machine):
    """Many at once, of the host and of the guest."""
    guest = [machine.start(f"for i in $(seq 40); do {LIST}; done", stdin=subprocess.DEVNULL) for _ in range(4)]
    host = machine.say(f"for i in $(seq 40); do ls /sys/bus/ap/devices | wc -l; done | sort -u | tr '\\n' ' '; echo")
    assert host == "15 \n"
    for child in guest:
        assert child.communicate(timeout=120)[0] == 40 * (GUEST + "\n")


def test_nothing_is_left_of_a_guest(machine, runs):
    """Its directories go when it stops."""
    assert machine.bash(LIST).stdout == GUEST + "\n"
    shadow = machine.say("readlink $APUS_RUNTIME_DIR/*/shadow").strip()
    assert sorted(os.listdir(shadow)) == ["0", "1"]
    assert machine.say("apus guest stop G; echo stopped") == "stopped\n"
    assert os.listdir(shadow) == ["0"]
