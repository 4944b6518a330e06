# SPDX-License-Identifier: MIT
"""The exact output of `udevadm monitor --kernel --property`, in order."""

import re

import pytest
from conftest import golden, need

UUID = "69aa1a8a-0000-4000-8000-000000000001"
MATRIX = "/sys/devices/vfio_ap/matrix"
CREATE = f"{MATRIX}/mdev_supported_types/vfio_ap-passthrough/create"

OURS = ("/devices/ap", "/devices/vfio_ap", "/devices/virtual/vfio", "/devices/virtual/zcrypt")

CASES = {
    "aqmask": ["echo -4 > /sys/bus/ap/aqmask"],
    "apmask": ["echo -5 > /sys/bus/ap/apmask", "echo +5 > /sys/bus/ap/apmask"],
    "mdev": [f"echo {UUID} > {CREATE}", f"echo 1 > {MATRIX}/{UUID}/remove"],
    "assign": ["echo -5 > /sys/bus/ap/apmask", f"echo {UUID} > {CREATE}",
               f"echo 5 > {MATRIX}/{UUID}/assign_adapter", f"echo 4 > {MATRIX}/{UUID}/assign_domain",
               f"echo 5 > {MATRIX}/{UUID}/unassign_adapter"],
    "se": ["apus se adapter 5 off", "apus se adapter 5 on"],
    "config": ["echo 0 > /sys/devices/ap/card06/config", "echo 1 > /sys/devices/ap/card06/config"],
    "lpar": ["apus se lpar remove adapter 6 --force", "apus se lpar add adapter 6 --force"],
    "online": ["echo 0 > /sys/devices/ap/card05/05.0004/online", "echo 0 > /sys/devices/ap/card05/online",
               "echo 1 > /sys/devices/ap/card05/online"],
    "drivers": ["echo 05.0004 > /sys/bus/ap/drivers/cex4queue/unbind",
                "echo 05.0004 > /sys/bus/ap/drivers/cex4queue/bind"],
    "zcrypt": ["echo mine > /sys/class/zcrypt/create", "echo mine > /sys/class/zcrypt/destroy"],
    "nothing": ["apus run --help > /dev/null", "echo garbage > /sys/bus/ap/aqmask || true",
                f"echo 1 > {MATRIX}/uevents || true", "cat /sys/bus/ap/aqmask > /dev/null"],
}


def events(output):
    """The uevents of our devices, one each paragraph, and their sequence numbers."""
    found, numbers = [], []
    for block in output.split("\n\n"):
        title = re.search(r"^KERNEL\[[0-9.]+\] (.*\n(?:.*\n?)*)", block, re.MULTILINE)
        path = re.search(r"^DEVPATH=(.*)$", block, re.MULTILINE)
        if not title or not path.group(1).startswith(OURS) or "SYNTH_ARG_THE=END" in block:
            continue
        event, number = re.subn(r"^SEQNUM=[0-9]+\n?", "", title.group(1), flags=re.MULTILINE)
        assert number == 1
        numbers.append(int(re.search(r"^SEQNUM=([0-9]+)$", block, re.MULTILINE).group(1)))
        found.append(event.rstrip("\n") + "\n")
    return found, numbers


@pytest.mark.parametrize("name", CASES)
def test_events(inside, name):
    need("udevadm", "udev")
    found, numbers = events(inside.run("monitor.sh", *CASES[name]))
    assert len(numbers) == len(found) and numbers == sorted(set(numbers))
    golden(f"{name}.txt", "\n".join(found))
