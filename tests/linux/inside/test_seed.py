# SPDX-License-Identifier: MIT
"""The command line of the series of June 2019 under an unmodified QEMU, and what administrators do with such guests."""

import os
import pathlib
import subprocess
import time

import pytest

from conftest import apus, guests, wait_until

NUMBERS = " ".join([f"{3:0512x}", f"{5:0512x}", f"{(1 << 2047) + 1:0512x}"])


def kind_and_queues(guest):
    return guest.sh("cat /sys/bus/ap/ap_interrupts /sys/bus/ap/poll_thread").split(), guest.queues()


def test_the_worked_example(start, device):
    """Three guests at once: each sees the queues of its device, and is listed like other guests. The last one's CPU names no
    feature, and has all."""
    mdevs = [device((5, 6), (4, 0xAB)), device((5,), (0x47, 0xFF)), device((6,), (0x47, 0xFF))]
    systems = [start(f"Guest{i + 1}", device=mdev, **more) for i, (mdev, more) in enumerate(zip(mdevs, ({}, {}, {"cpu": "host"})))]
    for system, mdev in zip(systems, mdevs):
        system.wait()
        assert kind_and_queues(system) == (["1", "0"], mdev.queues())
        # The kernel asks the coprocessor for random numbers when it gets to it.
        wait_until(lambda system=system: system.interrupts() > 0 or "05" not in system.queues()[0], 60)
        shown = guests()[system.name]
        assert (shown["kind"], shown["mdev"]) == ("real", mdev.uuid)
        assert shown["features"] == ["ap", "apft", "apqci", "apqi"]


def test_what_the_host_changes_the_guest_has_at_once(start, device):
    """QEMU notifies the guest; the kernel itself only scans every 120 seconds."""
    mdev = device((5,), (4,))
    guest = start("Guest1", device=mdev).wait()
    assert guest.queues() == ["05.0004"]
    for attribute, value, queues in (("assign_adapter", 6, ["05.0004", "06.0004"]),
                                     ("assign_domain", 0xAB, ["05.0004", "05.00ab", "06.0004", "06.00ab"]),
                                     ("unassign_adapter", 5, ["06.0004", "06.00ab"]),
                                     ("unassign_domain", 0xAB, ["06.0004"])):
        mdev.write(attribute, value)
        wait_until(lambda: guest.queues() == queues, 60)
        assert mdev.queues() == queues
    with pytest.raises(OSError):
        pathlib.Path("/sys/bus/ap/aqmask").write_text("+4\n")
    apus("se", "adapter", "6", "off")
    wait_until(lambda: guest.queues() == [], 60)
    apus("se", "adapter", "6", "on")
    wait_until(lambda: guest.queues() == ["06.0004"], 60)


def test_unplugged_and_plugged(start, device):
    """As on IBM Z the guest is not notified: it notices at its next scan."""
    mdev = device((5, 6), (4,))
    guest = start("Guest1", device=mdev).wait()
    assert "State blocked by non-migratable device" in guest.qmp("migrate", uri="exec:cat >/dev/null")
    assert guest.qmp("device_del", id="ap0") == {}
    wait_until(lambda: guest.scanned() == [], 60)
    assert not guests()["Guest1"].get("mdev")
    other = device((), ())
    assert guest.qmp("device_add", driver="vfio-ap", id="ap1", sysfsdev=str(other.path)) == {}
    other.write("assign_domain", 0x47)
    other.write("assign_adapter", 6)
    wait_until(lambda: guest.queues() == ["06.0047"], 60)  # of this the guest is notified
    assert guest.qmp("device_del", id="ap1") == {}
    wait_until(lambda: guest.scanned() == [], 60)
    assert guest.qmp("device_add", driver="vfio-ap", id="ap0", sysfsdev=str(mdev.path)) == {}
    wait_until(lambda: guest.scanned() == ["05.0004", "06.0004"], 60)


def test_a_device_in_use_is_refused_by_qemu_as_on_a_z(start, device):
    mdev = device((5,), (4,))
    start("Guest1", "-S", device=mdev)
    wait_until(lambda: "Guest1" in guests() and guests()["Guest1"].get("mdev") == mdev.uuid, 60)
    second = start("Guest2", "-S", device=mdev)
    assert second.process.wait(60) == 1
    assert "Device or resource busy" in second.console()


