# SPDX-License-Identifier: MIT
"""Unmodified clients under apus run: each case is a shell script whose transcript is compared.

APUS_UPDATE_GOLDEN=1 writes the transcripts instead; read every changed line against the specification.
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
SUITES = ("bookworm", "trixie")


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


def need_native(case):
    tool = case.split("_")[0]
    if not shutil.which(tool):
        pytest.skip(f"no {tool} on this machine: tests/clients/setup {os.environ['APUS_CLIENTS']}")


def transcript(case, suite):
    environment = dict(os.environ)
    if suite == "native":
        need_native(case)
    else:
        environment["CLIENT_ROOT"] = str(root_of(suite))
    options = re.search(r"^# options: (.*)$", (CASES / f"{case}.sh").read_text(), re.M)
    script = f". {CASES}/prelude; . {CASES}/{case}.sh"
    command = [os.environ["APUS_BIN"], "run", *(options[1].split() if options else []), "-m", str(CASES / "machine.ini"),
               "--", "bash", "-u", "-c", script]
    result = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, timeout=300, check=False)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


@pytest.mark.parametrize(("case", "suite"), variants())
def test_transcript(case, suite):
    golden = HERE / "golden" / suite / f"{case}.out"
    seen = transcript(case, suite)
    if os.environ.get("APUS_UPDATE_GOLDEN"):
        golden.write_text(seen)
    expected = golden.read_text()
    difference = difflib.unified_diff(expected.splitlines(), seen.splitlines(), "expected", "seen", lineterm="")
    assert seen == expected, "\n".join(difference)
