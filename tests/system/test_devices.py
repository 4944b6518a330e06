# SPDX-License-Identifier: MIT
"""Cards and queues as devices of the AP bus."""

import pytest

from harness import Machine, bits

QUEUES = ["04.0006", "04.0047", "0a.0006", "0a.0047"]


@pytest.fixture
def host(apus):
    return apus(Machine({4: "CEX5C", 10: "CEX5A"}, [6, 71]))


def test_card_devices(host):
    assert host.path("devices/ap/card04").is_dir()
    assert host.path("devices/ap/card0a").is_dir()


def test_card_links(host):
    assert host.link("bus/ap/devices/card04") == "../../../devices/ap/card04"
    assert host.link("bus/ap/devices/card0a") == "../../../devices/ap/card0a"


def test_one_queue_device_per_element_of_the_product(host):
    found = host.path("devices/ap").glob("card??/*.????")
    assert sorted(str(path.relative_to(host.root)) for path in found) == [
        "devices/ap/card04/04.0006",
        "devices/ap/card04/04.0047",
        "devices/ap/card0a/0a.0006",
        "devices/ap/card0a/0a.0047",
    ]


def test_names_are_lower_case_hex(apus):
    host = apus(Machine({10: "CEX5C", 0xAB: "CEX5C"}, [71, 0xCD]))
    assert host.queues() == ["0a.0047", "0a.00cd", "ab.0047", "ab.00cd"]
    assert [n for n in host.names("devices/ap") if n.startswith("card")] == ["card0a", "cardab"]


def test_queue_links(host):
    assert host.names("bus/ap/devices") == sorted([*QUEUES, "card04", "card0a"])
    for queue in QUEUES:
        target = f"../../../devices/ap/card{queue[:2]}/{queue}"
        assert host.link(f"bus/ap/devices/{queue}") == target
        assert host.path(f"bus/ap/devices/{queue}").resolve() == host.path(target[9:])


def test_control_domains_are_a_mask_from_the_left(apus):
    host = apus(Machine({4: "CEX5C"}, [6], control_domains=[6, 71]))
    text = host.value("bus/ap/ap_control_domain_mask")
    assert text == "0x0200000000000000" + "01" + "0" * 46
    assert bits(text) == {6, 71}


def test_buses_of_mediated_devices(host):
    mdev = host.mdev(1)
    group = f"{mdev.dir}/iommu_group"
    for bus, device in (("mdev", mdev.uuid), ("matrix", "matrix")):
        assert host.w(f"bus/{bus}/drivers_autoprobe", 0) == "OK"
        assert host.value(f"bus/{bus}/drivers_autoprobe") == "0"
        assert host.w(f"bus/{bus}/drivers_probe", device) == "OK"
        assert host.w(f"bus/{bus}/drivers_probe", "nothing") == "ENODEV"
        assert host.mode(f"bus/{bus}/drivers_probe") == 0o200
    assert host.link(f"{host.mdev(2).dir}/driver").endswith("/vfio_ap_mdev")
    assert (host.value(f"{group}/name"), host.value(f"{group}/type")) == ("vfio-noiommu", "unknown")
    assert host.r(f"{group}/reserved_regions") == ""
    assert host.mode(f"{group}/type") == 0o644
    assert host.w(f"{group}/type", "identity") == "EINVAL"


def test_files_without_a_function_for_a_direction(host):
    for name in ("create", "destroy"):
        assert host.mode(f"class/zcrypt/{name}") == 0o600
        assert host.r(f"class/zcrypt/{name}") == "EIO"
