# SPDX-License-Identifier: MIT
"""A run leaves nothing behind, whichever process dies, and how; nor does a daemon. The fixture checks that at the end.

APUS_KILLS is how often something is killed (default 6; `make soak` takes 200)."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from runs import AS_OTHER, binary, born, kill, wait_for

KILLS = min(200, int(os.environ.get("APUS_KILLS", "6")))
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
    child.communicate(timeout=60)


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
    child.communicate(timeout=60)
    expected = -signal.SIGKILL if (part, number) == ("run", signal.SIGKILL) else \
        128 + (signal.SIGTERM if part == "guard" else number)
    assert child.returncode == expected
    assert runs.settle() == {}
    assert runs.machines() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_daemon_dies(runs, number):
    child = runs.start("bash", "-c", "echo up; read line; cat /sys/bus/ap/apmask; true", stdin=-1)
    assert child.stdout.readline() == "up\n"
    daemon = runs.children(child)["daemon"]
    os.kill(daemon, number)
    wait_for(lambda: not born(daemon))
    errors = child.communicate("line\n", timeout=60)[1]
    assert child.returncode == 125, "the program's success counts for nothing"
    assert "the daemon" in errors and "not connected" in errors


REQUEST = r"""
import ctypes, errno, os
libc, size = ctypes.CDLL(None, use_errno=True), 128
n, e = (ctypes.create_string_buffer(v.to_bytes(size, "big"), size) for v in ((1 << 1023) + 0x10001, 3))
m, out = ctypes.create_string_buffer((7).to_bytes(size, "big"), size), ctypes.create_string_buffer(size)
op = (ctypes.c_uint64 * 6)(ctypes.addressof(m), size, ctypes.addressof(out), size, ctypes.addressof(e), ctypes.addressof(n))
fd = os.open("/dev/z90crypt", os.O_RDWR)
print("answered" if libc.ioctl(fd, ctypes.c_ulong(0xC0007A05), ctypes.byref(op)) == 0 else errno.errorcode[ctypes.get_errno()], flush=True)
"""


@pytest.mark.parametrize("how", ["--ioctl=fuse", "--ioctl=notify"])
def test_a_pending_request_fails_when_the_daemon_dies(runs, how):
    child = runs.start("bash", "-c", """
        apus fault add '*.* always delay 3600s' > /dev/null
        /usr/bin/python3 -S -c "$0" &
        until cat /sys/devices/ap/card*/*.*/pendingq_count | grep -q 1; do sleep 0.01; done; echo up; wait $!""", REQUEST, options=[how])
    assert child.stdout.readline() == "up\n"
    os.kill(runs.children(child)["daemon"], signal.SIGKILL)
    assert child.stdout.readline().strip() in {"ENOTCONN", "ECONNABORTED", "ENOSYS", "ENODEV"}
    child.communicate(timeout=60)
    assert child.returncode == 125
    assert runs.settle() == {} and runs.machines() == []


def test_all_die_at_once_and_the_next_run_sweeps(runs):
    child, parts = start(runs)
    os.kill(parts["guard"], signal.SIGKILL)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    assert runs.settle() == {}
    assert runs.machines() == [str(child.pid)]
    assert runs.run("true").returncode == 0
    assert runs.machines() == []


def test_the_sweep_spares_what_is_not_ours(runs):
    """Files of somebody who keeps them where the machines are; a refused command changes nothing either."""
    base = pathlib.Path(runs.base)
    foreign = ["2024/shadow/deep/thesis", "2024/machine", "2025/note", "photos/lock", "photos/metrics", "photos/shadow/p", "12/lock"]
    for name in foreign:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("mine")
    for folder in ("2024", "2025", "photos", "12"):
        (base / folder).chmod(0o700)
    (base / "2026").mkdir()
    assert runs.command(binary(), "down", "nothing").returncode == 3
    assert runs.run("true").returncode == 0
    assert [name for name in foreign if (base / name).read_text() != "mine"] == []
    for name in ("12", "2024", "2025", "2026", "photos"):
        shutil.rmtree(base / name)


def test_a_runtime_directory_of_somebody_else(runs):
    """As others can make it in /tmp: nothing in it is believed, and nothing is waited for."""
    base = pathlib.Path(runs.base)
    (base / "lab").mkdir(mode=0o700)
    os.mkfifo(base / "lab" / "lock")
    assert runs.command(binary(), "list", timeout=20).returncode == 0  # a lock that is a FIFO
    shutil.rmtree(base / "lab")
    for mode, owner in ((0o777, os.geteuid()), (0o700, 12345)):
        base.chmod(mode)
        if os.geteuid() == 0:
            os.chown(base, owner, owner)
        for words in (["list"], ["status"], ["down", "lab"], ["exec", "lab", "--", "true"]):
            done = runs.command(binary(), *words, timeout=20)
            assert done.returncode != 0 and "is not a directory of yours" in done.stderr, (words, done)
        os.chown(base, os.geteuid(), os.getegid())
    base.chmod(0o700)


def test_the_sweep_spares_the_living(runs):
    child, _ = start(runs)
    assert runs.run("true").returncode == 0
    assert runs.machines() == [str(child.pid)]
    child.terminate()
    child.communicate(timeout=60)


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


@pytest.fixture(params=["root", "user"])
def either(request):
    """Runs, and what makes a command that of their user."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    as_user = request.param == "user"
    yield request.getfixturevalue("user_runs" if as_user else "runs"), AS_OTHER if as_user else []


