# SPDX-License-Identifier: MIT
"""The upstream profile answers as the recorded real driver did, at every step."""

import os

import pytest

from oracle import Replay, machine_of, recordings, steps

# Until guests exist, APUS_ORACLE_GUESTS=0 leaves attach and detach out and reads "in use" as "assigned".
GUESTS = os.environ.get("APUS_ORACLE_GUESTS", "1") != "0"


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.name.split(".")[0])
def test_recorded_run(apus, path):
    recorded = steps(path)
    host = apus(machine_of(recorded[0]["machine"]), abi="upstream")
    differences = Replay(host, recorded, guests=GUESTS).run()
    assert not differences, "\n".join(differences)
