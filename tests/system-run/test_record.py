# SPDX-License-Identifier: MIT
"""apus run --record writes a recording, apus replay plays it."""

import json
import os
import stat

import pytest

from runs import binary

UUID = "69aa1a8a-0000-4000-8000-000000000001"
MATRIX = "/sys/devices/vfio_ap/matrix"
SCRIPT = f"""set -e
apus=$1
echo -5 > /sys/bus/ap/apmask
echo {UUID} > {MATRIX}/mdev_supported_types/vfio_ap-passthrough/create
echo 5 > {MATRIX}/{UUID}/assign_adapter
echo 4 > {MATRIX}/{UUID}/assign_domain
if echo 5x > {MATRIX}/{UUID}/assign_domain; then exit 1; fi
$apus guest start Guest1 {UUID}
test "$($apus guest exec Guest1 -- cat /sys/bus/ap/bindings)" = "1/1 (complete)"
$apus se adapter 5 off
$apus sclp configure 5
$apus guest exec Guest1 -- sh -c 'echo -5 > /sys/bus/ap/apmask'
$apus guest stop Guest1
echo 1 > {MATRIX}/{UUID}/remove
"""


@pytest.fixture
def recording(runs, tmp_path):
    path = tmp_path / "recording"
    result = runs.run("bash", "-c", SCRIPT, "bash", binary(), options=["--record", path])
    assert result.returncode == 0, result.stderr
    return path


def test_the_same_comes_out(runs, recording):
    result = runs.apus("replay", recording)
    assert (result.returncode, result.stderr) == (0, "")
    assert "all outcomes are the same" in result.stdout


def test_only_the_owner_may_read_it(recording):
    assert stat.S_IMODE(os.stat(recording).st_mode) == 0o600


def test_what_it_holds(recording):
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert lines[0]["apus-recording"] == 1 and "[adapter" in lines[0]["machine"]
    stores = [(line["tree"], line["path"], line["data"]) for line in lines if line.get("command") == "store"]
    assert (0, "bus/ap/apmask", "-5\n") in stores
    assert (1, "bus/ap/apmask", "-5\n") in stores
    assert {line["guest"] for line in lines if line.get("command") == "guest-look"} == {0}
    results = [line["result"] for line in lines if "result" in line]
    assert len(results) == len([line for line in lines if "command" in line or "start" in line])
    assert "start" in lines[1] and any("INITSCAN=done" in effect.get("env", ()) for effect in lines[2]["effects"])
    assert -22 in results
    assert any("ACTION=bind" in effect["env"] for line in lines for effect in line.get("effects", ())
               if effect["effect"] == "uevent")


def test_in_words(runs, recording):
    shown = runs.apus("replay", "--print", recording).stdout
    for words in ("> /sys/bus/ap/apmask", "guest-start Guest1", "se-adapter 0x05 off", "Invalid argument",
                  "log warning: ", "uevent "):
        assert words in shown


def test_a_difference(runs, recording):
    lines = recording.read_text().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if '"result":-22' in line)
    lines[number] = lines[number].replace('"result":-22', '"result":-17')
    recording.write_text("".join(lines))
    result = runs.apus("replay", recording)
    assert result.returncode == 1
    assert f"{recording}:{number + 1}: the outcome differs" in result.stderr
    _, recorded, now = result.stderr.splitlines()
    assert '"result":-17' in recorded and '"result":-22' in now and recorded.index('"result"') == now.index('"result"')


def test_what_is_no_recording(runs, tmp_path):
    other = tmp_path / "other"
    other.write_text("{}\n")
    for path, words in ((other, f"{other}:1: "), (tmp_path / "none", "No such file"),
                        (tmp_path, "not a regular file"), ("/dev/zero", "not a regular file")):
        result = runs.apus("replay", path)
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert words in result.stderr
    assert runs.apus("replay").returncode == 2


def test_where_nothing_can_be_written(runs):
    result = runs.run("true", options=["--record", "/no/such/place"])
    assert result.returncode != 0
    assert "cannot write to /no/such/place" in result.stderr


def test_a_recording_is_not_lost(runs, recording):
    """A recording is not overwritten without --force or --append."""
    before = recording.read_bytes()
    refused = runs.run("true", options=["--record", recording])
    assert refused.returncode == 125 and refused.stderr.count("\n") == 1, refused
    assert "--append" in refused.stderr and "--force" in refused.stderr
    assert recording.read_bytes() == before
    assert runs.run("true", options=["--record", recording, "--append"]).returncode == 0
    assert recording.read_bytes().startswith(before) and recording.stat().st_size > len(before)
    assert runs.apus("replay", recording).returncode == 0
    recording.chmod(0o644)
    assert runs.run("true", options=["--record", recording, "--force"]).returncode == 0
    assert recording.stat().st_size < len(before) and stat.S_IMODE(recording.stat().st_mode) == 0o600
    for wrong in (["--append"], ["--record", recording, "--append", "--force"]):
        assert runs.run("true", options=wrong).returncode == 2


def test_a_recording_whose_daemon_was_killed(runs, recording):
    os.truncate(recording, recording.stat().st_size - 10)
    result = runs.apus("replay", recording)
    assert result.returncode == 0 and "warning" in result.stderr and "cut off" in result.stderr
    assert "all outcomes are the same" in result.stdout
