# SPDX-License-Identifier: MIT
"""Operation under a service manager, and without one."""

import os
import re
import shlex
import signal
import socket
import stat
import subprocess

import pytest

from harness import Control, apus_binary, worked_example

SECRET = "0123456789abcdef" * 4


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sys").mkdir()
    return tmp_path


def start(*arguments, **options):
    return subprocess.Popen([apus_binary(), "daemon", *map(str, arguments)], stdout=subprocess.PIPE, **options)


def refused(*arguments, **options):
    result = subprocess.run([apus_binary(), "daemon", *map(str, arguments)], capture_output=True, text=True,
                            timeout=30, check=False, **options)
    assert result.returncode in (1, 2) and result.stdout == "" and result.stderr.startswith("apus"), result
    return result.stderr


def test_ready_watchdog_and_stopping(place):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(place / "notify"))
    manager.settimeout(10)
    environment = dict(os.environ, NOTIFY_SOCKET=str(place / "notify"), WATCHDOG_USEC="400000")
    environment.pop("WATCHDOG_PID", None)
    with start("--no-tree", "--socket", place / "socket", env=environment) as process:
        assert process.stdout.readline() == b"ready\n"
        told = [manager.recv(100) for _ in range(3)]
        assert b"READY=1" in told and told.count(b"WATCHDOG=1") >= 1, told
        process.terminate()
        while (last := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
        assert process.wait(10) == 0


def test_levels_for_the_journal(place):
    (place / "lab.ini").write_text("[machine]\ndomains = 4\n")
    with open(place / "journal", "wb") as journal:
        st = os.fstat(journal.fileno())
        environment = dict(os.environ, JOURNAL_STREAM=f"{st.st_dev}:{st.st_ino}")
        arguments = "--no-tree", "--socket", place / "socket", "-m", place / "lab.ini"
        with start(*arguments, env=environment, stderr=journal) as process:
            assert process.stdout.readline() == b"ready\n"
            process.terminate()
        subprocess.run([apus_binary(), "daemon", "--no-tree", "--socket", place / "no" / "socket"], env=environment,
                       stderr=journal, check=False)
    lines = (place / "journal").read_text().splitlines()
    assert re.match("<4>.*has no adapter", lines[0]), lines
    assert lines[-1].startswith("<3>") and "no/socket" in lines[-1]


def activated(place, names, *arguments):
    """The daemon with listening sockets of these names, as systemd passes them."""
    count = len(names)
    numbers = range(100, 100 + count)
    for number, name in zip(numbers, names):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place / f"{name}.{number}"))
            listener.listen()
            os.dup2(listener.fileno(), number)
    moves = " ".join(f"{3 + i}<&{100 + i} {100 + i}<&-" for i in range(count))
    script = (f"exec {moves}; export LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={':'.join(names)};"
              f"exec {shlex.join(map(str, [apus_binary(), 'daemon', *arguments]))}")
    process = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               pass_fds=list(numbers))
    for number in numbers:
        os.close(number)
    return process


def test_socket_activation(place):
    with activated(place, ["apus.socket", "guest"], "--no-tree") as process:
        assert process.stdout.readline() == b"ready\n"
        control = Control(place / "apus.socket.100")
        assert control.execute("status")
        control.close()
        with socket.socket(socket.AF_UNIX) as guest:
            guest.connect(str(place / "guest.101"))
        process.terminate()
        assert process.wait(10) == 0
    # The sockets belong to the service manager, which starts the daemon again at the next connection.
    assert all(stat.S_ISSOCK(os.stat(place / name).st_mode) for name in ("apus.socket.100", "guest.101"))


@pytest.mark.parametrize("names, word", [(["a", "b"], b"two sockets for control"),
                                         (["guest", "guest"], b"two sockets for guests")])
def test_sockets_that_are_too_many(place, names, word):
    with activated(place, names, "--no-tree", "--socket", place / "socket") as process:
        assert process.wait(10) == 1
        assert word in process.stderr.read()
    assert not (place / "socket").exists()


@pytest.mark.parametrize("name, value", [("LISTEN_FDS", "many"), ("LISTEN_FDS", "-1"), ("LISTEN_FDS", "9"), ("LISTEN_FDS", "2147483647"),
                                         ("WATCHDOG_USEC", "soon"), ("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", ""),
                                         ("WATCHDOG_USEC", "18446744073709551615")])
def test_what_a_manager_says_is_understood_or_named(place, name, value):
    words = shlex.join([apus_binary(), "daemon", "--no-tree", "--socket", str(place / "socket")])
    script = f"export LISTEN_PID=$$ {name}={shlex.quote(value)}; unset WATCHDOG_PID; exec {words}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and f"${name}" in done.stderr and done.stderr.count("\n") == 1, done
    assert not (place / "socket").exists()


def test_pid_file(place):
    file = place / "pid"
    arguments = "--no-tree", "--socket", place / "socket", "--pid-file", file
    with start(*arguments) as process:
        assert process.stdout.readline() == b"ready\n"
        assert file.read_text() == f"{process.pid}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "another process" in refused("--no-tree", "--socket", place / "other", "--pid-file", file)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with start(*arguments) as process:
        assert process.stdout.readline() == b"ready\n"
        assert file.read_text() == f"{process.pid}\n"
        process.terminate()
        assert process.wait(10) == 0
    assert not file.exists()
    refused("--no-tree", "--socket", place / "no" / "socket", "--pid-file", file)
    assert not file.exists()
    for content in ["valuable, and no number", "hello\n", "12 34\n", "\n\n", "-1", "1" * 17]:
        file.write_text(content)
        assert "no PID file" in refused(*arguments)
        assert file.read_text() == content
    file.write_text("4711")
    with start(*arguments) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
    assert not file.exists()


def test_a_secret_is_not_on_the_command_line(apus, place):
    (place / "secret").write_text(SECRET + "\n")
    (place / "secret").chmod(0o600)
    host = apus(worked_example(), arguments=["--secret-file", place / "secret"])
    first = (host.root / "devices/ap/card05/05.0004/mkvps").read_text()
    with open(f"/proc/{host.process.pid}/cmdline", "rb") as file:
        assert SECRET.encode() not in file.read()
    read, write = os.pipe()
    os.write(write, SECRET.encode())
    os.close(write)
    with start("--mount", place / "sys", "--socket", place / "socket", "--secret-fd", read, pass_fds=[read]) as process:
        assert process.stdout.readline() == b"ready\n"
        assert (place / "sys/devices/ap/card05/05.0004/mkvps").read_text().split() == first.split()
        process.terminate()
    os.close(read)


@pytest.mark.parametrize("content, mode, word", [(SECRET, 0o604, "other users"), (SECRET[1:], 0o600, "64"),
                                                 (SECRET + "0", 0o600, "64"), ("", 0o600, "64")])
def test_a_secret_that_is_wrong(place, content, mode, word):
    (place / "secret").write_text(content)
    (place / "secret").chmod(mode)
    said = refused("--no-tree", "--socket", place / "socket", "--secret-file", place / "secret")
    assert word in said and (not content or content not in said)


def test_the_former_option(place):
    assert "--secret" in refused("--no-tree", "--socket", place / "socket", "--secret", SECRET)
