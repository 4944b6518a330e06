# SPDX-License-Identifier: MIT
"""The worked example of the series: adapters 4, 5, 6 and domains 4, 0x47, 0xab, 0xff."""

import itertools

import pytest

from harness import ONES, TYPE_DIR, Mdev, bits, devices, mask, uuid, worked_example

APMASK = "bus/ap/apmask"
AQMASK = "bus/ap/aqmask"
ADAPTERS = (4, 5, 6)
DOMAINS = (4, 0x47, 0xAB, 0xFF)
QUEUES = [f"{a:02x}.{d:04x}" for a in ADAPTERS for d in DOMAINS]
OF_5_AND_6 = [q for q in QUEUES if not q.startswith("04")]
AQMASK_TEXT = "0xf7fffffffffffffffeffffffffffffffffffffffffeffffffffffffffffffffe"


@pytest.fixture
def host(apus):
    return apus(worked_example())


@pytest.fixture
def secured(host):
    """The chosen variant: the four domains on all adapters."""
    assert host.w(AQMASK, "-4,-0x47,-0xab,-0xff") == "OK"
    return host


@pytest.fixture
def guests(secured):
    """The three mediated devices of the example."""
    return [
        secured.mdev(1).assign([5, 6], [4, 0xAB]),
        secured.mdev(2).assign([5], [0x47, 0xFF]),
        secured.mdev(3).assign([6], [0x47, 0xFF]),
    ]


def with_vfio_ap(host):
    return [queue for queue in QUEUES if host.drv(queue) == "vfio_ap"]


def test_eight_queues_alone_cannot_be_secured(apus):
    """The default drivers own a product of the masks, so no masks leave exactly the eight queues of 05 and 06.

    Among the twelve queues that are present, the mask -5,-6 does reserve exactly these eight; with one
    more domain in the LPAR no mask does.
    """
    domains = (5, *DOMAINS)
    machine = worked_example()
    machine["domains"] = domains
    host = apus(machine)
    present = [f"{a:02x}.{d:04x}" for a in ADAPTERS for d in domains]
    for adapters in subsets(ADAPTERS):
        assert host.w(APMASK, mask(*adapters)) == "OK"
        for chosen in subsets(domains):
            assert host.w(AQMASK, mask(*chosen)) == "OK"
            free = {queue for queue, driver in host.drivers(present).items() if driver == "vfio_ap"}
            product = {f"{a:02x}.{d:04x}" for a in adapters for d in chosen}
            assert free == set(present) - product
            assert free != set(OF_5_AND_6)


def subsets(ids):
    return [c for n in range(len(ids) + 1) for c in itertools.combinations(ids, n)]


def test_secure_adapters_5_and_6(host):
    assert host.w(APMASK, "-5,-6") == "OK"
    assert with_vfio_ap(host) == OF_5_AND_6
    assert {host.drv(q) for q in QUEUES if q.startswith("04")} == {"cex4queue"}


def test_secure_the_four_domains(host):
    assert host.w(AQMASK, "-4,-0x47,-0xab,-0xff") == "OK"
    assert with_vfio_ap(host) == QUEUES


def test_absolute_equivalents(host):
    assert host.w(APMASK, "0xf9" + "f" * 62) == "OK"
    assert bits(host.r(APMASK)) == set(range(256)) - {5, 6}
    assert with_vfio_ap(host) == OF_5_AND_6
    assert host.w(APMASK, ONES) == "OK"
    assert with_vfio_ap(host) == []
    assert host.w(AQMASK, AQMASK_TEXT) == "OK"
    assert bits(host.r(AQMASK)) == set(range(256)) - set(DOMAINS)
    assert with_vfio_ap(host) == QUEUES


def test_the_driver_directory_holds_twelve_links(secured):
    links = [name for name in secured.names("bus/ap/drivers/vfio_ap") if "." in name]
    assert links == QUEUES
    for name in links:
        target = f"../../../../devices/ap/card{name[:2]}/{name}"
        assert secured.link(f"bus/ap/drivers/vfio_ap/{name}") == target
        assert secured.path(f"bus/ap/drivers/vfio_ap/{name}").is_dir()


def test_older_adapters_are_not_bound(apus):
    machine = worked_example()
    machine["adapters"][7] = "CEX3A"
    host = apus(machine)
    assert host.value("bus/ap/devices/card07/hwtype") == "8"
    assert host.w(AQMASK, "-4,-0x47,-0xab,-0xff") == "OK"
    assert with_vfio_ap(host) == QUEUES
    assert [host.drv(f"07.{d:04x}") for d in DOMAINS] == [""] * 4


def test_the_type_is_readable_from_the_card(host):
    assert host.r("bus/ap/devices/card05/hwtype") == "11\n"


def test_the_type_directory(host):
    assert host.mode(f"{TYPE_DIR}/create") == 0o200
    assert host.path(f"{TYPE_DIR}/create").is_file()
    assert host.path(f"{TYPE_DIR}/devices").is_dir()
    assert host.names(f"{TYPE_DIR}/devices") == []


