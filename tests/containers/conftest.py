# SPDX-License-Identifier: MIT
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from engine import find
from place import PREFIX, Place


@pytest.fixture(scope="session")
def session_engine():
    build = os.environ["APUS_BUILD"]
    engine = find([build, str(pathlib.Path(__file__).parent)])
    yield engine
    engine.close()


@pytest.fixture
def engine(session_engine):
    """Nothing may be left of what a test has started."""
    mounts = pathlib.Path("/proc/self/mountinfo")
    yield session_engine
    left = session_engine.containers()
    assert left == []
    assert not [line for line in mounts.read_text().splitlines() if " - fuse.apus " in line and f"/{PREFIX}" in line]


@pytest.fixture
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    path.chmod(0o755)
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "--make-shared", path], check=True)
    here = Place(path)
    yield here
    if here.daemon:
        here.end()
    # A container that is killed as a whole leaves what it has mounted outside.
    subprocess.run(["umount", "-l", here.tree], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["umount", path], check=True)
    shutil.rmtree(path)
