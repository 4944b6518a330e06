# SPDX-License-Identifier: MIT
"""The package apus: installed by pip without a network, it drives machines and serves pytest."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "python"
sys.path.insert(0, str(SOURCE / "src"))

import apus  # noqa: E402  pylint: disable=wrong-import-position

DESCRIPTION = {"domains": [4, 0x47], "apmask": "0x0", "adapters": {5: "CEX7C", 6: {"type": "CEX7A", "configured": False}}}


@pytest.fixture
def machine():
    with apus.Machine(DESCRIPTION) as machine:
        yield machine


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as pip installs it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "--quiet", "--target", folder, SOURCE],
                          env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore"),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_pip_installs_it_without_a_network(installed):
    names = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert {"apus/__init__.py", "apus/py.typed", "apus/pytest_plugin.py"} <= names
    assert not any("setuptools" in name for name in names)
    version = subprocess.run([os.environ["APUS_BIN"], "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert f"apus-{version}.dist-info/METADATA" in names


def test_the_fixture_is_there_once_it_is_installed(installed, tmp_path):
    """With its mark; and a test that fails shows the machine's log."""
    (tmp_path / "test_mine.py").write_text("""
import pytest
def test_default(ap_machine):
    assert ap_machine.status()["clock"] == "real"
@pytest.mark.ap_machine({"domains": [4], "adapters": {5: "CEX7C"}, "apmask": "0x0"}, virtual_clock=True)
def test_unplug(ap_machine):
    mdev = ap_machine.mdev(domains=[4]).assign(adapter=5)
    ap_machine.start_guest("Guest1", mdev)
    ap_machine.se.adapter(5).off()
    ap_machine.wait("not guest Guest1 has 05.0004", timeout=60)
    assert ap_machine.status()["clock"] == "virtual"
    assert ap_machine.clock.advance(60) >= 60
def test_wrong(ap_machine):
    with pytest.raises(Exception):
        ap_machine.write("bus/ap/apmask", "rubbish")
    assert False
""")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "test_mine.py"],
                          cwd=tmp_path, env=dict(os.environ, PYTHONPATH=str(installed)), capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout and "1 failed" in done.stdout, done.stdout + done.stderr
    assert "log of the machine" in done.stdout and "apmask" in done.stdout.rpartition("log of the machine")[2]


def test_queues_mdevs_and_guests(machine):
    mdev = machine.mdev(adapters=[5], domains=[4])
    assert mdev.matrix == ["05.0004"] and [m.uuid for m in machine.mdevs()] == [mdev.uuid]
    guest = machine.start_guest("Guest1", mdev)
    assert guest.queues == ["05.0004"] and [g.name for g in machine.guests()] == ["Guest1"]
    queue = machine.queue("05.0004")
    assert (queue.adapter, queue.domain, queue.owner, queue.guest, queue.in_use) == (5, 4, "vfio_ap", "Guest1", True)
    assert {q.apqn for q in machine.queues(domains=[0x47])} == {"05.0047", "06.0047"}
    assert guest.read("bus/ap/devices/05.0004/online") == "1" and "card05" in guest.list("bus/ap/devices")
    mdev.assign(domain=[0x47]).unassign(domain=4)
    assert guest.queues == ["05.0047"] and mdev.guest_matrix == ["05.0047"]
    guest.detach()
    assert guest.queues == []
    guest.attach(mdev)
    guest.stop()
    mdev.remove()
    assert machine.mdevs() == machine.guests() == []
    with pytest.raises(LookupError):
        machine.queue("09.0004")
    with pytest.raises(TypeError):
        machine.mdev().assign(card=5)


def test_errors_have_errno_and_explanation(machine):
    mdev = machine.mdev(adapters=[5], domains=[4])
    with pytest.raises(apus.Refused) as refusal:
        machine.write("bus/ap/apmask", "+5")
    assert refusal.value.errno == "EADDRINUSE" and mdev.uuid in refusal.value.desc
    assert "accepted" in machine.explain(refusal.value)
    assert "vfio_ap" in machine.explain("05.0004")
    with pytest.raises(apus.ApusError) as wrong:
        machine.call("status", colour="red")
    assert wrong.value.kind == "InvalidArgument"


def test_support_element_and_faults(machine):
    adapter = machine.se.adapter(6)
    assert adapter.state == "standby"
    adapter.on()
    adapter.checkstop()
    assert adapter.state == "checkstop"
    adapter.repair()
    adapter.off()
    assert adapter.state == "standby"
    machine.se.adapter(5).off()
    machine.se.remove(adapter=6, domain=[0x47])
    assert machine.se.show()["lpar"]["domains"] == [4]
    machine.se.add(domain=0x47)
    fault = machine.fault("05.* 3 busy")
    assert fault.hits == 0
    fault.remove()
    with pytest.raises(LookupError):
        fault.show()
    machine.clear_faults()


def test_events_and_waiting(machine):
    first = machine.next_event()
    events = machine.events(timeout=60)
    threading.Timer(0.3, lambda: apus.Machine.running(machine.socket).se.adapter(6).on()).start()
    assert machine.wait("adapter 6 online", timeout=60) is None
    event = machine.wait("event CONFIG=1 card06", timeout=60, since=first)
    assert event.name == "uevent" and event.number >= first and event.date.endswith("Z")
    assert next(e for e in events if e.name == "adapter").data == {"adapter": 6, "state": "online"}
    seen = [next(again).number for again in [machine.events(since=first)] for _ in range(3)]
    assert seen == [first, first + 1, first + 2]
    started = time.monotonic()
    for condition in ("guest Nobody runs", lambda: False):
        with pytest.raises(TimeoutError):
            machine.wait(condition, timeout=0.3)
    assert time.monotonic() - started < 60
    threading.Timer(0.3, lambda: apus.Machine.running(machine.socket).start_guest("G")).start()
    machine.wait(lambda: machine.guests(), timeout=60)
    with pytest.raises(TimeoutError):
        next(machine.events(timeout=0.1))


