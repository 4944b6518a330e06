# SPDX-License-Identifier: MIT
"""apus plan: the steps are done by the daemon and by the script, and lead back again."""

import json
import os
import subprocess

import pytest

from harness import Daemon

UUIDS = [f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in range(3)]
HEAD = "[machine]\ndomains = 4,0x47\n[adapter 5-7]\ntype = CEX7C\n[bus]\n"
# 05 is zcrypt's, then the guest's; the guest's 06 goes to the second device; the third one stays.
NOW = HEAD + f"""apmask = +5
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 6
domains = 4,0x47
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
[guest Guest1]
mdev = {UUIDS[0]}
[guest Guest3]
mdev = {UUIDS[2]}
"""
WANTED = HEAD + f"""apmask = 0x0
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 5
domains = 4,0x47
[mdev {UUIDS[1]}]
adapters = 6
domains = 4,0x47
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
[guest Guest1]
mdev = {UUIDS[0]}
[guest Guest2]
mdev = {UUIDS[1]}
[guest Guest3]
mdev = {UUIDS[2]}
"""


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    daemon = Daemon(tmp_path / "daemon", machine=NOW)
    yield daemon
    daemon.stop()


@pytest.fixture(name="wanted")
def fixture_wanted(tmp_path):
    file = tmp_path / "wanted.ini"
    file.write_text(WANTED)
    return file


def steps(host, file):
    done = host.cli("plan", file, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)["steps"]


def test_text_says_who_loses(host, wanted):
    done = host.cli("plan", wanted)
    assert done.returncode == 0, done
    assert "Guest1 loses 06.0004, 06.0047; Guest1 gets 05.0004, 05.0047" in done.stdout
    assert "zcrypt loses 05.0004" in done.stdout
    assert "Guest3" not in done.stdout, "it is not concerned"
    assert host.value("bus/ap/apmask").startswith("0x04"), "nothing is changed"


def test_apply_and_back(host, wanted, tmp_path):
    before = tmp_path / "before.ini"
    before.write_text(host.cli("export").stdout)
    done = host.cli("plan", wanted, "--apply")
    assert done.returncode == 0, done
    assert steps(host, wanted) == []
    assert host.value("bus/ap/apmask") == "0x" + "0" * 64
    done = host.cli("plan", before, "--apply")
    assert done.returncode == 0, done
    assert steps(host, before) == []


def run_script(text, host, tmp_path, name):
    script = tmp_path / name
    script.write_text(text)
    environment = dict(os.environ, SYS=str(host.root), YES="1")
    return subprocess.run(["bash", script], env=environment, capture_output=True, text=True, timeout=60, check=False)


def without_guests(host, tmp_path):
    """The wanted state with the guests of now, which no script on /sys starts."""
    file = tmp_path / "w.ini"
    file.write_text(WANTED.replace(f"[guest Guest2]\nmdev = {UUIDS[1]}\n", ""))
    return file


def test_the_script_does_it_and_its_undo_leads_back(host, tmp_path):
    file = without_guests(host, tmp_path)
    script = host.cli("plan", file, "--format", "sh").stdout
    undo = host.cli("plan", file, "--format", "sh", "--undo").stdout
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 0, done
    assert steps(host, file) == []
    done = run_script(undo, host, tmp_path, "undo.sh")
    assert done.returncode == 0, done
    assert host.value("bus/ap/apmask").startswith("0x04")
    assert "All " in (tmp_path / "undo.sh.log").read_text()


def test_the_script_stops_at_a_surprise(host, tmp_path):
    script = host.cli("plan", without_guests(host, tmp_path), "--format", "sh").stdout
    host.w("bus/ap/aqmask", "-0xff")
    before = host.cli("export").stdout
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 1
    assert "STOP at step 0: bus/ap/aqmask is" in done.stdout
    assert host.cli("export").stdout == before


def test_an_exported_script_makes_the_same_machine(host, tmp_path):
    """But for the guests, which no script on /sys starts."""
    script = host.cli("export", "--format", "sh").stdout
    other = Daemon(tmp_path / "other", machine=HEAD.replace("[bus]\n", ""))
    try:
        done = run_script(script, other, tmp_path, "all.sh")
        assert done.returncode == 0, done
        assert other.cli("export").stdout == host.cli("export").stdout.partition("\n[guest ")[0]
        assert run_script(script, other, tmp_path, "again.sh").returncode == 1
    finally:
        other.stop()


def test_refusal_names_the_demands(tmp_path):
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    base = ("[machine]\nabi=upstream\ndomains=4,5\n[adapter 5]\ntype=CEX7C\n[mdev " + UUIDS[0] +
            "]\nadapters=5\ndomains=4\n[guest Guest1]\nmdev=" + UUIDS[0] + "\n[bus]\naqmask=+5\n")
    now.write_text(base + "apmask=0x0\n")
    wanted.write_text(base + "apmask=+5\n")
    done = subprocess.run([os.environ["APUS_BIN"], "plan", wanted, "--from", now], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "apus: there is no plan: two demands exclude each other: guest Guest1 keeps its queues all the time, and apmask "
        "gets 0x05, which Linux refuses while a device has an APQN of that adapter; the nearest state that can be had "
        "leaves that bit of apmask clear\n")


def test_what_a_plan_does_not_do_is_named(host, tmp_path):
    """Faults, and settings of the bus, differ and stay as they are."""
    file = tmp_path / "other.ini"
    file.write_text(NOW.replace("apmask = +5\n", "apmask = +5\nconfig-time = 60\n") + "[fault 1]\nrule = 05.* 3 busy\n")
    result = host.cli("plan", file)
    assert result.returncode == 0
    assert result.stdout.endswith("no part of a plan, and left as they are: [bus], [fault 1]\n")
    assert "no part of a plan" not in host.cli("plan", "--from", file, file).stdout
