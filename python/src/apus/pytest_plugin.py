# SPDX-License-Identifier: MIT
"""The fixture ap_machine for pytest: a machine for one test.

    @pytest.mark.ap_machine({"domains": [4], "adapters": {5: "CEX7C"}}, abi="upstream")
    def test_it(ap_machine): ...

The mark's arguments are those of apus.Machine. If the test fails, its report has the machine's log.
"""

from __future__ import annotations

from typing import Any, Generator, Iterator

import pytest

from .connection import ConnectionLost
from .machine import Machine


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ap_machine(source, **options): which machine the fixture ap_machine is, as apus.Machine")


@pytest.fixture
def ap_machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    mark = request.node.get_closest_marker("ap_machine")
    with Machine(*(mark.args if mark else ()), **(mark.kwargs if mark else {})) as machine:
        yield machine


def log_lines(machine: Machine) -> str:
    try:
        return "\n".join(f"[{message['time']:.6f}] {message['level']}: {message['message']}" for message in machine.log())
    except (ConnectionLost, OSError):
        return "the machine has ended"


def add_log(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    machine = getattr(item, "funcargs", {}).get("ap_machine")
    if report.when == "call" and report.failed and machine:
        report.sections.append(("log of the machine", log_lines(machine)))


# No decorator: to mypy a function is untyped that has one without types, as older versions of pytest have it.
pytest_runtest_makereport = pytest.hookimpl(hookwrapper=True)(add_log)
