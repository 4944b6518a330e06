# SPDX-License-Identifier: MIT
"""Hostile callers: each gets its own error, and nobody else is affected."""

import os
import signal
import subprocess
import sys
import time

import pytest
from notified import wait_until
from soak import own_seconds

BOTH_WAYS = True

ERRORS = {"0", "EFAULT", "EINVAL", "ENODEV", "EIO", "EMSGSIZE", "EOPNOTSUPP", "ENOTSUP"}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def calm(crypto):
    """Requests of dead callers are over, and the node still works."""
    for name in ("pendingq_count", "requestq_count", "load"):
        wait_until(lambda: crypto.count("card06", name) == 0, name)
    assert crypto.ask("me", 512, 1024, timeout=60) == {"512": "0", "1024": "0"}


def test_forged_structures(crypto):
    answer = crypto.ask("forge", 20000)
    assert set(answer) <= ERRORS, answer
    assert int(answer["EFAULT"]) > 1000 and int(answer["EINVAL"]) > 1000, answer
    calm(crypto)


def test_memory_that_changes_meanwhile(crypto):
    answer = crypto.ask("flip", 20000)
    assert set(answer) <= {"0", "EFAULT", "EINVAL", "ENODEV"}, answer
    assert int(answer["0"]) > 0, answer
    calm(crypto)


def test_crowd(crypto):
    """More callers than descriptors; all wait at the same time."""
    crypto.only(6)
    number = crypto.execute("fault-add", rule="06.* always full")["number"]
    process = crypto.start("crowd", 1500)
    wait_until(lambda: crypto.count("card06", "requestq_count") == 1500, "all wait")
    crypto.execute("fault-remove", number=number)
    out, err = process.communicate(60)
    assert out == "right 1500\nwrong 0\n", err
    calm(crypto)


def test_killed_before_the_queue_takes_it(crypto):
    """A request that never reached a queue leaves nothing behind."""
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always full")
    processes = [crypto.start("me", 512) for _ in range(8)]
    wait_until(lambda: crypto.count("card06", "requestq_count") == 8, "they wait")
    for process in processes:
        process.kill()
        process.communicate()
    wait_until(lambda: crypto.count("card06", "requestq_count") == 0, "the queue has forgotten them")
    assert crypto.count("card06", "load") == 0
    crypto.execute("fault-remove", all=True)
    calm(crypto)
    assert crypto.count("card06") == 8 + 2, "a request counts when a queue is chosen"


def test_killed_while_their_memory_lives_on(crypto):
    """A reader of its memory blocks as long as it lives; the daemon blocks no more threads on that than
    a user may have."""
    before = descriptors(crypto.daemon_pid)
    process = crypto.start("hoard", 300)
    if process.stdout.readline() != "killed\n":
        pytest.skip(process.stderr.read())
    assert descriptors(crypto.daemon_pid) <= before + 128 + 8
    assert crypto.ask("me", 512, timeout=60) == {"512": "0"}
    process.kill()
    process.communicate()
    wait_until(lambda: descriptors(crypto.daemon_pid) <= before, "all is given back")
    calm(crypto)


@pytest.mark.parametrize("first", [1, 0], ids=["first-thread-asks", "other-thread-asks"])
def test_caller_that_becomes_another_program(crypto, first):
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* 1 delay 3600s")
    assert crypto.start("exec", first).communicate(60)[0] == "executed\n"
    assert crypto.ask("me", 512) == {"512": "0"}
    crypto.answer_now("06.0004", "06.0047")
    calm(crypto)


def test_descriptor_that_is_another_file_meanwhile(crypto):
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* 1 delay 1s")
    assert crypto.ask("closing") == {"right": "1", "afterwards": "ENOTTY"}


def test_daemon_that_is_stopped_and_continued(crypto):
    """No answer is lost."""
    process = crypto.start("stress", 24, 3)
    while process.poll() is None:
        os.kill(crypto.daemon_pid, signal.SIGSTOP)
        os.kill(crypto.daemon_pid, signal.SIGCONT)
        time.sleep(0.001)
    out, err = process.communicate(60)
    assert "ended 24" in out, err
    calm(crypto)


LOCKED = """
import fcntl, os, sys
fd = os.open("/dev/null", os.O_RDWR)
for i in range(5000):
    fcntl.lockf(fd, fcntl.LOCK_SH, 1, 2 * i)
copies = [os.dup(fd) for _ in range(200)]
node = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(node, 0x80047A47, bytes(4))
try:
    fcntl.ioctl(node, 0xC0007A05, bytes(48))
except OSError:
    pass
"""


@pytest.mark.fuse_only
def test_descriptors_with_many_locks(crypto):
    """The daemon searches the descriptors of a mount's first caller."""
    before = own_seconds(crypto.daemon_pid)
    subprocess.run([sys.executable, "-c", LOCKED, crypto.node()], check=True, timeout=60)
    assert own_seconds(crypto.daemon_pid) - before < 1
