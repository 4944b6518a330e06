# SPDX-License-Identifier: MIT
"""Guests: attaching, detaching, stopping, and what each guest is notified of
[guests-attach] [guests-filter] [guests-notification]."""

import os

import pytest

from harness import Control, bits, devices, worked_example

pytestmark = pytest.mark.guest


@pytest.fixture(params=["proposal", "upstream"])
def host(apus, request):
    host = apus(worked_example(), abi=request.param)
    assert host.w("bus/ap/apmask", "0x0") == "OK"
    return host


@pytest.fixture
def mdev(host):
    return host.mdev(1).assign([5], [4])


def changes(guest):
    return guest.show()["config_changes"]


def test_one_guest_for_a_mediated_device(host, mdev):
    host.guest("Guest1").start(mdev)
    error = host.refused("guest-start", name="Guest2", mdev=mdev.uuid)
    assert error.errno == "EBUSY" and "Guest1" in error.desc
    host.guest("Guest2").start()
    assert host.refused("guest-attach", name="Guest2", mdev=mdev.uuid).errno == "EBUSY"
    assert host.guest("Guest2").queues == []


def test_one_mediated_device_for_a_guest(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    second = host.mdev(2).assign([6], [4])
    assert host.refused("guest-attach", name="Guest1", mdev=second.uuid).errno == "EPERM"
    assert guest.queues == ["05.0004"]
    guest.detach()
    guest.attach(second)
    assert guest.queues == ["06.0004"]
    assert mdev.remove() == "OK"


def test_names_are_unique(host, mdev):
    host.guest("Guest1").start()
    error = host.refused("guest-start", name="Guest1", mdev=mdev.uuid)
    assert error.errno == "EEXIST"
    assert mdev.remove() == "OK"


def test_a_failed_start_starts_nothing(host, mdev):
    host.guest("Guest1").start(mdev)
    host.refused("guest-start", name="Guest2", mdev=mdev.uuid)
    host.refused("guest-start", name="Guest3", mdev="9d4c0f6e-0000-4000-8000-0000000000ff")
    assert [guest["name"] for guest in host.execute("guest-list")["guests"]] == ["Guest1"]


def test_unbinding_one_queue_withholds_the_adapter(host):
    mdev = host.mdev(1).assign([5, 6], [4, 0x47])
    guest = host.guest("Guest1").start(mdev)
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "05.0047") == "OK"
    assert guest.queues == ["06.0004", "06.0047"]
    assert host.w("bus/ap/drivers/vfio_ap/bind", "05.0047") == "OK"
    assert guest.queues == ["05.0004", "05.0047", "06.0004", "06.0047"]


def test_always_the_whole_product_is_filtered(host):
    """Assigning a domain again must not add a queue that was unbound meanwhile (CVE-2024-26620)."""
    mdev = host.mdev(1).assign([5, 6], [4, 0x47])
    guest = host.guest("Guest1").start(mdev)
    mdev.unassign(domains=[0x47])
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "05.0047") == "OK"
    mdev.assign(domains=[0x47])
    assert guest.queues == ["06.0004", "06.0047"]
    mdev.unassign(domains=[4]).assign(domains=[4])
    assert guest.queues == ["06.0004", "06.0047"]


