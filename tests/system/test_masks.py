# SPDX-License-Identifier: MIT
"""apmask and aqmask: grammar, ownership, and refused changes."""

import pytest

from harness import ABSENT, ONES, Machine, bits, mask, worked_example

APMASK = "bus/ap/apmask"
AQMASK = "bus/ap/aqmask"


@pytest.fixture
def host(apus):
    return apus(worked_example())


@pytest.fixture
def example_masks(apus):
    """The machine of the ownership example: apmask 0x70…, aqmask 0x0180…."""
    adapters = {n: "CEX5C" for n in (1, 3, 4)}
    adapters[2] = adapters[9] = ABSENT
    adapters[8] = "CEX3C"
    return apus(Machine(adapters, [6, 7, 8], apmask="0x7", aqmask="0x018"))


@pytest.fixture
def assigned(host):
    """05.0004 belongs to a mediated device, through apmask."""
    assert host.w(APMASK, -5) == "OK"
    return host.mdev(1).assign([5], [4])


def test_masks_have_256_bits_from_the_left(host):
    for attribute in (APMASK, AQMASK):
        assert len(host.r(attribute)) == 67
    assert host.w(APMASK, "0x8") == "OK"
    assert bits(host.r(APMASK)) == {0}
    assert host.w(AQMASK, "-0-254") == "OK"
    assert bits(host.r(AQMASK)) == {255}


def test_zcrypt_owns_exactly_the_product(apus):
    queues = [f"{a:02x}.{d:04x}" for a in (0, 1, 2, 3, 4) for d in (6, 7, 8, 9)]
    host = apus(Machine({n: "CEX5C" for n in range(5)}, [6, 7, 8, 9]))
    assert host.w(APMASK, "0x70") == "OK"
    assert host.w(AQMASK, "0x0180") == "OK"
    owned = {f"{a:02x}.{d:04x}" for a in (1, 2, 3) for d in (7, 8)}
    expected = {q: "cex4queue" if q in owned else "vfio_ap" for q in queues}
    assert host.drivers(queues) == expected


def test_the_example_masks(host):
    assert host.w(APMASK, "0x7") == "OK"
    assert host.w(AQMASK, "0x018") == "OK"
    assert host.value(APMASK) == "0x7" + "0" * 63 == mask(1, 2, 3)
    assert host.value(AQMASK) == "0x018" + "0" * 61 == mask(7, 8)


def test_new_queue_inside_the_product_goes_to_zcrypt(example_masks):
    example_masks.change_lpar(("add", "adapter", 2))
    assert example_masks.drv("02.0007") == "cex4queue"
    assert example_masks.drv("02.0008") == "cex4queue"
    assert example_masks.drv("02.0006") == "vfio_ap"


def test_new_queue_outside_the_product_goes_to_vfio_ap(example_masks):
    assert example_masks.drv("09.0007") == ""
    example_masks.change_lpar(("add", "adapter", 9))
    assert example_masks.drv("09.0007") == "vfio_ap"


def test_old_queue_outside_the_product_has_no_driver(example_masks):
    host = example_masks
    assert host.exists("bus/ap/devices/08.0007")
    assert host.drv("08.0007") == ""
    assert not any(name.startswith("08.") for name in host.names("bus/ap/drivers/vfio_ap"))
    assert host.w("bus/ap/drivers/vfio_ap/bind", "08.0007") == "ENODEV"
    assert host.drv("08.0007") == ""


def test_by_default_zcrypt_owns_everything(host):
    assert host.value(APMASK) == ONES
    assert host.value(AQMASK) == ONES
    assert set(host.drivers(worked_example().queues()).values()) == {"cex4queue"}


def test_absolute_form(host):
    assert host.w(APMASK, "0x12345678") == "OK"
    assert host.value(APMASK) == "0x12345678" + "0" * 56


def test_short_masks_are_padded_on_the_right(host):
    assert host.w(APMASK, "0x41") == "OK"
    assert host.value(APMASK) == "0x41" + "0" * 62
    assert bits(host.r(APMASK)) == {1, 7}


def test_too_long_masks_are_refused(host):
    assert host.w(APMASK, "0xf9") == "OK"
    for attribute in (APMASK, AQMASK):
        before = host.r(attribute)
        assert host.w(attribute, "0x" + "0" * 65) == "EINVAL"
        assert host.r(attribute) == before
    assert host.w(APMASK, "0x" + "0" * 64) == "OK"


def test_list_form_needs_a_sign_for_each_number(host):
    assert host.w(APMASK, "+0,-6") == "OK"
    assert bits(host.r(APMASK)) == set(range(256)) - {6}
    assert host.w(APMASK, "1,+2") == "EINVAL"
    assert host.w(APMASK, "+1,2") == "EINVAL"
    assert bits(host.r(APMASK)) == set(range(256)) - {6}


