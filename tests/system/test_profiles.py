# SPDX-License-Identifier: MIT
"""Where the two profiles differ, and only there."""

import pytest

from harness import Machine, devices, worked_example

PROPOSAL, UPSTREAM = "proposal", "upstream"
both = pytest.mark.parametrize("abi", [PROPOSAL, UPSTREAM])


@pytest.fixture
def start(apus, abi):
    """Adapters 5 and 6 belong to vfio_ap."""
    host = apus(worked_example(), abi=abi)
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    return host


@pytest.mark.parametrize(("machine", "option"), [(None, "seed"), ("seed", None)])
def test_the_former_name_of_proposal_is_accepted(apus, machine, option):
    host = apus(worked_example(**({"abi": machine} if machine else {"abi": UPSTREAM})), abi=option)
    assert host.execute("status")["abi"] == PROPOSAL


@both
def test_guest_matrix_without_a_guest(start, abi):
    mdev = start.mdev(1).assign([5], [4, 9])
    assert mdev.r("guest_matrix") == ("ENODEV" if abi == PROPOSAL else "05.0004\n")


@both
@pytest.mark.guest
def test_a_guest_without_apft(start, abi):
    """Queues do not tell their mode. Linux 7.2 makes devices of them that nobody drives."""
    mdev = start.mdev(1).assign([5], [4, 0x47])
    guest = start.guest("Guest1").start(mdev, features=["ap", "apqci"])
    assert devices(guest) == ([] if abi == PROPOSAL else ["05.0004", "05.0047", "card05"])
    assert guest.run("cat", "/sys/bus/ap/ap_domain") == "4\n"
    assert guest.run("cat", "/sys/bus/ap/bindings") == ("0/0 (complete)\n" if abi == PROPOSAL else "0/2\n")


@both
def test_errno_of_the_veto(start, abi):
    start.mdev(1).assign([5], [4])
    assert start.w("bus/ap/apmask", "+5") == ("EADDRINUSE" if abi == PROPOSAL else "EBUSY")


@both
def test_scope_of_the_veto(apus, abi):
    host = apus(worked_example(), abi=abi)
    assert host.w("bus/ap/aqmask", "-4") == "OK"
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.mdev(1).assign([5], [4])
    assert host.w("bus/ap/apmask", "+5") == ("OK" if abi == PROPOSAL else "EBUSY")


@both
def test_what_a_guest_keeps_of_an_adapter_in_standby(start, abi):
    mdev = start.mdev(1).assign([5, 6], [4])
    guest = start.guest("Guest1").start(mdev)
    start.se_adapter(5, "off")
    kept = ["06.0004"] if abi == PROPOSAL else ["05.0004", "06.0004"]
    assert guest.queues == kept
    assert mdev.guest_matrix() == kept
    start.se_adapter(5, "on")
    assert guest.queues == ["05.0004", "06.0004"]


@both
def test_unassign_brings_back_what_was_withheld(start, abi):
    """05 is withheld because of 05.0047; unassigning domain 0x47 removes the reason."""
    mdev = start.mdev(1).assign([5, 6], [4, 0x47])
    guest = start.guest("Guest1").start(mdev)
    assert start.w("bus/ap/drivers/vfio_ap/unbind", "05.0047") == "OK"
    assert guest.queues == ["06.0004", "06.0047"]
    mdev.unassign(domains=[0x47])
    assert guest.queues == (["05.0004", "06.0004"] if abi == PROPOSAL else ["06.0004"])
    assert mdev.guest_matrix() == guest.queues


@both
def test_a_matrix_longer_than_a_page(apus, abi):
    host = apus(Machine({5: "CEX5C"}, [4], apmask="0x0"), abi=abi)
    mdev = host.mdev(1).assign(range(32), range(32))
    whole = "".join(f"{a:02x}.{d:04x}\n" for a in range(32) for d in range(32))
    assert mdev.r("matrix") == (whole if abi == PROPOSAL else whole[:4095])


@both
def test_types_before_cex4(apus, abi):
    host = apus(Machine({5: "CEX5C", 8: "CEX3C"}, [4]), abi=abi)
    assert host.exists("devices/ap/card08") == (abi == PROPOSAL)
    assert host.queues() == (["05.0004", "08.0004"] if abi == PROPOSAL else ["05.0004"])
    assert not host.exists("bus/ap/drivers/cex2card") or abi == PROPOSAL


@both
@pytest.mark.parametrize("name", [
    "bus/ap/features", "bus/ap/bindings", "bus/ap/scans", "bus/ap/ap_max_adapter_id", "devices/ap/card05/config",
    "devices/ap/card05/chkstop", "devices/ap/card05/05.0004/driver_override", "devices/ap/card05/05.0004/status",
    "devices/vfio_ap/matrix/features"])
def test_later_attributes_exist_in_both(start, name):
    assert start.r(name) != "ENOENT"


@both
def test_a_queue_with_an_override_can_be_assigned(apus, abi):
    host = apus(worked_example(), abi=abi)
    mdev = host.mdev(1)
    assert host.w("bus/ap/devices/05.0004/driver_override", "vfio_ap") == "OK"
    assert mdev.w("assign_domain", 4) == "OK"
    assert mdev.w("assign_adapter", 5) == "EADDRNOTAVAIL"  # still bound to a zcrypt driver
    assert host.w("bus/ap/drivers/cex4queue/unbind", "05.0004") == "OK"
    assert host.w("bus/ap/drivers_probe", "05.0004") == "OK"
    assert mdev.w("assign_adapter", 5) == "OK"
    assert mdev.w("assign_domain", 0x47) == "EADDRNOTAVAIL"  # the masks still reserve this one for zcrypt
    assert mdev.matrix() == ["05.0004"]
    assert host.guest("Guest1").start(mdev).queues == ["05.0004"]
