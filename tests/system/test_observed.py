# SPDX-License-Identifier: MIT
"""The observed answers of Linux 7.2 (real-driver observations), in the upstream profile."""

import pytest

from harness import TYPE_DIR, Machine, Mdev, mask, uuid

MATRIX = "devices/vfio_ap/matrix"


@pytest.fixture
def host(apus):
    """Cards 5 (CEX7A) and 6 (CEX7C), domains 4 and 0x47, Na 0x3f, Nd 0x54."""
    machine = Machine({5: "CEX7A", 6: "CEX7C"}, [4, 0x47], max_adapter=0x3F, max_domain=0x54)
    return apus(machine, abi="upstream")


def test_create(host):
    create = f"{TYPE_DIR}/create"
    assert host.value(f"{TYPE_DIR}/available_instances") == "65536"
    assert host.write(create, "not-a-uuid") == "EINVAL"
    assert host.write(create, uuid(1).replace("-", "")) == "EINVAL"
    assert host.write(create, uuid(1).upper()) == 36
    assert host.names(f"{TYPE_DIR}/devices") == [uuid(1)]
    assert host.write(create, uuid(1)) == "EEXIST"
    assert host.value(f"{TYPE_DIR}/available_instances") == "65535"
    assert host.write(create, uuid(2) + "\n") == 37
    assert host.value(f"{TYPE_DIR}/name") == "VFIO AP Passthrough Device"
    assert host.value(f"{TYPE_DIR}/device_api") == "vfio-ap"
    assert host.value(f"{MATRIX}/features") == "guest_matrix hotplug ap_config"


def test_assign(host):
    mdev = host.mdev(1)

    def write(attribute, value):
        return host.write(f"{mdev.dir}/{attribute}", value)

    assert write("assign_adapter", "5") == 1
    assert write("assign_domain", "4") == "EADDRNOTAVAIL"
    assert mdev.matrix() == ["05."]
    assert [write("assign_adapter", v) for v in ("64", "0x100")] == ["ENODEV", "ENODEV"]
    assert [write("assign_adapter", v) for v in ("-1", "xyz", " 5")] == ["EINVAL"] * 3
    assert write("assign_domain", "85") == "ENODEV"
    assert write("assign_domain", "84") == "EADDRNOTAVAIL"
    assert write("assign_control_domain", "85") == "ENODEV"
    assert write("assign_control_domain", "0x50") == 4
    assert write("assign_adapter", "5") == 1
    assert write("unassign_domain", "7") == 1
    assert write("unassign_adapter", "999") == "ENODEV"


