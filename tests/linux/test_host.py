# SPDX-License-Identifier: MIT
"""The real kernel's own view of a machine against our bus's: `apus linux host` and `apus run` on the same file, attribute
for attribute. Differences are listed here with their reason, and in docs/model-vs-hardware.md; others are bugs."""

import re
import subprocess

import pytest

from conftest import BUILD, TOP

APUS = BUILD / "src" / "cli" / "apus"
# Prints "path value" for each regular attribute, and "path -> target" for drivers; values on one line.
DUMP = r"""
show() { for f in "$1"/*; do
    if [ -L "$f" ]; then case $f in */driver) echo "$f -> $(basename "$(readlink "$f")")" ;; esac
    elif [ -f "$f" ]; then echo "$f $(cat "$f" 2>/dev/null | tr '\n' ' ')"; fi; done; }
cd /sys/bus/ap && show . && ls -d drivers/cex4* && cd /sys/devices/ap &&
for c in card*; do [ -d "$c" ] || continue; show "$c"; for q in "$c"/*.*; do [ ! -d "$q" ] || show "$q"; done; done"""
# Attributes whose difference has a reason:
DIFFERENT = {
    "config_time": "our init looks for changes more often than the kernel does by itself",
    "scans": "counts what happened",
    "ap_interrupts": "a plugin of QEMU cannot present interruptions",
    "interrupt": "the same",
    "poll_thread": "polls where there are no interrupts",
    "request_count": "the kernel asks the firmware of coprocessors at its scan",
    "mkvps": "each start of a machine has other master keys",
    "bindings_complete_count": "younger than Linux 6.12",
    "driver_override": "younger than Linux 6.12",
    "uevent": "its lines are compared by tests/uevent",
}

EMPTY = "[machine]\nabi = upstream\ndomains = 3\n"
MANY = """
[machine]
abi = upstream
domains = 0-9,0x30
control-domains = 0-9,0x30,0x40-0x47
max-adapter = 0x3f
max-domain = 0x54
features = APSC,APXA

[adapter 0-3]
type = CEX7C

[adapter 4]
type = CEX8P
depth = 4

[adapter 5]
type = CEX6A
configured = no

[adapter 0x3f]
type = CEX4C
"""
MACHINES = {path.stem: path for path in sorted((TOP / "examples").glob("*.ini"))} | {"empty": EMPTY, "many": MANY}
# 65,536 queues take an emulated kernel longer than anyone waits, and an adapter of types before CEX4 has no driver there.
LEFT_OUT = {"full"}


def dump(words):
    done = subprocess.run([APUS, *words, "--", "sh", "-c", DUMP], capture_output=True, text=True, timeout=400,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in done.stdout.splitlines())}


def compared(view):
    return {name: value for name, value in view.items() if name.rpartition("/")[2] not in DIFFERENT}


def without_vfio_ap(view):
    """Our view as it would be without the module vfio_ap, which the image has not: those queues have no driver."""
    total = int(view["./bindings"].split("/")[0])
    queues = {name.rpartition("/")[0] for name, value in view.items() if value == "-> vfio_ap"}
    own = {f"{queue}/{name}" for queue in queues for name in ("driver", "status")}
    view = {name: value for name, value in view.items() if name not in own}
    if queues:
        view["./bindings"] = f"{total - len(queues)}/{total}"
    return view


@pytest.mark.parametrize("name", sorted(set(MACHINES) - LEFT_OUT))
def test_the_kernel_sees_what_our_bus_sees(cache, place, name):
    file = MACHINES[name]
    if isinstance(file, str):
        file = place / f"{name}.ini"
        file.write_text(MACHINES[name])
    options = ["-m", file, "--abi", "upstream"]
    real = compared(dump(["linux", "host", *options, "--kernel", cache]))
    ours = without_vfio_ap(compared(dump(["run", *options])))
    cards = [path for path in real if re.fullmatch(r"card../type", path)]
    assert cards or name == "empty"
    assert real == ours
