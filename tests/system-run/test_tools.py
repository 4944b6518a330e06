# SPDX-License-Identifier: MIT
"""s390-tools on any architecture: what `apus run` and `apus exec` offer where the system has none."""

import os
import pathlib
import shutil

import pytest

NAMES = ("lszcrypt", "chzcrypt", "zcryptctl", "lszdev", "chzdev")
OWN = [name for name in NAMES if shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")]


@pytest.fixture(autouse=True)
def not_here():
    if OWN:
        pytest.skip(f"this system has {OWN[0]} itself")


@pytest.fixture
def root():
    """The programs for s390x, as they are in the cache of `apus linux fetch`."""
    if not shutil.which("qemu-s390x-static"):
        pytest.skip("no qemu-s390x-static on this machine: make clients")
    for suite in ("trixie", "forky"):
        root = pathlib.Path(os.environ["APUS_CLIENTS"]) / suite / "root"
        if (root / "usr/sbin/chzdev").exists():
            return root
    pytest.skip("no s390-tools of trixie or forky: make clients")


@pytest.fixture
def cache(root, tmp_path):
    cache = tmp_path / "cache"
    (cache / "linux").mkdir(parents=True)
    (cache / "linux/tools").symlink_to(root)
    return {"APUS_CACHE": str(cache)}


EACH = """set -e
lszcrypt -V | head -n 3; chzcrypt -d 4; cat /sys/bus/ap/devices/card04/online; chzcrypt -e 4
chzdev -a -t ap apmask=-5 > /dev/null; cat /sys/bus/ap/apmask; lszdev -t ap | grep Active; zcryptctl list"""


@pytest.mark.parametrize("how", [[], ["--no-mount"]], ids=["", "no-mount"])
def test_each_of_them(runs, cache, how):
    done = runs.bash(EACH, options=how, env=cache)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done
    assert lines[0].split()[:5] == ["CARD.DOM", "TYPE", "MODE", "STATUS", "REQUESTS"] and "FUNCTIONS" in lines[0]
    assert lines[2].startswith("04 ") and lines[2].split()[-1] == "cex4card"
    assert lines[3] == "0" and lines[4].startswith("0xfb") and lines[5].split() == ["Active", ":", "yes"]
    assert lines[6] == "No additional zcrypt device nodes defined"


def test_the_first_use_says_what_it_is(runs, cache, tmp_path):
    first, second = (runs.run("lszcrypt", env=cache) for _ in range(2))
    assert first.returncode == second.returncode == 0 and first.stdout == second.stdout
    assert first.stderr.count("\n") == 1 and str(tmp_path / "cache/linux/tools") in first.stderr and "--no-tools" in first.stderr
    assert second.stderr == ""


def test_where_nothing_is_fetched_it_says_what_to_do(runs, tmp_path):
    done = runs.run("lszcrypt", env={"APUS_CACHE": str(tmp_path)})
    assert done.returncode == 127 and done.stdout == "" and not list(tmp_path.iterdir())
    assert done.stderr == "lszcrypt: this system has no lszcrypt; 'apus linux fetch --tools' gets the one for s390x\n"


def test_builds_of_ones_own(runs, root, tmp_path):
    done = runs.run("lszcrypt", "4", env={"APUS_TOOLS": str(root), "APUS_CACHE": str(tmp_path)})
    assert done.returncode == 0 and done.stderr == "" and not list(tmp_path.iterdir())
    done = runs.run("lszcrypt", env={"APUS_TOOLS": str(tmp_path)})
    assert done.returncode == 127 and f"nor has APUS_TOOLS, {tmp_path}\n" in done.stderr


def test_not_with_no_tools(runs, cache):
    for name in NAMES:
        done = runs.run(name, options=["--no-tools"], env=cache)
        assert (done.returncode, done.stderr) == (127, f"apus: there is no program '{name}' in the PATH\n")


def test_a_program_of_the_system_goes_first(runs, cache, tmp_path):
    program = tmp_path / "lszcrypt"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    assert runs.run("lszcrypt", env={**cache, "PATH": f"{tmp_path}:{os.environ['PATH']}"}).stdout == "mine\n"


def test_an_unprivileged_user(user_runs, root):
    done = user_runs.user("env", f"APUS_TOOLS={root}", "lszcrypt", "4.4")
    if "Permission denied" in done.stderr or "nor has APUS_TOOLS" in done.stderr:
        pytest.skip(f"{root} is not readable for others")
    assert done.returncode == 0 and "04.0004" in done.stdout, done


def test_in_a_machine_that_runs_and_in_a_guest(runs, cache):
    assert runs.apus("up", "lab", env=cache).returncode == 0
    try:
        assert "04.0004" in runs.apus("exec", "lab", "--", "lszcrypt", env=cache).stdout
        assert runs.apus("exec", "--no-tools", "lab", "--", "lszcrypt", env=cache).returncode == 127
        assert runs.apus("guest", "start", "Guest1", "-n", "lab").returncode == 0
        done = runs.apus("guest", "exec", "-n", "lab", "Guest1", "lszcrypt", env=cache)
        assert "04.0004" not in done.stdout and "no program" not in done.stderr
    finally:
        runs.apus("down", "lab")
