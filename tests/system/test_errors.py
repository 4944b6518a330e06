# SPDX-License-Identifier: MIT
"""What a command with --json says of its failure: a line with class, errno and sentence, whatever has failed."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from harness import apus_binary, uuid, wait_connected, worked_example

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from reachable import AS_OTHER, closed  # pylint: disable=wrong-import-position

needs_another = pytest.mark.skipif(os.geteuid() != 0 or closed(apus_binary()),
                                   reason="another user is needed who can execute apus")


def start(*words, prefix=(), stdout=subprocess.PIPE, **environment):
    base = {name: value for name, value in os.environ.items() if name not in ("APUS_SOCKET", "APUS_RUNTIME_DIR")}
    return subprocess.run([*prefix, apus_binary(), *map(str, words), "--json"], env=base | environment, stdout=stdout,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)


def error_of(done):
    """The one error among the lines of standard error, all of which are JSON."""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    errors = [line["error"] for line in lines if "error" in line]
    assert len(errors) == 1 and all(set(line) <= {"note", "error", "id"} for line in lines), done.stderr
    assert errors[0]["desc"] and not errors[0]["desc"].startswith("apus"), errors
    return errors[0]


def fails(*words, status=1, kind="Failed", **settings):
    """The name of the errno."""
    done = start(*words, **settings)
    error = error_of(done)
    assert (done.returncode, error["class"]) == (status, kind), (words, error)
    assert not done.stdout, words
    return error["errno"]


# Every command that reads a file, with the file as its last word.
READERS = ["plan", "map --diff", "explain 05.0004 --from", "export --from", "import", "fault scenario", "replay", "call plan machine=@"]


def reader(words, path):
    return [*words.split()[:-1], words.split()[-1] + str(path)] if words.endswith("@") else [*words.split(), path]


@pytest.fixture
def host(apus):
    return apus(worked_example())


def at(host):
    return {"APUS_SOCKET": str(host.socket)}


@pytest.mark.parametrize("words", READERS)
def test_files_that_cannot_be_read(host, tmp_path, words):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "nonsense").write_text("\0nonsense\n")
    os.symlink("loop", tmp_path / "loop")

    def got(name):
        return fails(*reader(words, tmp_path / name), **at(host))

    assert got("nothing") == "ENOENT"
    assert got("file/nothing") == "ENOTDIR"
    assert got("loop") == "ELOOP"
    assert got("n" * 300) == "ENAMETOOLONG"
    if words != "import":  # a directory may be a copy of /sys
        assert got("directory") == "EISDIR"
    else:
        assert got("directory") == "ENOENT"
    if not words.startswith("call"):  # the daemon reads it
        assert got("nonsense") == "EINVAL"


@needs_another
@pytest.mark.parametrize("words", ["import", "replay", "export --from"])
def test_files_of_somebody_else(tmp_path, words):
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        os.chmod(folder, 0o755)
    (tmp_path / "file").write_text("")
    os.chmod(tmp_path / "file", 0o600)
    assert fails(*reader(words, tmp_path / "file"), prefix=AS_OTHER) == "EACCES"


WRITERS = ["export -o", "export --format sh -o", "import FILE -o"]


@pytest.mark.parametrize("words", WRITERS)
def test_files_that_cannot_be_written(host, tmp_path, words):
    machine = tmp_path / "sys.ini"
    machine.write_text(host.execute("export")["machine"])
    source = tmp_path / "lszcrypt"
    source.write_text("CARD.DOM TYPE  MODE        STATUS  REQUESTS\n----\n05       CEX5C CCA-Coproc  online         1\n")
    words = words.replace("FILE", str(source if words.startswith("import") else machine))

    def got(path):
        done = start(*words.split(), path, **at(host))
        assert done.returncode == 1
        return error_of(done)["errno"]

    assert got("/dev/full") == "ENOSPC"
    assert got(tmp_path) == "EISDIR"
    assert got(tmp_path / "nothing/file") == "ENOENT"


def test_devices_that_cannot_be_written(host, tmp_path):
    host.mdev(1)
    assert fails("export", "--format", "mdevctl", "-o", tmp_path / "nothing/directory", **at(host)) == "ENOENT"
    assert fails("export", "--format", "mdevctl", uuid(7), **at(host)) == "ENOENT"
    assert fails("export", "--format", "libvirt", "-o", "/dev/full", **at(host)) == "ENOTDIR"


@pytest.mark.parametrize("words", ["status", "map", "log", "events", "guest list", "se show", "sclp deconfigure 6", "fault list", "export",
                                   "explain 05.0004", "call", "call export", "plan FILE", "top --once"])
def test_a_full_disk_at_standard_output(apus, tmp_path, words):
    """Also when what does not fit is written before the end."""
    for machine in (worked_example(), {"adapters": {a: "CEX7C" for a in range(64)}, "domains": list(range(64))}):
        host = apus(machine)
        (tmp_path / "machine").write_text(host.execute("export")["machine"])
        host.execute("fault-add", rule="05.* 3 busy")
        assert host.w("bus/ap/aqmask", "nonsense") == "EINVAL"
        with open("/dev/full", "wb") as full:
            done = start(*words.replace("FILE", str(tmp_path / "machine")).split(), stdout=full, **at(host))
        assert (done.returncode, error_of(done)["errno"]) == (1, "ENOSPC"), words


def test_no_machine(tmp_path):
    def got(path, **settings):
        return fails("status", status=3, kind="NoMachine", APUS_SOCKET=str(path), **settings)

    (tmp_path / "file").write_text("")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    assert got(tmp_path / "nothing") == "ENOENT"
    assert got(tmp_path / "file/nothing") == "ENOTDIR"
    assert got(tmp_path / "file") == "ECONNREFUSED"
    assert got(tmp_path / "left") == "ECONNREFUSED"
    assert got("/tmp/" + "a" * 200) == "ENAMETOOLONG"
    assert fails("status", "-n", "nothing", status=3, kind="NoMachine", APUS_RUNTIME_DIR=str(tmp_path)) == "ENOENT"
    assert fails("status", status=3, kind="NoMachine", APUS_RUNTIME_DIR=str(tmp_path)) == "ENOENT"
    assert fails("status", status=3, kind="NoMachine", APUS_RUNTIME_DIR="/tmp/" + "a" * 200) == "ENAMETOOLONG"


@needs_another
def test_the_machine_of_somebody_else(host):
    for folder in (host.socket.parent, *host.socket.parent.parents[:-2]):
        os.chmod(folder, 0o755)
    os.chmod(host.socket, 0o600)
    assert fails("status", status=3, kind="NoMachine", prefix=AS_OTHER, **at(host)) == "EACCES"


def test_what_is_not_there(host, tmp_path):
    scenario = tmp_path / "scenario"
    scenario.write_text("[scenario one]\nfault = 05.* 3 busy\n[scenario two]\nfault = 05.* 3 busy\n")
    wanted = tmp_path / "wanted"
    wanted.write_text(host.execute("export")["machine"].replace("adapter 4", "adapter 7"))

    def got(*words):
        return fails(*words, **at(host))

    assert got("explain", "Nobody") == "ENOENT"
    assert got("explain", "--last") == "ENOENT"
    assert got("explain", "999") == "ENOENT"
    assert got("map", "--guest", "Nobody") == "ENOENT"
    assert got("fault", "scenario", scenario, "three") == "ENOENT"
    assert got("fault", "scenario", scenario) == "EINVAL"
    done = start("sclp", "configure", "9", **at(host))
    assert (done.returncode, error_of(done)["errno"]) == (1, "EIO")
    done = start("plan", wanted, **at(host))
    assert (done.returncode, error_of(done)["errno"]) == (1, "EINVAL") and json.loads(done.stdout)["refused"]


def test_what_the_daemon_refuses_has_the_number_of_the_message(host):
    error = error_of(start("call", "write", "path=bus/ap/aqmask", "value=+999", **at(host)))
    assert (error["class"], error["errno"]) == ("Refused", "EINVAL")
    host.w("bus/ap/apmask", "-5")
    host.mdev(1).assign([5], [4])
    error = error_of(start("call", "write", "path=bus/ap/apmask", "value=+5", **at(host)))
    assert (error["class"], error["errno"]) == ("Refused", "EADDRINUSE")
    explained = json.loads(start("explain", error["message"], **at(host)).stdout)
    assert explained == host.execute("explain", refusal=error["message"]) and explained["alternatives"]


@pytest.mark.parametrize("words", ["status --nonsense", "plan --format nonsense", "se adapter 300 off", "replay", "export x y",
                                   "replay --print x"])
def test_wrong_usage(words):
    """Also of an option that stands before --json."""
    assert fails(*words.split(), status=2, kind="Usage") == "EINVAL"


def test_a_machine_that_ends_and_a_time_that_is_over(host):
    assert fails("wait", "event", "never", "--timeout", "0.1", status=5, kind="TimedOut", **at(host)) == "ETIMEDOUT"
    with subprocess.Popen([apus_binary(), "wait", "event", "never", "--json"], env=dict(os.environ, **at(host)), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waits:
        wait_connected(waits)
        host.execute("quit")
        assert waits.wait(60) == 4
        error = json.loads(waits.stderr.read())["error"]
    assert (error["class"], error["errno"]) in {("ConnectionLost", "EPIPE"), ("ConnectionLost", "ECONNRESET")}


def test_explain_and_export_print_json(host, tmp_path):
    host.w("bus/ap/apmask", "-5")
    host.mdev(1).assign([5], [4])
    for what in ("05.0004", uuid(1)):
        assert json.loads(start("explain", what, **at(host)).stdout) == host.execute("explain", what=what)
    assert json.loads(start("export", **at(host)).stdout) == {"format": "ini", "text": host.execute("export")["machine"]}
    file = tmp_path / "now.ini"
    assert json.loads(start("export", "-o", file, **at(host)).stdout) == {"format": "ini", "path": str(file)}
    assert file.read_text() == host.execute("export")["machine"]
    done = start("export", "--format", "mdevctl", **at(host))
    view = json.loads(done.stdout)
    assert (view["format"], view["uuid"]) == ("mdevctl", uuid(1)) and json.loads(view["text"])["mdev_type"]


def test_replay_prints_json(apus, tmp_path):
    recording = tmp_path / "recording"
    host = apus(worked_example(), arguments=("--record", recording))
    host.w("bus/ap/apmask", "-5")
    host.stop()
    view = json.loads(start("replay", recording).stdout)
    assert view["commands"] > 0 and view["keyless"] == 0
    text = recording.read_text()
    recording.write_text(text.replace('"-5', '"-6'))
    assert text.count('"-5') == 1
    assert fails("replay", recording) == "EINVAL"


def test_plan_apply_prints_its_steps(host, tmp_path):
    wanted = tmp_path / "wanted"
    host.w("bus/ap/apmask", "-5")
    wanted.write_text(host.execute("export")["machine"])
    host.w("bus/ap/apmask", "+5")
    steps = json.loads(start("plan", wanted, **at(host)).stdout)["steps"]
    done = start("plan", wanted, "--apply", **at(host))
    assert [json.loads(line) for line in done.stdout.splitlines()] == steps and steps
    assert done.returncode == 0 and host.value("bus/ap/apmask").startswith("0xfb")


def test_the_man_page_names_the_classes():
    """All of them, and errno without reservation."""
    page = (pathlib.Path(__file__).parents[2] / "docs/man/apus.1").read_text(encoding="utf-8")
    status = page.partition(".Sh EXIT STATUS")[2].partition(".Sh EXAMPLES")[0]
    assert re.search(r"Usage , NoMachine , ConnectionLost , TimedOut", status) and "often" not in status
