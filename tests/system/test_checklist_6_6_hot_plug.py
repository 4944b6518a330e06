# SPDX-License-Identifier: MIT
"""Checklist 6.6: hot plug, hot unplug and guest_matrix."""

import pytest

from harness import Adapter, Machine

pytestmark = pytest.mark.guest


@pytest.fixture
def host(apus):
    """Everything belongs to vfio_ap; adapter 14 is installed but not in the LPAR."""
    adapters = {5: "CEX5C", 10: "CEX6C", 14: Adapter.absent()}
    return apus(Machine(adapters, [4, 5], apmask="0x0"))


def test_S85_plug_adapter_10(host):
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.w("assign_adapter", "0xa") == "OK"
    assert guest.apqns() == ["05.0004", "0a.0004"]


def test_S86_unplug_domain_5(host):
    mdev = host.mdev(1).assign([5, 10], [4, 5])
    guest = host.guest("Guest1").start(mdev)
    assert guest.apqns() == ["05.0004", "05.0005", "0a.0004", "0a.0005"]
    assert mdev.w("unassign_domain", 5) == "OK"
    assert guest.apqns() == ["05.0004", "0a.0004"]


def test_S87_guest_matrix_shows_what_the_guest_has(host):
    mdev = host.mdev(1).assign([5, 14], [4, 5, 9])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.r("guest_matrix") == "05.0004\n05.0005\n"
    assert guest.apqns() == mdev.guest_matrix()
    mdev.unassign(domains=[5])
    assert mdev.r("guest_matrix") == "05.0004\n"
    assert guest.apqns() == mdev.guest_matrix()


def test_S88_guest_matrix_without_a_guest(host):
    mdev = host.mdev(1).assign([5], [4])
    assert mdev.r("guest_matrix") == "ENODEV"
    guest = host.guest("Guest1").start(mdev)
    assert mdev.r("guest_matrix") == "05.0004\n"
    guest.stop()
    assert mdev.r("guest_matrix") == "ENODEV"


def test_S89_ids_that_the_lpar_does_not_have(host):
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.w("assign_adapter", "0xe") == "OK"
    assert mdev.w("assign_adapter", 200) == "OK"
    assert mdev.w("assign_domain", 200) == "OK"
    assert len(mdev.matrix()) == 6
    assert guest.apqns() == ["05.0004"]


def test_S90_come_by_themselves(host):
    mdev = host.mdev(1).assign([5, 14], [4])
    guest = host.guest("Guest1").start(mdev)
    assert guest.apqns() == ["05.0004"]
    host.change_lpar(("add", "adapter", 14))
    assert guest.apqns() == ["05.0004", "0e.0004"]


@pytest.mark.parametrize("running", [False, True])
def test_S91_unassign_is_always_possible(host, running):
    mdev = host.mdev(1).assign([5, 14], [4, 9], [4, 9])
    if running:
        host.guest("Guest1").start(mdev)
    for kind, ids in (("adapter", (5, 14, 77)), ("domain", (4, 9, 77)), ("control_domain", (4, 9, 77))):
        for number in ids:
            assert mdev.w(f"unassign_{kind}", number) == "OK"
    assert mdev.r("matrix") == ""
    assert mdev.r("control_domains") == ""
