# SPDX-License-Identifier: MIT
"""The real kernel's view of a machine against that of our bus: `apus linux host` and `apus run` on the same file,
attribute for attribute. Differences are listed here with their reasons, and in docs/model-vs-hardware.md; others are
bugs."""

import base64
import collections
import os
import pty
import re
import select
import subprocess
import time

import pytest

from conftest import BUILD, TOP

APUS = BUILD / "src" / "cli" / "apus"
# Prints "FILE:value" for each line of each readable attribute, "= FILE" for each file, and "LINK -> target" for drivers. Three
# processes for a directory, since processes are expensive under emulation.
DUMP = r"""
show() { for f in "$1"/*; do
    if [ -L "$f" ]; then case $f in */driver) l="$l $f" ;; esac; elif [ -f "$f" ]; then echo "= $f"; fi; done
    grep -H "" "$1"/* 2>/dev/null; }
cd /sys/bus/ap && show . && ls -d drivers/cex4*; cd /sys/devices/ap && l= && for d in card* card*/*.*; do [ ! -d "$d" ] || show "$d"; done
for f in $l; do echo "$f -> $(readlink "$f")"; done; :"""
# Attributes that differ for a reason:
DIFFERENT = {
    "config_time": "our init looks for changes more often than the kernel does by itself",
    "scans": "counts what happened",
    "request_count": "the kernel asks the firmware of coprocessors at its scan",
}
# Attributes that older kernels lack; compared only if the kernel has them.
YOUNGER = {"bindings_complete_count", "driver_override"}

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
# An emulated kernel takes too long for 65,536 queues, and has no driver for types before CEX4.
LEFT_OUT = {"full"}


