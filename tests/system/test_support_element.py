# SPDX-License-Identifier: MIT
"""Dynamic changes through the Support Element."""

import pytest

from harness import ABSENT, Machine

CARD = "devices/ap/card05"


@pytest.fixture
def host(apus):
    """05 and 06 belong to vfio_ap, 04 to zcrypt; 7 is installed, not in the LPAR."""
    adapters = {4: "CEX5C", 5: "CEX5C", 6: "CEX5A", 7: ABSENT}
    host = apus(Machine(adapters, [4, 0x47]))
    assert host.w("bus/ap/apmask", "-5,-6,-7") == "OK"
    return host


@pytest.fixture
def mdev(host):
    return host.mdev(1).assign([5, 6, 7], [4, 0x47, 9])


@pytest.fixture
def guest(host, mdev):
    guest = host.guest("Guest1").start(mdev)
    assert guest.queues == ["05.0004", "05.0047", "06.0004", "06.0047"]
    return guest


def test_configured_on_the_lpar_has_it_at_once(apus):
    standby = {"type": "CEX5C", "configured": "no"}
    host = apus(Machine({4: "CEX5C", 5: standby}, [4]))
    assert host.value(f"{CARD}/config") == "0"
    assert host.value(f"{CARD}/online") == "0"
    host.se_adapter(5, "on")
    assert host.value(f"{CARD}/config") == "1"
    assert host.value(f"{CARD}/online") == "1"
    assert host.value(f"{CARD}/05.0004/online") == "1"


@pytest.mark.guest
def test_configured_on_guests_have_it_at_once(host, mdev, guest):
    host.se_adapter(5, "off")
    host.se_adapter(5, "on")
    assert guest.queues == ["05.0004", "05.0047", "06.0004", "06.0047"]
    assert mdev.guest_matrix() == guest.queues


def test_configured_off_the_lpar_loses_it_at_once(host):
    host.se_adapter(4, "off")
    card = "devices/ap/card04"
    assert host.value(f"{card}/config") == "0"
    assert host.value(f"{card}/online") == "0"
    assert host.value(f"{card}/04.0004/config") == "0"
    assert host.value(f"{card}/04.0004/online") == "0"
    assert host.w(f"{card}/online", 1) == "ENODEV"
    assert host.w(f"{card}/04.0004/online", 1) == "ENODEV"
    assert host.value("devices/ap/card05/config") == "1"


@pytest.mark.guest
def test_configured_off_guests_lose_it_at_once(host, mdev, guest):
    host.se_adapter(5, "off")
    assert guest.queues == ["06.0004", "06.0047"]
    assert mdev.guest_matrix() == ["06.0004", "06.0047"]


def test_off_and_on_keeps_assignment_and_ownership(host, mdev):
    before = host.dump()
    matrix = mdev.matrix()
    host.se_adapter(5, "off")
    assert mdev.matrix() == matrix
    assert host.drv("05.0004") == "vfio_ap"
    assert host.exists(f"{CARD}/05.0047")
    host.se_adapter(5, "on")
    after = host.dump()
    # The queues that the fixture has bound manually are counted at the next scan.
    counters = {"bus/ap/scans", "bus/ap/bindings_complete_count"}
    assert {k: v for k, v in after.items() if k not in counters} == {
        k: v for k, v in before.items() if k not in counters}


def test_adapters_and_domains_can_be_added(host):
    host.change_lpar(("add", "adapter", 7), ("add", "domain", 9))
    assert host.exists("devices/ap/card07/07.0009")
    assert host.exists("devices/ap/card04/04.0009")
    assert host.value("bus/ap/ap_adapter_mask").startswith("0x0f")
    assert host.value("bus/ap/ap_usage_domain_mask").startswith("0x0840")


def test_online_adapters_must_first_be_configured_off(host):
    before = host.dump()
    for kind, number in (("adapter", 7), ("domain", 9)):
        error = host.refused("se-lpar", action="add", kind=kind, id=number)
        assert "off" in error.desc
        assert host.dump() == before
    for adapter in (4, 5):
        host.se_adapter(adapter, "off")
    host.refused("se-lpar", action="add", kind="domain", id=9)
    host.se_adapter(6, "off")
    host.se_lpar("add", "domain", 9)
    assert host.value("bus/ap/ap_usage_domain_mask").startswith("0x0840")


@pytest.mark.guest
def test_added_ids_come_by_themselves(host, guest):
    for adapter in (4, 5, 6):
        host.se_adapter(adapter, "off")
    assert guest.queues == []
    host.se_lpar("add", "adapter", 7)
    host.se_lpar("add", "domain", 9)
    for adapter in (4, 5, 6, 7):
        host.se_adapter(adapter, "on")
    assert host.drv("07.0009") == "vfio_ap"
    assert host.drv("04.0009") == "cex4queue"
    assert guest.queues == [f"{a:02x}.{d:04x}" for a in (5, 6, 7) for d in (4, 9, 0x47)]


