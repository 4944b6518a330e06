# SPDX-License-Identifier: MIT
"""If the daemon cannot start, it says in one sentence why, and what to do."""

import errno
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time

import pytest

from harness import Control, Machine, apus_binary, machine_file, worked_example

sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
from reachable import open_up  # noqa: E402


def sentence(result):
    """The only line on stderr of a program that must fail."""
    assert result.returncode not in (0, None) and result.returncode > 0, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("apus"), lines[0]
    return lines[0]


def daemon(*arguments, before="", then="", user=None):
    """Runs apus daemon in its own mount namespace, between the shell commands of before and then."""
    command = [apus_binary(), "daemon", *map(str, arguments)]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command]
    script = f"{before}\n{shlex.join(command)} || status=$?\n{then}\nexit ${{status:-0}}"
    return subprocess.run(["unshare", "--mount", "bash", "-ec", script], text=True, capture_output=True,
                          timeout=30, check=False)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sys").mkdir()
    return tmp_path


def arguments(place):
    return "--mount", place / "sys", "--socket", place / "socket"


def test_without_dev_fuse(place):
    text = sentence(daemon(*arguments(place), before="mount -t tmpfs none /dev && mknod /dev/null c 1 3"))
    assert "/dev/fuse" in text
    assert re.search(r"modprobe fuse|--device", text)
    assert not (place / "socket").exists()


def test_without_dev_cuse(place):
    before = "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/fuse c 10 229"
    done = daemon(*arguments(place), "--nodes=cuse", before=before)
    assert done.returncode == 1
    text = sentence(done)
    assert "modprobe cuse" in text and "CONFIG_CUSE" in text and "Debian" in text
    assert not (place / "socket").exists() and not os.path.ismount(place / "sys")


@pytest.mark.parametrize("wrong, what", [("--nodes=real", "'cuse' or 'cuse:PREFIX', not 'real'"),
                                         ("--nodes=cuse:../", "'../' cannot begin"),
                                         ("--nodes=cuse:" + 33 * "x", "at most 32"),
                                         ("--nodes=cuse --dev-links=/tmp", "exclude each other")])
def test_wrong_nodes(place, wrong, what):
    done = daemon(*arguments(place), *wrong.split())
    assert done.returncode == 2 and what in done.stderr


def test_without_permission(place):
    open_up()
    place.chmod(0o777)
    for parent in (place.parent, place.parent.parent):
        parent.chmod(0o755)
    text = sentence(daemon(*arguments(place), user="65534", before=private_fuse(place)))
    assert "/dev/fuse" in text or "permission" in text.lower()
    assert re.search(r"root|permission|apus run", text)


def private_fuse(place):
    """Commands for a /dev/fuse that only root may open, in this namespace only."""
    return (f"mkdir {place}/dev && mount -t tmpfs none {place}/dev && mknod -m 600 {place}/dev/fuse c 10 229"
            f" && mount --bind {place}/dev/fuse /dev/fuse")


def test_missing_mount_point(place):
    text = sentence(daemon("--mount", place / "nowhere", "--socket", place / "socket"))
    assert "nowhere" in text and "mkdir" in text


def test_mount_point_is_a_file(place):
    (place / "file").touch()
    text = sentence(daemon("--mount", place / "file", "--socket", place / "socket"))
    assert "file" in text and "directory" in text


def test_busy_mount_point(apus, place):
    first = apus(worked_example())
    text = sentence(daemon("--mount", first.root, "--socket", place / "socket"))
    assert str(first.root) in text
    assert re.search(r"busy|in use|already|mounted", text) and re.search(r"umount|another|other", text)
    assert first.execute("status") is not None
    assert first.w("bus/ap/apmask", "-5") == "OK"


def test_busy_socket(apus, place):
    first = apus(worked_example())
    text = sentence(daemon("--mount", place / "sys", "--socket", first.socket))
    assert str(first.socket) in text
    assert first.execute("status") is not None
    assert not os.path.ismount(place / "sys")


