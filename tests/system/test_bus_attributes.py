# SPDX-License-Identifier: MIT
"""Attributes of bus, cards and queues [bus-attributes] [bus-card-attributes] [bus-queue-attributes]."""

import pytest

from harness import Machine, mask, worked_example

AP = "bus/ap"
CARD = "devices/ap/card05"
QUEUE = "devices/ap/card05/05.0004"


@pytest.fixture
def host(apus):
    return apus(worked_example())


def table(host, folder, values):
    assert {name: host.value(f"{folder}/{name}") for name in values} == values


def test_bus(host):
    table(host, AP, {
        "ap_domain": "4", "ap_max_domain_id": "255", "ap_max_adapter_id": "255",
        "ap_control_domain_mask": mask(4, 0x47, 0xAB, 0xFF), "ap_usage_domain_mask": mask(4, 0x47, 0xAB, 0xFF),
        "ap_adapter_mask": mask(4, 5, 6), "config_time": "30", "poll_thread": "0", "poll_timeout": "250000",
        "bindings": "12/12 (complete)", "bindings_complete_count": "1", "drivers_autoprobe": "1", "scans": "1",
    })


def test_depth_of_the_profiles(apus):
    machine = Machine({5: {"type": "CEX5C", "depth": 8}}, [4])
    assert apus(machine).value(f"{CARD}/depth") == "7"
    assert apus(machine, abi="upstream").value(f"{CARD}/depth") == "8"


def test_the_machine_file_chooses_the_profile_and_the_option_overrides_it(apus):
    machine = worked_example(abi="upstream")
    host = apus(machine)
    assert host.mdev(1).r("guest_matrix") == ""
    host = apus(machine, abi="proposal")
    assert host.mdev(1).r("guest_matrix") == "ENODEV"


def test_default_domain(host):
    assert host.w(f"{AP}/ap_domain", 71) == "OK"
    assert host.value(f"{AP}/ap_domain") == "71"
    for value in (-1, 256, "x"):
        assert host.w(f"{AP}/ap_domain", value) == "EINVAL"
    assert host.w(f"{AP}/aqmask", "-4") == "OK"
    assert host.w(f"{AP}/ap_domain", 4) == "EINVAL"
    assert host.value(f"{AP}/ap_domain") == "71"


def test_poll_thread_and_timeout(apus):
    host = apus(worked_example(interrupts="no"))
    for value, expected in (("1", "1"), ("n", "0"), ("on", "1"), ("OFF", "0"), ("Y", "1"), ("disable", "0"), ("E", "1")):
        assert host.w(f"{AP}/poll_thread", value) == "OK"
        assert host.value(f"{AP}/poll_thread") == expected
    assert host.w(f"{AP}/poll_thread", "perhaps") == "EINVAL"
    assert host.w(f"{AP}/poll_timeout", 120000000000) == "OK"
    assert host.w(f"{AP}/poll_timeout", 120000000001) == "EINVAL"
    assert host.w(f"{AP}/poll_timeout", 99999999999999999999999) == "ERANGE"
    assert host.value(f"{AP}/poll_timeout") == "120000000000"


def test_poll_thread_does_not_start_where_queues_interrupt(host):
    for value in ("1", "on", "0"):
        assert host.w(f"{AP}/poll_thread", value) == "OK"
        assert host.value(f"{AP}/poll_thread") == "0"


def test_numbers_are_scanned_without_a_plus(host):
    for name, value in (("config_time", "30"), ("ap_domain", "4")):
        assert host.w(f"{AP}/{name}", f"+{value}") == "EINVAL"
        assert host.w(f"{AP}/{name}", f" {value} and more") == "OK"
        assert host.value(f"{AP}/{name}") == value
    for name in (f"{CARD}/online", f"{CARD}/config", f"{QUEUE}/online"):
        assert host.w(name, "+1") == "EINVAL"


def test_scans(host):
    before = int(host.value(f"{AP}/scans"))
    assert host.w(f"{AP}/scans", "whatever") == "OK"
    assert int(host.value(f"{AP}/scans")) == before + 1


