# SPDX-License-Identifier: MIT
"""ME and CRT with clear keys, compared by the client with OpenSSL's results; and their errors."""

import json
import os
import subprocess

import pytest

SIZES = ["512", "520", "768", "1000", "1024", "1025", "1536", "2047", "2048", "3072", "4096"]
ACCELERATOR, COPROCESSOR = 6, 5

BOTH_WAYS = True


@pytest.mark.parametrize("adapter", [ACCELERATOR, COPROCESSOR])
@pytest.mark.parametrize("command", ["me", "crt"])
def test_sizes(crypto, adapter, command):
    crypto.only(adapter)
    before = crypto.count(f"card{adapter:02x}")
    assert crypto.ask(command, *SIZES) == {size: "0" for size in SIZES}
    assert crypto.count(f"card{adapter:02x}") == before + len(SIZES)
    assert crypto.count(f"card{adapter:02x}", "pendingq_count") == 0
    assert crypto.count(f"card{adapter:02x}", "load") == 0


def test_tiny_operands_are_for_accelerators_alone(crypto):
    """Accelerators take 1 to 512 bytes, coprocessors 16 to 512."""
    crypto.only(ACCELERATOR)
    assert crypto.ask("me", 8, 120, 128) == {"8": "0", "120": "0", "128": "0"}
    crypto.only(COPROCESSOR)
    assert crypto.ask("me", 8, 120, 128) == {"8": "ENODEV", "120": "ENODEV", "128": "0"}


def test_no_adapter(crypto):
    crypto.only()
    assert crypto.ask("me", 1024) == {"1024": "ENODEV"}
    crypto.only(4)  # EP11 coprocessors do no RSA with clear keys
    assert crypto.ask("me", 1024) == {"1024": "ENODEV"}


def test_errors(crypto):
    fault, invalid = "EFAULT", "EINVAL"
    assert crypto.ask("errors") == {
        "struct-wild": fault, "struct-null": fault, "struct-cut": fault, "input-wild": fault,
        "exponent-wild": fault, "modulus-cut": fault, "output-wild": fault, "output-readonly": fault,
        "output-short": invalid, "input-empty": invalid, "input-513": "ENODEV", "input-huge": "ENODEV",
        "modulus-even": invalid, "input-too-big": invalid,
        "crt-struct-wild": fault, "crt-u-wild": fault, "crt-output-short": invalid,
        "unknown-7a": "ENOTTY", "unknown-tcgets": "ENOTTY", "number-0": "EPERM",
        "status-wild": fault, "matrix-wild": fault, **crypto.read_and_write,
    }
    assert crypto.ask("me", 1024) == {"1024": "0"}


def test_operands_move(crypto):
    """The daemon reads operands at the addresses of the last request; it must notice when they have moved."""
    for adapter in (ACCELERATOR, COPROCESSOR):
        crypto.only(adapter)
        assert crypto.ask("moving") == {"there": "0", "gone": "EFAULT", "back": "0"}


def test_load_balance(crypto):
    """The accelerator is faster, but under load coprocessors help. However long it takes."""
    crypto.client("stress", 16, 50, 640)
    counts = {a: crypto.count(f"card{a:02x}") for a in (5, 6, 8)}
    assert counts[6] > counts[5] > 0 and counts[8] > 0, counts


def test_adapter_off_and_on(crypto):
    crypto.only(ACCELERATOR)
    crypto.se_adapter(ACCELERATOR, "off")
    assert crypto.ask("me", 1024) == {"1024": "ENODEV"}
    crypto.se_adapter(ACCELERATOR, "on")
    assert crypto.ask("me", 1024) == {"1024": "0"}
    assert crypto.w("devices/ap/card06/online", 0) == "OK"
    assert crypto.ask("me", 1024) == {"1024": "ENODEV"}


def test_32_bit_programs(crypto):
    answer = crypto.ask("narrow")
    if answer == {"unsupported": "0"}:
        pytest.skip("this kernel runs no 32-bit programs")
    assert answer == {"me": "0", "me-wild": "EFAULT", "me-short": "EINVAL", "me-struct-wild": "EFAULT", "crt": "0",
                      "domain": "4", "card06": "11", "tcgets": "ENOTTY"}


@pytest.mark.fuse_only
def test_benchmark_tells_what_each_adapter_does(crypto):
    result = subprocess.run([os.environ["BENCH_NODE"], "--node", crypto.node(), "--seconds", "1", "--bits", "1024",
                             "--clients", "16"], text=True, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    crt, *adapters = map(json.loads, result.stdout.splitlines())
    assert crt["what"] == "crt" and crt["rate"] > 0
    assert {a["what"] for a in adapters} == {"adapter"}
    modes = {5: ("CEX5C", "CCA"), 6: ("CEX5A", "accelerator"), 8: ("CEX5C", "CCA")}
    assert 6 in {a["adapter"] for a in adapters}
    for a in adapters:
        assert (a["type"], a["mode"]) == modes[a["adapter"]]
        assert (a["bits"], a["clients"]) == (1024, 16)
    assert sum(a["rate"] for a in adapters) == pytest.approx(crt["rate"], rel=0.01)
