# SPDX-License-Identifier: MIT
"""The unit apus@.service: what systemd says of it, and what it does, played by a service manager of ours."""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from runs import binary

UNITS = os.path.join(os.environ["APUS_BUILD"], "systemd")
PR_SET_CHILD_SUBREAPER = 36


def settings(name="apus@"):
    """{key: [values]} of a unit."""
    found = {}
    with open(f"{UNITS}/{name}.service") as file:
        for key, value in re.findall(r"^(\w+)=(.*)$", file.read(), re.M):
            found.setdefault(key, []).append(value)
    return found


def seconds(value):
    return float(value.removesuffix("ms")) / 1000 if value.endswith("ms") else float(value.removesuffix("s"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_has_nothing_to_say(tmp_path):
    for name in ("apus@", "apus-guests@"):
        with open(f"{UNITS}/{name}.service") as file:
            text = re.sub(r"^(Exec\w+=)\S+/bin/apus", rf"\1{binary()}", file.read(), flags=re.M)
        (tmp_path / f"{name}.service").write_text(text)
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "apus@lab.service",
                             tmp_path / "apus-guests@lab.service"], text=True,
                            capture_output=True, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
    assert (result.returncode, [line for line in result.stderr.splitlines() if "apus" in line]) == (0, [])


class Manager:
    """What systemd does for a unit of Type=notify with Restart=on-failure, NotifyAccess=all."""

    def __init__(self, runs, folder):
        self.runs, self.unit, self.pid = runs, settings(), 0
        self.words = {"/etc/apus/%i.ini": f"{folder}/lab.ini", "/var/lib/apus/%i": f"{folder}/lab", "%i": "lab"}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"{folder}/notify")
        self.socket.settimeout(60)
        self.address = f"{folder}/notify"
        assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

    def command(self, key):
        words = self.unit[key][0].split()
        return [binary(), *[self.words.get(word, word) for word in words[1:]]]

    def start(self):
        """Until it is ready; how long that took."""
        begin = time.monotonic()
        child = subprocess.Popen(self.command("ExecStart"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 env=self.runs.environment(NOTIFY_SOCKET=self.address, WATCHDOG_USEC="30000000",
                                                           WATCHDOG_PID="1"))
        while True:
            message = self.socket.recv(4096).decode()
            self.pid = int(*re.findall(r"^MAINPID=(\d+)$", message, re.M) or [self.pid])
            if "READY=1" in message.split("\n"):
                break
        took = time.monotonic() - begin
        assert child.wait(60) == 0 and self.pid != child.pid, "the main process is the daemon"
        return took

    def wait(self):
        """Until the main process has ended: whether that is a failure to the manager."""
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self.pid:
                return status not in (0, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)

    def close(self):
        """A new machine's guard may have been inherited, too."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        self.socket.close()


@pytest.fixture
def manager(runs, tmp_path):
    (tmp_path / "lab.ini").write_text("[machine]\ndomains = 4,5\n[adapter 4]\ntype = CEX8C\n[adapter 5]\ntype = CEX8P\n")
    (tmp_path / "lab").mkdir(mode=0o700)
    it = Manager(runs, tmp_path)
    yield it
    it.close()


def test_the_daemon_is_killed_and_all_is_back_within_a_second(manager, runs):
    def bash(script):
        return runs.apus("exec", "lab", "--", "bash", "-c", script)

    pause, took = seconds(manager.unit["RestartSec"][0]), []
    start = manager.start()
    assert pause <= 0.2
    for turn in range(5):
        assert bash(f"echo {'-+'[turn % 2]}5 > /sys/bus/ap/apmask; echo node{turn} > /sys/class/zcrypt/create; "
                    f"echo {turn} > /etc/mdevctl.d/turn; cut -c -4 /sys/bus/ap/apmask > /dev/null").returncode == 0
        begin = time.monotonic()
        os.kill(manager.pid, signal.SIGKILL)
        assert manager.wait(), "Restart=on-failure"
        time.sleep(pause)
        manager.start()
        took.append(time.monotonic() - begin)
        result = bash("cut -c -4 /sys/bus/ap/apmask; ls -d /dev/node*; cat /etc/mdevctl.d/turn")
        nodes = [f"/dev/node{i}" for i in range(turn + 1)]
        assert result.stdout.split() == [("0xfb", "0xff")[turn % 2], *nodes, str(turn)], result.stderr
    # The fastest, since the computer may be busy: what waits in each of them is found.
    assert min(took) < pause + 5 * start, "not much more than a start takes"
    assert subprocess.run(manager.command("ExecStop"), env=runs.environment(), check=False).returncode == 0
    assert not manager.wait(), "an end that was asked for is none to start again after"


def test_real_guests_are_another_units(manager, runs):
    """Started after the daemon and ended with it, without what forbids TCG."""
    guests = settings("apus-guests@")
    assert "apus-guests@%i.service" in manager.unit["Wants"][0].split()
    assert guests["PartOf"] == guests["After"] == ["apus@%i.service"]
    assert "--no-guests" in manager.command("ExecStart") and "MemoryDenyWriteExecute" not in guests
    manager.start()
    start = [binary(), *[manager.words.get(word, word) for word in guests["ExecStart"][0].split()[1:]]]
    result = subprocess.run(start, env=runs.environment(), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert subprocess.run(manager.command("ExecStop"), env=runs.environment(), check=False).returncode == 0
    manager.wait()


def test_an_error_is_the_units(manager, runs):
    manager.words["/etc/apus/%i.ini"] = "/no/such.ini"
    result = subprocess.run(manager.command("ExecStart"), env=runs.environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 125 and "/no/such.ini" in result.stderr


def test_nothing_gives_the_machine_another_view(manager):
    """What confines the unit must not confine the programs of the machine."""
    mounts = {key for key in (*manager.unit, *settings("apus-guests@")) if re.match("(Private|Protect|ReadOnly|ReadWrite|Inaccessible|Bind|Temporary|Root|"
                                                      "Mount|DynamicUser)", key)}
    assert mounts == set()
