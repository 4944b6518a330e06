# SPDX-License-Identifier: MIT
"""Everything that load found once, for as long as SOAK_SECONDS says (`make soak`: 3600; 60 and more at full size): 2,000
control clients, 200 guests, 64 threads that open, read and close, 16 RSA clients, and an administrator who changes masks,
devices, guests and the Support Element. The daemon is stopped for moments, its disk is full at times, and in the last
quarter it is killed again and again. Nothing is answered wrong, nothing that was acknowledged is lost, and at the end of the
first three quarters it has the memory that it had soon after the beginning, while its control clients rest."""

import os
import random
import signal
import statistics
import subprocess
import threading
import time

import pytest
import soak
from conftest import Clients
from harness import TYPE_DIR, ApusError, Control, Daemon, Mdev, resident_kib
from test_stress import sanitized

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
FULL = SECONDS >= 60
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(10**6))))
CONTROL, GUESTS, THREADS, RSA = (2000, 200, 64, 16) if FULL else (100, 20, 8, 4)
SPARE = 20  # devices that come and go
TYPES = {0: "CEX5A", 1: "CEX5C", 2: "CEX5P", 3: "CEX5C", 10: "CEX5C", 11: "CEX5C"}
MACHINE = "[machine]\ndomains = 0-255\n" + "".join(f"[adapter {n}]\ntype = {kind}\n" for n, kind in TYPES.items())
FILLER, FILLER_WRITES = "filler", 50000
WARM = 60  # seconds
GROWTH_KIB = 2048
# At one rest the holes of the heap, which the work before it has left, are some 1.5 MB more or less than at the next.
RESTS, BETWEEN_RESTS = (3, 15) if FULL else (1, 0)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk that can be full")


class Disk:
    """The state directory on a file system that can be filled."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", folder], check=False).returncode:
            pytest.skip("no tmpfs can be mounted here")
        self.full = False

    def fill(self):
        self.full = True
        try:
            with open(self.folder / "fill", "wb", buffering=0) as file:
                while file.write(bytes(1 << 16)):
                    pass
        except OSError:
            pass

    def clear(self):
        (self.folder / "fill").unlink()
        self.full = False


def use_up(host, disk):
    """Fills the disk, and the room that the daemon had reserved: each write to a scattered mask is a long line of its state. When
    it writes its state anew the old one's room is free once more. Returns when a write was refused."""
    mask = f"class/zcrypt/{FILLER}/admask"
    for turn in range(FILLER_WRITES):
        if turn % 1000 == 0:
            disk.fill()
        result = host.w(mask, f"{'+-'[turn % 2]}1")
        if result == "ENOSPC":
            return
        assert result == "OK", (SEED, result)
    pytest.fail("the full disk was never noticed")


def await_refusal(administrator, before):
    """A change of the administrator was refused, too, or it has ended."""
    deadline = time.monotonic() + soak.LONGEST
    while administrator.refused == before and administrator.failure is None and time.monotonic() < deadline:
        time.sleep(0.01)


class Life(Clients, Daemon):
    """A daemon on the state; the next one is on the same mount point."""

    def __init__(self, folder, disk):
        self.folder, self.disk = folder, disk
        super().__init__(folder, MACHINE, arguments=["--state", disk.folder])
        self.watchdog.cancel()
        self.machine.connect = self.connect

    def connect(self):
        """After a kill all clients come back at once. This one waits as long as they do, and comes again if it is turned
        away."""
        deadline = time.monotonic() + soak.PATIENCE
        while True:
            try:
                return Control(self.socket, timeout=soak.PATIENCE)
            except BlockingIOError:
                pass
            except ApusError as error:
                assert error.kind == "TooManyClients", error
            assert time.monotonic() < deadline
            time.sleep(0.1)