def test_a_call_that_is_given_up_ends_its_connection(machine):
    """Its reply would be taken for that of the next one."""
    with apus.Connection(machine.socket, timeout=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.call("wait", condition="adapter 5 standby")
        with pytest.raises(apus.ConnectionLost, match="given up"):
            connection.call("status")
    for _ in range(3):
        machine.wait("adapter 5 online", timeout=0)
        with pytest.raises(TimeoutError):
            machine.wait("adapter 5 standby", timeout=0)
    with pytest.raises(TimeoutError):
        next(machine.events(timeout=0))


def test_where_machines_come_from(machine, tmp_path):
    """A file, its text, a dictionary, the export of another one, an import."""
    text = machine.export()
    (tmp_path / "m.ini").write_text(text)
    for source in (text, str(tmp_path / "m.ini"), tmp_path / "m.ini"):
        with apus.Machine(source) as other:
            assert other.export() == text
    machine.mdev(adapters=[5], domains=[4])
    assert len(machine.plan(text)["steps"]) == 1
    (tmp_path / "cmdline").write_text("root=/dev/dasda1 ap.apmask=0x0\n")
    with pytest.raises(ValueError):
        apus.Machine.imported(tmp_path / "nothing")
    with pytest.raises(RuntimeError, match="domains"):
        apus.Machine({"domains": ["many"]})


def test_commands_masks_and_files(tmp_path):
    with apus.Machine(DESCRIPTION, directory=tmp_path) as machine:
        machine.write("bus/ap/aqmask", apus.mask(4, 255))
        assert apus.bits(machine.read("bus/ap/aqmask")) == {4, 255}
        done = machine.apus("se", "adapter", 5, "off")
        assert (done.returncode, done.stdout) == (0, "adapter 5 (0x05) is in standby\n")
        assert machine.socket == tmp_path / "socket"
    assert (tmp_path / "stderr").read_text() == machine.daemon.stderr()
    for wrong in (lambda: apus.mask(256), lambda: apus.bits("0x4")):
        with pytest.raises(ValueError):
            wrong()


def test_programs_in_a_guest(machine):
    guest = machine.guest("Guest1").start(machine.mdev(adapters=[5], domains=[4], control_domains=[4]))
    assert guest.control_domains == [4] and guest.run("ls", "/sys/bus/ap/devices").split() == ["05.0004", "card05"]
    with pytest.raises(apus.ProgramFailed, match="No such file") as failed:
        guest.run("cat", "/sys/bus/ap/nothing")
    assert failed.value.returncode == 1


def test_a_daemon_that_does_not_end_well_is_told():
    machine = apus.Machine(DESCRIPTION)
    machine.daemon.process.kill()
    with pytest.raises(RuntimeError, match="ended with -9"):
        machine.close()
    machine.close()
    machine = apus.Machine(DESCRIPTION)
    machine.kill()
    machine.close()
    with pytest.raises(apus.ConnectionLost):
        machine.status()


def test_a_machine_that_has_ended(machine):
    with apus.Connection(machine.socket) as other, pytest.raises(apus.ConnectionLost):
        machine.call("quit")
        other.call("status")
    machine.close()
    machine.close()
    with pytest.raises(apus.ConnectionLost):
        machine.status()
    with pytest.raises(OSError):
        apus.Machine.running(machine.socket)


def test_types_are_strict():
    if not shutil.which("mypy"):
        pytest.skip("no mypy on this machine")
    done = subprocess.run(["mypy", "--strict", "--cache-dir", os.devnull, SOURCE / "src/apus"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_many_at_once():
    """Fifty machines beside each other, each its own."""
    machines = []
    try:
        for number in range(50):
            machines.append(apus.Machine({"domains": [number], "adapters": {5: "CEX7C"}}))
        assert [machine.queues()[0].domain for machine in machines] == list(range(50))
    finally:
        for machine in machines:
            machine.close()


def test_a_client_in_c(machine, tmp_path):
    """Compiles with the header alone, and asks: replies of any length, events between them."""
    header = SOURCE.parent / "include"
    source = Path(__file__).parent / "client.c"
    flags = ["-Wall", "-Wextra", "-Werror", f"-I{header}"]
    subprocess.run(["gcc", *flags, "-fsanitize=address,undefined", source, "-o", tmp_path / "client"], check=True)
    requests = ['{"execute":"subscribe"}', '{"execute":"se-adapter","arguments":{"adapter":6,"state":"on"}}',
                '{"execute":"commands"}', '{"execute":"map","id":1}', '{"execute":"fly"}']
    done = subprocess.run([tmp_path / "client", *requests], env=dict(os.environ, APUS_SOCKET=str(machine.socket)),
                          capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["apus"]["protocol"] == 2 and "commands" in lines[3]["return"] and lines[4]["id"] == 1
    assert lines[2] == {"return": {}} and lines[5]["error"]["class"] == "CommandNotFound"
    gone = subprocess.run([tmp_path / "client"], env=dict(os.environ, APUS_SOCKET=str(tmp_path / "none")), check=False)
    assert gone.returncode == 3


def test_the_readme(installed, tmp_path):
    """Its first example as it stands, its second one as a test."""
    first, second = re.findall(r"^```python\n(.*?)^```", (SOURCE / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    environment = dict(os.environ, PYTHONPATH=str(installed))
    subprocess.run([sys.executable, "-c", first], env=environment, cwd=tmp_path, check=True)
    (tmp_path / "test_readme.py").write_text(second)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_readme.py"], env=environment,
                          cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout
