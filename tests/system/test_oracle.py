# SPDX-License-Identifier: MIT
"""The upstream profile answers as the recorded real driver did, at every step."""

import pytest

from oracle import Replay, machine_of, recordings, steps


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.name.split(".")[0])
def test_recorded_run(apus, path):
    recorded = steps(path)
    host = apus(machine_of(recorded[0]["machine"]), abi="upstream")
    differences = Replay(host, recorded).run()
    assert not differences, "\n".join(differences)
