# SPDX-License-Identifier: MIT
"""docs/rehearsal.md, command by command: the LPAR is a machine of `apus run`."""

import os
import pathlib
import re

import pytest

from runs import binary

DOCUMENT = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "rehearsal.md").read_text()
UUID = "69aa1a8a-0000-4000-8000-000000000001"
LPAR = f"""
[machine]
abi = upstream
domains = 4,0x47,0xab
apmask = +0-4,+6-255
aqmask = +0-255
[adapter 4-6]
type = CEX7A
[mdev {UUID}]
adapters = 5
domains = 4,0x47
autostart = yes
[guest Guest1]
mdev = {UUID}
"""
DOMAIN = ("<domain type='kvm'><name>Guest1</name><devices><hostdev mode='subsystem' type='mdev' model='vfio-ap'><source>"
          f"<address uuid='{UUID}'/></source></hostdev></devices></domain>")


def commands(chapter):
    """The indented lines of a chapter that are commands."""
    text = DOCUMENT.split(f"## {chapter}\n")[1].split("\n## ")[0]
    return [line for line in re.findall(r"^    (\S.*)$", text, re.M) if not line.startswith("apus: ")]


@pytest.fixture
def desk(runs, tmp_path):
    """bash in a directory, with apus in its path."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "apus").symlink_to(binary())
    path = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}

    def bash(script, *options):
        words = [binary(), "run", *options, "--"] if options else []
        return runs.command(*words, "bash", "-c", script, cwd=tmp_path, env=path)
    return tmp_path, bash


def collect(desk):
    """What the first commands collect on the LPAR, and what the LPAR is."""
    folder, bash = desk
    (folder / "lpar.ini").write_text(LPAR)
    script = "\n".join(line for line in commands("The machine as it is") if not line.startswith(("apus", "virsh", "cat")))
    # mdevctl knows what is defined; a guest of ours has no libvirt.
    got = bash(f"apus export --format mdevctl -o d && mdevctl define -u {UUID} -p matrix --jsonfile d/{UUID}.json\n"
               f"{script}\napus export > lpar-now.ini", "-m", "lpar.ini")
    assert got.returncode == 0, got
    (folder / "Guest1.xml").write_text(DOMAIN)
    (folder / "cmdline").write_text("root=/dev/dasda1 ap.apmask=+0-4,+6-255 ap.aqmask=+0-255\n")


def test_what_was_collected_is_the_lpar(desk):
    folder, bash = desk
    collect(desk)
    line, = [line for line in commands("The machine as it is") if line.startswith("apus")]
    got = bash(line)
    assert got.returncode == 0 and "contradiction" not in got.stderr and "missing" not in got.stderr, got
    assert (folder / "now.ini").read_text() == (folder / "lpar-now.ini").read_text()


def test_the_change(desk):
    folder, bash = desk
    collect(desk)
    bash("apus import sysfs.tgz mdevctl.json Guest1.xml cmdline -o now.ini")
    (folder / "wanted.ini").write_text((folder / "now.ini").read_text().replace("domains = 4,0x47\n\n", "domains = 4\n\n")
                                       .replace("domains = 4,0x47\nauto", "domains = 4\nauto"))
    lines = commands("The change")
    assert len(lines) == 9
    for line in lines:
        got = bash(line)
        assert got.returncode == 0, (line, got)
    for line in commands("After the next boot"):
        got = bash(line)
        assert got.returncode == 0, (line, got)
    assert "unassign_domain" in (folder / "tonight.sh").read_text()
    assert "assign_domain" in (folder / "undo.sh").read_text()
