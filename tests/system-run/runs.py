# SPDX-License-Identifier: MIT
"""Starts `apus run`, and finds the processes that it has started."""

import contextlib
import os
import signal
import subprocess
import time

from reachable import AS_OTHER
from reachable import OTHER as USER


def binary():
    return os.environ["APUS_BIN"]


def born(pid):
    """When it was started; None: it is dead, with all its threads: a leader that has ended may leave some for a moment."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            words = file.read().rpartition(") ")[2].split()
    except OSError:
        return None
    threads = int(words[17])
    return None if words[0] in "ZX" and threads <= 1 else words[19]


def kill(*pids):
    """Some may have ended with others."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


class Runs:
    """Runs of apus that share a runtime directory; their processes have a mark in their environment."""

    def __init__(self, base):
        self.base = base
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        self.seen = {}  # {pid: when it was started}

    def environment(self, **more):
        names = {key: value for key, value in os.environ.items() if not key.startswith("APUS_")}
        return {**names, "APUS_RUNTIME_DIR": str(self.base), "APUS_TEST_MARK": self.mark, **more}

    def apus(self, *arguments, **settings):
        """Any apus command line."""
        return self.command(binary(), *arguments, **settings)

    def command(self, *line, env=None, timeout=60, **settings):
        return subprocess.run([*map(str, line)], env=self.environment(**(env or {})), timeout=timeout,
                              text=True, capture_output=True, check=False,
                              **{"stdin": subprocess.DEVNULL, **settings})

    def run(self, *program, options=(), **settings):
        return self.apus("run", *options, "--", *program, **settings)

    def bash(self, script, **settings):
        return self.run("bash", "-c", script, **settings)

    def user(self, *program, **settings):
        """The same as an unprivileged user."""
        return self.command_as_user(binary(), "run", "--", *program, **settings)

    def command_as_user(self, *line, **settings):
        return self.command(*AS_OTHER, *line, cwd="/", **settings)

    def start(self, *program, options=(), env=None, prefix=(), **settings):
        return subprocess.Popen([*prefix, binary(), "run", *options, "--", *program], text=True,
                                env=self.environment(**(env or {})),
                                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                   "stderr": subprocess.PIPE, **settings})

    def processes(self):
        """{pid: command line} of all running processes that were started here."""
        found = {}
        mark = f"APUS_TEST_MARK={self.mark}".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark not in file.read().split(b"\0"):
                        continue
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    found[int(pid)] = file.read().replace(b"\0", b" ").decode()
            except OSError:
                continue
        for pid in found:
            self.seen.setdefault(pid, born(pid))
        return found

    def dying(self):
        """Those that were among them and are not dead: they may have no memory any more, but files, which may be locked."""
        return {pid: "is dying" for pid, when in self.seen.items() if when and born(pid) == when}

    def children(self, child):
        """The processes of a run: {"run", "guard", "daemon", "program": pid}."""
        parts = {"run": child.pid}
        with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
            for pid in map(int, file.read().split()):
                line = self.processes().get(pid, "")
                name = "daemon" if " daemon " in line else "guard" if " run " in line else "program"
                parts[name] = pid
        return parts

    def settle(self, wanted=(), seconds=60):
        """Waits until only the wanted processes are left; returns others that remain after the timeout."""
        end = time.monotonic() + seconds
        while True:
            rest = {pid: line for pid, line in {**self.dying(), **self.processes()}.items() if pid not in wanted}
            if not rest or time.monotonic() > end:
                return rest
            time.sleep(0.02)

    def machines(self):
        """The runtime directories of running machines."""
        if not os.path.exists(self.base):
            return []
        return sorted(name for name in os.listdir(self.base) if name != "lock")

    def kill_all(self):
        kill(*self.processes())


def without(runs, *program, **settings):
    """Runs it without a mount."""
    return runs.run(*program, options=["--no-mount"], **settings)


def bash(runs, script, **settings):
    return without(runs, "bash", "-c", script, **settings)
