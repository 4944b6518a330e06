# SPDX-License-Identifier: MIT
"""Mixed requests from 64 processes while the machine changes: each ends with the right result or an allowed error.

A longer run: pytest test_stress.py --seconds 600 --requests 1000000
"""

import itertools
import os
import time

from harness import resident_kib

PROCESSES = 64

BOTH_WAYS = True


def fail(crypto):
    """Faults that a request survives, or that end it with EIO or ENODEV."""
    for rule in ("* 40 busy", "*.0004 40 full", "06.* 20 bad-reply code=0x10", "05.* 20 checkstop", "* 60 delay 5ms",
                 "04-06.* 3 reset 30ms"):
        crypto.execute("fault-add", rule=rule)
    yield
    assert crypto.w("devices/ap/card06/06.0004/reset", 1) == "OK"
    assert crypto.w("devices/ap/card04/04.0004/reset", 1) == "OK"
    yield
    crypto.execute("fault-add", rule="06.* always deconfigured")
    crypto.execute("fault-add", rule="05.0004 always full")
    yield
    crypto.execute("fault-add", rule="08.0004 always busy")
    yield
    crypto.execute("fault-remove", all=True)
    yield


def disturb(crypto, mdev):
    """Makes one change after another, for ever; each must work."""
    for turn in itertools.count():
        guest = crypto.guest(f"g{turn}").start(mdev)
        yield
        crypto.se_adapter(6, "off")
        yield
        assert crypto.w("bus/ap/apmask", "-5") == "OK"
        yield
        crypto.se_adapter(6, "on")
        yield
        assert crypto.w("bus/ap/aqmask", "-4") == "OK"
        yield
        assert crypto.w("bus/ap/aqmask", "+4") == "OK"
        guest.stop()
        assert crypto.w("bus/ap/apmask", "+5") == "OK"
        yield
        assert crypto.w("devices/ap/card05/online", 0) == "OK"
        assert crypto.w("devices/ap/card06/online", 0) == "OK"
        yield
        assert crypto.w("devices/ap/card06/online", 1) == "OK"
        crypto.se_adapter(8, "off", force=True)
        yield
        assert crypto.w("devices/ap/card05/online", 1) == "OK"
        crypto.se_adapter(8, "on")
        assert crypto.w("devices/ap/card05/05.0004/reset", 1) == "OK"
        yield
        yield from fail(crypto)


def calm(crypto):
    """The run ends in the middle of the changes; a fault rule without a count would block the rest for ever."""
    crypto.execute("fault-remove", all=True)
    assert crypto.w("bus/ap/apmask", "0x" + "f" * 64) == "OK"
    assert crypto.w("bus/ap/aqmask", "+4") == "OK"
    for adapter in (5, 6, 8):
        crypto.se_adapter(adapter, "on")
        assert crypto.w(f"devices/ap/card{adapter:02x}/online", 1) == "OK"


def sanitized(pid):
    """AddressSanitizer keeps freed memory for a while."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return "libasan" in file.read()


def works(crypto):
    for adapter in (5, 6, 8):
        crypto.only(adapter)
        assert crypto.ask("me", 512, 1024, 2048) == {"512": "0", "1024": "0", "2048": "0"}, adapter


def test_calm_after_each_change(crypto):
    """Restores the machine, whatever state the changes left it in."""
    assert crypto.w("bus/ap/aqmask", "-0x47") == "OK"
    changes = disturb(crypto, crypto.mdev(1).assign([8], [0x47]))
    for _ in range(15):
        next(changes)
        calm(crypto)
        works(crypto)


def test_stress(crypto, request):
    seconds, count = request.config.getoption("seconds"), request.config.getoption("requests")
    assert crypto.w("bus/ap/aqmask", "-0x47") == "OK"
    mdev = crypto.mdev(1).assign([8], [0x47])
    process = crypto.start("stress", PROCESSES, seconds, *([count] if count else []))
    changes, memory = 0, []
    for _ in disturb(crypto, mdev):
        changes += 1
        if process.poll() is not None:
            break
        if changes % 16 == 0:
            memory.append(resident_kib(crypto.daemon_pid))
        time.sleep(0.02)
    out, err = process.communicate(timeout=seconds + 60)
    assert process.returncode == 0, err
    print(out, f"changes {changes}", f"resident {memory[:1]} ... {memory[-3:]} KiB", sep="\n")
    answer = dict(line.split(" ", 1) for line in out.splitlines())
    assert int(answer["ended"]) == PROCESSES, "a request was lost"
    if count and float(answer["seconds"]) < seconds:
        assert int(answer["right"]) + int(answer["refused"]) == count // PROCESSES * PROCESSES, "one end for each request"
    if len(memory) > 40 and not sanitized(crypto.daemon_pid):
        assert max(memory[-10:]) - max(memory[10:20]) < 1024, "memory grows"
    assert int(answer["right"]) > 0
    assert changes > 8
    for card in ("card05", "card06", "card08"):
        for name in ("pendingq_count", "requestq_count", "load"):
            assert crypto.count(card, name) == 0, (card, name)
    calm(crypto)
    works(crypto)
