# SPDX-License-Identifier: MIT
"""apus run --ioctl=notify: which ioctls the machine serves, and for which files."""

import os
import signal
import textwrap
import time

import pytest
from notified import wait_until
from soak import own_seconds

WAYS = ["notify", "notify-user"]

# A prelude of the scripts. 0x80047A47 asks for the default domain, 4; z() returns its answer or the errno's name.
PRELUDE = """
import errno, fcntl, os, socket, stat, threading
def z(fd, number=0x80047A47):
    try:
        return int.from_bytes(fcntl.ioctl(fd, number, bytes(4)), "little")
    except OSError as error:
        return errno.errorcode[error.errno]
def node(name="z90crypt", flags=os.O_RDWR):
    return os.open("/dev/" + name, flags)
"""


def pytest_generate_tests(metafunc):
    metafunc.parametrize("crypto", WAYS, indirect=True)


def script(crypto, text, *before):
    process = crypto.start_inside(*before, "/usr/bin/python3", "-c", PRELUDE + textwrap.dedent(text))
    out, err = process.communicate(60)
    assert process.returncode == 0, err
    return out.split()


def test_character_device(crypto):
    assert script(crypto, "print(stat.S_ISCHR(os.stat('/dev/z90crypt').st_mode), z(node()))") == ["True", "4"]


def test_nobody_counts_opens(crypto):
    assert script(crypto, "print(z(node(), 0x80047A46))") == ["ENOTSUP"]


def test_other_files(crypto):
    """The kernel answers these."""
    assert script(crypto, """
        fd = node()
        os.close(fd)
        print(z(fd), z(node("null")), z(node("zero")), z(node(flags=os.O_PATH)), z(node(flags=os.O_WRONLY)))
        copy = os.open("/etc/passwd", os.O_RDONLY)
        print(z(copy))
        os.dup2(node(), copy)
        print(z(copy))
    """) == ["EBADF", "ENOTTY", "ENOTTY", "EBADF", "4", "ENOTTY", "4"]


def test_node_beside_it_over_fuse(crypto):
    """Nodes below /dev/zcrypt are still served through FUSE."""
    assert script(crypto, "print(z(node('zcrypt/z90crypt')), stat.S_ISREG(os.stat('/dev/zcrypt/z90crypt').st_mode))") \
        == ["4", "True"]


def test_children_and_passed_descriptors(crypto):
    assert script(crypto, """
        import sys
        fd = node()
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            print(z(fd), flush=True)
            got = socket.recv_fds(theirs, 1, 1)[1][0]
            print(z(got), flush=True)
            os._exit(0)
        os.close(fd)
        other = node()
        socket.send_fds(ours, [b"x"], [other])
        os.close(other)
        os.wait()
    """) == ["4", "4"]


def test_threads(crypto):
    assert script(crypto, """
        answers = set()
        def ask():
            fd = node()
            for _ in range(300):
                answers.add(z(fd))
        threads = [threading.Thread(target=ask) for _ in range(16)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(*answers)
    """) == ["4"]


def answers_while(crypto, change):
    """The answers that two threads get on a descriptor of the node while a third thread replaces it."""
    return set(script(crypto, """
        fd, device, null = node(), node(), node("null")
        answers, ended = set(), []
        def ask():
            for _ in range(3000):
                answers.add(z(fd))
            ended.append(1)
        def change():
            while len(ended) < 2:
                CHANGE
        threads = [threading.Thread(target=t) for t in (ask, ask, change)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(*answers)
    """.replace("CHANGE", change)))


def test_descriptor_that_changes_meanwhile(crypto):
    """Each ioctl is answered by one of the files that the descriptor has referred to."""
    answers = answers_while(crypto, "os.dup2(null, fd); os.dup2(device, fd); os.close(fd); os.dup2(device, fd)")
    assert "4" in answers and answers <= {"4", "ENOTTY", "EBADF"}, answers
    assert crypto.ask("me", 512) == {"512": "0"}


def test_descriptor_that_is_closed_meanwhile(crypto):
    """/dev/null must not answer in place of the node."""
    answers = answers_while(crypto, "os.close(fd); os.dup2(device, fd)")
    assert "4" in answers and answers <= {"4", "EBADF"}, answers


def test_nodes_come_and_go(crypto):
    """A descriptor of a removed node stays dead, even if a node of the same name is made."""
    assert crypto.w("class/zcrypt/create", "mine") == "OK"
    assert crypto.w("class/zcrypt/mine/ioctlmask", "0x" + "f" * 64) == "OK"
    assert script(crypto, """
        def control(name, value="mine"):
            fd = os.open("/sys/class/zcrypt/" + name, os.O_WRONLY)
            os.write(fd, value.encode())
            os.close(fd)
        old = node("mine")
        print(stat.S_ISCHR(os.fstat(old).st_mode), z(old))
        control("destroy")
        print(z(old), os.path.lexists("/dev/mine"))
        control("create")
        new = node("mine")
        print(z(old), z(new))
        control("mine/ioctlmask", "0x" + "f" * 64)
        print(z(old), z(new), z(node()))
    """) == ["True", "4", "ENODEV", "False", "ENODEV", "EPERM", "ENODEV", "4", "4"]


