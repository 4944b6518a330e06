# SPDX-License-Identifier: MIT
import os
import pathlib

import pytest

from engine import find


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
    assert not [line for line in mounts.read_text().splitlines() if " - fuse.apus " in line and "/apus-containers-" in line]