def test_single_bits(host):
    assert host.w(APMASK, "0x" + "0f" * 32) == "OK"
    for text, bit, state in (("+0", 0, True), ("-13", 13, False), ("+0x41", 65, True), ("-0xff", 255, False)):
        before = bits(host.r(APMASK))
        assert (bit in before) != state
        assert host.w(APMASK, text) == "OK"
        assert bits(host.r(APMASK)) == (before | {bit} if state else before - {bit})


def test_several_bits_in_one_write(host):
    start = set(range(256)) - {0, 71}
    assert host.w(APMASK, "-0,-71") == "OK"
    assert bits(host.r(APMASK)) == start
    assert host.w(APMASK, "+0,-6,+0x47,-0xf0") == "OK"
    assert bits(host.r(APMASK)) == (start | {0, 71}) - {6, 240}


def test_other_bits_stay(host):
    pattern = "0x" + "5a96" * 16
    named = {0, 6, 71, 240}
    assert host.w(AQMASK, pattern) == "OK"
    assert host.w(AQMASK, "+0,-6,+0x47,-0xf0") == "OK"
    assert bits(host.r(AQMASK)) - named == bits(pattern) - named


def test_kernel_parameters_set_the_masks(apus):
    host = apus(worked_example(apmask="0xffff", aqmask="0x40"))
    assert host.value(APMASK) == "0xffff" + "0" * 60
    assert host.value(AQMASK) == "0x40" + "0" * 62


def test_kernel_parameters_set_the_ownership(apus):
    adapters = {n: "CEX5C" for n in (0, 15, 16)}
    host = apus(Machine(adapters, [0, 1, 2], apmask="0xffff", aqmask="0x40"))
    zcrypt = {queue for queue in host.queues() if host.drv(queue) == "cex4queue"}
    assert zcrypt == {"00.0001", "0f.0001"}
    assert {host.drv(q) for q in ("10.0001", "0f.0000", "0f.0002")} == {"vfio_ap"}


def test_apmask_cannot_take_an_assigned_apqn(host, assigned):
    assert host.w(APMASK, "+5") == "EADDRINUSE"


def test_aqmask_cannot_take_an_assigned_apqn(host):
    assert host.w(AQMASK, "-4") == "OK"
    host.mdev(1).assign([5], [4])
    assert host.w(AQMASK, "+4") == "EADDRINUSE"


def test_a_refused_change_changes_nothing(host, assigned):
    before = host.dump()
    assert host.w(APMASK, "+5,-6") == "EADDRINUSE"
    assert host.dump() == before
    assert host.drv("05.0004") == "vfio_ap"
    assert host.drv("06.0004") == "cex4queue"


def test_one_offending_apqn_suffices(host):
    assert host.w(APMASK, "0x0") == "OK"
    host.mdev(1).assign([5], [4])
    assert host.w(APMASK, ONES) == "EADDRINUSE"
    assert host.w(APMASK, mask(*(set(range(256)) - {5}))) == "OK"


def test_assigned_is_enough_without_a_guest(host, assigned):
    assert assigned.r("guest_matrix") == "ENODEV", "there must be no guest here"
    assert host.w(APMASK, "+5") == "EADDRINUSE"
    assert host.w(APMASK, ONES) == "EADDRINUSE"


def test_a_change_that_moves_no_assigned_apqn_is_allowed(host):
    assert host.w(AQMASK, "-4") == "OK"
    assert host.w(APMASK, "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4])
    assert host.w(APMASK, "+5") == "OK"
    assert mdev.matrix() == ["05.0004"]
    assert host.drv("05.0004") == "vfio_ap"
    assert host.drv("05.0047") == "cex4queue"


def test_taking_queues_from_zcrypt_is_never_refused(host, assigned):
    assert host.w(APMASK, "-6") == "OK"
    assert host.w(AQMASK, "-0x47") == "OK"
    assert host.drv("06.0004") == "vfio_ap"
    assert host.drv("04.0047") == "vfio_ap"
    assert host.drv("04.0004") == "cex4queue"
    assert assigned.matrix() == ["05.0004"]


@pytest.mark.parametrize("release", ["unassign", "remove"])
def test_a_released_apqn_may_return_to_zcrypt(host, assigned, release):
    if release == "unassign":
        assigned.unassign([5])
    else:
        assert assigned.remove() == "OK"
    assert host.w(APMASK, "+5") == "OK"
    assert host.drv("05.0004") == "cex4queue"
