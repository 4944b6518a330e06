# SPDX-License-Identifier: MIT
"""The SCLP commands that configure and deconfigure an adapter."""

import json

import pytest

from harness import worked_example

CARD = "devices/ap/card05"


@pytest.fixture
def host(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5") == "OK"
    return host


@pytest.fixture
def guest(host):
    return host.guest("Guest1").start(host.mdev(1).assign([5], [4]))


@pytest.mark.guest
def test_configure_adjunct_processor(host, guest):
    host.se_adapter(5, "off")
    assert guest.queues == []
    host.execute("sclp", command="configure", adapter=5)
    assert host.value(f"{CARD}/config") == "1"
    assert host.value(f"{CARD}/online") == "1"
    assert guest.queues == ["05.0004"]


@pytest.mark.guest
def test_deconfigure_adjunct_processor(host, guest):
    assert guest.queues == ["05.0004"]
    host.execute("sclp", command="deconfigure", adapter=5)
    assert host.value(f"{CARD}/config") == "0"
    assert host.value(f"{CARD}/online") == "0"
    assert host.w(f"{CARD}/online", 1) == "ENODEV"
    assert guest.queues == []


def test_response_codes(host):
    """0020: done; 0120: no change was needed; anything else is a failure and changes nothing."""
    def sclp(command, adapter):
        return host.execute("sclp", command=command, adapter=adapter)["response_code"]

    assert sclp("configure", 5) == "0x0120"
    assert sclp("deconfigure", 5) == "0x0020"
    assert host.value(f"{CARD}/config") == "0"
    assert sclp("deconfigure", 5) == "0x0120"
    assert sclp("configure", 5) == "0x0020"
    assert host.value(f"{CARD}/config") == "1"
    before = host.dump()
    assert sclp("configure", 77) not in ("0x0020", "0x0120", "0x0440", "0x0450")
    assert host.dump() == before


def test_the_command_says_who_loses_what(apus):
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.guest("Guest1").start(host.mdev(1).assign([5], [4, 0x47]))
    done = host.cli("sclp", "deconfigure", "05")
    assert done.stdout == "response code 0x0020\nadapter 5 (0x05) is in standby; Guest1 loses 2 queues\n"
    told = json.loads(host.cli("sclp", "configure", "5", "--json").stdout)
    assert told["guests"] == [{"name": "Guest1", "queues": 2}] and told["response_code"] == "0x0020"
    done = host.cli("sclp", "configure", "9")
    assert done.returncode == 1 and done.stdout == "response code 0x09f0\n" and "0x09" in done.stderr
