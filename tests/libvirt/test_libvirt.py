# SPDX-License-Identifier: MIT
"""libvirt's node device driver: lists, creates, defines, starts and destroys mediated devices."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "uevent"))
from conftest import Inside, need  # noqa: E402


@pytest.fixture
def inside():
    if os.geteuid() != 0:
        pytest.skip("libvirt's system daemon wants root")
    base = tempfile.mkdtemp(prefix="apus-libvirt-", dir="/tmp")
    yield Inside(base, [])
    shutil.rmtree(base)


def test_node_devices(inside):
    need("libvirtd", "libvirt-daemon")
    need("virsh", "libvirt-clients")
    need("mdevctl", "mdevctl")
    need("udevadm", "udev")
    got = inside.run(HERE / "inside.sh")
    golden = HERE / "golden.txt"
    if os.environ.get("APUS_GOLDEN") == "write":
        golden.write_text(got)
    assert got == golden.read_text()
