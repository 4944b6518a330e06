# SPDX-License-Identifier: MIT
"""What of /sys belongs to no bus: modules and their parameters, miscellaneous devices, groups of VFIO, and what comes and
goes with mediated devices."""

import os
import threading

import pytest

from harness import Machine, mask

VFIO_AP_MDEV = "bus/mdev/drivers/vfio_ap_mdev"


@pytest.fixture(params=["proposal", "upstream"])
def host(apus, request):
    return apus(Machine({5: "CEX7A", 6: "CEX7C"}, [4, 0x47]), abi=request.param)


@pytest.fixture
def upstream(apus):
    return apus(Machine({5: "CEX7A", 6: "CEX7C"}, [4, 0x47]), abi="upstream")


def started(work):
    """A thread that works, and the list that will have the result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(0.5)
    return thread, results


def test_parameters(apus):
    old = apus(Machine({5: "CEX7A"}, [4, 9]), abi="proposal")
    new = apus(Machine({5: "CEX7A"}, [4, 9]), abi="upstream")
    assert old.names("module/ap/parameters") == ["apmask", "aqmask", "domain", "poll_thread"]
    assert new.names("module/ap/parameters") == ["apmask", "aqmask", "domain", "msgpool_min_items", "poll_thread", "useirq"]
    assert old.names("module/zcrypt/parameters") == ["hwrng_seed"]
    assert new.names("module/zcrypt/parameters") == ["mempool_threshold"]
    assert new.value("module/ap/parameters/useirq") == "1"
    assert [oct(new.mode(f"module/ap/parameters/{name}")) for name in new.names("module/ap/parameters")] == [
        "0o444", "0o444", "0o444", "0o400", "0o444", "0o444"]
    assert new.mode("module/zcrypt/parameters/mempool_threshold") == 0o400
    assert {old.mode(f"module/ap/parameters/{name}") for name in old.names("module/ap/parameters")} == {0o440}
    assert new.value("module/ap/parameters/apmask") == "(null)"
    assert new.w("bus/ap/apmask", "-5") == "OK"
    assert new.value("module/ap/parameters/apmask") == "(null)"
    assert new.value("module/ap/parameters/domain") == new.value("bus/ap/ap_domain")
    assert new.w("bus/ap/ap_domain", 9) == "OK"
    assert new.value("module/ap/parameters/domain") == "9"
    assert new.w("module/ap/parameters/domain", 4) == "EACCES"


def test_references_of_modules(host):
    assert host.value("module/zcrypt/refcnt") == str(len(host.names("module/zcrypt/holders")))
    assert host.link("module/zcrypt/holders/zcrypt_cex4") == "../../zcrypt_cex4"
    assert host.value("module/vfio_ap/initstate") == "live"
    assert host.w("bus/ap/apmask", "-5") == "OK"
    assert host.value("module/vfio_ap/refcnt") == "0"
    guest = host.guest("Guest1").start(host.mdev(1).assign([5], [4]))
    assert host.value("module/vfio_ap/refcnt") == "1"
    guest.stop()
    assert host.value("module/vfio_ap/refcnt") == "0"


def test_a_driver_leads_to_its_module_and_back(host):
    for driver in host.names("bus/ap/drivers"):
        module = host.path(f"bus/ap/drivers/{driver}/module").resolve()
        assert module.parent == host.path("module")
        assert (module / "drivers" / f"ap:{driver}").resolve() == host.path(f"bus/ap/drivers/{driver}")


def test_miscellaneous_devices(host):
    for name in host.names("class/misc"):
        device = host.path(f"class/misc/{name}").resolve()
        number = (device / "dev").read_text().strip()
        assert host.path(f"sysdev/char/{number}").resolve() == device
        assert f"MAJOR={number.split(':')[0]}\n" in (device / "uevent").read_text()
    assert "DEVNAME=z90crypt" in host.r("class/misc/z90crypt/uevent")
    assert not host.exists("sysdev/char/10:01000")


def test_directories_that_come_and_go(host):
    assert host.names("devices/virtual") == ["misc"]
    for _ in range(2):
        assert host.w("class/zcrypt/create", "web") == "OK"
        assert host.link("sysdev/char/250:0") == "../../devices/virtual/zcrypt/web"
        assert host.w("class/zcrypt/create", "db") == "OK"
        assert host.w("class/zcrypt/destroy", "web") == "OK"
        assert host.names("devices/virtual/zcrypt") == ["db"]
        folder = os.open(host.path("devices/virtual/zcrypt"), os.O_RDONLY)
        assert host.w("class/zcrypt/destroy", "db") == "OK"
        assert not host.exists("devices/virtual/zcrypt") and not host.exists("sysdev/char/250:0")
        with pytest.raises(FileNotFoundError):
            os.stat("db", dir_fd=folder)
        os.close(folder)
        mdev = host.mdev(1)
        assert host.link("class/vfio/0") == "../../devices/virtual/vfio/0"
        assert host.path("sysdev/char/254:0").resolve() == host.path("devices/virtual/vfio/0")
        assert host.r("devices/virtual/vfio/0/uevent") == "MAJOR=254\nMINOR=0\nDEVNAME=vfio/0\n"
        assert host.path("class/vfio-dev/vfio0").resolve() == host.path(f"{mdev.dir}/vfio-dev/vfio0")
        assert host.path(f"{mdev.dir}/vfio-dev/vfio0/subsystem").resolve() == host.path("class/vfio-dev")
        assert mdev.remove() == "OK"
        assert host.names("devices/virtual") == ["misc"]
        assert host.names("class/vfio") == host.names("class/vfio-dev") == host.names("kernel/iommu_groups") == []


def test_unbinding_a_mediated_device(host):
    assert host.w("bus/ap/apmask", "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4])
    uuid = mdev.uuid
    held = os.open(host.path(f"{mdev.dir}/ap_config"), os.O_RDWR)
    assert host.w(f"{VFIO_AP_MDEV}/bind", uuid) == "ENODEV"
    assert host.w(f"{VFIO_AP_MDEV}/unbind", uuid) == "OK"
    with pytest.raises(OSError, match="No such device"):
        os.pread(held, 100, 0)
    os.close(held)
    assert host.names(mdev.dir) == ["mdev_type", "remove", "subsystem", "uevent"]
    assert host.r(f"{mdev.dir}/uevent") == ""
    assert host.names("bus/mdev/devices") == [uuid]
    assert uuid not in host.names(VFIO_AP_MDEV)
    assert host.names("class/vfio") == host.names("class/vfio-dev") == host.names("kernel/iommu_groups") == []
    for file in ("bind", "unbind"):
        assert host.w(f"{VFIO_AP_MDEV}/{file}", uuid) == "ENODEV"
    assert host.value("devices/ap/card05/05.0004/status") == "unassigned"
    assert host.w("bus/ap/apmask", mask(*range(256))) == "OK"
    assert mdev.remove() == "OK"
    assert not mdev.exists()
    assert host.mdev(1).exists()


def test_unbinding_is_refused_while_a_guest_uses_the_device(apus):
    host = apus(Machine({5: "CEX7A"}, [4]), abi="proposal")
    assert host.w("bus/ap/apmask", "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4])
    host.guest("Guest1").start(mdev)
    before = host.dump()
    assert host.w(f"{VFIO_AP_MDEV}/unbind", mdev.uuid) == "EBUSY"
    assert host.dump() == before


def test_unbinding_waits_for_the_guest(upstream):
    host = upstream
    assert host.w("bus/ap/apmask", "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    thread, results = started(lambda: host.w(f"{VFIO_AP_MDEV}/unbind", mdev.uuid))
    assert thread.is_alive() and guest.show()["release_requests"] == 1
    assert host.names(mdev.dir) == ["iommu_group", "mdev_type", "remove", "subsystem", "uevent"]
    assert host.value("devices/ap/card05/05.0004/status") == "in use"
    guest.stop()
    thread.join(10)
    assert results == ["OK"]
    assert host.names(mdev.dir) == ["mdev_type", "remove", "subsystem", "uevent"]
    assert host.value("devices/ap/card05/05.0004/status") == "unassigned"


def test_what_is_left_of_a_device_while_its_guest_keeps_it(upstream):
    host = upstream
    assert host.w("bus/ap/apmask", "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4])
    guest = host.guest("Guest1").start(mdev)
    held = os.open(host.path(f"{mdev.dir}/matrix"), os.O_RDONLY)
    os.close(os.open(host.path(f"{mdev.dir}/remove"), os.O_WRONLY))
    thread, results = started(mdev.remove)
    assert thread.is_alive()
    assert host.names(mdev.dir) == ["iommu_group"]
    with pytest.raises(OSError, match="No such device"):
        os.pread(held, 100, 0)
    os.close(held)
    for name in ("matrix", "remove", "uevent", "driver", "vfio-dev"):
        assert host.r(f"{mdev.dir}/{name}") == "ENOENT"
    assert host.names("bus/mdev/devices") == host.names("class/vfio-dev") == []
    assert host.names("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/devices") == []
    assert mdev.uuid not in host.names(VFIO_AP_MDEV)
    assert host.names("class/vfio") == ["0"]
    assert host.value("devices/ap/card05/05.0004/status") == "in use"
    assert host.w("bus/ap/apmask", "+5") == "EBUSY"
    assert host.w("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", mdev.uuid) == "EEXIST"
    guest.stop()
    thread.join(10)
    assert results == ["OK"]
    assert not mdev.exists() and host.names("class/vfio") == []
