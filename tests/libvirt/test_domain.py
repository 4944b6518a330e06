# SPDX-License-Identifier: MIT
"""A libvirtd of root, with its default of a mount namespace for each domain, unmounts what is mounted in /dev.
That affects the machine's /dev only, not the computer's. The computer of this test is a copy."""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "uevent"), str(HERE.parent / "system-run")]
from conftest import TESTS, need  # noqa: E402
from test_host import LIST  # noqa: E402

COMPUTER = HERE.parent / "system-run" / "computer"
CACHE = os.environ.get("APUS_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "apus")
QEMU = pathlib.Path(CACHE) / "linux/qemu"
# Users that the package libvirt-daemon-system would create.
USERS = """
    grep -q ^libvirt-qemu: /etc/passwd || echo libvirt-qemu:x:64055:64055::/var/lib/libvirt:/bin/false >> /etc/passwd
    grep -q ^libvirt-qemu: /etc/group || echo libvirt-qemu:x:64055: >> /etc/group
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a computer of its own")
@pytest.mark.parametrize("way", ["fuse", "notify"])
def test_a_domain_in_a_namespace_of_its_own(way, tmp_path):
    need("libvirtd", "libvirt-daemon")
    need("virsh", "libvirt-clients")
    if not (QEMU / "usr/bin/qemu-system-s390x").exists():
        pytest.skip("needs QEMU (apus linux fetch)")
    tmp_path.chmod(0o755)
    result = subprocess.run([COMPUTER, "bash", "-c", f"""{USERS}
        /usr/bin/python3 -S -c "$3" /dev /run /etc > {tmp_path}/before
        "$0" run --ioctl={way} -- "$1" "$2"
        /usr/bin/python3 -S -c "$3" /dev /run /etc | diff {tmp_path}/before - && echo unchanged""",
        os.environ["APUS_BIN"], TESTS / "libvirt/domain.sh", QEMU, LIST], text=True, capture_output=True, check=False,
        timeout=300, env={**os.environ, "LC_ALL": "C", "APUS_RUNTIME_DIR": str(tmp_path / "runtime")})
    assert result.stdout.splitlines() == [
        "paused", "a namespace of its own", "error: Failed to start domain 'bad'", "unchanged"], result.stdout + result.stderr
