# SPDX-License-Identifier: MIT
"""Some tests run things as another user, who may be unable to enter the checkout (root's home is closed to others)."""

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


def open_up(*folders):
    """Where the given folders of tests/ can be entered by everybody: here, or in a copy that goes when Python ends.
    APUS_BIN names a program that everybody can execute from now on."""
    binary = pathlib.Path(os.environ["APUS_BIN"])
    if not closed(binary) and not closed(TESTS):
        return TESTS
    copy = pathlib.Path(tempfile.mkdtemp(prefix="apus-tests-", dir="/tmp"))
    atexit.register(shutil.rmtree, copy)
    copy.chmod(0o755)
    os.environ["APUS_BIN"] = str(shutil.copy2(binary, copy / "apus"))
    for folder in folders:
        shutil.copytree(TESTS / folder, copy / folder)
    return copy
