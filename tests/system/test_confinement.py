# SPDX-License-Identifier: MIT
"""What a daemon that has started can no longer do, and that it still ends as it should."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness import Daemon, apus_binary

sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
from reachable import AS_OTHER, OTHER, open_up  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="capabilities are root's")

DAC_OVERRIDE, SYS_PTRACE, SYS_ADMIN, MKNOD = 1 << 1, 1 << 19, 1 << 21, 1 << 27
# fusermount3 wants to know the name of its user.
AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups"]
CALLERS = DAC_OVERRIDE | SYS_PTRACE


def status(path):
    with open(f"{path}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def threads(pid):
    return [status(f"/proc/{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task")]


def assert_confined(pid, capabilities, seccomp="2"):
    own = status(f"/proc/{pid}")
    assert int(own["CapEff"], 16) == int(own["CapPrm"], 16) == capabilities
    assert int(own["CapInh"], 16) == int(own["CapAmb"], 16) == 0
    # A thread gives up its own capabilities when it begins to run.
    for _ in range(100):
        if all(int(thread["CapPrm"], 16) & ~(CALLERS | capabilities) == 0 and thread["NoNewPrivs"] == "1" for thread in threads(pid)):
            break
        time.sleep(0.02)
    for thread in threads(pid):
        assert thread["NoNewPrivs"] == "1" and thread["Seccomp"] == seccomp, thread
        # Those that were started before are left what the copiers need.
        assert int(thread["CapPrm"], 16) & ~(CALLERS if thread["Name"].startswith("apus-") else capabilities) == 0


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def start_alone(place, *options):
    process = subprocess.Popen([apus_binary(), "daemon", "--no-tree", "--socket", place / "socket", *options],
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process):
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


def test_root(apus):
    daemon = apus()
    # So that there are threads of each kind.
    daemon.execute("se-adapter", adapter=4, state="off")
    daemon.execute("se-adapter", adapter=4, state="on")
    assert_confined(daemon.process.pid, CALLERS)


def mappings(pid):
    """The flags of each mapping as the kernel has them, by its first line."""
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as file:
        for line in file:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                head = line
            elif line.startswith("VmFlags:"):
                yield head, set(line.split()[1:])


def test_no_core_dump_and_no_key_in_one(apus):
    """There is none of the daemon; if somebody makes one all the same, the adapters' keys are not in it, and not on a disk that
    is swapped to, and no child gets them."""
    pid = apus().process.pid
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        core = next(line.split() for line in file if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"]
    keys = [flags for head, flags in mappings(pid) if {"wf", "dd"} <= flags and head.split()[1] == "rw-p"]
    with open(apus_binary(), "rb") as file:
        locked = set() if b"__asan_init" in file.read() else {"lo"}  # sanitizers ignore mlock(2)
    assert keys and all(locked <= flags for flags in keys)


WITHOUT_PTRACE = ["setpriv", "--bounding-set=-sys_ptrace"]


def can_be_looked_at(pid):
    return subprocess.run([*WITHOUT_PTRACE, "readlink", f"/proc/{pid}/fd/0"], capture_output=True, check=False).returncode == 0


def test_not_dumpable(tmp_path):
    """So root without SYS_PTRACE does not see into it, as it sees into a process with no more capabilities that is dumpable."""
    process = start_alone(tmp_path)
    assert not can_be_looked_at(process.pid)
    end(process)
    with subprocess.Popen([*WITHOUT_PTRACE, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as plain:
        plain.stdin.write(b"there\n")
        plain.stdin.flush()
        assert plain.stdout.readline() == b"there\n"
        assert can_be_looked_at(plain.pid)


def test_without_a_tree_nobody_is_looked_at(tmp_path):
    process = start_alone(tmp_path)
    assert_confined(process.pid, DAC_OVERRIDE)
    end(process)


@pytest.mark.parametrize("action, seccomp", [("kill", "2"), ("log", "2"), ("off", "0")])
def test_action(tmp_path, action, seccomp):
    process = start_alone(tmp_path, f"--seccomp={action}")
    assert_confined(process.pid, DAC_OVERRIDE, seccomp)
    end(process)


def test_no_such_action():
    for command in ["daemon", "run"]:
        result = subprocess.run([apus_binary(), command, "--seccomp=maybe"], capture_output=True, text=True,
                                check=False)
        assert result.returncode == 2 and "'kill', 'log' or 'off', not 'maybe'" in result.stderr


def test_with_all_that_is_written(tmp_path):
    """A recording, a state directory and a PID file are written and closed by a confined daemon."""
    for options in [["--record", tmp_path / "run.jsonl"], ["--state", tmp_path / "state", "--sync"]]:
        (tmp_path / "daemon").mkdir()
        daemon = Daemon(tmp_path / "daemon", arguments=[*options, "--pid-file", tmp_path / "pid"])
        assert (tmp_path / "pid").read_text() == f"{daemon.process.pid}\n"
        assert_confined(daemon.process.pid, CALLERS)
        for number in range(20):
            daemon.mdev(number)
        daemon.stop()
        assert not (tmp_path / "pid").exists()
        shutil.rmtree(tmp_path / "daemon")


@pytest.fixture
def open_place():
    """pytest closes the directory of tmp_path to others whenever another session starts."""
    with tempfile.TemporaryDirectory(prefix="apus-open-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.mark.parametrize("options", [[], ["--ioctl=notify"], ["--uevents"]])
@pytest.mark.parametrize("user", [[], AS_OTHER], ids=["root", "user"])
def test_inside_apus_run(open_place, options, user):
    """Nodes of VFIO are made and removed while it runs; in a user namespace by mounts."""
    open_up()
    os.chown(open_place, OTHER if user else 0, 0)
    script = """
        set -e
        for process in $(cat /proc/$PPID/task/$PPID/children); do
            ! tr '\\0' ' ' < /proc/$process/cmdline | grep -q '^apus daemon ' ||
                grep -E '^(CapPrm|NoNewPrivs|Seccomp):' /proc/$process/status
        done
        matrix=/sys/devices/vfio_ap/matrix
        uuid=69aa1a8a-0000-4000-8000-000000000001
        echo 0x0 > /sys/bus/ap/apmask
        echo $uuid > $matrix/mdev_supported_types/vfio_ap-passthrough/create
        ls /dev/vfio
        echo 1 > $matrix/$uuid/remove
        ls /dev/vfio
    """
    result = subprocess.run([*user, apus_binary(), "run", *options, "--", "bash", "-c", script], text=True, cwd="/",
                            env=dict(os.environ, APUS_RUNTIME_DIR=str(open_place / "r")), timeout=60,
                            capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    words = result.stdout.split()
    assert int(words[words.index("CapPrm:") + 1], 16) == CALLERS | MKNOD | SYS_ADMIN
    assert words[words.index("NoNewPrivs:") + 1] == "1" and words[words.index("Seccomp:") + 1] == "2"
    assert words[-3:] == ["0", "vfio", "vfio"], words


def test_the_heir_holds_nothing(apus):
    daemon = apus()
    child, = children(daemon.process.pid)
    folder = Path(f"/proc/{child}/fd")
    deadline = time.monotonic() + 10
    while len(held := {os.readlink(fd) for fd in folder.iterdir()}) > 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {re.sub(r"\d", "", name) for name in held} == {"/dev/null", "socket:[]", "anon_inode:[pidfd]"}


def test_signals_to_the_whole_group(tmp_path):
    """As Ctrl-C in a terminal, and as a service manager sends them."""
    for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
        folder = tmp_path / str(number)
        folder.mkdir()
        daemon = Daemon(folder)
        child, = children(daemon.process.pid)
        os.kill(child, number)
        os.kill(daemon.process.pid, number)
        daemon.stop()
        assert not os.path.exists(f"/proc/{child}")


def start_again(folder):
    """On the mount that was left behind."""
    process = subprocess.Popen([apus_binary(), "daemon", "--mount", folder / "sys", "--socket", folder / "socket"],
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    end(process)
    assert not os.path.ismount(folder / "sys")


def test_the_heir_was_killed(tmp_path):
    """The daemon ends all the same; its mount, which is dead then, the next one takes over."""
    daemon = Daemon(tmp_path)
    os.kill(children(daemon.process.pid)[0], signal.SIGKILL)
    daemon.process.terminate()
    assert daemon.process.wait(20) == 0
    start_again(tmp_path)


def test_a_killed_daemon_leaves_no_process(tmp_path):
    daemon = Daemon(tmp_path)
    child, = children(daemon.process.pid)
    daemon.process.kill()
    daemon.process.wait()
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{child}") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{child}")
    start_again(tmp_path)


@pytest.fixture
def user_place(open_place):
    """A directory of an ordinary user, and a PATH with a fusermount3 that has root's rights, as distributions have it."""
    helper = shutil.which("fusermount3")
    if not helper:
        pytest.skip("no fusermount3")
    open_up()
    (open_place / "bin").mkdir()
    shutil.copy(helper, open_place / "bin")
    os.chmod(open_place / "bin" / "fusermount3", 0o4755)
    (open_place / "own" / "sys").mkdir(parents=True)
    for path in [open_place / "own", open_place / "own" / "sys"]:
        shutil.chown(path, "nobody")
    return open_place


