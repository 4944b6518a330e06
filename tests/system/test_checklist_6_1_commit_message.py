# SPDX-License-Identifier: MIT
"""Checklist 6.1: what the seed's commit message promises."""

import pytest

from harness import Machine, worked_example


@pytest.fixture
def running(apus):
    """Adapters 5 and 6 secured, a guest with 05.0004 and 05.00ab."""
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    mdev = host.mdev(1).assign([5], [4, 0xAB])
    guest = host.guest("Guest1").start(mdev)
    assert guest.apqns() == ["05.0004", "05.00ab"]
    return mdev, guest


def test_S01_assign_what_no_zcrypt_driver_owns(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-7") == "OK"
    mdev = host.mdev(1)
    assert mdev.w("assign_adapter", 7) == "OK"
    assert mdev.w("assign_domain", 4) == "OK"
    assert mdev.matrix() == ["07.0004"]


def test_S02_refuse_what_zcrypt_owns_even_when_absent(apus):
    host = apus(Machine({4: "CEX5C", 6: "CEX5A"}, [4]))
    mdev = host.mdev(1)
    assert mdev.w("assign_adapter", 5) == "OK"
    assert mdev.w("assign_domain", 4) == "EADDRNOTAVAIL"
    assert mdev.matrix() == ["05."]


@pytest.mark.guest
def test_S03_assigned_adapter_is_plugged(running):
    mdev, guest = running
    assert mdev.w("assign_adapter", 6) == "OK"
    assert guest.apqns() == ["05.0004", "05.00ab", "06.0004", "06.00ab"]


@pytest.mark.guest
def test_S04_assigned_domain_is_plugged(running):
    mdev, guest = running
    assert mdev.w("assign_domain", "0xff") == "OK"
    assert guest.apqns() == ["05.0004", "05.00ab", "05.00ff"]


@pytest.mark.guest
def test_S05_assigned_control_domain_is_plugged(running):
    mdev, guest = running
    assert guest.control_domains() == []
    assert mdev.w("assign_control_domain", "0x47") == "OK"
    assert guest.control_domains() == [0x47]


@pytest.mark.guest
def test_S06_unassigned_adapter_is_unplugged(running):
    mdev, guest = running
    mdev.assign([6])
    assert mdev.w("unassign_adapter", 6) == "OK"
    assert guest.apqns() == ["05.0004", "05.00ab"]


@pytest.mark.guest
def test_S07_unassigned_domain_is_unplugged(running):
    mdev, guest = running
    assert mdev.w("unassign_domain", "0xab") == "OK"
    assert guest.apqns() == ["05.0004"]


@pytest.mark.guest
def test_S08_unassigned_control_domain_is_unplugged(running):
    mdev, guest = running
    mdev.assign(control=[4, 0x47])
    assert mdev.w("unassign_control_domain", "0x47") == "OK"
    assert guest.control_domains() == [4]
