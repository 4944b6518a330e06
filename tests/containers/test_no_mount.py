# SPDX-License-Identifier: MIT
"""`apus run` in containers without a privilege: without a mount, which it chooses by itself."""

import os
import pathlib
import re

import pytest

APUS = os.environ["APUS_BIN"]
CLIENT = os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client")
CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
USER = ("-u", "1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
READ_ONLY = ("-u", "1000", "--read-only", "--tmpfs", "/tmp")
OPTIONS = [(), USER, READ_ONLY]
NAMES = ["none", "user", "read-only"]
# The library that is preloaded comes before the sanitizer's of a test build.
ENVIRONMENT = ("ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0", "APUS_NO_MOUNT=yes")
LINE = r"apus: /dev/fuse is missing here, so programs see the machine without a mount [^\n]*\n"


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_it_runs(engine, options):
    script = ("cat /sys/bus/ap/ap_domain; cd /sys/bus/ap/devices && pwd -P; echo -5 > /sys/bus/ap/apmask && cut -c1-6 ../apmask;"
              f"echo x > /sys/bus/ap/config_time; {CLIENT} latency /dev/z90crypt 3 > /dev/null && echo computed")
    result = engine.run(options, APUS, "run", "--", "bash", "-c", script, environment=ENVIRONMENT)
    assert result.stdout.split() == ["4", "/sys/bus/ap/devices", "0xfbff", "computed"], result.stderr
    assert re.fullmatch(LINE + r"bash: [^\n]*Invalid argument\n", result.stderr), result.stderr


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
@pytest.mark.parametrize("case", ["mdevctl", "mdevctl_failures", "udevadm"])
def test_transcripts(engine, options, case):
    """The same as with a mount, outside of a container."""
    options = [*options, "-v", f"{CLIENTS}:{CLIENTS}:ro", "--tmpfs", "/etc/mdevctl.d:mode=777"]
    script = f". {CLIENTS}/cases/prelude; . {CLIENTS}/cases/{case}.sh"
    machine = CLIENTS / "cases/machine.ini"
    result = engine.run(options, APUS, "run", "-m", machine, "--", "bash", "-u", "-c", script, environment=ENVIRONMENT)
    if "command not found" in result.stdout:
        pytest.skip(f"no {case.split('_')[0]} on this computer")
    assert result.stdout == (CLIENTS / f"golden/native/{case}.out").read_text(), result.stderr


def test_no_directory_to_write_to(engine):
    result = engine.run(["--read-only"], APUS, "run", "--", "true", environment=ENVIRONMENT)
    assert result.returncode == 125 and "APUS_RUNTIME_DIR" in result.stderr
