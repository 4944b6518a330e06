# SPDX-License-Identifier: MIT
"""apus reboot: what was not made persistent is gone, and what udev's rules and mdevctl's definitions in the machine's /etc
say comes back, by the real programs."""

import json
import os
import pathlib
import re
import select
import shutil
import subprocess

import pytest

from runs import binary

UUID = "69aa1a8a-0000-4000-8000-000000000001"
MDEV = f"/sys/devices/vfio_ap/matrix/{UUID}"
# As chzdev writes it.
RULE = """ACTION=="change", SUBSYSTEM=="ap", DEVPATH=="/devices/ap", ENV{BINDINGS}=="complete", ENV{COMPLETECOUNT}=="1", \
GOTO="cfg_ap"
GOTO="end_ap"
LABEL="cfg_ap"
ATTR{../../bus/ap/apmask}="0xfbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
LABEL="end_ap"
"""
CHANGE = f"""set -e
echo -5 > /sys/bus/ap/apmask
echo {UUID} > /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create
echo 5 > {MDEV}/assign_adapter
echo 4 > {MDEV}/assign_domain
apus guest start Guest1 {UUID}
"""
DEFINE = f"""
apus export --format mdevctl -o /tmp/d.$$
mdevctl define -u {UUID} -p matrix --jsonfile /tmp/d.$$/{UUID}.json
mdevctl modify -u {UUID} --auto
rm -r /tmp/d.$$
"""


@pytest.fixture
def path(tmp_path):
    """bash finds apus."""
    (tmp_path / "apus").symlink_to(binary())
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}:/usr/sbin:/sbin"}


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"{program} is missing")
    if os.geteuid() != 0:
        pytest.skip("needs root")


def read_until(screen, words):
    """What a terminal shows until it shows these; at the latest after two minutes."""
    seen = ""
    while words not in seen:
        assert select.select([screen], [], [], 120)[0], seen
        seen += os.read(screen, 4096).decode()
    return seen


def test_what_is_not_persistent_is_gone(runs, path):
    done = runs.bash(f"{CHANGE}echo 0 > /sys/devices/ap/card04/online; echo mine > /sys/class/zcrypt/create\n"
                     "apus export > /tmp/before.$$; apus reboot; apus export | diff /tmp/before.$$ - | grep -c '^<.*\\['; "
                     "rm /tmp/before.$$; cat /sys/bus/ap/bindings_complete_count; ls /sys/bus/mdev/devices", env=path)
    assert done.stdout == ("After the reboot:\n[bus] differs\n[card 0x04] is gone\n[node mine] is gone\n"
                           f"[mdev {UUID}] is gone\n[guest Guest1] is gone\nGuest1 loses 05.0004\n"
                           "zcrypt gets 05.0004 and 3 more\n4\n1\n")
    assert done.stderr == ("apus: udev's rules did not run: the machine was started without --uevents\n"
                           f"apus: guest Guest1 was not started: its mediated device {UUID} did not come back\n")


@pytest.mark.parametrize("way", ["fuse", "notify"])
def test_nodes_modes_and_owners_are_those_of_a_new_system(runs, path, way):
    done = runs.bash("echo mine > /sys/class/zcrypt/create; chmod 0666 /sys/bus/ap/apmask; ls /dev/mine; apus reboot\n"
                     "stat -c %a /sys/bus/ap/apmask; ls /dev/mine; echo mine > /sys/class/zcrypt/create; ls /dev/mine",
                     options=("--ioctl", way), env=path)
    assert done.stdout == "/dev/mine\nAfter the reboot:\n[node mine] is gone\n644\n/dev/mine\n", done


def test_rules_and_definitions_bring_it_back(runs, path):
    needs("mdevctl", "udevadm")
    done = runs.bash(f"{CHANGE}{DEFINE}cat > /etc/udev/rules.d/41-ap.rules << 'END'\n{RULE}END\n"
                     "apus reboot; cat /sys/bus/ap/apmask; apus guest list --json; apus reboot --json",
                     options=("--uevents",), env=path)
    lines = done.stdout.splitlines()
    assert lines[0] == "After the reboot everything is as before.", done
    assert lines[1].startswith("0xfb")
    assert "Guest1" in lines[2]
    assert json.loads(lines[-1]) == {"same": True, "sections": "", "gains": "", "notes": []} and len(lines) == 4
    assert done.stderr == ""


def test_a_definition_without_its_mask_does_not_come_back(runs, path):
    """mdevctl starts the device, and zcrypt has its queues: the fault that shows only after the next boot."""
    needs("mdevctl", "udevadm")
    done = runs.bash(f"{CHANGE}{DEFINE}apus reboot --json", options=("--uevents",), env=path)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert not answer["same"] and f"[mdev {UUID}] is gone\n" in answer["sections"]
    assert f"guest Guest1 was not started: its mediated device {UUID} did not come back" in answer["notes"]
    assert "Cannot assign requested address" in done.stderr  # mdevctl's own words


def knows_ap(root):
    """chzdev of s390-tools 2.16 does not."""
    program = root / "usr/sbin/chzdev"
    return program.exists() and "\nap " in subprocess.run(["qemu-s390x-static", "-L", root, program, "--list-types"],
                                                         capture_output=True, text=True, timeout=60, check=False).stdout


def test_what_chzdev_makes_persistent(runs, path):
    needs("udevadm", "qemu-s390x-static")
    root = next((folder for folder in sorted(pathlib.Path(os.environ["APUS_CLIENTS"]).glob("*/root")) if knows_ap(folder)), None)
    if not root:
        pytest.skip("no chzdev that knows AP: make clients")
    done = runs.bash("set -e\nchzdev -t ap apmask=-5 -a -p > /dev/null\n"
                     "apus reboot; cat /sys/bus/ap/apmask", options=("--uevents",), env={**path, "APUS_TOOLS": str(root)})
    assert done.stdout.startswith("After the reboot everything is as before.\n0xfb"), done


def test_a_machine_of_up_by_its_name_and_its_state(runs, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    def command(*words):
        done = runs.apus(*words)
        assert done.returncode == 0, done
        return done.stdout
    command("up", "lab", "--state", tmp_path / "state")
    try:
        runs.apus("exec", "lab", "--", "bash", "-c", CHANGE.replace("apus guest", f"{binary()} guest"))
        assert f"[mdev {UUID}] is gone" in command("reboot", "lab")
        after = command("export", "-n", "lab")
        assert "mdev" not in after
        command("down", "lab")
        command("up", "lab", "--state", tmp_path / "state")
        assert command("export", "-n", "lab") == after
    finally:
        runs.apus("down", "lab")


def test_what_takes_long_shows_its_progress(runs, path, tmp_path):
    """As long as a program of the boot waits; then the line is gone."""
    needs("mdevctl")
    os.mkfifo(tmp_path / "go")
    (tmp_path / "mdevctl").write_text(f"#!/bin/sh\nread -r word < '{tmp_path}/go'\n")
    (tmp_path / "mdevctl").chmod(0o755)
    screen, terminal = os.openpty()
    reboot = subprocess.Popen([binary(), "run", "--", "bash", "-c", "mkdir -p /etc/mdevctl.d/matrix; apus reboot"],
                              env=runs.environment(**path), stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    seen = read_until(screen, "apus: Linux starts, 1 s")
    (tmp_path / "go").write_text("go\n")
    assert reboot.communicate(timeout=120)[0] == "After the reboot everything is as before.\n"
    seen = read_until(screen, "uevents")  # the note that comes afterwards
    assert re.search(r"\r +\rapus: udev's rules did not run", seen), seen
    os.close(screen)