class Administrator(threading.Thread):
    """Changes one thing after the other, and knows what was acknowledged. What is under way when the daemon is killed has
    happened or not: that object alone may be in either state."""

    def __init__(self, host, told, shared):
        super().__init__()
        self.host, self.told, self.shared = host, told, shared
        self.random = random.Random(f"{SEED} {len(told)} {shared.kills.value}")
        self.pending = self.failure = None
        self.stopping = False
        self.refused = 0

    def change(self, name, value, act):
        self.pending = name, value
        result = act()
        if result == "OK":
            self.told[name] = value
        else:
            assert result == "ENOSPC", (name, value, result)
            self.refused += 1
        self.pending = None

    def control(self, command, **arguments):
        try:
            self.host.execute(command, **arguments)
        except ApusError as error:
            assert error.errno == "ENOSPC" or "no room" in error.desc, error
            return "ENOSPC"
        return "OK"

    def device(self):
        number = GUESTS + self.random.randrange(SPARE)
        name, mdev = f"device {number}", Mdev(self.host, number)
        has = self.told.get(name)
        if has is None:
            self.change(name, frozenset(), lambda: self.host.w(f"{TYPE_DIR}/create", mdev.uuid))
        elif self.random.random() < 0.1:
            self.change(name, None, mdev.remove)
        else:
            domain = self.random.randrange(256)
            verb = "unassign_domain" if domain in has else "assign_domain"
            self.change(name, has ^ {domain}, lambda: mdev.w(verb, domain))

    def guest(self):
        number = self.random.randrange(GUESTS)
        name, mdev = f"g{number}", Mdev(self.host, number)
        if self.told.get(f"guest {name}"):
            self.change(f"guest {name}", None, lambda: self.control("guest-stop", name=name))
        else:
            self.change(f"guest {name}", mdev.uuid, lambda: self.control("guest-start", name=name, mdev=mdev.uuid))

    def mask(self):
        here = self.told.get("adapter 3 for zcrypt", True)
        self.change("adapter 3 for zcrypt", not here, lambda: self.host.w("bus/ap/apmask", "-3" if here else "+3"))

    def support_element(self):
        adapter = self.random.choice([3, 11])
        on = self.told.get(f"adapter {adapter}", True)
        state = "off" if on else "on"
        self.change(f"adapter {adapter}", not on,
                    lambda: self.control("se-adapter", adapter=adapter, state=state, force=True))

    def run(self):
        turns = [self.device] * 8 + [self.guest] * 2 + [self.mask, self.support_element]
        try:
            while not self.stopping:
                self.random.choice(turns)()
                self.shared.count("turns")
        except (OSError, AssertionError, EOFError, ValueError, TypeError, AttributeError) as error:
            self.failure = error

    def end(self):
        """After a kill its failure is no wonder."""
        self.stopping = True
        self.join(60)
        assert not self.is_alive()


