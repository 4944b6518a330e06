# SPDX-License-Identifier: MIT
import signal

import pytest

from harness import Daemon


def pytest_configure(config):
    # Whoever runs the tests may ignore them, as nohup(1) does; programs would inherit that.
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    config.addinivalue_line("markers", "guest: needs guests (guest-start and what follows)")


@pytest.fixture
def apus(tmp_path):
    """apus(machine, abi=…) starts a daemon. Each is stopped after the test and must end cleanly."""
    daemons = []

    def start(machine=None, abi=None, arguments=()):
        folder = tmp_path / f"daemon{len(daemons)}"
        folder.mkdir()
        daemons.append(Daemon(folder, machine, abi, arguments))
        return daemons[-1]

    yield start
    failures = []
    for daemon in daemons:
        try:
            daemon.stop()
        except (AssertionError, RuntimeError) as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
