# SPDX-License-Identifier: MIT
"""Scripts of `apus plan` and `apus export`, executed by the real bash and mdevctl on a second machine in /sys, end in the
wanted state, and their undo in the one before."""

import json
import shutil

import pytest

from runs import binary

UUIDS = [f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in range(4)]
HEAD = "[machine]\nabi = {abi}\ndomains = 4,0x47\n[adapter 5-7]\ntype = CEX7C\n[bus]\n"
# 05 goes from zcrypt to a guest, that guest's 06 to a new device; the third device stays, the fourth ends.
NOW = HEAD + f"""apmask = +5
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 6
domains = 4,0x47
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
[mdev {UUIDS[3]}]
adapters = 7
domains = 0x47
control-domains = 0x47
"""
WANTED = HEAD + f"""apmask = 0x0
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 5
domains = 4,0x47
autostart = yes
[mdev {UUIDS[1]}]
adapters = 6
domains = 4,0x47
control-domains = 4
autostart = yes
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
"""


@pytest.fixture(params=["proposal", "upstream"])
def files(request, tmp_path):
    for name, text in (("now", NOW), ("wanted", WANTED)):
        (tmp_path / f"{name}.ini").write_text(text.format(abi=request.param))
    return tmp_path


def plan(runs, files, *options):
    done = runs.apus("plan", "--from", files / "now.ini", files / "wanted.ini", *options)
    assert done.returncode == 0, done
    return done.stdout


def exported(runs, file):
    return devices(runs.apus("export", "--from", file).stdout)


def devices(export):
    """The sections without what only a definition says, numbers of groups and the default domain, which Linux chooses
    when the first queue is there, in order."""
    lines = [line for line in export.splitlines() if not line.startswith(("autostart", "group", "domain ="))]
    return sorted("\n".join(lines).split("\n\n"))


def on_the_second_machine(runs, files, script):
    """The script in a machine of now.ini; what it prints and the machine that it leaves."""
    done = runs.bash(f"{script}\n{binary()} export > after.ini\nmdevctl list -d --dumpjson > defined.json",
                     options=("-m", files / "now.ini"), cwd=files, env={"YES": "1"})
    assert done.returncode == 0, done
    return devices((files / "after.ini").read_text())


@pytest.mark.parametrize("form", ["sh", "mdevctl"])
def test_the_script_ends_in_the_wanted_state(runs, files, form):
    if form == "mdevctl" and not shutil.which("mdevctl"):
        pytest.skip("mdevctl is missing")
    (files / "tonight.sh").write_text(plan(runs, files, "--format", form))
    (files / "undo.sh").write_text(plan(runs, files, "--format", form, "--undo"))
    assert on_the_second_machine(runs, files, "set -e; bash tonight.sh") == exported(runs, files / "wanted.ini")
    assert "All " in (files / "tonight.sh.log").read_text()
    assert on_the_second_machine(runs, files, "set -e; bash tonight.sh; bash undo.sh") == exported(runs, files / "now.ini")


def test_what_mdevctl_defines_is_the_wanted_state_after_the_next_boot(runs, files):
    if not shutil.which("mdevctl"):
        pytest.skip("mdevctl is missing")
    (files / "tonight.sh").write_text(plan(runs, files, "--format", "mdevctl"))
    done = on_the_second_machine(runs, files, "set -e; bash tonight.sh\n"
                                 "for d in /sys/bus/mdev/devices/*; do echo 1 > $d/remove; done\n"
                                 "mdevctl start-parent-mdevs matrix")
    started = [section for section in exported(runs, files / "wanted.ini") if UUIDS[2] not in section]
    assert done == started
    defined = json.loads((files / "defined.json").read_text())[0]["matrix"]
    assert {uuid: device[uuid]["start"] for device in defined for uuid in device} == {
        UUIDS[0]: "auto", UUIDS[1]: "auto", UUIDS[2]: "manual"}


def test_an_exported_script_makes_a_machine_that_was_imported(runs, files):
    """From /sys of one machine to another one by way of import, export and bash."""
    done = runs.bash(f"{binary()} import /sys -o {files}/imported.ini --abi proposal", options=("-m", files / "now.ini"))
    assert done.returncode == 0, done
    script = runs.apus("export", "--from", files / "imported.ini", "--format", "sh").stdout
    (files / "all.sh").write_text(script)
    (files / "bare.ini").write_text(runs.apus("export", "--from", files / "imported.ini").stdout.split("\n[bus]")[0])
    done = runs.bash(f"bash all.sh && {binary()} export", options=("-m", files / "bare.ini"), cwd=files)
    assert done.returncode == 0, done
    assert devices(done.stdout[done.stdout.index("[machine]"):]) == exported(runs, files / "imported.ini")
