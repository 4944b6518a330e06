# SPDX-License-Identifier: MIT
"""Real guests by QEMU's own command line: the tests in inside/ run in `apus run`, as root and as an ordinary user."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from conftest import BUILD, HERE

sys.path.append(str(HERE.parent))
from reachable import AS_OTHER, closed  # noqa: E402

APUS = BUILD / "src" / "cli" / "apus"


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def public(cache, apclient):
    """What has been fetched, where everybody may read it: {"cache", "kernel", "image", "client": path}."""
    ask = lambda words: subprocess.check_output(["bash", "-c", f". {BUILD}/linux/common.sh; {words}"], text=True).strip()
    image = subprocess.check_output([BUILD / "linux" / "build-image", "--kernel", cache], text=True).strip()
    with tempfile.TemporaryDirectory(prefix="apus-public-", dir="/tmp") as directory:
        place = pathlib.Path(directory)
        place.chmod(0o755)
        (place / "linux").mkdir()
        shutil.copytree(ask("cache_dir") + "/qemu", place / "linux" / "qemu", symlinks=True, copy_function=link_or_copy)
        for name, file in (("kernel", ask(f"kernel_file {cache}")), ("image", image), ("client", apclient)):
            shutil.copy(file, place / name)
            (place / name).chmod(0o755)
        yield place


@pytest.mark.parametrize("who", ["root", "user"])
def test_inside(public, who):
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
    done = subprocess.run([*start, APUS, "run", "--", "/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                           *os.environ.get("APUS_INSIDE", "").split(), HERE / "inside"],
                          env=env, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    print(done.stdout)
    assert done.returncode == 0
