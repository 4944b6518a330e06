# SPDX-License-Identifier: MIT
"""Status ioctls, and what the masks of a node allow."""

import fcntl
import os
import time

import pytest
from notified import wait_until

BOTH_WAYS = True


def cards(lines, what):
    return {int(r.split()[0], 16): int(r.split()[1]) for w, r in lines if w == what}


def test_status_masks(crypto):
    lines = crypto.client("status")
    assert cards(lines, "status") == {4: 11, 5: 7, 6: 11, 8: 7}
    assert cards(lines, "old-status") == cards(lines, "status")
    assert cards(lines, "depth") == {} and cards(lines, "old-depth") == {}
    assert crypto.w("devices/ap/card06/online", 0) == "OK"
    crypto.se_adapter(5, "off")  # is not offline to the ioctls
    assert cards(crypto.client("status"), "status") == {4: 11, 5: 7, 6: 13, 8: 7}


def test_default_domain_alone_counts(crypto):
    domain = int(crypto.value("bus/ap/ap_domain"))
    assert ("domain", str(domain)) in [(w, r.strip()) for w, r in crypto.client("status")]
    assert crypto.w("bus/ap/aqmask", f"-{domain}") == "OK"
    assert cards(crypto.client("status"), "status") == {}


def test_matrix(crypto):
    lines = crypto.client("status")
    for what in ("matrix", "old-matrix"):
        rows = {r.split()[0]: r.split()[1:] for w, r in lines if w == what}
        assert sorted(rows) == ["0404", "0447", "0504", "0547", "0604", "0647", "0804", "0847"]
        for qid, row in rows.items():
            functions = int(crypto.value(f"devices/ap/card{qid[:2]}/ap_functions"), 16) >> 26
            assert row == ["type", "11", "qid", qid, "online", "1", "functions", str(functions)]
    crypto.se_adapter(8, "off")
    assert crypto.w("devices/ap/card06/06.0004/online", 0) == "OK"
    rows = {r.split()[0]: r.split()[6] for w, r in crypto.client("status") if w == "matrix"}
    assert (rows["0804"], rows["0604"], rows["0647"]) == ("1", "0", "1")


def test_counts(crypto):
    crypto.only(6)
    crypto.client("me", 1024, 1024, 1024)
    requests = cards(crypto.client("status"), "requests")
    assert requests[6] == crypto.count("card06/06.0004")
    assert sum(crypto.count(f"card06/{q}") for q in ("06.0004", "06.0047")) == 3
    assert crypto.count("card06") == 3
    assert crypto.w("devices/ap/card06/request_count", 0) == "OK"
    assert cards(crypto.client("status"), "requests").get(6, 0) == 0


@pytest.mark.fuse_only
def test_open_count(crypto):
    def count():
        return int(dict(crypto.client("status"))["open"])

    assert count() == 1
    holders = [crypto.start("hold") for _ in range(3)]
    for holder in holders:
        assert holder.stdout.readline() == "open\n"
    assert count() == 4
    for holder in holders:
        holder.kill()
        holder.communicate()
    wait_until(lambda: count() == 1, "the daemon hears of it")


def test_pending(crypto):
    """pendingq_count and the counters include pending requests, and no longer once they are answered."""
    def counts(wanted):
        end = time.monotonic() + 60
        while crypto.count("card06", "pendingq_count") != wanted and time.monotonic() < end:
            time.sleep(0.05)
        return crypto.count("card06", "pendingq_count"), crypto.count(default, "pendingq_count"), shown()

    def shown():
        return int(dict(crypto.client("status"))["pendingq"])

    default = f"card06/06.{int(crypto.value('bus/ap/ap_domain')):04x}"

    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always delay 3600s")
    requests = [crypto.start("me", 1024) for _ in range(3)]
    inside, of_domain, pending = counts(3)
    assert inside == 3 and 1 <= of_domain <= 2 and pending == of_domain
    assert crypto.count("card06", "load") > 0
    crypto.answer_now("06.0004", "06.0047")
    assert [request.communicate(timeout=60)[0] for request in requests] == ["1024 0\n"] * 3
    assert counts(0) == (0, 0, 0)
    assert crypto.count("card06", "load") == 0


