# SPDX-License-Identifier: MIT
"""One allocation of the daemon fails, whichever it is: what was asked is refused, or the daemon ends with a sentence. It leaves
nothing behind, and has kept what it acknowledged."""

import os
import signal
import subprocess

import pytest

from harness import ApusError, Daemon, Mdev, uuid, worked_example

# pylint: disable=wrong-import-order
from apus import ConnectionLost

PRELOADED = os.environ["SCARCE"]
# Of all allocations of the work below, a sample: the first ones, then each one and a half times the number before.
NUMBERS = sorted({*range(1, 13), *(int(1.5 ** power) for power in range(7, 22))})


def work(host, machine, acknowledged):
    """Something of each kind. Whatever it says, it answers."""
    def tried(function, *arguments, **more):
        try:
            return function(*arguments, **more)
        except ApusError as error:
            # Also for want of what was refused before it.
            assert error.errno in {"ENOMEM", "EIO", "EAGAIN", "ENODEV", "ENOENT"}, error
        except ConnectionLost:
            if "connection was closed: Cannot allocate memory" not in host.stderr():
                raise
        return None

    for turn in range(3):
        if host.w("bus/ap/config_time", 20 + turn) == "OK":
            acknowledged["config_time"] = 20 + turn
        acknowledged["pending"] = 21 + turn
        device = Mdev(host, turn)
        host.w("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", uuid(turn))
        device.w("assign_adapter", 5)
        device.w("assign_domain", 4)
        for command, arguments in (("guest-start", {"name": f"G{turn}", "mdev": uuid(turn)}), ("status", {}), ("map", {}), ("export", {}),
                                   ("log", {}), ("events", {}), ("plan", {"machine": machine}), ("se-adapter", {"adapter": 5, "state": "off"}),
                                   ("se-adapter", {"adapter": 5, "state": "on"}), ("fault-add", {"rule": "05.* 3 busy"}),
                                   ("guest-stop", {"name": f"G{turn}"}), ("metrics", {})):
            tried(host.execute, command, **arguments)
        host.r("bus/ap/apmask")
        host.names("devices/ap")


def wait_end(process):
    """Its exit status; None: it goes on."""
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        return None


@pytest.mark.parametrize("number", NUMBERS)
def test_an_allocation_that_fails(tmp_path, monkeypatch, number):
    state, folders = tmp_path / "state", [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with monkeypatch.context() as preloaded:
        preloaded.setenv("LD_PRELOAD", PRELOADED)
        preloaded.setenv("SCARCE_NUMBER", str(number))
        preloaded.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":allocator_may_return_null=1:verify_asan_link_order=0")
        host = Daemon(folders[0], worked_example(), None, ["--state", state])
    assert host.w("bus/ap/apmask", "-5") == "OK"
    acknowledged = {"config_time": int(host.value("bus/ap/config_time"))}
    machine = host.cli("export").stdout
    os.kill(host.process.pid, signal.SIGUSR2)
    try:
        work(host, machine, acknowledged)
        host.stop()
    except (OSError, EOFError, AssertionError, RuntimeError, ValueError):
        if wait_end(host.process) != 1 or "no memory left" not in host.stderr():
            raise
        host.wait_tidy()
        host.abandon()
    again = Daemon(folders[1], None, None, ["--state", state])
    assert int(again.value("bus/ap/config_time")) in (acknowledged["config_time"], acknowledged.get("pending"))
    again.stop()
