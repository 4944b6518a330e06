# SPDX-License-Identifier: MIT
"""CCA and EP11 requests: random numbers, secure keys, queries, errors."""

import pytest

CODE_FOREIGN = "8/48"  # the token's master key is not in this domain

BOTH_WAYS = True


def keygen(crypto, card, domain):
    answer = crypto.ask("keygen", card, domain)
    assert answer["code"] == "0/0"
    return answer["token"]


def unwrap(crypto, card, domain, token):
    return crypto.ask("unwrap", card, domain, token)["code"]


@pytest.mark.parametrize("size", [1, 16, 4096])
def test_random(crypto, size):
    numbers = {crypto.ask("random", 0xFFFF, size)["random"] for _ in range(3)}
    assert {len(number) for number in numbers} == {2 * size}
    if size > 1:
        assert len(numbers) == 3


def test_key_of_one_domain(crypto):
    token = keygen(crypto, 5, 4)
    assert unwrap(crypto, 5, 4, token) == "0/0"
    assert unwrap(crypto, 5, 0x47, token) == CODE_FOREIGN
    assert unwrap(crypto, 8, 4, token) == CODE_FOREIGN
    other = keygen(crypto, 5, 4)
    assert other != token
    assert crypto.ask("unwrap", 5, 4, token)["key"] == crypto.ask("unwrap", 5, 4, token)["key"]
    assert crypto.ask("unwrap", 5, 4, other)["key"] != crypto.ask("unwrap", 5, 4, token)["key"]


def test_key_is_gone_after_zeroize(crypto):
    token, elsewhere = keygen(crypto, 5, 4), keygen(crypto, 5, 0x47)
    pattern = crypto.ask("query", 5, 4)["aes"]
    mdev = crypto.mdev(1)
    assert crypto.w("bus/ap/aqmask", "-4") == "OK"
    mdev.assign([5], [4])
    crypto.guest("g").start(mdev).stop()
    assert crypto.w("bus/ap/aqmask", "+4") == "EADDRINUSE"
    mdev.unassign([5], [4])
    assert crypto.w("bus/ap/aqmask", "+4") == "OK"
    assert unwrap(crypto, 5, 4, token) == CODE_FOREIGN
    assert crypto.ask("query", 5, 4)["aes"] != pattern
    assert unwrap(crypto, 5, 0x47, elsewhere) == "0/0"


def test_facility_query(crypto):
    answer = crypto.ask("query", 5, 4)
    assert answer["serial"] == crypto.value("devices/ap/card05/serialnr")
    assert answer["aes-state"] == "2"
    assert answer["aes"] != crypto.ask("query", 5, 0x47)["aes"]


def test_ep11_queries(crypto):
    module = crypto.ask("ep11", 4, 4, 1)
    assert module["serial"] == crypto.value("devices/ap/card04/serialnr")
    assert crypto.ask("ep11", 4, 4, 3)["wk"] != crypto.ask("ep11", 4, 0x47, 3)["wk"]


def test_errors(crypto):
    fault, invalid = "EFAULT", "EINVAL"
    assert crypto.ask("cprb-errors") == {
        "control-wild": fault, "reply-wild": fault, "data-wild": fault,
        "control-short": invalid, "reply-short": invalid, "control-65537": invalid, "control-huge": invalid,
        "card-unknown": "ENODEV", "card-unknown-status": "0x00000000", "control-short-and-wild": invalid,
        "control-short-and-wild-status": "0x00000000", "agent-unknown": invalid, "agent-unknown-status": "0x0008044d",
        "control-without-function": invalid, "reply-huge": invalid, "reply-sum-huge": invalid,
        "function-unknown": "0", "function-unknown-code": "0x0008005a",  # an error of the adapter
        "ep11-request-wild": fault, "ep11-reply-wild": fault, "ep11-targets-wild": fault,
        "ep11-request-huge": invalid, "ep11-request-short": invalid, "ep11-reply-short": invalid,
        "ep11-reply-31": invalid, "ep11-reply-40": "EMSGSIZE", "ep11-short-and-wild": invalid, "ep11-reply-huge": invalid,
        "ep11-any": "0", "ep11-target-unknown": "ENODEV",
    }


def test_a_service_that_no_adapter_has_is_logged_once(crypto):
    for _ in range(3):
        crypto.ask("cprb-errors")
    messages = [m["message"] for m in crypto.execute("log")["messages"] if "do not have" in m["message"]]
    assert messages == ["CCA service RL (XX) was requested, which the adapters here do not have: it is refused"]


def test_no_such_coprocessor(crypto):
    crypto.only(6)
    assert crypto.ask("random", 4, 8) == {"errno": "ENODEV"}
    assert crypto.ask("ep11", 4, 4, 1) == {"errno": "ENODEV"}


def patterns(crypto, queue):
    """{"AES CUR": (state, pattern)} as mkvps shows them."""
    lines = crypto.value(f"bus/ap/devices/{queue}/mkvps").splitlines()
    return {name: tuple(rest.split()) for name, rest in (line.split(": ") for line in lines)}


def test_attributes_tell_what_the_firmware_answers(crypto):
    answer, shown = crypto.ask("query", 5, 4), patterns(crypto, "05.0004")
    count = crypto.count("card05/05.0004")
    assert list(shown) == [f"{key} {register}" for key in ("AES", "APKA", "ASYM") for register in ("NEW", "CUR", "OLD")]
    for key in ("aes", "apka", "asym"):
        zeros = "0x" + "0" * len(answer[key])
        assert shown[f"{key.upper()} NEW"] == ("empty", zeros)
        assert shown[f"{key.upper()} CUR"] == ("valid", "0x" + answer[key])
        assert shown[f"{key.upper()} OLD"] == ("invalid", zeros)
    assert patterns(crypto, "05.0047") != shown
    assert crypto.count("card05/05.0004") == count, "a read is no request"
    assert patterns(crypto, "04.0004") == {"WK CUR": ("valid", "0x" + crypto.ask("ep11", 4, 4, 3)["wk"]),
                                           "WK NEW": ("empty", "-")}
    module = crypto.ask("ep11", 4, 4, 1)
    assert crypto.value("devices/ap/card04/API_ordinalnr") == module["api"]
    assert crypto.value("devices/ap/card04/FW_version") == module["firmware"]
    for path in ("card04/op_modes", "card04/04.0004/op_modes"):
        assert crypto.value(f"devices/ap/{path}") == "FIPS2009 BSI2009 FIPS2011 BSI2011 BSICC2017"


def test_attributes_without_an_answer(crypto):
    """An offline queue reports nothing."""
    assert crypto.w("devices/ap/card04/online", 0) == "OK"
    assert crypto.w("devices/ap/card05/05.0004/online", 0) == "OK"
    for attribute in ("API_ordinalnr", "FW_version", "op_modes"):
        assert crypto.value(f"devices/ap/card04/{attribute}") == ""
    assert set(patterns(crypto, "04.0004").values()) == {("-", "-")}
    assert set(patterns(crypto, "05.0004").values()) == {("-", "-")}
    assert patterns(crypto, "05.0047")["AES CUR"][0] == "valid"