def test_sharing_and_removal(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    host.mdev(1).assign([5], [4])
    second = host.mdev(2).assign([5])
    assert second.w("assign_domain", 4) == "EADDRINUSE"
    log = "\n".join(str(line) for line in host.execute("log")["messages"])
    assert uuid(1) in log and uuid(2) in log and "05.0004" in log
    assert host.write(f"{second.dir}/remove", "0") == 1
    assert second.exists()
    assert host.write(f"{second.dir}/remove", "1") == 1
    assert not second.exists()


def test_matrix_and_guest_matrix(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    mdev = host.mdev(1)
    assert mdev.r("matrix") == ""
    mdev.assign([5])
    assert mdev.r("matrix") == "05.\n"
    mdev.unassign([5]).assign(domains=[4])
    assert mdev.r("matrix") == ".0004\n"
    mdev.assign([5], [7, 0x47])
    assert mdev.matrix() == ["05.0004", "05.0007", "05.0047"]
    assert mdev.guest_matrix() == ["05.0004", "05.0047"]
    host.execute("machine-set", adapters={"6": "CEX7C"})
    assert mdev.matrix() == ["05.0004", "05.0007", "05.0047"]
    assert mdev.guest_matrix() == [".0004", ".0047"]
    host.execute("machine-set", adapters={"5": "CEX7A", "6": "CEX7C"})
    assert mdev.guest_matrix() == ["05.0004", "05.0047"]


def test_unbinding_one_queue_takes_the_adapter(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    mdev = host.mdev(1).assign([5, 6], [4, 0x47])
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "05.0047") == "OK"
    assert mdev.guest_matrix() == ["06.0004", "06.0047"]
    assert host.w("bus/ap/drivers/vfio_ap/bind", "05.0047") == "OK"
    assert mdev.guest_matrix() == ["05.0004", "05.0047", "06.0004", "06.0047"]


def test_masks(host):
    assert host.write("bus/ap/apmask", "-5") == 2
    assert [host.drv(d) for d in ("05.0004", "05.0047", "card05")] == ["vfio_ap", "vfio_ap", "cex4card"]
    results = {
        "0x0": 3, "0x": 2, "0x" + "0" * 65: "EINVAL", "+256": "EINVAL", "+255": 4, "+1,+2,-0x10": 11,
    }
    assert {text: host.write("bus/ap/apmask", text) for text in results} == results
    assert host.write("bus/ap/apmask", "5") == 1
    assert host.value("bus/ap/apmask") == mask(1, 3)


def test_ap_config(host):
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    attribute = host.mdev(1).dir + "/ap_config"
    full = ",".join([mask(5), mask(4), mask(4)])
    assert host.write(attribute, full) == 200
    assert host.value(attribute) == full
    assert host.write(attribute, "0x04,0x08,0x08") == 14
    assert host.value(attribute) == full
    for text in ("0x04,0x08", "garbage"):
        assert host.write(attribute, text) == "EINVAL"
    assert host.write(attribute, ",".join([mask(64), mask(4), mask(4)])) == "ENODEV"
    assert host.value(attribute) == full
    assert host.w("bus/ap/apmask", "+6") == "OK"
    assert host.write(attribute, ",".join([mask(6), mask(4), mask(4)])) == "EADDRNOTAVAIL"
    assert host.value(attribute) == full


def test_numbers_of_the_bus_and_of_cards(host):
    assert [host.w("bus/ap/config_time", v) for v in (4, 121, 5)] == ["EINVAL", "EINVAL", "OK"]
    assert host.value("bus/ap/config_time") == "5"
    assert host.w("devices/ap/card05/config", 2) == "EINVAL"
    assert host.w("devices/ap/card05/online", 2) == "EINVAL"
    assert host.value("devices/ap/card05/online") == "1"


def test_bind(host):
    assert host.w("bus/ap/drivers/cex4queue/bind", "05.0004") == "EBUSY"
    assert host.w("bus/ap/drivers/cex4queue/unbind", "05.0004") == "OK"
    assert host.w("bus/ap/drivers/vfio_ap/bind", "05.0004") == "ENODEV"
    assert host.drv("05.0004") == ""
    assert host.w("bus/ap/drivers/cex4queue/bind", "05.0004") == "OK"
    assert host.drv("05.0004") == "cex4queue"
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "05.0004") == "ENODEV"
    assert host.w("bus/ap/drivers/cex4queue/unbind", "77.0004") == "ENODEV"


def test_a_queue_of_vfio_ap(host):
    queue = "devices/ap/card06/06.0004"
    assert {"online", "load", "mkvps"} <= set(host.names(queue))
    assert host.w("bus/ap/apmask", "-6") == "OK"
    names = set(host.names(queue))
    assert not {"online", "load", "mkvps"} & names and "status" in names
    assert host.value(f"{queue}/request_count") == "-"
    assert host.value(f"{queue}/status") == "unassigned"
    mdev = host.mdev(1).assign([6], [4])
    assert host.value(f"{queue}/status") == "assigned"
    guest = host.guest("Guest1").start(mdev)
    assert host.value(f"{queue}/status") == "in use"
    guest.stop()
    assert host.value(f"{queue}/status") == "assigned"
    assert mdev.remove() == "OK"
    assert host.value(f"{queue}/status") == "unassigned"


def test_remove_waits_for_the_guest(host):
    """The write blocks until the guest has released the device, as it is asked to."""
    import threading

    assert host.w("bus/ap/apmask", "-6") == "OK"
    mdev = host.mdev(1).assign([6], [4])
    guest = host.guest("Guest1").start(mdev)
    results = []
    writer = threading.Thread(target=lambda: results.append(mdev.remove()))
    writer.start()
    writer.join(0.5)
    assert writer.is_alive() and mdev.exists()
    assert guest.show()["release_requests"] >= 1
    guest.stop()
    writer.join(10)
    assert results == ["OK"]
    assert not mdev.exists()


def test_files_of_a_mediated_device(host):
    mdev: Mdev = host.mdev(1)
    modes = {name: host.mode(f"{mdev.dir}/{name}") for name in host.names(mdev.dir)
             if host.path(f"{mdev.dir}/{name}").is_file()}
    write_only = ["assign_adapter", "assign_control_domain", "assign_domain", "remove", "unassign_adapter",
                  "unassign_control_domain", "unassign_domain"]
    assert modes == {
        **dict.fromkeys(["ap_config", "uevent"], 0o644), **dict.fromkeys(write_only, 0o200),
        **dict.fromkeys(["control_domains", "guest_matrix", "matrix"], 0o444)}
    assert host.link(f"{mdev.dir}/driver") == "../../../../bus/mdev/drivers/vfio_ap_mdev"
    assert host.link(f"{mdev.dir}/mdev_type") == "../mdev_supported_types/vfio_ap-passthrough"
    assert host.link(f"{mdev.dir}/subsystem") == "../../../../bus/mdev"
    group = host.link(f"{mdev.dir}/iommu_group")
    assert group.startswith("../../../../kernel/iommu_groups/") and group.rsplit("/", 1)[1].isdigit()
    assert host.path(f"{mdev.dir}/vfio-dev").is_dir()
