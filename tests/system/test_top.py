# SPDX-License-Identifier: MIT
"""`apus top` on a terminal."""

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from harness import apus_binary, worked_example

LINES = 24
CLEAR = "\x1b[H\x1b[2J"


class Terminal:
    """A program on a terminal of its own, and all that it has shown."""

    def __init__(self, *command, **environment):
        self.main, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", LINES, 100, 0, 0))
        self.process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env={**os.environ, **environment},
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(end)
        self.shown = ""

    def read(self):
        """False: the program has closed the terminal."""
        assert select.select([self.main], [], [], 60)[0], f"nothing is shown any more after {self.shown!r}"
        try:
            self.shown += os.read(self.main, 65536).decode().replace("\r\n", "\n")
        except OSError as error:
            assert error.errno == errno.EIO
            return False
        return True

    def frame(self, *words):
        """The next whole frame that has all of these words."""
        deadline, begin = time.monotonic() + 60, len(self.shown)
        while time.monotonic() < deadline:
            assert self.read(), self.shown
            for frame in self.shown[begin:].split(CLEAR)[1:-1]:
                if all(word in frame for word in words):
                    return frame
        raise AssertionError(f"no frame has {words}: {self.shown[-4000:]!r}")

    def end(self):
        while self.read():
            pass
        os.close(self.main)
        return self.process.wait(60)


@pytest.fixture
def host(apus):
    host = apus(worked_example(apmask="0x0"))
    assert host.mdev(1).assign([5], [4]).exists()
    return host


@pytest.fixture
def top(host):
    terminal = Terminal(apus_binary(), "top", "--interval", "0.1", APUS_SOCKET=str(host.socket))
    yield terminal
    terminal.process.kill()
    terminal.process.wait()


def test_it_goes_on_until_it_is_interrupted(host, top):
    before = top.frame("QUEUE", "GUEST", "DEVICE", "0.0 requests and 0.0 errors a second")
    assert "Guest1" not in before
    host.guest("Guest1").start(host.names("bus/mdev/devices")[0])
    guest = next(line for line in top.frame("Guest1").splitlines() if line.startswith("Guest1"))
    assert guest.split() == ["Guest1", "0", "0", "0", "0", "0", "-"]
    host.guest("Guest1").stop()
    while "Guest1" in top.frame("GUEST"):
        pass
    os.write(top.main, b"\x03")
    assert top.end() == -signal.SIGINT


def test_a_frame_fits_the_terminal(host, top):
    for number in range(LINES):
        host.guest(f"G{number}").start()
        host.mdev(100 + number)
    frame = top.frame("G0", "and ")
    while sum(map(int, re.findall(r"and (\d+) more", frame))) < 2 * LINES - 8:
        frame = top.frame("G0", "and ")
    assert frame.count("\n") <= LINES - 1
    shown = len(re.findall(r"^G\d+ ", frame, re.M))
    assert re.search(rf"^and {LINES - shown} more$", frame, re.M), frame


def test_the_end_of_the_machine_is_an_error(host, top):
    top.frame("QUEUE")
    host.process.send_signal(signal.SIGTERM)
    assert top.end() == 4
    assert re.search(r"^apus: .*", top.shown.rpartition(CLEAR)[2], re.M)
