# SPDX-License-Identifier: MIT
"""Checklist 6.2: architecture and AP bus."""

import pytest

from harness import Machine, bits, mask, worked_example
from unit import run_unit_tests

QUEUES = ["04.0006", "04.0047", "0a.0006", "0a.0047"]


@pytest.fixture
def host(apus):
    return apus(Machine({4: "CEX5C", 10: "CEX5A"}, [6, 71]))


@pytest.fixture
def free(apus):
    """Adapters 1-4 and domains 5-7, none of them owned by zcrypt."""
    host = apus(Machine({n: "CEX5C" for n in (1, 2, 3, 4)}, [5, 6, 7], apmask="0x0"))
    return host


def test_S11_card_devices(host):
    assert host.path("devices/ap/card04").is_dir()
    assert host.path("devices/ap/card0a").is_dir()


def test_S12_card_links(host):
    assert host.link("bus/ap/devices/card04") == "../../../devices/ap/card04"
    assert host.link("bus/ap/devices/card0a") == "../../../devices/ap/card0a"


def test_S13_one_queue_device_per_element_of_the_product(host):
    found = host.path("devices/ap").glob("card??/*.????")
    assert sorted(str(path.relative_to(host.root)) for path in found) == [
        "devices/ap/card04/04.0006",
        "devices/ap/card04/04.0047",
        "devices/ap/card0a/0a.0006",
        "devices/ap/card0a/0a.0047",
    ]


def test_S14_names_are_lower_case_hex(apus):
    host = apus(Machine({10: "CEX5C", 0xAB: "CEX5C"}, [71, 0xCD]))
    assert host.queues() == ["0a.0047", "0a.00cd", "ab.0047", "ab.00cd"]
    assert [n for n in host.names("devices/ap") if n.startswith("card")] == ["card0a", "cardab"]


def test_S15_queue_links(host):
    assert host.names("bus/ap/devices") == sorted([*QUEUES, "card04", "card0a"])
    for queue in QUEUES:
        target = f"../../../devices/ap/card{queue[:2]}/{queue}"
        assert host.link(f"bus/ap/devices/{queue}") == target
        assert host.path(f"bus/ap/devices/{queue}").resolve() == host.path(target[9:])


def test_S16_control_domains_are_a_mask_from_the_left(apus):
    host = apus(Machine({4: "CEX5C"}, [6], control=[6, 71]))
    text = host.value("bus/ap/ap_control_domain_mask")
    assert text == "0x0200000000000000" + "01" + "0" * 46
    assert bits(text) == {6, 71}


def test_S17_a_guest_has_exactly_the_product(free):
    mdev = free.mdev(1).assign([1, 2], [5, 6])
    assert mdev.r("matrix") == "01.0005\n01.0006\n02.0005\n02.0006\n"


def test_S18_an_apqn_has_one_user(apus):
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


def test_S19_same_adapters_other_domains(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([1, 2], [7])
    assert second.matrix() == ["01.0007", "02.0007"]


def test_S20_other_adapters_same_domains(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([3, 4], [5, 6])
    assert second.matrix() == ["03.0005", "03.0006", "04.0005", "04.0006"]


def test_S21_a_shared_apqn_is_refused(free):
    free.mdev(1).assign([1, 2], [5, 6])
    second = free.mdev(2).assign([1], [7])
    assert second.w("assign_domain", 6) == "EADDRINUSE"
    assert second.matrix() == ["01.0007"]


def test_S22_a_command_reaches_usage_domains_and_changes_control_domains():
    run_unit_tests("S22")


@pytest.mark.guest
def test_S23_masks_of_the_guest(apus):
    """The guest's own bus prints the masks that it finds in its APCB."""
    host = apus(worked_example(apmask="0x0"))
    mdev = host.mdev(1).assign([4, 6], [4, 0xFF], [0x47])
    guest = host.guest("Guest1").start(mdev)
    for attribute, expected in (
        ("ap_adapter_mask", mask(4, 6)),
        ("ap_usage_domain_mask", mask(4, 0xFF)),
        ("ap_control_domain_mask", mask(0x47)),
    ):
        assert guest.read(f"/sys/bus/ap/{attribute}") == expected + "\n"