def dump(words):
    done = subprocess.run([APUS, *words, "--", "sh", "-c", DUMP], capture_output=True, text=True, timeout=400,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    return view_of(done.stdout)


def view_of(text):
    view = collections.defaultdict(list)
    for line in text.splitlines():
        if line.startswith("= "):
            view[line[2:]]
        elif " -> " in line:
            link, _, target = line.partition(" -> ")
            view[link].append("-> " + os.path.basename(target))
        else:
            name, _, value = line.partition(":")
            view[name].append(value)
    return {name: "\n".join(lines) for name, lines in view.items()}


def last(name):
    return name.rpartition("/")[2]


def compared(view, without=()):
    view = {name: value for name, value in view.items() if last(name) not in DIFFERENT and last(name) not in without}
    # Each start of a machine generates new master keys.
    return {name: re.sub("0x[0-9a-f]+", "PATTERN", value) if last(name) == "mkvps" else value for name, value in view.items()}


def without_vfio_ap(view):
    """Our view without the driver vfio_ap, whose module is not in the image: its queues have no driver."""
    total = int(view["./bindings"].split("/")[0])
    queues = {name.rpartition("/")[0] for name, value in view.items() if value == "-> vfio_ap"}
    own = {f"{queue}/{name}" for queue in queues for name in ("driver", "status")}
    view = {name: value.replace("\nDRIVER=vfio_ap", "") for name, value in view.items() if name not in own}
    if queues:
        view["./bindings"] = f"{total - len(queues)}/{total}"
        if "./bindings_complete_count" in view:
            view["./bindings_complete_count"] = "0"
    return view


# A kernel that was copied from a snapshot has counted one more: its snapshot booted without a queue that could be unbound.
COUNTED = "./bindings_complete_count"


def both_views(place, name, kernel, *boot):
    """The attributes of a machine as shown by the kernel, and by our bus; boot: --no-snapshot, or a copy is compared."""
    file = MACHINES[name]
    if isinstance(file, str):
        file = place / f"{name}.ini"
        file.write_text(MACHINES[name])
    options = ["-m", file, "--abi", "upstream"]
    real = compared(dump(["linux", "host", *options, "--kernel", kernel, *boot]))
    ours = compared(dump(["run", *options]), YOUNGER - {last(path) for path in real})
    # A driver resets its queues when it binds them. Without one, the kernel still shows its own first reset, and when
    # it notices the end of that depends on interrupts.
    for queue in [name.rpartition("/")[0] for name, value in ours.items() if value == "-> vfio_ap"]:
        real.pop(f"{queue}/reset", None)
        ours.pop(f"{queue}/reset", None)
    ours = without_vfio_ap(ours)
    if not boot and COUNTED in real:
        assert int(real.pop(COUNTED)) == int(ours.pop(COUNTED)) + 1
    return real, ours


@pytest.mark.parametrize("name", sorted(set(MACHINES) - LEFT_OUT))
def test_the_kernel_sees_what_our_bus_sees(cache, place, name):
    real, ours = both_views(place, name, cache)
    cards = [path for path in real if re.fullmatch(r"card../type", path)]
    assert cards or name == "empty"
    assert real == ours


# cp reads attributes to their end, as dump2tar does; write-only ones fail.
COPY = """mkdir -p /d/sys/bus /d/sys/devices && { cp -a /sys/bus/ap /d/sys/bus/; cp -a /sys/devices/ap /d/sys/devices/; } 2>/dev/null
tar -c -C /d sys | gzip | base64"""


@pytest.mark.parametrize("name", ["upstream", "many"])
def test_a_dump_of_the_kernel_imports_to_the_machine(cache, place, name):
    file = MACHINES[name]
    if isinstance(file, str):
        file = place / f"{name}.ini"
        file.write_text(MACHINES[name])
    done = subprocess.run([APUS, "linux", "host", "-m", file, "--abi", "upstream", "--kernel", cache, "--", "sh", "-c", COPY],
                          capture_output=True, text=True, timeout=400, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    (place / "sysfs.tgz").write_bytes(base64.b64decode(done.stdout))
    imported = place / "imported.ini"
    got = subprocess.run([APUS, "import", place / "sysfs.tgz", "-o", imported], capture_output=True, text=True, timeout=60)
    assert got.returncode == 0 and "contradiction" not in got.stderr and "missing" not in got.stderr, got
    assert map_of(imported) == map_of(file)
    assert hardware(imported) == hardware(file)


def map_of(file):
    return subprocess.run([APUS, "run", "-m", file, "--abi", "upstream", "--", APUS, "map"], capture_output=True, text=True,
                          timeout=60, check=True).stdout


def hardware(file):
    """The machine without what runs on it, which is not the same on a kernel without vfio_ap."""
    whole = subprocess.run([APUS, "export", "--from", file], capture_output=True, text=True, timeout=60, check=True).stdout
    sections = [part for part in whole.split("\n\n") if part.startswith(("[machine]", "[adapter"))]
    return [line for part in sections for line in part.splitlines() if not line.startswith("serial")]


def test_the_lpar_configures_an_adapter(cache):
    """chzcrypt configures the adapter off and on by SCLP."""
    script = "cat /sys/bus/ap/devices/card05/config; lszcrypt 5 | tail -1"
    done = subprocess.run([APUS, "linux", "host", "-m", TOP / "examples/upstream.ini", "--kernel", cache, "--", "sh", "-c",
                           f"chzcrypt --config-off 5 && {script} && chzcrypt --config-on 5 && {script}"],
                          capture_output=True, text=True, timeout=400, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    off, off_card, on, on_card = done.stdout.splitlines()
    assert (off, off_card.split()[3], on, on_card.split()[3]) == ("0", "deconfig", "1", "online")


def test_the_console_is_in_the_terminal(cache):
    master, slave = pty.openpty()
    running = subprocess.Popen([APUS, "linux", "host", "--kernel", cache], stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True)
    os.close(slave)
    try:
        answer_to(master, b"# ", b"expr 6 '*' 7\n")
        answer_to(master, b"42\r", b"poweroff -f\n")
        assert running.wait(60) == 0
    finally:
        running.terminate()
        running.wait(60)
        os.close(master)


def answer_to(terminal, prompt, words):
    seen, end = b"", time.monotonic() + 120
    while prompt not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 4096)
    os.write(terminal, words)
