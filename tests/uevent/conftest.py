# SPDX-License-Identifier: MIT
"""Programs inside `apus run --uevents`, as root and as an unprivileged user."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from reachable import AS_OTHER, OTHER, open_up  # noqa: E402

TESTS = open_up("uevent", "libvirt")


def pytest_configure(config):
    # Ordinary systems let unprivileged users use FUSE; a minimal one may lack udev's rule for that.
    if os.geteuid() == 0 and os.path.exists("/dev/fuse"):
        if stat.S_IMODE(os.stat("/dev/fuse").st_mode) != 0o666:
            os.chmod("/dev/fuse", 0o666)


def need(program, package):
    if not shutil.which(program):
        pytest.skip(f"{program} is not there (apt-get install {package})")


class Inside:
    """Runs scripts of the folder inside/ in a machine with uevents."""

    def __init__(self, base, prefix):
        self.base = base
        self.prefix = prefix

    def command(self, *line, **settings):
        names = {key: value for key, value in os.environ.items() if not key.startswith("APUS_")}
        names |= {"APUS_RUNTIME_DIR": self.base, "WORK": self.base, "LC_ALL": "C", "HOME": self.base}
        return subprocess.run([*self.prefix, *map(str, line)], env=names, text=True, timeout=240,
                              check=False, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                              **settings)

    def run(self, script, *arguments, options=()):
        """script: in the folder inside/, or with its folder in tests/."""
        done = self.command(os.environ["APUS_BIN"], "run", "--uevents", *options, "--",
                            TESTS / (script if "/" in script else f"uevent/inside/{script}"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(params=["root", "user"])
def inside(request):
    """Runs as both users; as root only if the tests run as root."""
    prefix, owner = [], os.geteuid()
    if request.param == "root" and owner != 0:
        pytest.skip("only root can be root")
    if request.param == "user" and owner == 0:
        prefix, owner = AS_OTHER, OTHER
    base = tempfile.mkdtemp(prefix="apus-uevent-", dir="/tmp")
    os.chown(base, owner, owner)
    yield Inside(base, prefix)
    shutil.rmtree(base)


def golden(name, got):
    """Compares with a file in golden/; APUS_GOLDEN=write replaces it."""
    path = HERE / "golden" / name
    if os.environ.get("APUS_GOLDEN") == "write":
        path.write_text(got)
    assert got == path.read_text()