def test_node_masks(crypto):
    assert crypto.w("class/zcrypt/create", "mine") == "OK"
    mine = "class/zcrypt/mine"
    assert crypto.ask("me", 1024, node="mine") == {"1024": "EPERM"}
    assert crypto.w(f"{mine}/ioctlmask", "+5") == "OK"
    assert crypto.ask("me", 1024, node="mine") == {"1024": "ENODEV"}
    assert crypto.w(f"{mine}/apmask", "+5") == "OK"
    assert crypto.w(f"{mine}/aqmask", "+0x47") == "OK"
    assert crypto.ask("me", 1024, node="mine") == {"1024": "0"}
    assert crypto.count("card05/05.0047") == 1
    assert crypto.ask("crt", 1024, node="mine") == {"1024": "EPERM"}
    assert crypto.ask("random", 4, 8, node="mine") == {"errno": "EPERM"}
    assert crypto.w(f"{mine}/ioctlmask", "+0x81") == "OK"
    assert crypto.ask("random", 4, 8, node="mine") == {"errno": "ENODEV"}
    assert "random" in crypto.ask("random", 0x47, 8, node="mine")


def test_node_masks_and_administration(crypto):
    assert crypto.w("class/zcrypt/create", "mine") == "OK"
    for mask in ("ioctlmask", "apmask", "aqmask"):
        assert crypto.w(f"class/zcrypt/mine/{mask}", "+0-255") == "OK"
    assert crypto.ask("admin", 4, node="mine") == {"usage": "0", "neither": "EOPNOTSUPP", "cca": "ENODEV",
                                                   "ep11": "ENODEV"}
    assert crypto.w("class/zcrypt/mine/admask", "+4") == "OK"
    answer = crypto.ask("admin", 4, node="mine")
    assert answer["neither"] == "EOPNOTSUPP" and "ENODEV" not in answer.values()
    assert crypto.ask("admin", 0x47, node="mine")["ep11"] == "ENODEV"
    assert "ENODEV" not in crypto.ask("admin", 0x47).values()


@pytest.mark.fuse_only
def test_destroyed_node_and_its_successor(crypto):
    assert crypto.w("class/zcrypt/create", "mine") == "OK"
    fd = os.open(crypto.node("mine"), os.O_RDWR)
    assert crypto.w("class/zcrypt/destroy", "mine") == "OK"
    assert crypto.w("class/zcrypt/create", "mine") == "OK"
    assert crypto.w("class/zcrypt/mine/ioctlmask", "0x" + "f" * 64) == "OK"
    with pytest.raises(OSError) as error:
        fcntl.ioctl(fd, 0x80047A47, bytes(4))
    os.close(fd)
    assert error.value.strerror == "No such device"


@pytest.mark.fuse_only
def test_node_has_no_position(crypto):
    fd = os.open(crypto.node(), os.O_RDWR)
    for use in (lambda: os.lseek(fd, 1, os.SEEK_SET), lambda: os.pread(fd, 1, 0), lambda: os.pwrite(fd, b"x", 0)):
        with pytest.raises(OSError) as error:
            use()
        assert error.value.strerror == "Illegal seek"
    os.close(fd)


@pytest.mark.fuse_only
def test_ioctl_on_an_attribute(crypto):
    for path in ("bus/ap/apmask", "devices/ap/card06/type"):
        with open(crypto.path(path), "rb") as file, pytest.raises(OSError) as error:
            fcntl.ioctl(file, 0x80047A47, bytes(4))
        assert error.value.strerror == "Inappropriate ioctl for device"
