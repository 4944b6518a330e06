# SPDX-License-Identifier: MIT
"""The upstream profile's tree equals the real driver's in names, links, modes and values."""

import os
import re

import pytest

from harness import Machine, bits
from oracle import DATA

MODES = "ACP"
TYPES = {3 * (n - 4) + 1 + i: f"CEX{n}{mode}" for n in range(4, 9) for i, mode in enumerate(MODES)}
WRITE_ONLY = object()
# The requests that the driver sent to the cards of the recording, to ask for serial numbers and patterns.
COUNTERS = {"request_count"}
# What the cards would have answered.
FIRMWARE = {"API_ordinalnr", "FW_version", "mkvps", "op_modes"}
# In the recorded LPAR's masks, but not installed, which a machine file cannot express.
EMPTY_ADAPTERS = {0, 16}
ADAPTERS = "bus/ap/ap_adapter_mask"
READ_WRITE_BUS = {"ap_domain", "apmask", "aqmask", "config_time", "poll_thread", "poll_timeout", "scans"}
READ_WRITE_CARD = {"config", "online", "request_count", "uevent"}
READ_WRITE_QUEUE = {"driver_override", "online", "request_count", "reset", "uevent"}
# What the walk of the recording did not reach, with its modes: from runs with a mediated device, and from the
# sources of the driver model [files-modules] [files-misc]. The kernel of the recording had its modules built in.
MORE_FILES = {"dev/z90crypt": 0o666, "proc/sysinfo": 0o444}  # not of sysfs
for name, mode in {"class/zcrypt": {"create": 0o600, "destroy": 0o600},
                   "bus/mdev": {"drivers_autoprobe": 0o644, "drivers_probe": 0o200, "uevent": 0o200},
                   "bus/matrix": {"drivers_autoprobe": 0o644, "drivers_probe": 0o200, "uevent": 0o200},
                   "bus/mdev/drivers/vfio_ap_mdev": {"bind": 0o200, "unbind": 0o200, "uevent": 0o200},
                   "bus/matrix/drivers/vfio_ap": {"uevent": 0o200},
                   "devices/virtual/misc/z90crypt": {"dev": 0o444, "uevent": 0o644},
                   "devices/virtual/misc/vfio": {"dev": 0o444, "uevent": 0o644},
                   "devices/virtual/misc/iommu": {"dev": 0o444, "uevent": 0o644},
                   "module/ap": {"uevent": 0o200},
                   "module/ap/parameters": {**dict.fromkeys(("apmask", "aqmask", "domain", "poll_thread", "useirq"), 0o444),
                                            "msgpool_min_items": 0o400},
                   "module/zcrypt/parameters": {"mempool_threshold": 0o400}}.items():
    MORE_FILES |= {f"{name}/{file}": of for file, of in mode.items()}
for name in ("zcrypt", "zcrypt_cex4", "vfio_ap"):
    MORE_FILES |= dict.fromkeys((f"module/{name}/{file}" for file in ("coresize", "initsize", "initstate", "refcnt",
                                                                      "taint")), 0o444)
    MORE_FILES[f"module/{name}/uevent"] = 0o200
MISC = "../../devices/virtual/misc"
MORE_LINKS = {f"class/misc/{name}": f"{MISC}/{name}" for name in ("iommu", "vfio", "z90crypt")}
MORE_LINKS |= {f"devices/virtual/misc/{name}/subsystem": "../../../../class/misc" for name in ("iommu", "vfio", "z90crypt")}
MORE_LINKS |= {f"sysdev/char/10:{minor}": f"{MISC}/{name}"
               for minor, name in ((196, "vfio"), (1000, "z90crypt"), (1001, "iommu"))}
