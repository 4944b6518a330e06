# SPDX-License-Identifier: MIT
"""Hot plug, hot unplug and guest_matrix."""

import pytest

from harness import ABSENT, Machine, mask, worked_example

pytestmark = pytest.mark.guest


@pytest.fixture
def host(apus):
    """All queues belong to vfio_ap; adapter 14 is installed but not in the LPAR."""
    adapters = {5: "CEX5C", 10: "CEX6C", 14: ABSENT}
    return apus(Machine(adapters, [4, 5], apmask="0x0"))


@pytest.fixture
def running(apus):
    """Adapters 5 and 6 belong to vfio_ap; a guest has 05.0004 and 05.00ab."""
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    mdev = host.mdev(1).assign([5], [4, 0xAB])
    guest = host.guest("Guest1").start(mdev)
    assert guest.queues == ["05.0004", "05.00ab"]
    return mdev, guest


def test_assigned_adapter_is_plugged(running):
    mdev, guest = running
    assert mdev.w("assign_adapter", 6) == "OK"
    assert guest.queues == ["05.0004", "05.00ab", "06.0004", "06.00ab"]


def test_assigned_domain_is_plugged(running):
    mdev, guest = running
    assert mdev.w("assign_domain", "0xff") == "OK"
    assert guest.queues == ["05.0004", "05.00ab", "05.00ff"]


def test_assigned_control_domain_is_plugged(running):
    mdev, guest = running
    assert guest.control_domains == []
    assert mdev.w("assign_control_domain", "0x47") == "OK"
    assert guest.control_domains == [0x47]


def test_unassigned_adapter_is_unplugged(running):
    mdev, guest = running
    mdev.assign([6])
    assert mdev.w("unassign_adapter", 6) == "OK"
    assert guest.queues == ["05.0004", "05.00ab"]


def test_unassigned_domain_is_unplugged(running):
    mdev, guest = running
    assert mdev.w("unassign_domain", "0xab") == "OK"
    assert guest.queues == ["05.0004"]


def test_unassigned_control_domain_is_unplugged(running):
    mdev, guest = running
    mdev.assign(control=[4, 0x47])
    assert mdev.w("unassign_control_domain", "0x47") == "OK"
    assert guest.control_domains == [4]


def test_masks_of_the_guest(apus):
    """The guest's own bus shows the masks of its APCB."""
    host = apus(worked_example(apmask="0x0"))
    mdev = host.mdev(1).assign([4, 6], [4, 0xFF], [0x47])
    guest = host.guest("Guest1").start(mdev)
    for attribute, expected in (
        ("ap_adapter_mask", mask(4, 6)),
        ("ap_usage_domain_mask", mask(4, 0xFF)),
        ("ap_control_domain_mask", mask(0x47)),
    ):
        assert guest.run("cat", f"/sys/bus/ap/{attribute}") == expected + "\n"


def test_plug_adapter_10(host):
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.w("assign_adapter", "0xa") == "OK"
    assert guest.queues == ["05.0004", "0a.0004"]


def test_unplug_domain_5(host):
    mdev = host.mdev(1).assign([5, 10], [4, 5])
    guest = host.guest("Guest1").start(mdev)
    assert guest.queues == ["05.0004", "05.0005", "0a.0004", "0a.0005"]
    assert mdev.w("unassign_domain", 5) == "OK"
    assert guest.queues == ["05.0004", "0a.0004"]


def test_guest_matrix_shows_what_the_guest_has(host):
    mdev = host.mdev(1).assign([5, 14], [4, 5, 9])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.r("guest_matrix") == "05.0004\n05.0005\n"
    assert guest.queues == mdev.guest_matrix()
    mdev.unassign(domains=[5])
    assert mdev.r("guest_matrix") == "05.0004\n"
    assert guest.queues == mdev.guest_matrix()


def test_guest_matrix_without_a_guest(host):
    mdev = host.mdev(1).assign([5], [4])
    assert mdev.r("guest_matrix") == "ENODEV"
    guest = host.guest("Guest1").start(mdev)
    assert mdev.r("guest_matrix") == "05.0004\n"
    guest.stop()
    assert mdev.r("guest_matrix") == "ENODEV"


def test_ids_that_the_lpar_does_not_have(host):
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.w("assign_adapter", "0xe") == "OK"
    assert mdev.w("assign_adapter", 200) == "OK"
    assert mdev.w("assign_domain", 200) == "OK"
    assert len(mdev.matrix()) == 6
    assert guest.queues == ["05.0004"]


def test_assigned_ids_come_by_themselves(host):
    mdev = host.mdev(1).assign([5, 14], [4])
    guest = host.guest("Guest1").start(mdev)
    assert guest.queues == ["05.0004"]
    host.change_lpar(("add", "adapter", 14))
    assert guest.queues == ["05.0004", "0e.0004"]


@pytest.mark.parametrize("running", [False, True])
def test_unassign_up_to_the_highest_number(host, running):
    mdev = host.mdev(1).assign([5, 14], [4, 9], [4, 9])
    if running:
        host.guest("Guest1").start(mdev)
    for kind, ids in (("adapter", (5, 14, 77)), ("domain", (4, 9, 77)), ("control_domain", (4, 9, 77))):
        for number in ids:
            assert mdev.w(f"unassign_{kind}", number) == "OK"
    assert mdev.r("matrix") == ""
    assert mdev.r("control_domains") == ""


def test_unassign_above_the_highest_number(host):
    mdev = host.mdev(1).assign([5, 14], [4])
    host.execute("machine-set", max_adapter=9, max_domain=9, adapters={"5": "CEX5C"}, domains=[4])
    for kind in ("adapter", "domain", "control_domain"):
        assert mdev.w(f"unassign_{kind}", 10) == "ENODEV"
        assert mdev.w(f"unassign_{kind}", 9) == "OK"
    assert mdev.w("unassign_adapter", 14) == "ENODEV"
    assert mdev.matrix() == ["05.0004", "0e.0004"]
    assert mdev.w("ap_config", "0x04,0x08,0x00") == "OK"
    assert mdev.matrix() == ["05.0004"]
