# SPDX-License-Identifier: MIT
import os
import shutil
import signal
import stat
import sys
import tempfile

import pytest

sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
from reachable import open_up  # noqa: E402
from runs import USER, Runs


def pytest_configure(config):
    # Whoever runs the tests may ignore them, as nohup(1) does; programs would inherit that.
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    open_up()
    # Ordinary systems let unprivileged users use FUSE; a minimal one may lack udev's rule for that.
    if os.geteuid() == 0 and os.path.exists("/dev/fuse"):
        if stat.S_IMODE(os.stat("/dev/fuse").st_mode) != 0o666:
            os.chmod("/dev/fuse", 0o666)


def mounts():
    """The mounts of this namespace, except those of other tests and of a Docker engine."""
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if not any(place in line for place in ("/tmp/", "/dev/shm/", "/docker/"))]


def checked(owner):
    """Runs in a new directory of owner's. At the end nothing may remain of them."""
    base = tempfile.mkdtemp(prefix="apus-test-", dir="/tmp")
    os.chown(base, owner, owner)
    runs = Runs(base)
    before, devices = mounts(), set(os.listdir("/dev"))
    yield runs
    remaining = runs.settle()
    runs.kill_all()
    machines = runs.machines()
    shutil.rmtree(base)
    assert remaining == {}
    assert machines == []
    assert mounts() == before
    assert set(os.listdir("/dev")) == devices
    assert not os.path.exists("/sys/bus/ap")


@pytest.fixture
def runs():
    yield from checked(os.geteuid())


@pytest.fixture
def user_runs():
    """For tests that call Runs.user."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    yield from checked(USER)