def test_twenty_guests_at_once(start, device):
    """Their CPUs do not run. Each has a device of its own."""
    pathlib.Path("/sys/bus/ap/aqmask").write_text(",".join(f"-{n}" for n in range(10)))
    mdevs = [device((5 + i % 2,), (i // 2,)) for i in range(20)]
    for i, mdev in enumerate(mdevs):
        start(f"Guest{i}", "-S", device=mdev)
    wait_until(lambda: len(guests()) == 20 and all(guest.get("mdev") for guest in guests().values()), 60)
    assert {guest["mdev"] for guest in guests().values()} == {mdev.uuid for mdev in mdevs}
    for mdev in mdevs:
        mdev.write("assign_control_domain", 0xAB)
    assert all(guest["control_domains"] == [0xAB] for guest in guests().values())


def test_reboot_and_the_next_guest(start, device):
    """A guest that reboots keeps its device; one that is killed leaves zeroized queues."""
    mdev = device((5,), (4,))
    first = start("Guest1", device=mdev).wait()
    booted = first.sh("cat /proc/sys/kernel/random/boot_id")
    first.exec("reboot", "-f", check=False, timeout=60)
    wait_until(lambda: first.sh("cat /proc/sys/kernel/random/boot_id", check=False) not in ("", booted), 120)
    assert kind_and_queues(first) == (["1", "0"], ["05.0004"])
    keys = first.sh("cat /sys/bus/ap/devices/05.0004/mkvps")
    first.kill()
    wait_until(lambda: not guests(), 60)
    second = start("Guest2", device=mdev).wait()
    assert second.queues() == ["05.0004"]
    assert second.sh("cat /sys/bus/ap/devices/05.0004/mkvps") != keys


def test_killed_in_the_middle_of_requests(start, device):
    mdev = device((5, 6), (4,))
    guest = start("Guest1", device=mdev).wait()
    with open(os.environ["APUS_TEST_CLIENT"], "rb") as client:
        subprocess.run([os.environ["APUS_BUILD"] + "/linux/linux-exec", "-i", guest.directory / "exec.sock", "sh", "-c",
                        "cat >/root/apclient; chmod +x /root/apclient"], stdin=client, check=True)
    before = guest.interrupts()
    guest.sh(f"/root/apclient me 30 {NUMBERS}")
    assert guest.interrupts() >= before + 30
    guest.sh(f"for i in 1 2 3; do /root/apclient me 100000 {NUMBERS} >/dev/null 2>&1 & done")
    time.sleep(1)
    assert guest.qmp("device_del", id="ap0") == {}
    wait_until(lambda: guest.scanned() == [], 60)
    assert guest.qmp("device_add", driver="vfio-ap", id="ap0", sysfsdev=str(mdev.path)) == {}
    wait_until(lambda: guest.scanned() == ["05.0004", "06.0004"], 60)
    guest.sh(f"for i in 1 2 3; do /root/apclient me 100000 {NUMBERS} >/dev/null 2>&1 & done")
    time.sleep(1)
    guest.kill()
    wait_until(lambda: not guests(), 60)
    mdev.remove()


def test_a_feature_that_is_off_is_not_there(start, device):
    guest = start("Guest1", device=device((5,), (4,)), cpu="host,apqi=off").wait()
    assert guest.sh("cat /sys/bus/ap/ap_interrupts") == "0"
    assert guest.queues() == ["05.0004"]


def test_a_machine_without_ap(start):
    guest = start("Guest1", cpu="host,ap=off,apqci=off,apft=off,apqi=off").wait()
    assert guest.sh("ls /sys/bus/ap 2>/dev/null", check=False) == "" and guests() == {}


def test_without_ap_there_is_no_place_for_the_device(start, device):
    guest = start("Guest1", device=device((5,), (4,)), cpu="host,ap=off,apqci=off,apft=off,apqi=off")
    assert guest.process.wait(60) == 1
    assert "No 'ap-bus' bus found" in guest.console()
