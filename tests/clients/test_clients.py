# SPDX-License-Identifier: MIT
"""Unmodified clients under apus run: each case is a shell script whose transcript is compared with a golden file.
Transcripts of s390-tools are those of a version, whatever suite it came from.

APUS_UPDATE_GOLDEN=1 writes the transcripts instead; check every changed line against docs/reference.
"""

import difflib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
SUITES = ("bookworm", "trixie", "forky")


def variants():
    """(case, suite) for each case; suite is native for clients of this machine."""
    for case in sorted(CASES.glob("*.sh")):
        needs = re.search(r"^# needs: s390x(.*)$", case.read_text(), re.M)
        if not needs:
            yield case.stem, "native"
            continue
        for suite in needs[1].split() or SUITES:
            yield case.stem, suite


def root_of(suite):
    cache = Path(os.environ["APUS_CLIENTS"])
    root = cache / suite / "root"
    if not (root / "usr/sbin/lszcrypt").exists():
        pytest.skip(f"no s390-tools of {suite}: tests/clients/setup {cache} {suite}")
    return root


def version_of(root):
    return re.search(r" s390-tools_([\d.]+)", (root / "stamp").read_text())[1]


def need_native(case):
    tool = case.split("_")[0]
    if not shutil.which(tool):
        pytest.skip(f"no {tool} on this machine: tests/clients/setup {os.environ['APUS_CLIENTS']}")


def own_etc(command):
    """In a mount namespace with an empty /etc/mdevctl.d: what the machine gives a program if it mounts."""
    script = "mount -t tmpfs none /etc/mdevctl.d; exec \"$@\""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *command]


def transcript(case, root, without=False):
    environment = dict(os.environ)
    if root:
        environment["APUS_TOOLS"] = str(root)
    options = re.search(r"^# options: (.*)$", (CASES / f"{case}.sh").read_text(), re.M)
    script = f". {CASES}/prelude; . {CASES}/{case}.sh"
    how = ["--no-mount"] if without else options[1].split() if options else []
    command = [os.environ["APUS_BIN"], "run", *how, "-m", str(CASES / "machine.ini"), "--", "bash", "-u", "-c", script]
    if without:
        environment["APUS_NO_MOUNT"] = "yes"
        command = own_etc(command)
    result = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, timeout=300, check=False)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


@pytest.mark.parametrize("without", [False, True], ids=["", "no-mount"])
@pytest.mark.parametrize(("case", "suite"), variants())
def test_transcript(case, suite, without):
    if suite == "native":
        need_native(case)
        root, origin = None, suite
    else:
        root = root_of(suite)
        origin = version_of(root)
    golden = HERE / "golden" / origin / f"{case}.out"
    update = os.environ.get("APUS_UPDATE_GOLDEN") and not without
    if not update and not golden.parent.exists():
        pytest.skip(f"no transcripts of s390-tools {origin} of {suite} yet: APUS_UPDATE_GOLDEN=1 writes them")
    seen = transcript(case, root, without)
    if update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(seen)
    expected = golden.read_text()
    difference = difflib.unified_diff(expected.splitlines(), seen.splitlines(), "expected", "seen", lineterm="")
    assert seen == expected, "\n".join(difference)
