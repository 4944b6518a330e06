# SPDX-License-Identifier: MIT
"""A real systemd-udevd accepts the uevents as the kernel's."""

from conftest import golden, need


def test_mdevctl_starts_devices(inside):
    need("udevadm", "udev")
    need("mdevctl", "mdevctl")
    golden("autostart.txt", inside.run("autostart.sh"))


def test_rules_fire(inside):
    need("udevadm", "udev")
    golden("rules.txt", inside.run("rules.sh"))
