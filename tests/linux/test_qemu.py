# SPDX-License-Identifier: MIT
"""Real guests with QEMU's own command line: the tests in inside/ run in `apus run`, as root and as an ordinary user."""

import os
import subprocess
import sys

import pytest

from conftest import BUILD, HERE

sys.path.append(str(HERE.parent))
from reachable import AS_OTHER, closed  # noqa: E402

APUS = BUILD / "src" / "cli" / "apus"


@pytest.mark.parametrize("who, profile, file", [
    ("root", "proposal", "test_seed.py"), ("user", "proposal", "test_seed.py"), ("user", "upstream", "test_iommufd.py")])
def test_inside(public, who, profile, file):
    start = []
    if who == "user":
        if os.geteuid() != 0:
            pytest.skip("only root can become another user")
        if closed(APUS) or closed(HERE):
            pytest.skip("another user cannot read the checkout")
        start = AS_OTHER
    env = {key: value for key, value in os.environ.items() if not key.startswith("APUS_")}
    env.update(APUS_BUILD=str(BUILD), APUS_CACHE=str(public), APUS_TEST_KERNEL=str(public / "kernel"),
               APUS_TEST_IMAGE=str(public / "image"), APUS_TEST_CLIENT=str(public / "client"), PYTHONDONTWRITEBYTECODE="1",
               HOME="/tmp")
    done = subprocess.run([*start, APUS, "run", "--abi", profile, "--", "/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                           *os.environ.get("APUS_INSIDE", "").split(), HERE / "inside" / file],
                          env=env, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    print(done.stdout)
    assert done.returncode == 0