def test_three_mediated_devices(host):
    for number in (1, 2, 3):
        assert host.w(f"{TYPE_DIR}/create", uuid(number)) == "OK"
    assert host.names(f"{TYPE_DIR}/devices") == [uuid(1), uuid(2), uuid(3)]
    assert host.value(f"{TYPE_DIR}/available_instances") == str(65536 - 3)


def test_attributes_of_a_mediated_device(host):
    host.mdev(1)
    modes = {name: host.mode(f"{TYPE_DIR}/devices/{uuid(1)}/{name}") for name in (
        "assign_adapter", "unassign_adapter", "assign_domain", "unassign_domain",
        "assign_control_domain", "unassign_control_domain", "remove",
        "matrix", "guest_matrix", "control_domains")}
    write_only = {name for name, mode in modes.items() if mode == 0o200}
    read_only = {name for name, mode in modes.items() if mode == 0o444}
    assert read_only == {"matrix", "guest_matrix", "control_domains"}
    assert write_only == set(modes) - read_only


def test_matrix_of_guest_1(secured):
    mdev = secured.mdev(1).assign([5, 6], [4, "0xab"])
    assert secured.r(f"{TYPE_DIR}/devices/{mdev.uuid}/matrix") == "05.0004\n05.00ab\n06.0004\n06.00ab\n"


def test_matrix_of_guest_2(guests):
    assert guests[1].r("matrix") == "05.0047\n05.00ff\n"


def test_matrix_of_guest_3(guests):
    assert guests[2].r("matrix") == "06.0047\n06.00ff\n"


@pytest.mark.guest
def test_guests_have_what_the_tables_show(secured, guests):
    running = []
    for number, mdev in enumerate(guests, 1):
        guest = secured.guest(f"Guest{number}")
        running.append(guest.start(mdev, features=["ap", "apqci", "apft"]))
    assert [guest.queues for guest in running] == [mdev.matrix() for mdev in guests]
    assert running[0].queues == ["05.0004", "05.00ab", "06.0004", "06.00ab"]
    assert running[1].queues == ["05.0047", "05.00ff"]
    assert running[2].queues == ["06.0047", "06.00ff"]
    assert devices(running[0]) == ["05.0004", "05.00ab", "06.0004", "06.00ab", "card05", "card06"]
    assert devices(running[1]) == ["05.0047", "05.00ff", "card05"]
    assert devices(running[2]) == ["06.0047", "06.00ff", "card06"]
    types = {card: secured.value(f"devices/ap/card{card}/type") for card in ("05", "06")}
    assert types == {"05": "CEX5C", "06": "CEX5A"}
    assert running[0].run("cat", "/sys/devices/ap/card06/type") == "CEX5A\n"
    assert running[1].run("cat", "/sys/devices/ap/card05/type") == "CEX5C\n"


@pytest.mark.guest
def test_without_apft_a_guest_sees_no_devices(secured, guests):
    """The matrix is attached, but the guest's bus cannot query its queues."""
    guest = secured.guest("Guest1").start(guests[0], features=["ap", "apqci"])
    assert devices(guest) == []
    other = secured.guest("Guest2").start(guests[1], features=["ap", "apqci", "apft"])
    assert devices(other) == ["05.0047", "05.00ff", "card05"]


@pytest.mark.guest
def test_without_ap_a_guest_has_no_ap(secured, guests):
    error = secured.refused(
        "guest-start", name="Guest1", mdev=guests[0].uuid, features=["apqci", "apft"])
    assert "ap" in error.desc
    guest = secured.guest("Guest1").start(features=["apqci", "apft"])
    assert guest.queues == [] and devices(guest) == []
    secured.refused("guest-attach", name="Guest1", mdev=guests[0].uuid)
    assert guest.queues == [] and devices(guest) == []


def test_a_wrong_assignment_can_be_undone(secured, guests):
    before = guests[0].matrix()
    assert secured.w(APMASK, "-7") == "OK"
    guests[0].assign([7])
    assert guests[0].matrix() == [*before, "07.0004", "07.00ab"]
    guests[0].unassign([7])
    assert guests[0].matrix() == before


def test_remove_deletes_the_device(secured, guests):
    mdev = guests[0]
    places = [mdev.dir, f"{TYPE_DIR}/devices/{mdev.uuid}", f"bus/mdev/devices/{mdev.uuid}"]
    assert all(secured.path(place).is_dir() for place in places)
    group = secured.link(f"{mdev.dir}/iommu_group").rsplit("/", 1)[1]
    assert secured.exists(f"kernel/iommu_groups/{group}")
    assert mdev.remove() == "OK"
    assert not any(secured.exists(place) for place in places)
    assert not secured.exists(f"kernel/iommu_groups/{group}")


@pytest.mark.guest
def test_remove_fails_while_a_guest_uses_it(secured, guests):
    guest = secured.guest("Guest1").start(guests[0])
    before = secured.dump()
    assert guests[0].remove() == "EBUSY"
    assert secured.dump() == before
    assert guest.queues == guests[0].matrix()
    guest.stop()
    assert guests[0].remove() == "OK"


def test_a_new_device_starts_empty(secured, guests):
    guests[0].assign(control=[4])
    assert guests[0].remove() == "OK"
    again = Mdev(secured, 1).create()
    assert again.r("matrix") == ""
    assert again.r("control_domains") == ""
