# SPDX-License-Identifier: MIT
"""A malformed write is refused and leaves the tree as it was, byte for byte."""

import os
import stat

import pytest

from harness import ABSENT, ZEROS, Machine

# No attribute's grammar accepts these: not numbers, masks, switches, names of devices or UUIDs.
MALFORMED = [
    b"xyz", b"xyz\n", b" ,\n", b"++", b"--\n", b"\xff\xfe\xfd", b"'; reboot #", b"%s%n%s%n", b"../../../etc/passwd",
    b"-" * 100, b"z" * 4096, "\u0665\n".encode(),
]
# These accept any write: counters are cleared, a queue is reset, the bus is scanned.
TAKE_ANYTHING = {"request_count", "reset", "scans", "drivers_autoprobe"}
# The name of a new node is free text.
FREE_TEXT = {"class/zcrypt/create"}


@pytest.fixture(params=["proposal", "upstream"])
def host(apus, request):
    adapters = {4: "CEX5P", 5: "CEX5C", 6: "CEX5A", 7: ABSENT, 8: "CEX3C"}
    host = apus(Machine(adapters, [4, 0x47]), abi=request.param)
    assert host.w("bus/ap/apmask", "-5") == "OK"
    mdev = host.mdev(1).assign([5], [4], [4])
    assert mdev.matrix() == ["05.0004"]
    host.mdev(2)
    return host


def writable(host):
    """The paths of all writable attributes."""
    paths = []
    for folder, folders, files in os.walk(host.root):
        if folder == str(host.root) and "dev" in folders:
            folders.remove("dev")
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and stat.S_IMODE(os.stat(path).st_mode) & 0o200:
                paths.append(os.path.relpath(path, host.root))
    return paths


def test_malformed_writes_change_nothing(host):
    paths = [p for p in writable(host) if p.rsplit("/", 1)[1] not in TAKE_ANYTHING and p not in FREE_TEXT]
    assert len(paths) > 60
    before = host.dump()
    accepted = []
    for path in paths:
        for data in MALFORMED:
            result = host.write(path, data)
            if not isinstance(result, str) or result.startswith("open"):
                accepted.append((path, data[:20], result))
    assert accepted == []
    assert host.dump() == before


def test_malformed_numbers_change_nothing(host):
    mdev = host.mdev(3)
    before = host.dump()
    kinds = [f"{verb}_{what}" for verb in ("assign", "unassign")
             for what in ("adapter", "domain", "control_domain")]
    errors = {
        "EINVAL": ["", "\n", " 5", "5 ", "-1", "5,6", "08", "0x", "0b1", "5\n\n", "0x5g", "1.5", "+-5", "\0005", "++5"],
        "ERANGE": ["18446744073709551616", "0x10000000000000000", "99999999999999999999999999"],
        "ENODEV": ["256", "0x100", "4294967296", "4294967301", "18446744073709551615"],
    }
    for attribute in kinds:
        for error, values in errors.items():
            for value in values:
                if value == "":
                    continue  # an empty write never reaches an attribute
                assert host.write(f"{mdev.dir}/{attribute}", value) == error, (attribute, value)
    assert host.dump() == before


def test_malformed_masks_change_nothing(host):
    before = host.dump()
    values = [
        "0X41", "0x41 ", " 0x41", "0xx41", "0x41\n0x41\n", "+256", "+0x128", "+3-1", "+", "-", "+x", "+ 1", "1,2",
        "+08", "+09", "+0x", "+1,2", "+18446744073709551617", "+-5", "-5-", "0x" + "0" * 65, "5,", "+1;",
    ]
    for attribute in ("bus/ap/apmask", "bus/ap/aqmask"):
        for value in values:
            assert host.write(attribute, value) == "EINVAL", (attribute, value)
    assert host.dump() == before


def test_malformed_uuids_change_nothing(host):
    create = "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create"
    good = "9d4c0f6e-0000-4000-8000-00000000000a"
    before = host.dump()
    for value in (
        good[:-1], good + "00", good.replace("-", ""), good.replace("-", "_"), good[:-1] + "g", "{" + good[1:-1] + "}",
        " " + good[1:], good.replace("9d4c0f6e-", "-9d4c0f6e"), "x" * 36, "\n", "0" * 36,
    ):
        assert host.write(create, value) == "EINVAL", value
    assert host.w(create, "9d4c0f6e-0000-4000-8000-000000000001") == "EEXIST"
    assert host.w(create, "9D4C0F6E-0000-4000-8000-000000000001") == "EEXIST"
    assert host.dump() == before


def test_malformed_ap_config_changes_nothing(host):
    mdev = host.mdev(3).assign([5], [0x47])
    before = host.dump()
    short = "0x04,0x08"
    errors = {
        "EINVAL": ["\n", "0x0\n", short, "0x0,0x0,0xg", "x,y,z", "+5,+4,+4", "0x" + "0" * 65 + ",0x0,0x0"],
        "EADDRNOTAVAIL": ["0x02,0x08,0x0"],
        "EADDRINUSE": ["0x04,0x08,0x0"],
    }
    for error, values in errors.items():
        for value in values:
            assert host.write(f"{mdev.dir}/ap_config", value) == error, value
    assert host.dump() == before
    assert host.write(f"{mdev.dir}/ap_config", ",".join([ZEROS] * 3)) == 200
    assert mdev.r("matrix") == ""
