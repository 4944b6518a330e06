# SPDX-License-Identifier: MIT
"""apus run in unusual environments: it works, or says in one sentence why not, and leaves nothing behind."""

import itertools
import os
import subprocess
import sys

import pytest

from runs import binary

SEED_MASK = "0x" + "f" * 64 + "\n"
CLOSED = [c for n in (1, 2, 3) for c in itertools.combinations("012", n)]


def left_nothing(runs):
    assert not runs.processes()
    assert [name for name in os.listdir(runs.base) if name != "lock"] == []


@pytest.mark.parametrize("closed", CLOSED, ids="".join)
def test_closed_standard_files(runs, tmp_path, closed):
    """A standard descriptor that is closed stays closed for the program, and apus opens nothing in its place."""
    seen = tmp_path / "seen"
    program = f"cat /sys/bus/ap/apmask > {seen}; for i in 0 1 2; do test -e /proc/$$/fd/$i || echo closed $i >> {seen}; done"
    closing = " ".join(f"{n}<&-" for n in closed)
    result = runs.command("bash", "-c", f'exec "$0" run -v -- bash -c "$1" {closing}', binary(), program)
    assert result.returncode == 0, result.stderr
    assert seen.read_text() == SEED_MASK + "".join(f"closed {n}\n" for n in closed)
    left_nothing(runs)


@pytest.mark.parametrize("closed", CLOSED, ids="".join)
def test_closed_standard_files_of_a_guest(runs, tmp_path, closed):
    closing = " ".join(f"{n}<&-" for n in closed)
    script = f"""apus guest start G && apus guest exec G -- sh -c 'ls /sys/bus/ap > {tmp_path}/seen' {closing}"""
    result = runs.bash(script)
    assert result.returncode == 0, result.stderr
    assert "apmask" in (tmp_path / "seen").read_text().split()


def test_output_that_is_closed_is_an_error_as_ever(runs):
    result = runs.bash("cat /sys/bus/ap/apmask >&-")
    assert result.returncode == 1 and "Bad file descriptor" in result.stderr


@pytest.mark.parametrize("names", [{}, {"PATH": ""}, {"HOME": "/nowhere", "PATH": "/nowhere"}])
def test_no_environment(runs, names):
    env = {"APUS_RUNTIME_DIR": str(runs.base), **names}
    result = subprocess.run([binary(), "run", "--", "/bin/cat", "/sys/bus/ap/apmask"], env=env, text=True,
                            capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, SEED_MASK), result.stderr
    left_nothing(runs)


@pytest.mark.parametrize("name", ["", "%s%n", "/", "x" * 5000])
def test_odd_name_of_the_program_itself(runs, name):
    result = subprocess.run([name, "run", "--", "cat", "/sys/bus/ap/apmask"], executable=binary(),
                            env=runs.environment(), text=True, capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, SEED_MASK), result.stderr


def test_no_arguments_at_all(runs):
    code = ("import ctypes, sys; none = (ctypes.c_char_p * 1)(None);"
            "ctypes.CDLL(None).execve(sys.argv[1].encode(), none, none)")
    result = runs.command(sys.executable, "-c", code, binary())
    assert result.returncode == 2 and result.stderr.startswith("apus: no command given")


def test_working_directory_that_is_gone(runs, tmp_path):
    result = runs.command("bash", "-c", 'mkdir "$1"; cd "$1"; rmdir "$1"; exec "$0" run -- cat /sys/bus/ap/apmask', binary(),
                          tmp_path / "gone")
    assert (result.returncode, result.stdout) == (0, SEED_MASK), result.stderr


@pytest.mark.parametrize("limit", range(3, 20))
def test_few_descriptors(runs, limit):
    result = runs.command("bash", "-c", f'ulimit -n {limit}; exec "$0" run -- /bin/cat /sys/bus/ap/apmask', binary())
    assert result.returncode in (0, 125, 127), result.stderr
    assert result.returncode in (0, 127) or result.stderr.count("\n") == 1
    assert result.returncode in (0, 127) or "Too many open files; raise" in result.stderr
    assert result.returncode or result.stdout == SEED_MASK
    left_nothing(runs)


def test_files_must_not_grow(runs, tmp_path):
    """RLIMIT_FSIZE kills programs that do not handle SIGXFSZ; the daemon does."""
    result = runs.command("bash", "-c", 'ulimit -f 0; exec "$0" run -- cat /sys/bus/ap/apmask', binary())
    assert (result.returncode, result.stdout) == (0, SEED_MASK), result.stderr
    record = tmp_path / "record"
    result = runs.command("bash", "-c", 'ulimit -f 0; exec "$0" run --record "$1" -- cat /sys/bus/ap/apmask', binary(), record)
    assert "signal" not in result.stderr
    assert result.returncode == 125 and f"{record}" in result.stderr and "File too large" in result.stderr
    left_nothing(runs)


def test_messages_must_not_grow(runs, tmp_path):
    """Standard error, to which the log goes, is a full file."""
    script = """exec "$0" run -v -- bash -c 'trap "" XFSZ; apus guest start G && apus guest list'"""
    with open(tmp_path / "err", "wb") as err:
        result = subprocess.run(["bash", "-c", "ulimit -f 0; " + script, binary()], stdout=subprocess.PIPE, stderr=err,
                                env=runs.environment(), timeout=60, check=False)
    assert result.returncode == 0
    assert b"G" in result.stdout.split()
    left_nothing(runs)


GRANTED = """
import os, resource
for what in (lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 40, 1 << 40)), lambda: os.setgroups([]),
             lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))):
    what()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_what_libvirt_insists_on_is_granted(user_runs):
    """A domain needs more locked memory and other groups; other limits are enforced as ever."""
    result = user_runs.user("/usr/bin/python3", "-c", GRANTED)
    assert (result.returncode, result.stdout) == (0, "100\n"), result.stderr


@pytest.mark.parametrize("options", [(), ("--no-mount",)], ids=" ".join)
def test_a_parent_that_ignores_its_children(runs, options):
    """SIGCHLD stays ignored over exec: children would be gone before anybody waits for them."""
    done = runs.command("env", "--ignore-signal=CHLD", binary(), "run", *options, "--", "sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("options", [(), ("--no-mount",)], ids=" ".join)
def test_a_umask_that_shuts_others_out(runs, options):
    """The modes of /sys and /dev are their own, and the program has its umask."""
    script = "umask; exec setpriv --reuid=1000 --regid=1000 --clear-groups sh -c " \
             "'cd /sys/bus/ap && cat ap_max_domain_id && cat /sys/class/net/lo/mtu > /dev/null && ls /dev/vfio'"
    done = runs.command("bash", "-c", 'umask 077; exec "$0" run "$@"', binary(), *options, "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith("0077\n255\n") and "vfio" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/proc/sys/vm/memfd_noexec"), reason="needs root and Linux 6.3")
def test_memory_that_must_not_be_executed(runs):
    """Without a mount the library is in such memory."""
    script = 'echo 1 > /proc/sys/vm/memfd_noexec; exec "$0" run --no-mount -- cat /sys/bus/ap/ap_max_domain_id'
    done = runs.command("unshare", "-pf", "--mount-proc", "bash", "-c", script, binary())
    assert (done.returncode, done.stdout, done.stderr) == (0, "255\n", "")
