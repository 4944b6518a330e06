# SPDX-License-Identifier: MIT
"""Other kernels than the default, as LPAR and as guest of the daemon. Kernels that are not available are skipped."""

import base64
import lzma
import pathlib
import re
import subprocess

import pytest

from conftest import LINUX, fetch_kernel, wait_until
from machine import APUS, Guest, running
from test_host import both_views
from test_guest import modexp

UUID = "69aa1a8a-0000-4000-8000-000000000003"
TEXT = """
[machine]
abi = upstream
domains = 4,0x47

[adapter 5]
type = CEX7A

[adapter 6]
type = CEX7C
"""
# Attributes that Linux 6.1 lacks or counts differently: a card's depth was one less, as in the profile proposal.
OLDER = {"bookworm": r"\./features|card../(..\...../ap_functions|depth)", "forky": ""}


@pytest.fixture(scope="module", params=sorted(OLDER))
def kernel(request, cache):
    return fetch_kernel(request.param)


def test_as_lpar_it_sees_what_our_bus_sees(kernel, place):
    real, ours = ({path: value for path, value in view.items() if not re.fullmatch(OLDER[kernel], path)}
                  for view in both_views(place, "oracle-tree", kernel, "--no-snapshot"))
    assert "card05/05.0004/online" in real
    assert real == ours


def module_of(kernel, name):
    script = f". {LINUX}/common.sh; cache_dir"
    cache = pathlib.Path(subprocess.check_output(["bash", "-c", script], text=True).strip())
    file = next((cache / f"kernel-{kernel}").rglob(f"{name}.ko*"))
    return lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()


@pytest.mark.parametrize("options, loaded", [(["--sie"], True), ([], False)])
def test_with_sie_its_kvm_loads(kernel, options, loaded):
    done = subprocess.run([APUS, "linux", "host", *options, "--kernel", kernel, "--", "sh", "-c",
                           "cat >/tmp/kvm.ko; insmod /tmp/kvm.ko; test -c /dev/kvm"], input=module_of(kernel, "kvm"))
    assert (done.returncode == 0) == loaded


@pytest.fixture(scope="module")
def guest(kernel, place, apclient):
    with running(place / kernel, TEXT, "-4,-0x47") as machine:
        guest = Guest(machine, kernel, machine.mdev(UUID).create((5, 6), (4,)), "--kernel", kernel)
        guest.exec("sh", "-c", "base64 -d >/root/apclient; chmod +x /root/apclient",
                   input=base64.b64encode(apclient.read_bytes()).decode())
        yield guest


def test_as_guest_it_sees_the_matrix(guest):
    assert guest.queues() == ["05.0004", "06.0004"] and guest.sees_the_matrix()
    assert re.search(r"^05\.0004 +CEX7A Accelerator online", guest.exec("lszcrypt").stdout, re.M)


def test_as_guest_it_computes(guest):
    modexp(guest, 256)
    modexp(guest, 512)


def interrupts(guest):
    """The kernel's count of AP interrupts."""
    return int(re.search(r"^APB: +(\d+)", guest.sh("cat /proc/interrupts"), re.M)[1])


def test_as_guest_it_is_interrupted_by_replies(guest):
    assert guest.sh("cat /sys/bus/ap/ap_interrupts /sys/bus/ap/poll_thread").split() == ["1", "0"]
    assert guest.sh("cat /sys/bus/ap/devices/0*.*/interrupt") == "Interrupts enabled.\nInterrupts enabled."
    before = interrupts(guest)
    modexp(guest, 256, times=20)
    assert interrupts(guest) >= before + 20


def test_as_guest_it_asks_the_firmware(guest):
    """A CCA coprocessor answers the queries of its driver and stays online."""
    assert guest.sh("cat /sys/bus/ap/devices/card06/serialnr") == guest.machine.ask("status")["adapters"][1]["serial"]
    assert "AES CUR: valid 0x" in guest.sh("cat /sys/bus/ap/devices/06.0004/mkvps")
    assert guest.sh("cat /sys/bus/ap/devices/06.0004/online") == "1"


def test_as_guest_it_has_what_comes_and_goes(guest):
    guest.mdev.assign("domain", 0x47)
    guest.wait_for("05.0004", "05.0047", "06.0004", "06.0047")
    guest.mdev.unassign("adapter", 5)
    guest.wait_for("06.0004", "06.0047")
    modexp(guest, 256)
    config = "cat /sys/bus/ap/devices/card06/config"
    guest.machine.apus("se", "adapter", "6", "off")
    wait_until(lambda: guest.sh(config) == "0")
    guest.machine.apus("se", "adapter", "6", "on")
    wait_until(lambda: guest.sh(config) == "1")
    modexp(guest, 256)
