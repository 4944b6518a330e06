# SPDX-License-Identifier: MIT
"""QEMU opens the device through iommufd, which today's driver offers beside the legacy way."""

from conftest import guests, wait_until


def start_with(start, mdev):
    return start("Guest1", "-object", "iommufd,id=iommufd0", device=mdev, more=",iommufd=iommufd0")


def test_what_is_assigned_is_there_at_once(start, device):
    mdev = device((5,), (4,))
    guest = start_with(start, mdev).wait()
    assert guest.queues() == ["05.0004"]
    mdev.write("assign_adapter", 6)
    wait_until(lambda: guest.queues() == ["05.0004", "06.0004"], 60)
    assert guest.qmp("device_del", id="ap0") == {}
    wait_until(lambda: not guests()["Guest1"].get("mdev"), 60)
    assert guest.qmp("device_add", driver="vfio-ap", id="ap0", iommufd="iommufd0", sysfsdev=str(mdev.path)) == {}
    assert guests()["Guest1"]["mdev"] == mdev.uuid


def test_a_device_has_one_user(start, device):
    mdev = device((5,), (4,))
    start_with(start, mdev)
    wait_until(lambda: guests().get("Guest1", {}).get("mdev") == mdev.uuid, 60)
    second = start("Guest2", "-S", device=mdev)
    assert second.process.wait(60) == 1
    assert "Device or resource busy" in second.console()