def kill_with_heir(process):
    """So that nobody tidies up."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        for heir in map(int, file.read().split()):
            os.kill(heir, signal.SIGKILL)
    process.kill()
    process.wait()


def test_a_socket_left_by_a_killed_daemon_is_taken_over(apus, place):
    machine = worked_example()
    first = apus(machine)
    kill_with_heir(first.process)
    subprocess.run(["umount", "-l", first.root], check=False)
    assert first.socket.exists()
    second = apus(machine, arguments=["--socket", first.socket])
    assert second.process.poll() is None
    second.socket = second.machine.socket = first.socket
    assert second.execute("status") is not None
    first.abandon()
    first.stop = lambda: None


@pytest.mark.parametrize("what", ["socket", "state"])
def test_of_two_that_take_over_at_once_one_wins(tmp_path, what):
    """A socket that nobody listens to, or a state: whoever is second is refused, and takes nothing away."""
    dead = tmp_path / "dead"
    own = [["--socket", dead, "--guest-socket", tmp_path / f"g{i}"] if what == "socket" else
           ["--socket", tmp_path / f"s{i}", "--state", tmp_path / "state"] for i in range(4)]
    for _ in range(10):
        if what == "socket":
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(dead))
        children = [subprocess.Popen([apus_binary(), "daemon", "--no-tree", *map(str, words)], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) for words in own]
        ready = [child for child in children if child.stdout.readline() == "ready\n"]
        assert len(ready) == 1
        for child, words in zip(children, own):
            if child in ready:
                Control(words[1]).close()
                child.terminate()
            output, errors = child.communicate(timeout=30)
            assert (child.returncode == 0) == (child in ready) and (output, errors.count("\n")) == ("", child not in ready)
        assert not dead.exists()


def test_a_mount_left_by_a_killed_daemon_is_taken_over(apus):
    machine = worked_example()
    first = apus(machine)
    kill_with_heir(first.process)
    with pytest.raises(OSError) as error:
        os.listdir(first.root)
    assert error.value.errno == errno.ENOTCONN
    second = subprocess.Popen([apus_binary(), "daemon", "--mount", first.root, "--socket", first.socket],
                              stdout=subprocess.PIPE)
    with second:
        assert second.stdout.readline() == b"ready\n"
        assert "ap" in os.listdir(first.root / "bus")
        second.terminate()
    assert not os.path.ismount(first.root) and not first.socket.exists()
    first.watchdog.cancel()
    first.stop = lambda: None


def test_a_mount_whose_daemon_hangs_is_not_taken_over(apus, place):
    first = apus(worked_example())
    first.process.send_signal(signal.SIGSTOP)
    try:
        text = sentence(daemon("--mount", first.root, "--socket", place / "socket"))
    finally:
        first.process.send_signal(signal.SIGCONT)
    assert "busy" in text
    assert first.names("bus/ap")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_signals_that_end_it(apus, number):
    host = apus(worked_example())
    host.process.send_signal(number)
    assert host.process.wait(20) == 0
    assert not os.path.ismount(host.root) and not host.socket.exists()


def test_an_aborted_connection(apus, place):
    """The daemon ends without a word of libfuse's, and leaves no dead mount."""
    host = apus(worked_example(), arguments=["--quiet"])
    if subprocess.run(["mount", "-t", "fusectl", "none", place / "sys"], check=False).returncode:
        pytest.skip("no fusectl can be mounted")
    (place / "sys" / str(os.minor(os.stat(host.root).st_dev)) / "abort").write_text("1")
    subprocess.run(["umount", place / "sys"], check=True)
    assert host.process.wait(20) == 0
    assert host.is_tidy() and host.stderr() == ""


