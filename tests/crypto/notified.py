# SPDX-License-Identifier: MIT
"""A machine of apus run --ioctl=notify, with the interface of a daemon: clients run inside, the test is outside."""

import array
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import Checked, Daemon, Tree, machine_file

HERE = Path(__file__).resolve().parent
USER = 54321


def install(folder):
    """apus and its daemon where other users can execute them; the path of the former."""
    built = Path(os.environ["APUS_BIN"])
    for name in ("bin", "libexec/apus"):
        (folder / name).mkdir(parents=True)
    shutil.copy(built.parent / "parts/daemon", folder / "libexec/apus/daemon")
    return Path(shutil.copy(built, folder / "bin/apus"))


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Inside:
    """Like subprocess.Popen, for a program inside. Its pid is valid outside."""

    def __init__(self, path, command):
        pipes = [os.pipe(), os.pipe()]
        self.returncode = None
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(str(path))
        fds = array.array("i", [pipes[0][1], pipes[1][1]])
        request = json.dumps([str(word) for word in command]).encode()
        self.connection.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        for _, end in pipes:
            os.close(end)
        self.stdout, self.stderr = (os.fdopen(fd, "r") for fd, _ in pipes)
        self.answers = self.connection.makefile("r")
        self.pid = int(self.answers.readline())

    def wait(self, timeout=60):
        if self.returncode is None:
            self.connection.settimeout(timeout)
            line = self.answers.readline()
            self.returncode = int(line) if line else -signal.SIGKILL
        return self.returncode

    def poll(self):
        if self.returncode is None:
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                self.wait()
        return self.returncode

    def kill(self):
        if self.returncode is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def communicate(self, timeout=60):
        """Only for programs whose output fits into a pipe."""
        self.wait(timeout)
        texts = self.stdout.read(), self.stderr.read()
        for file in (self.stdout, self.stderr, self.answers, self.connection):
            file.close()
        return texts


class Notified(Daemon):
    """folder: one that other users can enter."""

    def __init__(self, folder, machine, as_user=False):
        Tree.__init__(self, folder)
        self.record = folder / "inside" / "record"
        self.door = folder / "inside" / "door"
        owner = USER if as_user else os.geteuid()
        for name in ("inside", "runtime"):
            (folder / name).mkdir(mode=0o700)
            os.chown(folder / name, owner, owner)
        (folder / "machine.ini").write_text(machine_file(machine))
        apus = install(folder)
        self.program = Path(shutil.copy(os.environ["CRYPTO_CLIENT"], folder / "client"))
        shutil.copy(HERE / "inside.py", folder / "inside.py")
        shutil.copy(HERE.parent / "system/harness/tree.py", folder / "tree.py")
        command = [apus, "run", "--ioctl=notify", "--record", self.record, "-m", folder / "machine.ini", "--",
                   "/usr/bin/python3", folder / "inside.py", self.door]
        if as_user:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
        self.stderr_path = folder / "stderr"
        with open(self.stderr_path, "wb") as stderr:
            self.run = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stderr=stderr,
                                        env={**os.environ, "APUS_RUNTIME_DIR": str(folder / "runtime")})
        wait_until(lambda: self.door.exists() or self.run.poll() is not None, "the program starts")
        assert self.run.poll() is None, self.stderr()
        self.use(Checked.running(next((folder / "runtime").glob("*/control"))))
        children = {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in self.children()}
        self.daemon_pid = next(pid for pid, line in children.items() if "daemon" in line)

    def ask_tree(self, method, *arguments):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.door))
            connection.sendall(json.dumps({"method": method, "arguments": arguments}).encode())
            with connection.makefile("r") as answer:
                return json.load(answer)

    def write(self, relative, data):
        return self.ask_tree("write", relative, data)

    def value(self, relative):
        return self.ask_tree("value", relative)

    def path(self, relative):
        return Path("/sys") / relative

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def children(self):
        return map(int, Path(f"/proc/{self.run.pid}/task/{self.run.pid}/children").read_text().split())

    def node(self, name="z90crypt"):
        return Path("/dev") / name

    def start_inside(self, *command):
        return Inside(self.door, command)

    def stop(self):
        """Only the daemon."""
        os.kill(self.daemon_pid, signal.SIGTERM)
        wait_until(lambda: self.daemon_pid not in self.children(), "the daemon ends")

    def end(self):
        self.machine.close()
        with socket.socket(socket.AF_UNIX) as quitting:
            quitting.connect(str(self.door))
            quitting.sendall(json.dumps("quit").encode())
            quitting.recv(1)
        self.run.wait(60)
        report = self.stderr()
        assert "Sanitizer" not in report and "runtime error" not in report, report
        return report
