# SPDX-License-Identifier: MIT
"""Everything at once from many processes: the daemon answers all of them, keeps its rules, and ends cleanly.

APUS_STRESS_SECONDS=600 pytest test_stress.py is a longer run; APUS_STRESS_SEED repeats the choices of a run.
"""

import contextlib
import multiprocessing
import os
import random
import subprocess
import time
import traceback

import pytest
import stress
from harness import ABSENT, ApusError, Control, Machine

SECONDS = float(os.environ.get("APUS_STRESS_SECONDS", "5"))
SEED = int(os.environ.get("APUS_STRESS_SEED", str(random.randrange(10**6))))
MACHINE = Machine({3: "CEX8A", 4: "CEX5C", 5: "CEX5C", 6: "CEX5A", 7: "CEX6P", 9: ABSENT}, [4, 0x47, 0xAB, 0xFF])


def run(function, world, seed):
    try:
        function(world, random.Random(seed))
    except BaseException:
        if os.getppid() != 1 and time.monotonic() < world.end:
            traceback.print_exc()
            os._exit(1)
    os._exit(0)


def start(functions, world):
    context = multiprocessing.get_context("fork")
    processes = {}
    for i, function in enumerate(functions):
        name = f"{function.__name__} {i}"
        processes[name] = context.Process(target=run, args=(function, world, f"{SEED} {name}"))
        processes[name].start()
    return processes


def ended(processes, seconds, between=lambda: None):
    """The names of those that failed or hang."""
    end = time.monotonic() + seconds
    while any(p.is_alive() for p in processes.values()) and time.monotonic() < end:
        time.sleep(0.2)
        between()
    failed = []
    for name, process in processes.items():
        if process.is_alive():
            process.kill()
            failed.append(f"{name} hangs")
        elif process.exitcode != 0:
            failed.append(f"{name}: {process.exitcode}")
    return failed


def stop_guests(host):
    control = Control(host.socket)
    for guest in control.execute("guest-list")["guests"]:
        with contextlib.suppress(ApusError):
            control.execute("guest-stop", name=guest["name"])
    control.close()


def functions():
    return stress.TREE + stress.SOCKET + (stress.ROOT if os.geteuid() == 0 else [])


def calm(host):
    """Nothing is left over, and the rules hold."""
    control = Control(host.socket)
    assert control.execute("status") is not None
    guests = control.execute("guest-list")["guests"]
    owners = {}
    for guest in guests:
        for queue in control.execute("guest-show", name=guest["name"])["matrix"]:
            assert owners.setdefault(queue, guest["name"]) == guest["name"], f"two guests have {queue}"
    for guest in guests:
        control.execute("guest-stop", name=guest["name"])
    for name in host.names("bus/mdev/devices"):
        assert host.w(f"bus/mdev/devices/{name}/remove", 1) == "OK"
    assert host.names("bus/mdev/devices") == []
    # A mask cannot be changed while a queue has a driver_override.
    for queue in host.queues():
        override = f"bus/ap/devices/{queue}/driver_override"
        if host.exists(override) and host.value(override):
            assert host.w(override, "") == "OK"
    assert host.w("bus/ap/apmask", "0x" + "f" * 64) == "OK"
    host.dump()
    control.close()


def check_stderr(host):
    text = host.stderr()
    for word in ("runtime error", "Sanitizer", "invalid"):
        lines = [line for line in text.splitlines() if word in line and not line.startswith("apus: ")]
        assert not lines, lines


@pytest.mark.parametrize("abi", ["proposal", "upstream"])
def test_all_at_once(apus, abi):
    host = apus(MACHINE, abi=abi, arguments=["--quiet"])
    world = stress.World(host.root, host.socket, time.monotonic() + SECONDS)
    processes = start(functions(), world)
    time.sleep(SECONDS)
    # Removing a device may wait for its guest, so the guest must be stopped.
    failed = ended(processes, 30, lambda: stop_guests(host))
    assert host.process.poll() is None, host.stderr()[-4000:]
    assert not failed, (SEED, failed, host.stderr()[-4000:])
    calm(host)
    check_stderr(host)


def test_unmounted_in_the_middle(apus):
    """umount -l under load: the daemon ends, and nobody hangs."""
    host = apus(MACHINE, arguments=["--quiet"])
    world = stress.World(host.root, host.socket, time.monotonic() + 1)
    processes = start(stress.TREE, world)
    time.sleep(0.5)
    subprocess.run(["umount", "-l", host.root], check=True)
    failed = ended(processes, 20)
    assert not [name for name in failed if "hangs" in name], failed
    check_stderr(host)