def test_adapters_and_domains_can_be_removed(host):
    error = host.refused("se-lpar", action="remove", kind="domain", id=0x47)
    assert "off" in error.desc
    assert host.exists("devices/ap/card05/05.0047")
    host.change_lpar(("remove", "domain", 0x47), ("remove", "adapter", 6))
    assert host.value("bus/ap/ap_usage_domain_mask") == "0x08" + "0" * 62
    assert host.value("bus/ap/ap_adapter_mask") == "0x0c" + "0" * 62


@pytest.mark.guest
def test_removed_ids_are_gone_for_host_and_guests(host, mdev, guest):
    matrix = mdev.matrix()
    host.change_lpar(("remove", "domain", 0x47), ("remove", "adapter", 6))
    assert host.queues() == ["04.0004", "05.0004"]
    assert not host.exists("devices/ap/card06")
    assert guest.queues == ["05.0004"]
    assert mdev.guest_matrix() == ["05.0004"]
    assert mdev.matrix() == matrix


def test_one_task_changes_several(host):
    """The output describes what has happened."""
    def se(*words):
        result = host.cli("se", *map(str, words))
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    assert se("adapter", "4-6", "off") == [f"adapter {a} (0x{a:02x}) is in standby" for a in (4, 5, 6)]
    assert se("lpar", "add", "adapter", 7, "domain", "9,0a", "control-domain", "0x1b", 0x47) == [
        "domain 9 (0x09) is in the LPAR", "domain 10 (0x0a) is in the LPAR", "control-domain 27 (0x1b) is in the LPAR",
        "control-domain 71 (0x47) is in the LPAR", "adapter 7 (0x07) is in the LPAR, in standby"]
    lpar = host.execute("se-show")["lpar"]
    assert (lpar["domains"], lpar["control_domains"]) == ([4, 9, 10, 0x47], [4, 9, 10, 0x1b, 0x47])
    assert host.adapters_online() == []
    assert se("adapter", "04", 5, "6-7", "on")[3] == "adapter 7 (0x07) is online"
    assert host.adapters_online() == [4, 5, 6, 7]


def test_an_added_adapter_can_be_online(host):
    assert host.cli("se", "adapter", "4-6", "off").returncode == 0
    result = host.cli("se", "lpar", "--online", "add", "adapter", "7", "domain", "9")
    assert result.stdout.splitlines()[-1] == "adapter 7 (0x07) is online"
    assert host.adapters_online() == [7]


def test_a_task_is_refused_before_it_begins(host):
    """Of control domains one has a usage domain, which stays."""
    assert host.cli("se", "adapter", "4-6", "off").returncode == 0
    assert host.cli("se", "lpar", "add", "control-domain", 2).returncode == 0
    before = host.execute("se-show")
    refused = host.cli("se", "lpar", "remove", "control-domain", "2", "4")
    assert refused.returncode == 1 and refused.stdout == "" and "remove domain 0x04 first" in refused.stderr
    assert host.execute("se-show") == before
    assert host.cli("se", "lpar", "remove", "control-domain", "2", "4", "domain", "4").returncode == 0


def test_a_checkstopped_adapter_is_not_called_online(host):
    assert host.cli("checkstop", 5, "on").returncode == 0
    for words in (["se", "adapter", 5, "off"], ["se", "adapter", 5, "on"], ["sclp", "deconfigure", 5], ["sclp", "configure", 5]):
        said = host.cli(*words).stdout
        assert "it is check-stopped ('apus checkstop 5 off' repairs it)" in said and "online" not in said, words


@pytest.mark.parametrize("task", [
    ["adapter", "4", "5", "77", "off"], ["adapter", "5", "4-300", "off"], ["adapter", "6-4", "off"],
    ["adapter", "4", "047", "off"], ["adapter", "4,", "off"], ["adapter", "off"],
    ["lpar", "--force", "add", "domain", "9", "adapter", "77"],
    ["lpar", "add", "domain", "9", "adapter"], ["lpar", "remove", "control-domain", "4"],
    ["lpar", "--force", "remove", "control-domain", "4,7", "adapter", "77"], ["lpar", "add", "card", "7"],
], ids=" ".join)
def test_a_task_that_is_refused_changes_nothing(host, task):
    before = host.execute("se-show")
    result = host.cli("se", *task)
    assert result.returncode != 0 and result.stderr
    assert result.stdout == ""
    assert host.execute("se-show") == before


@pytest.mark.guest
def test_a_task_says_what_guests_lose(host, guest):
    assert host.cli("se", "adapter", "5", "off").stdout == "adapter 5 (0x05) is in standby; Guest1 loses 2 queues\n"
    assert host.cli("se", "adapter", "5", "on").stdout == "adapter 5 (0x05) is online; Guest1 gains 2 queues\n"
    assert host.cli("checkstop", "6", "on").stdout == "adapter 6 (0x06) is check-stopped\n"


def test_a_machine_file_may_keep_them_apart(apus, tmp_path):
    host = apus(Machine({4: "CEX5C"}, [4, 0x47], control_domains=[4]))
    assert any("no control domains" in line and line.endswith(": 0x47") for line in host.cli("log").stdout.splitlines())
