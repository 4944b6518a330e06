# SPDX-License-Identifier: MIT
"""Awkward callers: memory that never becomes available, signals, death, the end of the daemon."""

import fcntl
import os
import shutil
import subprocess
import time

import pytest
from notified import wait_until

USER = 54321

BOTH_WAYS = True


def waiting(crypto, *arguments, **options):
    process = crypto.start("fault", *arguments, **options)
    line = process.stdout.readline()
    if line != "waits\n":
        pytest.skip(process.stderr.read())
    assert process.poll() is None
    return process


@pytest.mark.parametrize("result", [0, 1], ids=["operand", "result"])
def test_memory_that_never_comes(crypto, result):
    """Such callers, however many, hold up nobody else, and each can be killed."""
    stuck = [waiting(crypto, result) for _ in range(50)]
    time.sleep(0.5)
    assert all(process.poll() is None for process in stuck)
    assert crypto.ask("me", 512, 2048, timeout=60) == {"512": "0", "2048": "0"}
    assert crypto.ask("fresh", timeout=60) == {"ioctl": "0"}
    assert crypto.value("devices/ap/card06/type") == "CEX5A"
    for process in stuck:
        process.kill()
    for process in stuck:
        process.communicate(timeout=60)
    assert crypto.ask("me", 512, timeout=60) == {"512": "0"}


def test_memory_that_never_comes_and_the_end(crypto):
    """The daemon still ends (the fixture checks that), and so does the caller."""
    process = waiting(crypto, 0)
    time.sleep(0.2)
    crypto.stop()
    out, _ = process.communicate(timeout=60)
    assert out.startswith("ended E")


def test_operand_in_a_file_of_ours(crypto):
    """The daemon must not wait for a request that only it can answer."""
    answer = crypto.ask("own-file", crypto.path("bus/ap/apmask"), timeout=60)
    assert answer.pop("before") == "0"
    assert answer in ({"ioctl": "0"}, {"ioctl": "EINVAL"}, {"ioctl": "EFAULT"}, {"map": "ENODEV"}), answer


def test_signals_and_death(crypto):
    crypto.only(6)
    answer = crypto.ask("signals", 400, timeout=120)
    assert int(answer["interrupted"]) > 0, answer
    end = time.monotonic() + 60
    while crypto.count("card06", "pendingq_count") and time.monotonic() < end:
        time.sleep(0.05)
    assert crypto.count("card06", "pendingq_count") == 0
    assert crypto.count("card06", "requestq_count") == 0
    assert crypto.count("card06", "load") == 0
    assert crypto.ask("crt", 1024) == {"1024": "0"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user(public_crypto):
    """Its memory is copied on a thread; the result is the same, even for an invalid pointer."""
    crypto = public_crypto
    client = shutil.copy(os.environ["CRYPTO_CLIENT"], crypto.root.parent / "client")

    def run(*arguments):
        command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", client, *arguments]
        return subprocess.run(command, check=True, timeout=60, text=True, capture_output=True, cwd="/").stdout

    assert run("me", crypto.node(), "512", "4096") == "512 0\n4096 0\n"
    own = crypto.client("errors")
    assert run("errors", crypto.node()).splitlines() == [f"{what} {rc.strip()}" for what, rc in own]
    assert "right" in run("stress", crypto.node(), "16", "1")


@pytest.mark.fuse_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a PID namespace without a user namespace")
def test_another_pid_namespace(crypto):
    """The daemon can see callers in a PID namespace below its own."""
    out = subprocess.run(["unshare", "--pid", "--fork", os.environ["CRYPTO_CLIENT"], "me", crypto.node(), "1024"],
                         check=True, timeout=60, text=True, capture_output=True).stdout
    assert out == "1024 0\n"


def test_end_of_the_daemon_under_load(crypto):
    load = crypto.start("stress", 32, 60)
    wait_until(lambda: crypto.count("card06") > 0, "requests are computed")
    crypto.stop()
    _, err = load.communicate(timeout=60)
    assert "request of kind" in err, "each request in flight ended with an error"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a PID namespace without a user namespace")
def test_daemon_that_cannot_see_its_caller(tmp_path):
    """A caller outside the daemon's PID namespace has no pid in it."""
    mount, socket = tmp_path / "sys", tmp_path / "socket"
    mount.mkdir()
    daemon = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child=SIGTERM", os.environ["APUS_BIN"], "daemon",
         "--mount", mount, "--socket", socket], stdout=subprocess.PIPE, text=True)
    try:
        assert daemon.stdout.readline() == "ready\n"
        node = mount / "dev/z90crypt"
        out = subprocess.run([os.environ["CRYPTO_CLIENT"], "me", node, "1024"], check=True, timeout=60, text=True,
                             capture_output=True).stdout
        assert out == "1024 EOPNOTSUPP\n"
        with open(node, "rb") as file:
            assert fcntl.ioctl(file, 0x80047A47, bytes(4)) == (4).to_bytes(4, "little")
    finally:
        subprocess.run(["umount", mount], check=False)
        daemon.wait(60)
        daemon.stdout.close()
