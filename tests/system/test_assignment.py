# SPDX-License-Identifier: MIT
"""The rules of assignment, and of the ownership of an APQN."""

import itertools

import pytest

from harness import ABSENT, Machine, worked_example

APMASK = "bus/ap/apmask"
AQMASK = "bus/ap/aqmask"


@pytest.fixture
def host(apus):
    return apus(worked_example())


@pytest.fixture
def growing(apus):
    """All queues belong to vfio_ap; adapter 7 is installed but not in the LPAR, and neither is domain 9."""
    machine = Machine({5: "CEX5C", 7: ABSENT}, [4], apmask="0x0")
    return apus(machine)


@pytest.fixture
def free(apus):
    """Adapters 1-4 and domains 5-7; zcrypt owns none of the queues."""
    host = apus(Machine({n: "CEX5C" for n in (1, 2, 3, 4)}, [5, 6, 7], apmask="0x0"))
    return host


def test_assign_what_no_zcrypt_driver_owns(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-7") == "OK"
    mdev = host.mdev(1)
    assert mdev.w("assign_adapter", 7) == "OK"
    assert mdev.w("assign_domain", 4) == "OK"
    assert mdev.matrix() == ["07.0004"]


def test_refuse_what_zcrypt_owns_even_when_absent(apus):
    host = apus(Machine({4: "CEX5C", 6: "CEX5A"}, [4]))
    mdev = host.mdev(1)
    assert mdev.w("assign_adapter", 5) == "OK"
    assert mdev.w("assign_domain", 4) == "EADDRNOTAVAIL"
    assert mdev.matrix() == ["05."]


def test_adapter_up_to_the_maximum(apus):
    host = apus(worked_example(max_adapter=0x3F, max_domain=0xFF))
    assert host.value("bus/ap/ap_max_adapter_id") == "63"
    mdev = host.mdev(1)
    for good in (0, 63):
        assert mdev.w("assign_adapter", good) == "OK"
    for bad in (64, 255, 256, 65536):
        assert mdev.w("assign_adapter", bad) == "ENODEV"
    assert mdev.matrix() == ["00.", "3f."]


def test_adapter_whose_queue_zcrypt_owns(host):
    mdev = host.mdev(1).assign(domains=[6])
    assert mdev.w("assign_adapter", 5) == "EADDRNOTAVAIL"
    assert mdev.matrix() == [".0006"]


def test_adapter_whose_queue_is_taken(host):
    assert host.w(APMASK, "-5,-6") == "OK"
    host.mdev(1).assign([5], [4])
    second = host.mdev(2).assign([6], [4])
    assert second.w("assign_adapter", 5) == "EADDRINUSE"
    assert second.matrix() == ["06.0004"]


def test_domain_above_the_maximum(apus):
    host = apus(worked_example(max_adapter=0xFF, max_domain=0xFF))
    assert host.value("bus/ap/ap_max_domain_id") == "255"
    other = apus(Machine({5: "CEX5C"}, [4], max_adapter=0x3F, max_domain=84))
    limit = int(other.value("bus/ap/ap_max_domain_id"))
    mdev = other.mdev(1)
    assert mdev.w("assign_domain", limit + 1) == "ENODEV"
    assert mdev.w("assign_domain", limit) == "OK"
    assert mdev.matrix() == [f".{limit:04x}"]
    assert host.mdev(1).w("assign_domain", 256) == "ENODEV"


def test_domain_owned_or_taken(host):
    assert host.w(APMASK, "-6") == "OK"
    host.mdev(1).assign([6], [4])
    mdev = host.mdev(2).assign([5])
    assert mdev.w("assign_domain", 4) == "EADDRNOTAVAIL"
    assert mdev.matrix() == ["05."]
    mdev.unassign([5])
    mdev.assign([6])
    assert mdev.w("assign_domain", 4) == "EADDRINUSE"
    assert mdev.matrix() == ["06."]


def test_the_masks_decide_not_the_driver(host):
    assert host.w(APMASK, "-5") == "OK"
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "05.0004") == "OK"
    assert host.drv("05.0004") == ""
    mdev = host.mdev(1).assign([5], [4])
    assert mdev.matrix() == ["05.0004"]
    assert host.w("bus/ap/drivers/cex4queue/unbind", "04.0004") == "OK"
    assert host.drv("04.0004") == ""
    assert mdev.w("assign_adapter", 4) == "EADDRNOTAVAIL"


def test_absent_adapters_may_be_assigned(growing):
    assert not growing.exists("devices/ap/card07")
    mdev = growing.mdev(1).assign([7], [4])
    assert mdev.matrix() == ["07.0004"]


@pytest.mark.guest
def test_assigned_adapter_reaches_a_running_guest_when_it_comes(growing):
    mdev = growing.mdev(1).assign([7], [4])
    guest = growing.guest("Guest1").start(mdev)
    assert guest.queues == []
    growing.change_lpar(("add", "adapter", 7))
    assert guest.queues == ["07.0004"]