def set_up(host):
    told = {}
    for adapter in (10, 11):
        assert host.w("bus/ap/apmask", f"-{adapter}") == "OK"
    for number in range(GUESTS):
        mdev = Mdev(host, number).create().assign([10 + number // 100], [number % 100])
        host.guest(f"g{number}").start(mdev)
        told[f"guest g{number}"] = mdev.uuid
    assert host.w("class/zcrypt/create", FILLER) == "OK"
    for name in ("ioctlmask", "apmask", "aqmask", "admask"):
        assert host.w(f"class/zcrypt/{FILLER}/{name}", "0x" + 32 * "55") == "OK"
    return told


def seen(host):
    """The same as what an administrator was told, as the daemon shows it."""
    apmask = int(host.value("bus/ap/apmask"), 16)
    found = {"adapter 3 for zcrypt": bool(apmask >> (255 - 3) & 1)}
    for adapter in (3, 11):
        found[f"adapter {adapter}"] = host.value(f"devices/ap/card{adapter:02x}/config") == "1"
    for guest in host.execute("guest-list")["guests"]:
        found[f"guest {guest['name']}"] = guest["mdev"]
    for number in range(GUESTS, GUESTS + SPARE):
        mdev = Mdev(host, number)
        if mdev.exists():
            found[f"device {number}"] = assigned(mdev)
    return found


def assigned(mdev):
    """A device without adapters shows its domains as .00ab."""
    return frozenset(int(line.split(".")[1], 16) for line in mdev.matrix())


def compare(host, told, pending):
    """Returns what there is now."""
    found = seen(host)
    for name in {*found, *told}:
        default = True if name.startswith("adapter") else None
        allowed = [told.get(name, default)] + ([pending[1]] if pending and pending[0] == name else [])
        assert found.get(name, default) in allowed, (SEED, name, found.get(name), allowed)
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def await_descriptors(pid, most):
    deadline = time.monotonic() + soak.LONGEST
    while descriptors(pid) > most and time.monotonic() < deadline:
        time.sleep(0.1)
    assert descriptors(pid) <= most


def memory_at_rest(host, shared):
    """How much the daemon has while no control client is there: what waits for slow readers has a bound, and is another
    matter."""
    rests = []
    for _ in range(RESTS):
        time.sleep(BETWEEN_RESTS)
        shared.resting.value = True
        await_descriptors(host.process.pid, shared.descriptors)
        time.sleep(1)
        rests.append(resident_kib(host.process.pid))
        shared.resting.value = False
    return statistics.median(rests)


def live(host, disk, told, shared, seconds):
    """One life, with stops and full disks; returns the figures of its memory."""
    administrator = Administrator(host, told, shared)
    rsa = host.start("stress", RSA, seconds)
    administrator.start()
    begin, turns, early = time.monotonic(), 0, None
    while time.monotonic() < begin + seconds:
        time.sleep(min(seconds / 20, 10))
        turns += 1
        if turns % 2:
            os.kill(host.process.pid, signal.SIGSTOP)
            time.sleep(0.3)
            os.kill(host.process.pid, signal.SIGCONT)
        else:
            before = administrator.refused
            use_up(host, disk)
            await_refusal(administrator, before)
            disk.clear()
            assert host.w("bus/ap/config_time", str(30 + turns)) == "OK", "there is room again"
        assert host.process.poll() is None, host.stderr()[-4000:]
        if early is None and time.monotonic() > begin + min(WARM, seconds / 4):
            early = memory_at_rest(host, shared)
    administrator.end()
    late = memory_at_rest(host, shared)
    assert administrator.failure is None, (SEED, administrator.failure)
    out, err = rsa.communicate(timeout=120)
    assert rsa.returncode == 0, err
    answer = dict(line.split(" ", 1) for line in out.splitlines())
    assert int(answer["ended"]) == RSA, "a request was lost"
    compare(host, told, None)
    return {"requests": int(answer["right"]), "refused requests": int(answer["refused"]),
            "refused by the full disk": administrator.refused, "stops and full disks": turns,
            "KiB early": early, "KiB late": late}


def kill_and_compare(host, told, shared):
    """The daemon in the middle of its work, and the next one; what there is now is what was told."""
    administrator = Administrator(host, told, shared)
    rsa = host.start("stress", RSA, 3600)
    administrator.start()
    time.sleep(random.uniform(0.1, 1))
    assert administrator.failure is None, (SEED, administrator.failure)
    shared.kills.value += 1
    host.process.kill()
    host.process.wait()
    rsa.communicate(timeout=60)  # every request ends, here with an error
    administrator.end()
    host.wait_tidy()
    host.abandon()
    host.root.rmdir()
    host = Life(host.folder, host.disk)
    shared.pid.value = host.process.pid
    shared.kills.value += 1
    return host, compare(host, told, administrator.pending)


def all_ended(processes):
    for process in processes:
        process.join(soak.LONGEST + 30)
    assert [process.exitcode for process in processes] == [0] * len(processes), SEED


def show(capsys, figures):
    """At once: they are wanted most when what follows fails."""
    with capsys.disabled():
        print("\nseed", SEED, *(f"{name} {value}" for name, value in figures.items()), sep=", ")


def test_soak(tmp_path, capsys):
    disk = Disk(tmp_path / "state")
    host = None
    try:
        host = Life(tmp_path / "life", disk)
        told = set_up(host)
        shared = soak.Shared(host.root, host.socket)
        shared.pid.value = host.process.pid
        shared.descriptors = descriptors(host.process.pid) + 4
        processes = [soak.start(soak.readers, shared, THREADS // 4, f"{SEED} {i}") for i in range(4)]
        processes += [soak.start(soak.control_clients, shared, CONTROL // 2, f"{SEED} {i}") for i in range(2)]
        figures = live(host, disk, told, shared, SECONDS * 3 / 4)
        show(capsys, figures)
        end, kills = time.monotonic() + SECONDS / 4, 0
        is_sanitized = sanitized(host.process.pid)
        while time.monotonic() < end:
            host, told = kill_and_compare(host, told, shared)
            kills += 1
        shared.over.value = True
        done = {"kills": kills, **{name: count.value for name, count in shared.counts.items()}}
        show(capsys, done)
        all_ended(processes)
        figures |= done
        await_descriptors(host.process.pid, shared.descriptors)
        assert kills and min(figures[name] for name in
                             ("requests", "replies", "files read", "turns", "refused by the full disk")) > 0
        if SECONDS >= 8 * WARM and not is_sanitized:
            assert figures["KiB late"] - figures["KiB early"] < GROWTH_KIB, "memory grows"
        host.stop()
        host = None
    finally:
        if host:
            host.abandon()
        subprocess.run(["umount", "-l", disk.folder], check=False)