MORE_LINKS |= {"module/zcrypt/holders/zcrypt_cex4": "../../zcrypt_cex4",
               "module/zcrypt_cex4/drivers/ap:cex4card": "../../../bus/ap/drivers/cex4card",
               "module/zcrypt_cex4/drivers/ap:cex4queue": "../../../bus/ap/drivers/cex4queue",
               "module/vfio_ap/drivers/ap:vfio_ap": "../../../bus/ap/drivers/vfio_ap",
               "module/vfio_ap/drivers/mdev:vfio_ap_mdev": "../../../bus/mdev/drivers/vfio_ap_mdev"}


def recorded():
    """({path: text or WRITE_ONLY}, {path: target}) of the recording, paths below /sys."""
    files, links = {}, {}
    for line in (DATA / "tree-upstream.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        kind, path, *rest = line.split(" ", 2)
        path = path.removeprefix("/sys/")
        text = rest[0] if rest else ""
        if kind == "L":
            links[path] = text
        else:
            files[path] = WRITE_ONLY if text.startswith("cat: can't open") else text.replace("|", "\n")
    return files, links


def walk(host):
    """({path: mode}, {path: target}) of our tree."""
    files, links = {}, {}
    for folder, folders, names in os.walk(host.root):
        for name in folders + names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, host.root)
            if os.path.islink(path):
                links[relative] = os.readlink(path)
            elif name in names:
                files[relative] = os.stat(path).st_mode & 0o7777
    return files, links


@pytest.fixture
def host(apus):
    """In the recording CCA and EP11 cards had no serial number, and all took messages of 12 KiB."""
    adapters = {number: {"type": kind, "depth": 8, "max_msg_size": 12288, "functions": FUNCTIONS[number], "serial": ""}
                for number, kind in TYPES.items()}
    return apus(Machine(adapters, [4, 0x47], control_domains=[4, 0x47, 0x50], max_adapter=0x3F, max_domain=0x54,
                        features="APSC,APXA", interrupts="no"), abi="upstream")


FILES, LINKS = recorded()
FUNCTIONS = {n: FILES[f"devices/ap/card{n:02x}/ap_functions"].strip() for n in TYPES}


def expected_mode(path):
    name = path.rsplit("/", 1)[1]
    if path in MORE_FILES:
        return MORE_FILES[path]
    if FILES[path] is WRITE_ONLY:
        return 0o200
    if path.startswith("bus/ap/"):
        writable = READ_WRITE_BUS | {"drivers_autoprobe"}
    elif re.match(r"devices/ap/card../..\.....", path):
        writable = READ_WRITE_QUEUE
    elif path.startswith("devices/ap/card"):
        writable = READ_WRITE_CARD
    else:
        writable = {"uevent"}
    return 0o644 if name in writable else 0o444


def test_files_have_the_recorded_names(host):
    ours, wanted = set(walk(host)[0]), set(FILES) | set(MORE_FILES)
    assert sorted(ours - wanted) == []
    assert sorted(wanted - ours) == []


def test_links_have_the_recorded_targets(host):
    assert walk(host)[1] == LINKS | MORE_LINKS


def test_files_have_the_modes_of_sysfs(host):
    ours = walk(host)[0]
    wrong = {path: oct(mode) for path, mode in ours.items() if mode != expected_mode(path)}
    assert wrong == {}


def differences(host, left_out):
    found = {}
    for path, text in FILES.items():
        if text is WRITE_ONLY or path == ADAPTERS or path.rsplit("/", 1)[1] in left_out:
            continue
        seen = host.r(path)
        if seen != text:
            found[path] = (seen, text)
    return found


def test_files_have_the_recorded_values(host):
    assert bits(host.r(ADAPTERS)) == bits(FILES[ADAPTERS]) - EMPTY_ADAPTERS
    assert differences(host, COUNTERS | FIRMWARE) == {}


def test_values_of_firmware_that_does_not_answer(host):
    """The recorded cards did not answer the driver's queries; ours do, unless they are offline."""
    assert differences(host, COUNTERS) != {}
    for number in TYPES:
        assert host.w(f"devices/ap/card{number:02x}/online", 0) == "OK"
    assert differences(host, COUNTERS | {"online"}) == {}
