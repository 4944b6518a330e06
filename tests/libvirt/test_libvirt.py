# SPDX-License-Identifier: MIT
"""libvirt's node device driver: lists, creates, defines, starts and destroys mediated devices."""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "uevent"))
from conftest import inside, need  # noqa: E402, F401


def test_node_devices(inside):
    need("libvirtd", "libvirt-daemon")
    need("virsh", "libvirt-clients")
    need("mdevctl", "mdevctl")
    need("udevadm", "udev")
    got = inside.run("libvirt/inside.sh")
    golden = HERE / "golden.txt"
    if os.environ.get("APUS_GOLDEN") == "write":
        golden.write_text(got)
    assert got == golden.read_text()
