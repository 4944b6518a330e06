# SPDX-License-Identifier: MIT
"""Guests that are copies of a snapshot: in all that programs see they are as if they had booted."""

import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import BUILD, wait_until
from machine import APUS, Guest, running
from test_host import COUNTED, DUMP, compared, view_of

UUID1, UUID2 = (f"69aa1a8a-0000-4000-8000-00000000001{n}" for n in (1, 2))
TEXT = """
[machine]
abi = upstream
domains = 4,0x47
control-domains = 4,0x47,0x48
max-adapter = 0x3f
max-domain = 0x54

[adapter 5]
type = CEX7A

[adapter 6]
type = CEX7C

[adapter 7]
type = CEX7P
"""
@pytest.fixture(scope="module")
def machine(cache, place):
    with running(place / "copies", TEXT, "-4,-0x47") as machine:
        yield machine


@pytest.fixture(scope="module")
def mdev(machine):
    return machine.mdev(UUID1).create((5, 6, 7), (4, 0x47), (0x48,))


@pytest.fixture
def start(machine, cache):
    """start(NAME, options...) starts a guest, which is stopped after the test, and returns what the command said."""
    names = []

    def call(name, *options, mdev=None):
        names.append(name)
        words = [name, mdev.uuid] if mdev else [name]
        return machine.apus("guest", "start", *words, "--linux", "--verbose", "--kernel", cache, *options).stderr

    yield call
    for name in names:
        machine.apus("guest", "stop", name, check=False)


@pytest.fixture
def inside(machine):
    return lambda name, script: machine.apus("guest", "exec", name, "--", "sh", "-c", script).stdout


def test_a_copy_sees_what_a_boot_sees(start, inside, machine, mdev):
    """All attributes of bus, cards and queues."""
    views = []
    for options in ((), ("--no-snapshot",)):
        said = start("Same", *options, mdev=mdev)
        assert said == (f"apus: guest 'Same' is booted, not copied: {options[0]}\n" if options else "")
        views.append(compared(view_of(inside("Same", DUMP))))
        machine.apus("guest", "stop", "Same")
    copy, boot = views
    assert "card06/06.0047/mkvps" in boot and boot["./ap_max_adapter_id"] == "63"
    if COUNTED in boot:
        assert int(copy.pop(COUNTED)) == int(boot.pop(COUNTED)) + 1
    assert copy == boot


def test_copies_are_not_the_same(start, inside):
    """Random numbers, host name and clock are their own."""
    seen = set()
    for name in ("One", "Two"):
        assert start(name) == ""
        before = time.time()
        lines = inside(name, """hostname; head -c 16 /dev/urandom | md5sum; cat /proc/sys/kernel/random/uuid
                             cat /proc/sys/kernel/random/boot_id; date +%s""").split("\n")
        assert lines[0] == name and before - 2 < int(lines[4]) < time.time() + 2
        seen.update(lines[1:4])
    assert len(seen) == 6


def test_a_copy_keeps_its_memory_to_itself(start, inside):
    for name in ("One", "Two"):
        assert start(name) == ""
    inside("One", "echo mine >/tmp/file; dd if=/dev/zero of=/tmp/large bs=1M count=30 2>/dev/null")
    assert inside("Two", "ls /tmp") == ""
    assert start("Three") == "" and inside("Three", "ls /tmp") == ""


def test_adapters_come_and_go(start, inside, machine, mdev):
    queues = lambda: inside("Plug", "cd /sys/bus/ap/devices && ls -d *.* 2>/dev/null || :").split()
    assert start("Plug", "--cpus", "2", mdev=mdev) == ""
    assert len(queues()) == 6
    mdev.unassign("adapter", 6)
    wait_until(lambda: queues() == mdev.guest_matrix() and len(queues()) == 4)
    mdev.assign("adapter", 6)
    wait_until(lambda: len(queues()) == 6)
    machine.apus("guest", "detach", "Plug")
    wait_until(lambda: queues() == [])
    machine.apus("guest", "attach", "Plug", mdev.uuid)
    wait_until(lambda: len(queues()) == 6)


def test_a_cpu_without_a_feature_has_a_snapshot_of_its_own(start, inside, machine):
    assert start("Less", "--cpu", "apqi=off") == ""
    assert machine.guests()["Less"]["features"] == ["ap", "apft", "apqci"]
    assert inside("Less", "cat /sys/bus/ap/ap_interrupts") == "0\n"
    # The command has run several programs; the last one gets signals as the first one does.
    status = pathlib.Path(f"/proc/{Guest.pid_of(machine, 'Less')}/status").read_text()
    assert int(re.search(r"^SigBlk:\s+(\w+)", status, re.M)[1], 16) & 1 << signal.SIGTERM - 1 == 0


@pytest.mark.parametrize("options, why", [(["--append", "apus.x=1"], "--append"), (["--qemu", "-no-user-config"], "--qemu")])
def test_what_no_snapshot_has_is_booted(start, inside, options, why):
    assert start("Own", *options) == f"apus: guest 'Own' is booted, not copied: {why}\n"
    assert inside("Own", "hostname") == "Own\n"


def test_a_device_that_is_not_there_is_refused(machine, cache):
    done = machine.apus("guest", "start", "None", UUID2, "--linux", "--kernel", cache, check=False)
    assert done.returncode != 0 and f"there is no mediated device {UUID2}" in done.stderr
    assert "None" not in machine.guests() and not (machine.directory / "control.linux/None").exists()