def test_name_that_is_taken(crypto):
    """A node with the name of another file in /dev appears only below /dev/zcrypt."""
    assert crypto.w("class/zcrypt/create", "null") == "OK"
    assert crypto.w("class/zcrypt/null/ioctlmask", "0x" + "f" * 64) == "OK"
    assert script(crypto, "print(z(node('null')), z(node('zcrypt/null')))") == ["ENOTTY", "4"]
    assert crypto.w("class/zcrypt/destroy", "null") == "OK"
    assert script(crypto, "print(stat.S_ISCHR(os.stat('/dev/null').st_mode))") == ["True"]


def test_other_namespaces(crypto):
    assert script(crypto, "print(z(node()))", "unshare", "-m") == ["4"]
    assert script(crypto, "print(z(node()))", "unshare", "-mpf") == ["4"]


def test_runs_inside_each_other(crypto):
    def run(*options):
        process = crypto.start_inside(crypto.program.with_name("bin") / "apus", "run", *options, "--", crypto.program, "me",
                                      "/dev/z90crypt", "512")
        return *process.communicate(60), process.returncode

    before = crypto.count("card06")
    assert run() == ("512 0\n", "apus: VFIO is not available: this process already has a seccomp listener\n", 0)
    assert crypto.count("card06") == before, "it is the inner machine's"
    assert run("--ioctl=notify") == (
        "", "apus: --ioctl=notify is not possible: this process already has a seccomp listener; "
            "use --ioctl=fuse\n", 125)


def test_privileges_stay(crypto):
    assert script(crypto, "print(open('/proc/self/status').read())").count("NoNewPrivs:") == 1
    process = crypto.start_inside("grep", "NoNewPrivs", "/proc/self/status")
    assert process.communicate()[0].split() == ["NoNewPrivs:", "0"]


def test_killed_caller(crypto):
    """Its request is cancelled, once, and others go on."""
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always delay 3600s")
    stuck = [crypto.start("me", 512) for _ in range(4)]
    wait_until(lambda: crypto.count("card06", "pendingq_count") == 4, "they wait")
    for process in stuck:
        process.kill()
        process.communicate()
    wait_until(lambda: crypto.count("card06", "pendingq_count") == 0, "they are cancelled")
    crypto.answer_now("06.0004", "06.0047")
    assert crypto.ask("me", 512) == {"512": "0"}
    wait_until(lambda: crypto.count("card06", "load") == 0, "what the dead have asked is computed, for nobody")
    crypto.stop()
    assert crypto.record.read_text().count('"cancel"') == 4


def test_signal_waits(crypto):
    """A signal handler runs after the ioctl has ended: nothing is written to the program's memory later."""
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always delay 3600s")
    process = crypto.start("signals-once")
    wait_until(lambda: crypto.count("card06", "pendingq_count") == 1, "it waits")
    os.kill(process.pid, signal.SIGUSR1)
    time.sleep(0.5)
    assert process.poll() is None and crypto.count("card06", "pendingq_count") == 1, "it still waits"
    crypto.answer_now("06.0004", "06.0047")
    out, err = process.communicate()
    assert out == "ioctl 0\nhandled 1\n", err


def test_end_of_the_daemon(crypto):
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always delay 60s")
    waiting = crypto.start("me", 512)
    wait_until(lambda: crypto.count("card06", "pendingq_count") == 1, "it waits")
    crypto.stop()
    assert waiting.communicate()[0] == "512 ENODEV\n"
    assert crypto.start("me", 512).communicate()[0] == "512 ENOSYS\n"


def test_listener_is_the_daemons_alone(crypto):
    """No program gets the listener, and the daemon leaks no descriptor."""
    assert script(crypto, """
        links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
        print(len(links), any("seccomp" in link or "socket" in link for link in links))
    """) == ["3", "False"]
    before = len(os.listdir(f"/proc/{crypto.daemon_pid}/fd"))
    script(crypto, "[z(node()) for _ in range(2000)]")
    assert len(os.listdir(f"/proc/{crypto.daemon_pid}/fd")) == before


def test_another_user(crypto):
    """Root's daemon serves other users, too; a thread copies their memory with additional checks."""
    if crypto.run.args[0] == "setpriv":
        pytest.skip("a user namespace has one user")
    user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", crypto.program]

    def run(*arguments):
        out, err = crypto.start_inside(*user, *arguments).communicate()
        assert not err
        return out

    assert run("me", crypto.node(), "512", "4096") == "512 0\n4096 0\n"
    own = crypto.client("errors")
    assert run("errors", crypto.node()).splitlines() == [f"{what} {rc.strip()}" for what, rc in own]
    assert "ended 16" in run("stress", crypto.node(), "16", "1")
    assert "0 " in run("flip", crypto.node(), "2000")


def test_locks_cost_others_nothing(crypto):
    """The daemon reads fdinfo of each descriptor, which a program can make very long: that costs it less than 4 ms for each."""
    before = own_seconds(crypto.daemon_pid)
    assert script(crypto, """
        fd = node()
        for i in range(5000):
            fcntl.lockf(fd, fcntl.LOCK_SH, 1, 2 * i)
        print({z(fd) for _ in range(200)})
    """) == ["{4}"]
    assert own_seconds(crypto.daemon_pid) - before < 0.8