def start_as_user(place, *prefix):
    own = place / "own"
    process = subprocess.Popen([*prefix, *AS_NOBODY, apus_binary(), "daemon", "--mount", own / "sys", "--socket", own / "socket"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                               env=dict(os.environ, PATH=f"{place}/bin:{os.environ['PATH']}"))
    line = process.stdout.readline()
    assert line == "ready\n", process.stderr.read()
    return process


def test_an_ordinary_user(user_place):
    """fusermount3 needs new privileges, which the daemon has given up: it still unmounts at the end."""
    process = start_as_user(user_place)
    assert_confined(process.pid, 0)
    # Other programs of the same user do not see into it.
    look = subprocess.run([*AS_NOBODY, "ls", f"/proc/{process.pid}/fd"], capture_output=True, text=True, check=False)
    assert look.returncode and "Permission denied" in look.stderr
    assert subprocess.run([*AS_NOBODY, "ls", user_place / "own/sys/bus/ap"], check=False).returncode == 0
    process.terminate()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    assert not os.path.ismount(user_place / "own/sys")
    assert sorted(os.listdir(user_place / "own")) == ["sys"]


def test_an_ordinary_user_without_fusermount(user_place):
    own = user_place / "own"
    done = subprocess.run([*AS_NOBODY, "env", "PATH=/nowhere", apus_binary(), "daemon", "--mount", own / "sys", "--socket", own / "socket"],
                          capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 1 and "no permission to mount" in done.stderr and "fuse3" in done.stderr
    assert os.listdir(own) == ["sys"]


def test_keys_that_cannot_be_locked(user_place):
    with open(apus_binary(), "rb") as file:
        if b"__asan_init" in file.read():
            pytest.skip("sanitizers ignore mlock(2)")
    process = start_as_user(user_place, "prlimit", "--memlock=0")
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert "the adapters' keys cannot be locked in memory and may be swapped out" in err and "LimitMEMLOCK" in err
