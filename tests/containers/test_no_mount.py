# SPDX-License-Identifier: MIT
"""`apus run` in containers without a privilege: without a mount, which it chooses by itself."""

import os
import pathlib
import re
import subprocess

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


@pytest.fixture(scope="module")
def cache():
    """What `apus linux fetch` has fetched on this computer."""
    done = subprocess.run([APUS, "linux", "fetch"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("packages for real Linux guests cannot be had: " + done.stderr.strip().splitlines()[-1])
    return os.environ.get("APUS_CACHE") or f"{os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'}/apus"


GUEST = """set -e
cd /sys/devices/vfio_ap/matrix
uuid=69aa1a8a-0000-4000-8000-000000000001
echo -5 > /sys/bus/ap/apmask
echo $uuid > mdev_supported_types/vfio_ap-passthrough/create
echo 5 > $uuid/assign_adapter
echo 4 > $uuid/assign_domain
"""
REAL_GUEST = GUEST + """apus guest start Guest1 $uuid --linux
apus guest exec Guest1 -- ls /sys/bus/ap/devices
"""
LIGHT_GUEST = GUEST + f"""apus guest start Guest1 $uuid
apus guest exec Guest1 -- sh -c 'cd /sys/bus/ap; ls devices; {CLIENT} latency /dev/z90crypt 3 > /dev/null && echo computed'
apus guest exec Guest1 -- sh -c '(sleep 0.2; env -i ls /sys/bus/ap/devices | grep -c .) &' | cat
ls /sys/bus/ap/devices | grep -c .
"""


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_a_light_guest(engine, options):
    """Its programs, one of which `apus guest exec` does not wait for, see what is passed through to it."""
    result = engine.run(options, APUS, "run", "--", "bash", "-c", LIGHT_GUEST, environment=ENVIRONMENT)
    assert result.stdout.split() == ["05.0004", "card05", "computed", "2", "15"], result.stderr


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_a_real_guest(engine, cache, options):
    """QEMU opens its mediated device there, and the cache can only be read."""
    options = [*options, "-v", f"{cache}:/cache:ro"]
    result = engine.run(options, APUS, "run", "--", "bash", "-c", REAL_GUEST, environment=[*ENVIRONMENT, "APUS_CACHE=/cache"])
    assert result.stdout.split() == ["05.0004", "card05"], result.stderr


def test_no_directory_to_write_to(engine):
    result = engine.run(["--read-only"], APUS, "run", "--", "true", environment=ENVIRONMENT)
    assert result.returncode == 125 and "APUS_RUNTIME_DIR" in result.stderr