def test_bindings_count_devices_without_driver(host):
    assert host.w(f"{AP}/drivers/cex4queue/unbind", "05.0004") == "OK"
    assert host.value(f"{AP}/bindings") == "11/12"
    assert host.w(f"{AP}/drivers/cex4queue/bind", "05.0004") == "OK"
    assert host.value(f"{AP}/bindings") == "12/12 (complete)"


def test_card_types(apus):
    kinds = {n: f"CEX{n}{mode}" for n, mode in zip(range(2, 9), "ACAPCAP")}
    host = apus(Machine(kinds, [4]))
    types = {4: 10, 5: 11, 6: 12, 7: 13, 8: 14, 3: 9, 2: 6}
    for number, hwtype in types.items():
        card = f"devices/ap/card{number:02x}"
        table(host, card, {"hwtype": str(hwtype), "raw_hwtype": str(hwtype), "modalias": f"ap:t{hwtype:02X}"})
        assert host.drv(f"card{number:02x}").endswith("card")
        assert host.value(f"{card}/type") == kinds[number]


def test_card_online_goes_to_its_queues(host):
    assert host.w(f"{CARD}/online", 0) == "OK"
    assert [host.value(f"{folder}/online") for folder in (CARD, QUEUE)] == ["0", "0"]
    assert host.w(f"{QUEUE}/online", 1) == "EINVAL"
    assert host.w(f"{CARD}/online", 1) == "OK"
    assert [host.value(f"{folder}/online") for folder in (CARD, QUEUE)] == ["1", "1"]
    assert host.w(f"{QUEUE}/online", 0) == "OK"
    assert [host.value(f"{folder}/online") for folder in (CARD, QUEUE)] == ["1", "0"]


def test_card_config_is_the_sclp_command(host):
    assert host.w(f"{CARD}/config", 0) == "OK"
    table(host, CARD, {"config": "0", "online": "0"})
    assert host.value(f"{QUEUE}/config") == "0"
    assert host.w(f"{CARD}/online", 1) == "ENODEV"
    assert host.w(f"{CARD}/config", 1) == "OK"
    table(host, CARD, {"config": "1", "online": "1"})


def test_checkstop(host):
    host.execute("checkstop", adapter=5, state="on")
    table(host, CARD, {"chkstop": "1", "online": "0", "config": "1"})
    assert host.value(f"{QUEUE}/chkstop") == "1"
    assert host.w(f"{CARD}/online", 1) == "ENODEV"
    host.execute("checkstop", adapter=5, state="off")
    table(host, CARD, {"chkstop": "0", "online": "1"})


@pytest.mark.parametrize(("interrupts", "number", "text"), [
    ("yes", "1", "Interrupts enabled."), ("no", "0", "Interrupts disabled.")])
def test_interrupts(apus, interrupts, number, text):
    host = apus(worked_example(interrupts=interrupts))
    assert host.value(f"{AP}/ap_interrupts") == number
    assert host.value(f"{QUEUE}/interrupt") == text


def test_queue(host):
    table(host, QUEUE, {
        "request_count": "0", "requestq_count": "0", "pendingq_count": "0", "reset": "No Reset Timer set.",
        "config": "1", "chkstop": "0", "online": "1", "load": "0",
        "driver_override": "",
    })
    assert host.value("devices/ap/card05/ap_functions") == host.value(f"{QUEUE}/ap_functions")
    assert host.w(f"{QUEUE}/reset", 1) == "OK"
    assert host.w(f"{QUEUE}/request_count", 0) == "OK"


def test_features(apus):
    host = apus(worked_example(features="APSC,APXA,QACT,RC8A"))
    assert host.value(f"{AP}/features") == "APSC APXA QACT RC8A"


def test_without_apxa_numbers_are_small(apus):
    host = apus(Machine({5: "CEX5C"}, [4], features="APSC", apmask="0x0"))
    table(host, AP, {"ap_max_adapter_id": "63", "ap_max_domain_id": "15"})
    mdev = host.mdev(1)
    assert [mdev.w("assign_adapter", v) for v in (63, 64)] == ["OK", "ENODEV"]
    assert [mdev.w("assign_domain", v) for v in (15, 16)] == ["OK", "ENODEV"]