def test_the_log_of_the_console_begins_with_the_boot(start, machine):
    assert start("Log") == ""
    log = (machine.directory / "control.linux/Log/console.log").read_text(errors="replace")
    assert re.search(r"Linux version .*apus: guest waits.*apus: guest is up", log, re.S)


@pytest.fixture(scope="module")
def own(cache):
    """A cache with what is fetched, but with snapshots of its own. Its path is short enough for sockets."""
    script = f". {BUILD}/linux/common.sh; cache_dir"
    fetched = pathlib.Path(subprocess.check_output(["bash", "-c", script], text=True).strip())
    with tempfile.TemporaryDirectory(prefix="apus-own-", dir="/tmp") as directory:
        linux = pathlib.Path(directory) / "linux"
        linux.mkdir()
        for name in ("qemu", "tools", f"kernel-{cache}"):
            (linux / name).symlink_to(fetched / name)
        for image in fetched.glob(f"image-{cache}-*"):
            (linux / image.name).symlink_to(image)
        yield linux


def host(own, cache, *words, before=(), check=True):
    """Runs uname in an LPAR, and returns what was said about its start."""
    done = subprocess.run([*before, APUS, "linux", "host", "--verbose", "--kernel", cache, *words, "--", "uname"],
                          capture_output=True, text=True, env={**os.environ, "APUS_CACHE": str(own.parent)}, timeout=300,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (0, "Linux\n"), done
    return done.stderr


def killed_while_it_makes_one(own, cache):
    """Returns the process id of the QEMU that was left."""
    process = subprocess.Popen([APUS, "linux", "host", "--kernel", cache, "--", "true"], stdin=subprocess.DEVNULL,
                               env={**os.environ, "APUS_CACHE": str(own.parent)})
    wait_until(lambda: [path for path in own.glob("snapshot-*.new/pid") if path.read_text()])
    process.kill()
    process.wait(60)
    pid, = own.glob("snapshot-*.new/pid")
    return int(pid.read_text())


def snapshots(own):
    return sorted(path for path in own.glob("snapshot-*") if path.is_dir())


def test_two_that_need_the_same_snapshot_make_one(own, cache):
    """What is unfinished, or was not used for a day, is removed before."""
    left = killed_while_it_makes_one(own, cache)
    for name, age in (("snapshot-0123456789abcdef.new", None), ("snapshot-0000000000000000", 2 * 86400), ("snapshot-1111111111111111", 60)):
        (own / name).mkdir()
        (own / name / "ram").write_text("")
        if age:
            (own / name / "recipe").write_text("")
            os.utime(own / name / "recipe", (time.time() - age,) * 2)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert [*pool.map(lambda _: host(own, cache), "12")] == ["", ""]
    assert not pathlib.Path(f"/proc/{left}").exists()
    other, snapshot = sorted(snapshots(own), key=lambda path: len(list(path.iterdir())))
    assert other.name == "snapshot-1111111111111111"
    assert snapshot.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in snapshot.iterdir()) == ["console.log", "copy", "ram", "recipe", "state"]


WITHOUT = f"""set -e
cd /sys/devices/vfio_ap/matrix
echo -5 > /sys/bus/ap/apmask
echo {UUID1} > mdev_supported_types/vfio_ap-passthrough/create
echo 5 > {UUID1}/assign_adapter
echo 4 > {UUID1}/assign_domain
apus guest start Guest1 {UUID1} --linux --kernel "$1"
apus guest exec Guest1 -- ls /sys/bus/ap/devices
echo 0x47 > {UUID1}/assign_domain
apus guest exec Guest1 -- sh -c 'until ls /sys/bus/ap/devices | grep 0047; do sleep 0.1; done'
apus guest stop Guest1
apus guest start Guest2 {UUID1} --linux --kernel "$1"
apus guest list --json | grep -o '"mdev": *"[^"]*"'
"""


def test_without_a_mount(place, cache):
    """QEMU opens /dev/vfio there, too, and a device that a guest leaves is free at once."""
    file = place / "without.ini"
    file.write_text(TEXT)
    done = subprocess.run([APUS, "run", "--no-mount", "-m", file, "--", "bash", "-c", WITHOUT, "sh", cache], capture_output=True,
                          text=True, timeout=300, check=False, env={**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["05.0004", "card05", "05.0047", f'"mdev":"{UUID1}"']


def test_a_snapshot_that_cannot_be_loaded_is_not_used(own, cache):
    assert host(own, cache) == ""
    for state in own.glob("snapshot-*/state"):
        os.truncate(state, 1000)
    assert re.search(r"^apus: guest 'host' is booted, not copied: .*load of migration failed", host(own, cache))


def test_on_a_full_disk_it_boots(own, cache):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    small = own.parent / "small"
    (small / "linux").mkdir(parents=True)
    script = f'mount -t tmpfs -o size=30m tmpfs {small}/linux && cp -P {own}/[a-r]* {own}/tools {small}/linux && APUS_CACHE={small} exec "$@"'
    said = host(own, cache, before=["unshare", "-m", "sh", "-c", script, "sh"])
    assert said.startswith("apus: guest 'host' is booted, not copied: "), said
