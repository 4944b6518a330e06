# SPDX-License-Identifier: MIT
"""Elliptic curves on the CCA coprocessor, through the device node: OpenSSL checks what it answers."""

import pytest

BOTH_WAYS = True
CURVES = [("P-192", 192), ("P-224", 224), ("P-256", 256), ("P-384", 384), ("P-521", 521)] + [
    (f"brainpoolP{bits}r1", bits) for bits in (160, 192, 224, 256, 320, 384, 512)]
GOOD = {"keygen": "0/0", "sign": "0/0", "openssl": "good", "verify": "0/0", "verify-other": "4/429", "ecdh": "0/0",
        "secrets": "same"}
REQUESTS = 7  # two keys, one signature, two verifications, two secrets
ANY = 0xFFFFFFFF


def test_each_curve(crypto):
    for name, bits in CURVES:
        assert crypto.ask("ec", 5, name, bits) == GOOD, name


def test_requests_count(crypto):
    before = crypto.count("card05"), crypto.count("card08")
    crypto.ask("ec", 5, "P-256", 256)
    assert crypto.count("card05") == before[0] + REQUESTS and crypto.count("card08") == before[1]
    crypto.ask("ec", ANY, "P-256", 256)
    assert crypto.count("card05") + crypto.count("card08") == sum(before) + 2 * REQUESTS


def test_only_cca_coprocessors_know_them(crypto):
    crypto.only(4, 6)
    for card in (ANY, 4, 6):
        assert crypto.ask("ec", card, "P-256", 256) == {"keygen": "ENODEV"}


def test_an_unknown_curve_is_refused_and_the_queue_stays_online(crypto):
    assert crypto.ask("ec", 5, "P-257", 257) == {"keygen": "8/770"}
    assert crypto.value("bus/ap/devices/05.0004/online") == "1"
    assert crypto.ask("ec", 5, "P-256", 256) == GOOD


@pytest.mark.parametrize("rule", ["05.* 2 busy", "05.* 2 bad-reply code=0x10", "05.* 2 delay 100ms", "*.* 1 deconfigured"])
def test_a_fault_costs_no_request(crypto, rule):
    crypto.execute("fault-add", rule=rule)
    for _ in range(2):
        assert crypto.ask("ec", ANY, "P-384", 384) == GOOD
    assert crypto.execute("fault-list")["faults"][0]["hits"] > 0
