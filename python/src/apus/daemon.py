# SPDX-License-Identifier: MIT
"""`apus daemon` as a child process."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Optional, Sequence, Union

AnyPath = Union[str, "os.PathLike[str]"]
PATIENCE = 60  # seconds


def program() -> str:
    """The command apus: $APUS_BIN, or that in PATH."""
    found = os.environ.get("APUS_BIN") or shutil.which("apus")
    if not found:
        raise FileNotFoundError("the command apus is not in PATH, and APUS_BIN does not name it")
    return found


class Daemon:
    """A daemon that is ready. Its control socket, its machine file and what it says on standard error are in directory, by
    default in a temporary one that goes with it. options are those of `apus daemon`."""

    def __init__(self, machine: Optional[str], mount: Optional[AnyPath], directory: Optional[AnyPath],
                 options: Sequence[str]) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="apus-") if directory is None else None
        self.directory = Path(self._temporary.name if self._temporary else os.fspath(directory or ""))
        self.socket = self.directory / "socket"
        self.mount = mount
        command = [program(), "daemon", "--socket", str(self.socket)]
        command += ["--no-tree"] if mount is None else ["--mount", os.fspath(mount)]
        if machine is not None:
            file = self.directory / "machine.ini"
            file.write_text(machine, encoding="utf-8")
            command += ["-m", str(file)]
        with open(self.directory / "stderr", "wb") as stderr:
            self.process = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=stderr)
        self._ended = False
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_ready(self) -> None:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else b""
        if line != b"ready\n":
            raise RuntimeError(f"the machine did not start: {self.stderr().strip()}")

    def stderr(self) -> str:
        """What it has said on standard error."""
        return (self.directory / "stderr").read_text(errors="replace")

    def stop(self) -> None:
        """Ends it. RuntimeError: it did not end in time, or with an error, or it had ended with one before."""
        if self._ended:
            return
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            said = self.stderr()
            self.kill()
            raise RuntimeError(f"the machine did not end at SIGTERM\n{said}") from None
        said = self.stderr() if status else ""
        self._leave()
        if status:
            raise RuntimeError(f"the machine ended with {status}\n{said}")

    def kill(self) -> None:
        """Ends it as a crash would, and takes its mount away."""
        self.process.kill()
        self.process.wait()
        if self.mount is not None:
            subprocess.run(["umount", "-l", os.fspath(self.mount)], stderr=subprocess.DEVNULL, check=False)
        self._leave()

    def _leave(self) -> None:
        self._ended = True
        if self.process.stdout:
            self.process.stdout.close()
        if self._temporary:
            self._temporary.cleanup()