def test_absent_domains_may_be_assigned(growing):
    assert not growing.exists("devices/ap/card05/05.0009")
    mdev = growing.mdev(1).assign([5], [9])
    assert mdev.matrix() == ["05.0009"]


@pytest.mark.guest
def test_assigned_domain_reaches_a_running_guest_when_it_comes(growing):
    mdev = growing.mdev(1).assign([5], [9])
    guest = growing.guest("Guest1").start(mdev)
    assert guest.queues == []
    growing.change_lpar(("add", "domain", 9))
    assert guest.queues == ["05.0009"]


def test_control_domain_up_to_the_maximum(host):
    mdev = host.mdev(1)
    assert mdev.w("assign_control_domain", 0) == "OK"
    assert mdev.w("assign_control_domain", 255) == "OK"
    assert mdev.w("assign_control_domain", 256) == "ENODEV"
    assert mdev.r("control_domains") == "0000\n00ff\n"


def test_control_domains_are_not_exclusive(host):
    mdevs = [host.mdev(1), host.mdev(2)]
    for mdev in mdevs:
        assert mdev.w("assign_control_domain", 0x47) == "OK"
    assert [mdev.control_domains() for mdev in mdevs] == [["0047"], ["0047"]]


def test_no_bound_queue_is_needed(host):
    assert host.names("bus/ap/drivers/vfio_ap") and not any(
        "." in name for name in host.names("bus/ap/drivers/vfio_ap"))
    mdev = host.mdev(1)
    assert mdev.w("assign_adapter", 5) == "OK"
    assert host.mdev(2).w("assign_domain", 4) == "OK"
    assert mdev.matrix() == ["05."]


def test_range_then_ownership_then_sharing(apus):
    host = apus(Machine({5: "CEX5C", 6: "CEX5C"}, [4, 9], max_adapter=63, max_domain=15, apmask="0xf9"))
    host.mdev(1).assign([5, 6], [4])
    mdev = host.mdev(2).assign([5])
    # 05.0004 is taken; 04.0004 would be owned by zcrypt; 16 is above the maximum.
    assert mdev.w("assign_domain", 16) == "ENODEV"
    assert mdev.w("assign_domain", 4) == "EADDRINUSE"
    mdev.assign(domains=[9])
    assert mdev.w("assign_adapter", 64) == "ENODEV"
    third = host.mdev(3).assign([4, 5])
    assert third.w("assign_domain", 4) == "EADDRNOTAVAIL"
    assert third.matrix() == ["04.", "05."]


def test_matrix_is_read_only_for_root_too(host):
    mdev = host.mdev(1)
    assert host.mode(f"{mdev.dir}/matrix") == 0o444
    assert mdev.w("matrix", "x") == "EACCES"


def test_assignment_is_write_only_for_root_too(host):
    mdev = host.mdev(1)
    for verb, what in itertools.product(("assign", "unassign"), ("adapter", "domain", "control_domain")):
        attribute = f"{verb}_{what}"
        assert host.mode(f"{mdev.dir}/{attribute}") == 0o200
        assert mdev.r(attribute) == "EACCES"


def test_control_domains_is_a_read_only_list(host):
    mdev = host.mdev(1).assign(control=[0x47, 4, 0xFF])
    assert host.mode(f"{mdev.dir}/control_domains") == 0o444
    assert mdev.r("control_domains") == "0004\n0047\n00ff\n"
    assert mdev.w("control_domains", 1) == "EACCES"


def test_a_guest_has_exactly_the_product(free):
    mdev = free.mdev(1).assign([1, 2], [5, 6])
    assert mdev.r("matrix") == "01.0005\n01.0006\n02.0005\n02.0006\n"


def test_an_apqn_has_one_user(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/aqmask", "-4") == "OK"
    first = host.mdev(1).assign([5], [4])
    second = host.mdev(2).assign([5])
    assert second.w("assign_domain", 4) == "EADDRINUSE"
    assert second.w("assign_domain", 0x47) == "EADDRNOTAVAIL"
    assert host.w("bus/ap/aqmask", "+4") == "EADDRINUSE"
    assert first.matrix() == ["05.0004"]
    assert second.matrix() == ["05."]
    assert host.drv("05.0004") == "vfio_ap"
    assert host.drv("05.0047") == "cex4queue"


def test_same_adapters_other_domains(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([1, 2], [7])
    assert second.matrix() == ["01.0007", "02.0007"]


def test_other_adapters_same_domains(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([3, 4], [5, 6])
    assert second.matrix() == ["03.0005", "03.0006", "04.0005", "04.0006"]


def test_a_shared_apqn_is_refused(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([1], [7])
    assert second.w("assign_domain", 6) == "EADDRINUSE"
    assert second.matrix() == ["01.0007"]
