# SPDX-License-Identifier: MIT
"""A daemon here, a program in a container: the tree as /sys, requests, and what a daemon's restart means to a container."""

import os
import signal

import pytest

from engine import docker, wait_for

APUS = os.environ["APUS_BIN"]
CLIENT = os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client")
REQUESTS = (CLIENT, "latency", "/dev/z90crypt", "3")
SHARED = ("--device", "/dev/fuse", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to share mounts with containers")


@pytest.mark.parametrize("options", [(), ("-u", "1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")])
def test_the_tree_of_a_daemon_outside(engine, place, options):
    """No privilege is needed inside, and a write has the driver's errno."""
    place.start()
    script = f"cat /sys/bus/ap/ap_domain && {' '.join(REQUESTS)} > /dev/null && echo computed"
    result = engine.run([*options, *place.inside()], "sh", "-c", script)
    assert (result.returncode, result.stdout.split()) == (0, ["4", "computed"]), result.stderr
    writable = [word.replace("/sys:ro", "/sys") for word in place.inside()]
    result = engine.run(writable, "bash", "-c", "echo 256 > /sys/bus/ap/ap_domain")
    assert "Invalid argument" in result.stderr


def test_a_container_has_the_tree_again_after_a_restart(engine, place):
    """Its parent is bound, with slave propagation; the mount itself, bound, would be dead for ever."""
    place.start()
    container = engine.start(["-v", f"{place.path}:{place.path}:rslave"], "sleep", "600")
    try:
        for number in (signal.SIGKILL, signal.SIGTERM):
            assert docker("exec", container, "cat", place.tree / "bus/ap/ap_domain").stdout == "4\n"
            place.end(number)
            place.start()
        assert docker("exec", container, "cat", place.tree / "bus/ap/ap_domain").stdout == "4\n"
    finally:
        docker("rm", "-f", container)


@pytest.mark.parametrize("options, answer", [
    ((), "EOPNOTSUPP"),
    (("--pid=container:daemon",), "computed"),
])
def test_the_tree_of_a_daemon_in_a_container(engine, place, options, answer):
    """The tree serves all; requests need the daemon's PID namespace, since it must find its callers."""
    run = [APUS, "daemon", "--mount", place.tree, "--socket", "/tmp/socket"]
    container = engine.start([*SHARED, "-v", f"{place.path}:{place.path}:rshared"], *run)
    try:
        wait_for(lambda: (place.tree / "bus/ap").exists())
        there = [word.replace("daemon", container) for word in options]
        result = engine.run([*there, *place.inside()], "sh", "-c",
                            f"cat /sys/bus/ap/ap_domain; {' '.join(REQUESTS)} > /dev/null && echo computed")
        assert result.stdout.split()[0] == "4"
        assert answer in (result.stdout + result.stderr).replace("Operation not supported", "EOPNOTSUPP")
        if answer != "computed":
            log = docker("exec", container, APUS, "log", "--socket", "/tmp/socket").stdout
            assert "PID namespace" in log and "--pid=container:" in log
        assert docker("stop", container).returncode == 0
        wait_for(lambda: not os.path.ismount(place.tree))
    finally:
        docker("rm", "-f", container)
