# SPDX-License-Identifier: MIT
"""What `make run-linux` runs: the worked example with three real Linux guests."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, CLIENTS, TOP, default_kernel


def ours():
    """Command lines of QEMUs with this build's plugin."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(BUILD).encode() in word for word in words) and any(b"qemu-system-s390x" in word for word in words):
            found.append(b" ".join(words))
    return found


def test_the_worked_example_with_real_guests(cache):
    clients = CLIENTS / "root"
    if not (clients / "usr/sbin/lszcrypt").exists() or not shutil.which("mdevctl"):
        pytest.skip("lszcrypt for the host's part or mdevctl is missing: make clients")
    if cache != default_kernel():
        pytest.skip("the example boots the default kernel")
    before = ours()
    done = subprocess.run([BUILD / "src/cli/apus", "run", "--", TOP / "examples/worked-example", "--linux"], timeout=600,
                          env=dict(os.environ, CLIENT_ROOT=str(clients)), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All as it should be.\n") and "!!" not in done.stdout
    assert ours() == before
