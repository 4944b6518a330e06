# SPDX-License-Identifier: MIT
"""For tests that run programs as another user, who may be unable to enter the checkout (such as root's home)."""

import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent
OTHER = 54321  # an unprivileged user; it needs no entry in /etc/passwd
AS_OTHER = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]


def closed(path):
    return os.geteuid() == 0 and subprocess.run([*AS_OTHER, "test", "-r", path], check=False).returncode != 0


def copy_program(binary, to):
    """The program of a build with its parts, scripts and QEMU's plugin, laid out as there."""
    build = binary.parents[2]
    for folder in ("src/cli/parts", "linux", "qemu"):
        if (build / folder).exists():
            shutil.copytree(build / folder, to / folder, ignore=shutil.ignore_patterns("*.p"))
    return shutil.copy2(binary, to / "src/cli/apus")


def opened(program):
    """It, or a copy that everybody can execute."""
    if not closed(program):
        return program
    copy = pathlib.Path(tempfile.mkdtemp(prefix="apus-tests-", dir="/tmp"))
    atexit.register(shutil.rmtree, copy)
    copy.chmod(0o755)
    return shutil.copy2(program, copy)


def open_up(*folders):
    """A directory with the given folders of tests/ that everybody can enter: this one, or a copy that is removed when
    Python ends. APUS_BIN is changed to a program that everybody can execute, unless it is one."""
    binary = pathlib.Path(os.environ["APUS_BIN"])
    shut = closed(binary)
    if not shut and not (folders and closed(TESTS)):
        return TESTS
    copy = pathlib.Path(tempfile.mkdtemp(prefix="apus-tests-", dir="/tmp"))
    atexit.register(shutil.rmtree, copy)
    copy.chmod(0o755)
    if shut:
        os.environ["APUS_BIN"] = str(copy_program(binary, copy))
    for folder in folders:
        shutil.copytree(TESTS / folder, copy / folder)
    return copy