def sweep(runs, prefix):
    result = runs.command(*prefix, binary(), "run", "true", cwd="/")
    assert (result.returncode, result.stderr) == (0, "")
    assert runs.settle() == {} and runs.machines() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_starts(either, number):
    """At any moment between its start and that of the program."""
    runs, prefix = either
    for round_ in range(max(1, KILLS // 30)):
        children = []
        for step in range(30):
            children.append(runs.start("true", prefix=prefix, cwd="/"))
            time.sleep(step * 0.004)
            children[-1].send_signal(number)
        for child in children:
            child.communicate(timeout=60)
            assert child.returncode in (0, -number, 128 + number)
        assert runs.settle() == {}, round_
        sweep(runs, prefix)  # what is left of those that were killed before they had a guard


def kill_some(parts, chance):
    """Kills some of the processes of a run, and returns which."""
    killed = chance.sample(sorted(parts), chance.randrange(1, 5))
    kill(*(parts[name] for name in killed))
    return killed


def test_any_of_its_processes_is_killed(either):
    """Also several at once, and of a run with a state."""
    runs, prefix = either
    chance = random.Random(KILLS)
    for turn in range(KILLS):
        options = ["--ioctl=notify"] if turn % 2 else ["--state", f"{runs.base}-state"]
        child = runs.start("bash", "-c", UP, options=options, prefix=prefix, cwd="/")
        assert child.stdout.readline() == "up\n"
        parts = runs.children(child)
        assert set(parts) == {"daemon", "guard", "program", "run"}
        killed = kill_some(parts, chance)
        child.terminate()
        child.communicate(timeout=60)
        assert runs.settle() == {}, (turn, killed)
        if {"run", "guard"} <= set(killed):
            sweep(runs, prefix)
        assert runs.machines() == [], (turn, killed)
    subprocess.run(["rm", "-rf", f"{runs.base}-state"], check=True)


BUSY = "echo up $(readlink $APUS_RUNTIME_DIR/*/shadow); while :; do ls -R /sys/bus/ap > /dev/null; echo +5 > /sys/bus/ap/apmask; done"


def test_killed_at_work_without_a_mount(either):
    """As above, in the middle of listings and stores; the directory of open ones goes, too."""
    runs, prefix = either
    chance = random.Random(KILLS)
    for turn in range(KILLS):
        child = runs.start("sh", "-c", BUSY, options=["--no-mount"], prefix=prefix, cwd="/")
        shadow = child.stdout.readline().split()[1]
        assert os.path.isdir(shadow)
        parts = runs.children(child)
        killed = kill_some(parts, chance)
        child.terminate()
        child.communicate(timeout=60)
        assert runs.settle() == {}, (turn, killed)
        if {"run", "guard"} <= set(killed):
            sweep(runs, prefix)
        assert runs.machines() == [] and not os.path.exists(shadow), (turn, killed)


def mounted_below(folder):
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if folder in line]


class Lives:
    """Daemons of one after the other, in a directory that has nothing but their mount point when none runs."""

    def __init__(self, runs, prefix):
        # fusermount3 wants a user that has a name.
        self.runs, self.prefix = runs, ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if prefix else []
        self.folder = f"{runs.base}/daemon"
        if prefix:
            shutil.chown(runs.base, "nobody")
        subprocess.run([*self.prefix, "mkdir", "-p", f"{self.folder}/sys"], check=True, cwd="/")
        self.env = runs.environment()
        if prefix:  # as Debian installs it: so an ordinary user can mount
            os.mkdir(f"{runs.base}/bin")
            subprocess.run(["install", "-m", "4755", shutil.which("fusermount3"), f"{runs.base}/bin"], check=True)
            self.env["PATH"] = f"{runs.base}/bin:{self.env['PATH']}"

    def start(self, ready=True):
        line = [*self.prefix, binary(), "daemon", "--quiet", "--mount", f"{self.folder}/sys", "--socket",
                f"{self.folder}/socket", "--pid-file", f"{self.folder}/pid"]
        child = subprocess.Popen(line, cwd="/", text=True, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        if ready:
            assert child.stdout.readline() == "ready\n", child.communicate()
            assert sorted(os.listdir(self.folder)) == ["pid", "socket", "socket.guest", "sys"]
        return child

    def kill(self, child, with_helpers=False):
        kill(child.pid, *(self.runs.processes() if with_helpers else []))
        output, errors = child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL, (output, errors)

    def end(self, child):
        child.terminate()
        assert child.communicate(timeout=60) == ("", "") and child.returncode == 0

    def nothing_is_left(self):
        assert self.runs.settle() == {}
        with open("/proc/self/mountinfo") as file:
            assert self.folder not in file.read()
        assert os.listdir(self.folder) == ["sys"]


@pytest.fixture
def lives(either):
    if not shutil.which("fusermount3"):
        pytest.skip("there is no fusermount3")
    found = Lives(*either)
    yield found
    for name in ("daemon", "bin"):
        shutil.rmtree(f"{found.runs.base}/{name}", ignore_errors=True)


@pytest.mark.parametrize("with_helpers", [False, True], ids=["alone", "all"])
def test_a_killed_daemon_leaves_nothing(lives, with_helpers):
    """Nothing but its mount point; if those who tidy up are killed as well, the next daemon takes away what is left."""
    chance = random.Random(KILLS)
    for turn in range(KILLS):
        child = lives.start(ready=turn % 2)
        if not turn % 2:
            time.sleep(chance.uniform(0, 0.1))
        lives.kill(child, with_helpers)
        if with_helpers:
            lives.end(lives.start())
        lives.nothing_is_left()


def test_a_killed_daemon_and_the_next_one_at_once(lives):
    """As a service manager starts it: who tidies up after the old one takes nothing of the new one away."""
    child = lives.start()
    for _ in range(KILLS):
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        child = lives.start()
        status = lives.runs.command(*lives.prefix, binary(), "status", "--socket", f"{lives.folder}/socket", cwd="/")
        assert status.returncode == 0, status
    assert lives.runs.command(*lives.prefix, "cat", f"{lives.folder}/sys/bus/ap/ap_max_domain_id").stdout == "255\n"
    lives.end(child)
    lives.nothing_is_left()
