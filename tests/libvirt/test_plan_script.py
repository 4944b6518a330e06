# SPDX-License-Identifier: MIT
"""Scripts of `apus plan --format virsh` with the real virsh and libvirtd on a second machine: the end is the wanted state,
libvirt's definitions are it, too, and the undo leads back."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "uevent"), str(HERE.parent / "system-run")]
from conftest import TESTS, inside, need  # noqa: E402, F401
from test_scripts import NOW, UUIDS, WANTED, devices  # noqa: E402

APUS = os.environ.get("APUS_BIN", "")


def apus(*words):
    return subprocess.run([APUS, *map(str, words)], text=True, capture_output=True, check=True, timeout=60).stdout


def files(inside, abi):  # noqa: F811
    """Both machines, and definitions of the first and the last device as they are now."""
    folder = pathlib.Path(inside.base)
    for name, text in (("now", NOW), ("wanted", WANTED)):
        (folder / f"{name}.ini").write_text(text.format(abi=abi))
    apus("export", "--from", folder / "now.ini", "--format", "mdevctl", "-o", folder)
    for name, more in (("tonight", ()), ("undo", ("--undo",))):
        (folder / f"{name}.sh").write_text(
            apus("plan", "--from", folder / "now.ini", folder / "wanted.ini", "--format", "virsh", *more))
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def run(inside, folder, *scripts):  # noqa: F811
    """The machine afterwards, its definitions, and what the next boot starts of them."""
    (folder / "env.sh").write_text(f"export APUS={APUS} DEFINED='{UUIDS[0]} {UUIDS[3]}'\n")
    done = inside.command(APUS, "run", "--uevents", "-m", folder / "now.ini", "--", "bash", "-c",
                          '. "$1/env.sh"; exec "$0" "$@"', TESTS / "libvirt" / "plan.sh", folder, *scripts)
    assert done.returncode == 0, done.stdout + done.stderr
    defined = json.loads((folder / "defined.json").read_text())
    return (devices((folder / "after.ini").read_text()),
            {uuid: definition for parent in defined for device in parent["matrix"] for uuid, definition in device.items()},
            devices((folder / "booted.ini").read_text()))


def expected(folder, name):
    return devices(apus("export", "--from", folder / f"{name}.ini"))


def definition(folder, name):
    """As mdevctl lists a machine's devices."""
    (folder / "d").mkdir(exist_ok=True)
    for old in (folder / "d").iterdir():
        old.unlink()
    apus("export", "--from", folder / f"{name}.ini", "--format", "mdevctl", "-o", folder / "d")
    return {file.stem: json.loads(file.read_text()) for file in (folder / "d").iterdir()}


@pytest.mark.parametrize("abi", ["proposal", "upstream"])
def test_the_script_ends_in_the_wanted_state(inside, abi):  # noqa: F811
    need("libvirtd", "libvirt-daemon")
    need("virsh", "libvirt-clients")
    need("mdevctl", "mdevctl")
    need("udevadm", "udev")
    folder = files(inside, abi)
    after, defined, booted = run(inside, folder, "tonight.sh")
    assert after == expected(folder, "wanted")
    assert defined == definition(folder, "wanted")
    # All but the third device start with the next boot.
    assert booted == [section for section in expected(folder, "wanted") if UUIDS[2] not in section]
    log = (folder / "tonight.sh.log").read_text()
    assert "The masks last until the next boot. To keep them: chzdev -p -t ap apmask=0x" in log and "find the same" not in log
    after, defined, _ = run(inside, folder, "tonight.sh", "undo.sh")
    assert after == expected(folder, "now")
    assert defined == definition(folder, "now")
