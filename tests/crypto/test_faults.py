# SPDX-License-Identifier: MIT
"""The error paths of requests, through faults of queues. The clock is virtual, so no test waits in real time."""

import time

import pytest
from conftest import MACHINE, Crypto

QUEUE = "devices/ap/card06/06.0004"


@pytest.fixture
def crypto(tmp_path):
    """zcrypt has two queues, both of an accelerator."""
    daemon = Crypto(tmp_path, MACHINE, arguments=["--clock", "virtual"])
    daemon.only(6)
    yield daemon
    daemon.stop()


@pytest.fixture
def one_queue(crypto):
    crypto.write("bus/ap/aqmask", "0x08")
    return crypto


def fault(host, rule):
    return host.execute("fault-add", rule=rule)["number"]


def hits(host):
    return [entry["hits"] for entry in host.execute("fault-list")["faults"]]


def wait_for(host, attribute, wanted):
    """Polls the attribute, which another process is about to change."""
    deadline = time.monotonic() + 60
    while host.value(f"{QUEUE}/{attribute}") != wanted:
        assert time.monotonic() < deadline, (attribute, host.value(f"{QUEUE}/{attribute}"))
        time.sleep(0.01)


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_busy_goes_to_the_other_queue(crypto):
    fault(crypto, "06.0004 always busy")
    assert crypto.ask("me", 512, 1024, 2048) == {"512": "0", "1024": "0", "2048": "0"}
    assert crypto.count("card06/06.0047") == 3
    assert crypto.count("card06/06.0004") == 0
    assert hits(crypto)[0] > 0


def test_all_busy_is_an_error_after_ten_tries(crypto):
    fault(crypto, "06.* 19 busy")
    assert crypto.ask("me", 512) == {"512": "EIO"}
    assert hits(crypto) == [10]
    assert crypto.ask("me", 1024) == {"1024": "0"}
    assert hits(crypto) == [19]


@pytest.mark.parametrize("kind, parameter, result, tries", [
    ("deconfigured", "", "EIO", 10),
    ("checkstop", "", "EIO", 10),
    ("bad-reply", "code=0x85", "EINVAL", 1),
    ("bad-reply", "code=0x8a", "EINVAL", 1),
    ("bad-reply", "code=0x10", "EIO", 10),
    ("bad-reply", "code=0x90", "EIO", 10),
    ("bad-reply", "length", "EMSGSIZE", 1),
])
def test_errno(crypto, kind, parameter, result, tries):
    fault(crypto, f"06.* 1000 {kind} {parameter}")
    assert crypto.ask("crt", 1024) == {"1024": result}
    assert hits(crypto) == [tries]
    crypto.execute("fault-remove", all=True)
    assert crypto.ask("crt", 1024) == {"1024": "0"}
    assert crypto.count("card06", "load") == 0


@pytest.mark.parametrize("how", ["type", "short"])
def test_an_unknown_reply_sets_the_queue_offline(crypto, how):
    fault(crypto, f"06.* 1 bad-reply {how}")
    assert crypto.ask("me", 1024) == {"1024": "0"}
    assert sorted(crypto.value(f"devices/ap/card06/{q}/online") for q in ("06.0004", "06.0047")) == ["0", "1"]
    fault(crypto, f"06.* 1 bad-reply {how}")
    assert crypto.ask("me", 1024) == {"1024": "ENODEV"}


@pytest.mark.parametrize("codes, result, online", [("8/66", "EINVAL", "1"), ("12/769", "EINVAL", "1"),
                                                   ("12/1", "ENODEV", "0")])
def test_codes_of_a_coprocessor(crypto, codes, result, online):
    crypto.only(5)
    crypto.write("bus/ap/aqmask", "0x08")
    fault(crypto, f"05.0004 1 bad-reply service={codes}")
    assert crypto.ask("me", 1024) == {"1024": result}
    assert crypto.value("devices/ap/card05/05.0004/online") == online


def test_a_full_queue_is_tried_again(one_queue):
    fault(one_queue, "06.0004 1 full")
    client = one_queue.start("me", 1024)
    wait_for(one_queue, "requestq_count", "1")
    one_queue.execute("clock-advance", seconds=0.04)
    assert finish(client) == "1024 0\n"
    assert hits(one_queue) == [1]


def wait_for_hit(daemon):
    deadline = time.monotonic() + 60
    while hits(daemon) != [1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_reply_comes_late(one_queue):
    fault(one_queue, "06.0004 1 delay 600s")
    client = one_queue.start("me", 1024)
    wait_for_hit(one_queue)  # the reply has been computed
    one_queue.execute("clock-advance", seconds=599)
    assert one_queue.value(f"{QUEUE}/pendingq_count") == "1"
    assert one_queue.value(f"{QUEUE}/reset") == "Reset Timer armed."
    assert client.poll() is None
    one_queue.execute("clock-advance", seconds=1)
    assert finish(client) == "1024 0\n"


def test_a_reply_never_comes(crypto):
    """After 900 s the driver resets the queue and asks another one."""
    fault(crypto, "06.* 1 delay 86400s")
    client = crypto.start("me", 1024)
    wait_for_hit(crypto)
    crypto.execute("clock-advance", seconds=899)
    assert client.poll() is None
    crypto.execute("clock-advance", seconds=1)
    assert finish(client) == "1024 0\n"
    assert sorted(crypto.count(f"card06/{queue}") for queue in ("06.0004", "06.0047")) == [1, 1]
    assert "no reply for 900 seconds" in crypto.stderr()


def test_requests_wait_for_a_reset(one_queue):
    fault(one_queue, "06.0004 1 reset 2s")
    assert one_queue.w(f"{QUEUE}/reset", 1) == "OK"
    assert one_queue.value(f"{QUEUE}/reset") == "Reset in progress."
    assert one_queue.value(f"{QUEUE}/interrupt") == "Interrupts disabled."
    client = one_queue.start("me", 1024)
    wait_for(one_queue, "requestq_count", "1")
    one_queue.execute("clock-advance", seconds=1.999)
    assert one_queue.value(f"{QUEUE}/requestq_count") == "1"
    one_queue.execute("clock-advance", seconds=0.001)
    assert finish(client) == "1024 0\n"
    assert one_queue.value(f"{QUEUE}/reset") == "No Reset Timer set."
    assert one_queue.value(f"{QUEUE}/interrupt") == "Interrupts enabled."


def test_the_queue_of_a_request_is_deconfigured(crypto):
    """06.0004, which vfio_ap has, gets no fault: the card shows the state of its first queue."""
    fault(crypto, "06.* always delay 3600s")
    crypto.write("bus/ap/aqmask", "-4")
    client = crypto.start("me", 1024)
    deadline = time.monotonic() + 60
    while crypto.count("card06/06.0047", "pendingq_count") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    fault(crypto, "06.0047 always deconfigured")
    assert crypto.value("devices/ap/card06/06.0047/config") == "0"
    assert crypto.value("devices/ap/card06/config") == "1"
    assert finish(client) == "1024 ENODEV\n"
    crypto.execute("fault-remove", all=True)
    assert crypto.value("devices/ap/card06/06.0047/config") == "1"
    assert crypto.ask("me", 1024) == {"1024": "0"}
