# SPDX-License-Identifier: MIT
"""What `make run-linux` runs: the worked example with three real Linux guests."""

import ctypes
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, CLIENTS, TOP, default_kernel


PR_SET_CHILD_SUBREAPER = 36


def left_behind():
    """What runs of the processes that a program of ours has left to us."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return []
    pids = pathlib.Path("/proc/self/task").glob("*/children")
    return [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for path in pids for pid in path.read_text().split()]


def test_the_worked_example_with_real_guests(cache):
    clients = CLIENTS / "root"
    if not (clients / "usr/sbin/lszcrypt").exists() or not shutil.which("mdevctl"):
        pytest.skip("lszcrypt for the host's part or mdevctl is missing: make clients")
    if cache != default_kernel():
        pytest.skip("the example boots the default kernel")
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    assert left_behind() == []
    done = subprocess.run([BUILD / "src/cli/apus", "run", "--", TOP / "examples/worked-example", "--linux"], timeout=600,
                          env=dict(os.environ, APUS_TOOLS=str(clients)), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All as it should be.\n") and "!!" not in done.stdout
    assert left_behind() == []