def test_an_update_for_each_change_and_for_nothing_else(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    told = changes(guest)
    mdev.assign([6])
    assert changes(guest) == told + 1
    mdev.assign([6]).unassign([9], [9], [9]).assign([200])
    assert mdev.w("assign_adapter", "x") == "EINVAL"
    assert changes(guest) == told + 1
    mdev.assign(control=[0x47])
    mdev.unassign([6])
    assert changes(guest) == told + 3


def test_ap_config_is_one_update(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    told = changes(guest)
    three = "0x06,0x08,0x08"
    assert mdev.w("ap_config", three) == "OK"
    assert guest.queues == ["05.0004", "06.0004"]
    assert guest.control_domains == [4]
    assert changes(guest) == told + 1


def test_a_change_of_the_machine_is_one_update(host):
    mdev = host.mdev(1).assign([4, 5, 6], [4, 0x47])
    guest = host.guest("Guest1").start(mdev)
    told = changes(guest)
    host.execute("machine-set", adapters={"4": "CEX5C"}, domains=[4])
    assert guest.queues == ["04.0004"]
    assert changes(guest) == told + 1
    host.execute("machine-set", adapters={"4": "CEX5C", "5": "CEX5C"}, domains=[4, 0x47])
    assert guest.queues == ["04.0004", "04.0047", "05.0004", "05.0047"]
    assert changes(guest) == told + 2


def test_other_guests_notice_nothing(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    other = host.guest("Guest2").start(host.mdev(2).assign([6], [4]))
    told = changes(other)
    mdev.assign(domains=[0x47])
    host.se_adapter(5, "off")
    host.se_adapter(5, "on")
    guest.stop()
    assert changes(other) == told
    assert other.queues == ["06.0004"]


def test_what_a_stopped_guest_had_is_free(host, mdev):
    host.guest("Guest1").start(mdev).stop()
    host.guest("Guest2").start(mdev)
    assert host.guest("Guest2").queues == ["05.0004"]
    host.guest("Guest2").stop()
    mdev.unassign([5])
    assert host.mdev(2).assign([5], [4]).matrix() == ["05.0004"]


def test_a_guest_that_ends_with_its_connection(host, mdev):
    client = Control(host.socket)
    client.execute("guest-start", name="Guest1", mdev=mdev.uuid, lifetime="connection")
    assert host.guest("Guest1").queues == ["05.0004"]
    client.close()
    host.guest("Guest2").start()
    assert [guest["name"] for guest in host.execute("guest-list")["guests"]] == ["Guest2"]
    assert mdev.remove() == "OK"


def test_force_asks_nobody(host):
    guest = host.guest("Guest1").start(host.mdev(1).assign([5, 6], [4]))
    host.se_lpar("remove", "adapter", 5, force=True)
    assert not host.exists("devices/ap/card05")
    assert guest.queues == ["06.0004"]
    host.se_lpar("add", "adapter", 5, force=True)
    assert guest.queues == ["05.0004", "06.0004"]


def test_control_domains_follow_the_lpar(host, mdev):
    guest = host.guest("Guest1").start(mdev.assign(control=[4, 9]))
    assert guest.control_domains == [4]
    host.se_lpar("add", "control-domain", 9, force=True)
    assert guest.control_domains == [4, 9]
    host.se_lpar("remove", "control-domain", 4, force=True)
    assert guest.control_domains == [9]
    assert mdev.control_domains() == ["0004", "0009"]


def test_the_command_line_drives_the_same_guest(host, mdev):
    assert host.cli("guest", "start", "Guest1", mdev.uuid).returncode == 0
    assert host.guest("Guest1").queues == ["05.0004"]
    shown = host.cli("guest", "show", "Guest1")
    assert shown.returncode == 0 and "05.0004" in shown.stdout
    assert "Guest1" in host.cli("guest", "list").stdout
    refused = host.cli("guest", "migrate", "Guest1")
    assert refused.returncode == 1 and "05" in refused.stderr and refused.stdout == ""
    assert host.cli("se", "adapter", 5, "off").returncode == 0
    assert host.value("devices/ap/card05/config") == "0"
    assert host.cli("sclp", "configure", 5).returncode == 0
    assert host.value("devices/ap/card05/config") == "1"
    assert host.cli("se", "lpar", "remove", "adapter", 6).returncode == 1
    assert host.cli("guest", "stop", "Guest1").returncode == 0
    assert host.execute("guest-list")["guests"] == []


@pytest.mark.parametrize("name, status", [("a/b", 2), ("../x", 2), ("-x", 1), (".", 1), ("n" * 63, 1), ("n" * 64, 2), ("", 2)])
def test_a_guest_that_there_is_not_cannot_be_stopped(host, name, status):
    """2: no guest can have the name."""
    stopped = host.cli("guest", "stop", "--", name)
    assert stopped.returncode == status and stopped.stderr.startswith("apus: ") and stopped.stderr.count("\n") == 1


def test_names_as_libvirt_has_them(host):
    """With blanks, quotes and other letters; what is no text is refused."""
    for name in ("Guest 1", 'it\'s "mine"', "Gäst", "a%b;c"):
        assert host.cli("guest", "start", name).returncode == 0, name
        assert host.cli("wait", "-t", "60", "guest", name, "runs").returncode == 0, name
        assert host.cli("guest", "show", name).returncode == 0, name
        assert [guest["name"] for guest in host.execute("guest-list")["guests"]] == [name]
        assert host.cli("guest", "stop", name).returncode == 0, name
    for command in ("start", "show", "stop", "migrate", "detach"):
        refused = host.cli("guest", command, os.fsdecode(b"a\xffb"))
        assert refused.returncode == 2 and "is UTF-8" in refused.stderr, command
    assert host.execute("guest-list")["guests"] == []


def test_usage_and_control_domains_of_a_guest(host):
    """Both, one of the two, and one that is not in the LPAR."""
    mdev = host.mdev(1).assign([5], [4, 0x47], [4, 0xAB, 0x50])
    guest = host.guest("Guest1").start(mdev)
    assert mdev.control_domains() == ["0004", "0050", "00ab"]
    assert guest.control_domains == [4, 0xAB]
    assert bits(guest.run("cat", "/sys/bus/ap/ap_usage_domain_mask")) == {4, 0x47}
    assert bits(guest.run("cat", "/sys/bus/ap/ap_control_domain_mask")) == {4, 0xAB}
    assert devices(guest) == ["05.0004", "05.0047", "card05"]


@pytest.mark.parametrize("cpu, features", [
    ("host,ap=on,apqci=on,apft=on", ["ap", "apft", "apqci", "apqi"]), ("z13,ap=on,apqi=off", ["ap", "apft", "apqci"]),
    ("gen16a-base", ["ap", "apft", "apqci", "apqi"]), ("zEC12.2-base,apft=off", ["ap", "apqci", "apqi"]), ("z800", ["ap", "apft", "apqci", "apqi"]), ("z14ZR1", ["ap", "apft", "apqci", "apqi"]),
    ("host,ap=off", ["apft", "apqci", "apqi"]),
    ("apqci=off", ["ap", "apft", "apqi"])])
def test_features_as_qemu_takes_them(host, cpu, features):
    result = host.cli("guest", "start", "--cpu", cpu, "One")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == ("" if cpu.startswith("ap") else
                             f"apus: of the CPU model {cpu.split(',')[0]} only the AP features count\n")
    assert host.guest("One").show()["features"] == features


@pytest.mark.parametrize("cpu", ["hosts", "ap=on,host", "host,ap=maybe", "host,vx=on", "host,", "", "z", "z1garbage", "z9", "z14.9",
                                 "gen15", "gen15a-bas", "host-base", "zec12", "z100", "z14,z13"])
def test_features_that_there_are_not(host, cpu):
    result = host.cli("guest", "start", "--cpu", cpu, "One")
    assert result.returncode == 2
    assert host.execute("guest-list")["guests"] == []
