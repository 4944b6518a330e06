# SPDX-License-Identifier: MIT
"""apus export: a machine that starts from what was exported is in the same state."""

import json
import os
import subprocess

from harness import Daemon, Mdev

APUS = os.environ["APUS_BIN"]
UUID = "69aa1a8a-0000-4000-8000-000000000001"


def test_a_machine_starts_from_its_export(tmp_path):
    first = Daemon(tmp_path / "first")
    try:
        first.w("bus/ap/apmask", "-5,-6")
        mdev = first.mdev(1)
        mdev.assign([5], [4, 0xab])
        first.w("devices/ap/card04/04.0047/online", "0")
        first.guest("Guest1").start(mdev)
        matrix = mdev.r("guest_matrix")
        file = first.cli("export")
        assert file.returncode == 0, file
    finally:
        first.stop()
    second = Daemon(tmp_path / "second", machine=file.stdout)
    try:
        assert second.cli("export").stdout == file.stdout
        assert Mdev(second, 1).r("guest_matrix") == matrix != ""
        assert second.value("devices/ap/card04/04.0047/online") == "0"
    finally:
        second.stop()


def test_names_of_any_bytes(tmp_path):
    """The kernel takes nodes of any name; guests have names that can be said everywhere."""
    first = Daemon(tmp_path / "first")
    try:
        with open(first.path("class/zcrypt/create"), "wb") as create:
            create.write(b"n\xff\xc3\xa4")
        file = first.cli("export")
        assert "[node n%ffä]" in file.stdout, file
        assert first.w("class/zcrypt/create", "other") == "OK"
    finally:
        first.stop()
    second = Daemon(tmp_path / "second", machine=file.stdout)
    try:
        assert b"n\xff\xc3\xa4" in os.listdir(os.fsencode(second.path("class/zcrypt")))
    finally:
        second.stop()
    for name in ("a%ff", "a%0ab", "a%c2%9bb"):
        done = subprocess.run([APUS, "export", "--from", "-"], input=f"[machine]\ndomains=4\n[adapter 5]\ntype=CEX7C\n[guest {name}]\n",
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and "standard input:5: " in done.stderr and "cannot be a guest's" in done.stderr, done


def test_mdevctl_takes_the_export(tmp_path):
    machine = tmp_path / "m.ini"
    machine.write_text(f"[machine]\ndomains=4,0x47\napmask=0x0\n[adapter 5]\ntype=CEX7C\n[mdev {UUID}]\nadapters=5\n"
                       "domains=4,0x47\ncontrol-domains=4\nautostart=yes\n")
    done = subprocess.run([APUS, "export", "--from", machine, "--format", "mdevctl", "-o", tmp_path / "d"], timeout=60,
                          check=False)
    assert done.returncode == 0
    found = json.loads((tmp_path / "d" / f"{UUID}.json").read_text())
    assert found == {"mdev_type": "vfio_ap-passthrough", "start": "auto",
                     "attrs": [{"assign_adapter": "0x5"}, {"assign_domain": "0x4"}, {"assign_domain": "0x47"},
                               {"assign_control_domain": "0x4"}]}
    xml = subprocess.run([APUS, "export", "--from", machine, "--format", "libvirt", UUID], capture_output=True, text=True,
                         timeout=60, check=True).stdout
    assert "<attr name='assign_domain' value='0x47'/>" in xml
