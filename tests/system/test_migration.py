# SPDX-License-Identifier: MIT
"""Live migration is refused while a guest has AP resources; hot unplug removes them."""

import pytest

from harness import ONES, worked_example


@pytest.fixture
def host(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    return host


@pytest.fixture
def mdev(host):
    return host.mdev(1).assign([5], [4], [0x47])


@pytest.fixture
def guest(host, mdev):
    return host.guest("Guest1").start(mdev)


@pytest.mark.guest
def test_migration_with_ap_devices_is_refused(host, guest):
    error = host.refused("guest-migrate", name="Guest1")
    assert "05.0004" in error.desc
    assert "0047" in error.desc
    assert guest.queues == ["05.0004"]


@pytest.mark.guest
def test_what_is_merely_assigned_is_named_apart(host, mdev, guest):
    mdev.assign([6])
    host.se_adapter(5, "off")
    assert host.refused("guest-migrate", name="Guest1").desc == (
        "guest Guest1 cannot be migrated while AP resources are plugged; it can use 06.0004, control domain 0047; "
        "assigned, but of no use to it now: 05.0004; unassign them, or detach the mediated device")
    mdev.unassign(domains=[4])
    assert host.refused("guest-migrate", name="Guest1").desc == (
        "guest Guest1 cannot be migrated while AP resources are plugged; it can use control domain 0047; "
        "assigned, but of no use to it now: adapter 05, adapter 06; unassign them, or detach the mediated device")


@pytest.mark.guest
def test_one_line_however_many(host, mdev, guest):
    mdev.assign([6], [0x47, 0xAB, 0xFF])
    text = host.refused("guest-migrate", name="Guest1").desc
    assert "it can use 05.0004, 05.0047" in text and " and 1 more; unassign" in text
    assert "\n" not in text


@pytest.mark.guest
def test_a_device_with_nothing_assigned(host, mdev, guest):
    mdev.unassign([5], [4], [0x47])
    assert "device_del" in guest.migrate()
    guest.detach()
    assert guest.migrate() is None


@pytest.mark.guest
def test_migration_is_allowed_once_all_is_unplugged(host, mdev, guest):
    mdev.unassign([5], [4])
    error = host.refused("guest-migrate", name="Guest1")
    assert "0047" in error.desc and "05" not in error.desc
    mdev.unassign(control=[0x47])
    guest.migrate()


@pytest.mark.guest
def test_migration_is_allowed_once_the_device_is_unplugged(host, mdev, guest):
    host.refused("guest-migrate", name="Guest1")
    guest.detach()
    assert guest.queues == []
    assert mdev.r("guest_matrix") == "ENODEV"
    guest.migrate()


@pytest.mark.guest
def test_apqns_in_use_cannot_return_to_the_host(host, guest):
    before = host.dump()
    assert host.w("bus/ap/apmask", "+5") == "EADDRINUSE"
    assert host.w("bus/ap/apmask", ONES) == "EADDRINUSE"
    assert host.dump() == before
    assert guest.queues == ["05.0004"]


@pytest.mark.guest
def test_the_matrix_of_a_running_guest_can_change(mdev, guest):
    mdev.assign([6], [0xFF], [4])
    assert guest.queues == ["05.0004", "05.00ff", "06.0004", "06.00ff"]
    assert guest.control_domains == [4, 0x47]
    mdev.unassign([5], [4], [0x47])
    assert guest.queues == ["06.00ff"]
    assert guest.control_domains == [4]