def test_nohup(place):
    with subprocess.Popen(["nohup", apus_binary(), "daemon", *map(str, arguments(place))], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        control = Control(place / "socket")
        assert control.execute("status")
        control.close()
        assert process.poll() is None
        process.terminate()


def test_full_disk(place):
    full = place / "full"
    full.mkdir()
    text = sentence(daemon(
        "--mount", place / "sys", "--socket", full / "socket",
        before=f"mount -t tmpfs -o size=4k,nr_inodes=2 none {full}; touch {full}/a {full}/b 2>/dev/null || true"))
    assert str(full / "socket") in text
    assert re.search(r"space|full", text, re.I)


def test_socket_path_too_long(place):
    text = sentence(daemon("--mount", place / "sys", "--socket", place / ("s" * 150)))
    assert "long" in text


def test_missing_directory_of_the_socket(place):
    text = sentence(daemon("--mount", place / "sys", "--socket", place / "no" / "socket"))
    assert str(place / "no") in text


def test_a_refused_start_keeps_the_recording(apus, place):
    first = apus(worked_example(), arguments=["--record", place / "run"])
    before = (place / "run").read_bytes()
    busy = sentence(daemon("--no-tree", "--socket", first.socket, "--record", place / "run", "--force"))
    assert str(place / "run") in busy and "another process" in busy
    (place / "kept").write_text("valuable")
    for force in ([], ["--force"]):
        sentence(daemon("--no-tree", "--socket", first.socket, "--record", place / "kept", *force))
        sentence(daemon("--mount", place / "nowhere", "--socket", place / "x", "--record", place / "kept", *force))
    sentence(daemon("--no-tree", "--socket", first.socket, "--record", place / "new"))
    assert (place / "kept").read_text() == "valuable"
    assert not (place / "new").exists()
    assert (place / "run").read_bytes().startswith(before)


def test_a_refused_start_makes_no_state(place):
    full = place / "full"
    full.mkdir()
    (place / "kept").mkdir(mode=0o700)
    later = "--pid-file", full / "pid"  # written last
    for options in (["--state", full / "state"], ["--state", place / "new", *later], ["--state", place / "kept", *later]):
        sentence(daemon("--no-tree", "--socket", place / "socket", *options,
                        before=f"mount -t tmpfs -o size=4k none {full}; head -c 4096 /dev/zero > {full}/a",
                        then=f"ls {full} > {place}/listing"))
        assert (place / "listing").read_text() == "a\n"
    sentence(daemon("--mount", place / "nowhere", "--socket", place / "socket", "--state", place / "new"))
    assert sorted(os.listdir(place)) == ["full", "kept", "listing", "sys"] and not os.listdir(place / "kept")


def test_what_is_recorded_to(place):
    """It must be a regular file of our own and not a link; nothing is waited for."""
    (place / "target").write_text("root's")
    (place / "link").symlink_to(place / "target")
    os.link(place / "target", place / "hard")
    os.mkfifo(place / "fifo")
    (place / "foreign").write_text("")
    os.chown(place / "foreign", 65534, 65534)
    for name, word in {"link": "link", "hard": "link", "fifo": "no regular file", "foreign": "another user",
                       "sys": "no regular file"}.items():
        text = sentence(daemon(*arguments(place), "--record", place / name, "--force"))
        assert str(place / name) in text and word in text
    assert (place / "target").read_text() == "root's"
    assert (place / "foreign").stat().st_uid == 65534
    assert not (place / "socket").exists()


def test_no_room_for_a_recording(place):
    full = place / "full"
    full.mkdir()
    listing = place / "listing"
    text = sentence(daemon(*arguments(place), "--record", full / "run",
                           before=f"mount -t tmpfs -o size=4k none {full}; head -c 4096 /dev/zero > {full}/a",
                           then=f"ls {full} > {listing}"))
    assert re.search(r"space|full", text, re.I)
    assert listing.read_text() == "a\n"


@pytest.mark.parametrize("wrong", [(), ("--mount",), ("--frobnicate",), ("--abi", "linux"), ("extra",)])
def test_wrong_arguments(place, wrong):
    given = () if wrong == () else (*arguments(place), *wrong)
    result = daemon(*given)
    assert result.returncode > 0
    assert result.stdout == ""
    assert 1 <= len(result.stderr.splitlines()) <= 3, result.stderr
    assert "--help" in result.stderr or "usage" in result.stderr.lower() or "proposal" in result.stderr


MACHINES = {
    "nothing": ("", 1, "section"),
    "only comments": ("; a lab\n\n", 1, "section"),
    "unknown section": ("[machine]\ndomains = 4\n[adaptor 5]\ntype = CEX5C\n", 3, "adaptor"),
    "unknown key": ("[machine]\ndomain-list = 4\n", 2, "domain-list"),
    "unknown type": ("[machine]\ndomains = 4\n[adapter 5]\ntype = CEX9C\n", 4, "CEX9C"),
    "mode that never was": ("[machine]\ndomains = 4\n[adapter 5]\ntype = CEX3P\n", 4, "CEX3P"),
    "number": ("[machine]\ndomains = 4,fish\n", 2, "fish"),
    "range": ("[machine]\ndomains = 4,300\n", 2, "300"),
    "adapter number": ("[machine]\ndomains = 4\n[adapter 256]\ntype = CEX5C\n", 3, "256"),
    "switch": ("[machine]\ndomains = 4\n[adapter 5]\ntype = CEX5C\nconfigured = perhaps\n", 5, "perhaps"),
    "profile": ("[machine]\nabi = linux\n", 2, "linux"),
    "no type": ("[machine]\ndomains = 4\n[adapter 5]\nserial = 93AADHZU\n", None, "type"),
    "no section": ("domains = 4\n", 1, "section"),
    "no value": ("[machine]\ndomains\n", 2, "domains"),
    "above the maximum": ("[machine]\nmax-adapter = 4\ndomains = 4\n[adapter 5]\ntype = CEX5C\n", None, "5"),
    "mask": ("[machine]\napmask = 0xzz\n", 2, "0xzz"),
    "binary": ("\0\1\2\3", 1, ""),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_mistake_in_the_machine_file_is_located(place, name):
    text, line, word = MACHINES[name]
    file = place / "lab.ini"
    file.write_text(text)
    said = sentence(daemon(*arguments(place), "-m", file))
    assert word in said
    assert f"lab.ini:{line}:" in said if line else "lab.ini" in said
    assert not (place / "socket").exists()
    assert not os.path.ismount(place / "sys")


def test_a_machine_is_read_once(apus, place):
    """So it can be a pipe, or standard input."""
    text = machine_file(Machine({5: "CEX5C"}, [4]))
    command = (f"exec {shlex.quote(apus_binary())} daemon --no-tree --socket {place}/pipe "
               f"-m <(echo {shlex.quote(text)})")
    with subprocess.Popen(["bash", "-c", command], text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "ready\n"
        control = Control(place / "pipe")
        assert [a["id"] for a in control.execute("status")["adapters"]] == [5]
        control.close()
        process.terminate()
    with subprocess.Popen([apus_binary(), "daemon", "--no-tree", "--socket", place / "s", "-m", "-"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(text)
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        process.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_hears_signals_while_it_loads(place, number):
    os.mkfifo(place / "fifo")
    with subprocess.Popen([apus_binary(), "daemon", *map(str, arguments(place)), "-m", place / "fifo"]) as process:
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(10) in (0, -number)
    assert not (place / "socket").exists() and not os.path.ismount(place / "sys")


def test_a_machine_that_nobody_means(apus):
    host = apus("[adapter 5]\ntype = CEX5C\n")
    assert "no usage domain" in host.stderr()
    assert "no usage domain" in host.cli("log").stdout


def test_a_missing_machine_file(place):
    said = sentence(daemon(*arguments(place), "-m", place / "none.ini"))
    assert "none.ini" in said


def test_the_same_mistake_in_a_machine_that_is_fine_otherwise(apus):
    """A correct machine file is accepted, so the tests above fail for their mistakes only."""
    host = apus(Machine({5: "CEX5C"}, [4], max_adapter=5, apmask="0xff"))
    assert host.queues() == ["05.0004"]
