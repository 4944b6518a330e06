# SPDX-License-Identifier: MIT
"""Real Linux guests of the real daemon, through the commands of the user interface."""

import base64
import errno
import os
import pathlib
import pty
import random
import re
import signal
import subprocess
import time

import pytest

from conftest import BUILD, wait_until
from machine import APUS, Guest, running
from test_guest import crt, modexp

UUID1, UUID2 = (f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in (1, 2))
TEXT = """
[machine]
abi = upstream
domains = 4,0x47,0xab
control-domains = 4,0x47,0xab,0xac

[adapter 5]
type = CEX7A

[adapter 6]
type = CEX7C

[adapter 9]
type = CEX7A

[adapter 10]
type = CEX7C
"""
EVERYTHING = ["05.0004", "05.0047", "06.0004", "06.0047"]


@pytest.fixture(scope="module")
def machine(cache, place):
    with running(place / "machine", TEXT, "-4,-0x47,-0xab") as machine:
        yield machine


@pytest.fixture(scope="module")
def one(machine, cache):
    mdev = machine.mdev(UUID1).create((5, 6), (4, 0x47), (4, 0xAC))
    return Guest(machine, "Guest1", mdev, "--cpus", "2", "--kernel", cache)


@pytest.fixture(scope="module")
def client(one, apclient):
    text = base64.b64encode(apclient.read_bytes()).decode()
    one.exec("sh", "-c", "base64 -d >/root/apclient; chmod +x /root/apclient", input=text)
    return one


@pytest.fixture(autouse=True)
def as_it_was(machine, request):
    """After each test the first guest has all its queues again."""
    yield
    if "one" in request.fixturenames or "client" in request.fixturenames:
        guest = request.getfixturevalue("one")
        guest.wait_for(*EVERYTHING)


def test_inside_is_what_guest_matrix_says_outside(one, machine):
    assert one.sees_the_matrix() and sorted(one.queues()) == EVERYTHING
    assert (one.mask("adapter"), one.mask("usage_domain"), one.mask("control_domain")) == (
        {5, 6}, {4, 0x47}, {4, 0xAC})
    rows = one.exec("lszcrypt", "-V").stdout
    assert re.search(r"^05 +CEX7A +Accelerator +online .*-MC-A-N-F- cex4card", rows, re.M)
    assert re.search(r"^06\.0047 +CEX7C +CCA-Coproc +online .*S--D--N-F- cex4queue", rows, re.M)


def test_guests_are_listed_with_their_kind(one, machine):
    machine.apus("guest", "start", "Light")
    kinds = {name: guest["kind"] for name, guest in machine.guests().items()}
    assert kinds == {"Guest1": "real", "Light": "light"}
    assert re.search(r"^Guest1 +real ", machine.apus("guest", "list").stdout, re.M)
    assert re.search(r"^kind +real$", machine.apus("guest", "show", "Guest1").stdout, re.M)
    machine.apus("guest", "stop", "Light")


def test_programs_inside_have_input_output_and_status(one):
    assert one.exec("cat", input="first\nsecond").stdout == "first\nsecond"
    done = one.exec("sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_input_and_output_flow_while_a_program_runs(one):
    program = one.popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for line in (b"one\n", b"two\n"):
        program.stdin.write(line)
        program.stdin.flush()
        assert program.stdout.readline() == line
    program.stdin.close()
    assert program.stdout.read() == b"" and program.wait(60) == 0


def test_a_terminal_is_input_as_well(one):
    master, slave = pty.openpty()
    program = one.popen("sh", "-c", "read line; echo got $line; cat; exit 3", stdin=slave, stdout=subprocess.PIPE)
    os.close(slave)
    os.write(master, b"first\n")
    assert program.stdout.readline() == b"got first\n"
    os.write(master, b"\x04")  # Ctrl-D
    assert program.stdout.read() == b"" and program.wait(60) == 3
    os.close(master)


def test_much_data_goes_in_and_out(one, tmp_path):
    data = random.Random(10).randbytes(10_000_000)
    (tmp_path / "data").write_bytes(data)
    with open(tmp_path / "data", "rb") as file:
        program = one.popen("cat", stdin=file, stdout=subprocess.PIPE)
        assert program.stdout.read() == data and program.wait(60) == 0


def test_what_nobody_reads_is_not_collected(one):
    """A program that does not read blocks its writer; when it ends, the rest is dropped."""
    program = one.popen("sh", "-c", "echo ready; sleep 10; exit 4", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    os.set_blocking(program.stdin.fileno(), False)
    written, latest = 0, time.monotonic()
    while time.monotonic() < latest + 1 and written < 4 << 20:
        try:
            written += os.write(program.stdin.fileno(), bytes(65536))
            latest = time.monotonic()
        except BlockingIOError:
            time.sleep(0.05)
    assert 65536 <= written < 4 << 20
    assert program.wait(60) == 4
    assert one.exec("echo", "next").stdout == "next\n"


def test_a_reader_that_leaves_ends_the_program(one):
    program = one.popen("yes", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"y\n"
    program.stdout.close()
    assert program.wait(60) in (-signal.SIGPIPE, 128 + signal.SIGPIPE)
    wait_until(lambda: one.exec("pidof", "yes", check=False).returncode == 1)


@pytest.mark.parametrize("number, whole_group", [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_ends_the_program_inside(one, number, whole_group):
    program = one.popen("sh", "-c", "echo $$; sleep 4321; :", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        start_new_session=True)
    pid = program.stdout.readline().decode().strip()
    (os.killpg if whole_group else os.kill)(program.pid, number)
    assert program.wait(60) in (-number, 128 + number)
    wait_until(lambda: one.sh(f"test -e /proc/{pid} || echo gone; pgrep -f '[s]leep 4321' || :") == "gone")


def test_what_a_program_leaves_behind_does_not_speak_to_the_next(one):
    one.sh("(sleep 1; echo late; echo late >&2) & echo first")
    done = one.exec("sh", "-c", "sleep 2; echo second")
    assert (done.stdout, done.stderr) == ("second\n", "")


def test_what_cannot_start_says_why(one, machine):
    for words, text in [(("Guest1", UUID1), "already running"), (("Guest2", UUID1), "is used by guest Guest1"),
                        (("Guest2", UUID2), f"no mediated device {UUID2}"), (("a/b", UUID1), "is not a valid name"), (("..", UUID1), "is not a valid name")]:
        done = machine.apus("guest", "start", *words, "--linux", check=False)
        assert done.returncode != 0 and text in done.stderr
    assert list(machine.guests()) == ["Guest1"]
    assert os.listdir(machine.directory / "control.linux") == ["Guest1"]


@pytest.mark.parametrize("size", [256, 512])
def test_rsa_with_modulus_and_exponent(client, size):
    rng = random.Random(size)
    modexp(client, size, times=3, rng=rng, exponent=rng.getrandbits(8 * size - 1) | 1)


@pytest.mark.parametrize("size", [256, 512])
def test_rsa_with_crt(client, size):
    crt(client, size)


def test_an_adapter_comes_and_goes(one):
    one.mdev.assign("adapter", 9)
    one.wait_for(*EVERYTHING, "09.0004", "09.0047")
    one.mdev.unassign("adapter", 9)
    one.wait_for(*EVERYTHING)


def test_a_domain_comes_and_goes(one):
    one.mdev.assign("domain", 0xAB)
    one.wait_for(*EVERYTHING, "05.00ab", "06.00ab")
    one.mdev.unassign("domain", 0xAB)
    one.wait_for(*EVERYTHING)
    one.mdev.unassign("domain", 0x47)
    one.wait_for("05.0004", "06.0004")
    one.mdev.assign("domain", 0x47)


def test_a_control_domain_comes_and_goes(one):
    one.mdev.assign("control_domain", 0xAB)
    wait_until(lambda: one.mask("control_domain") == {4, 0xAB, 0xAC})
    one.mdev.unassign("control_domain", 0xAB)
    wait_until(lambda: one.mask("control_domain") == {4, 0xAC})


def test_an_adapter_in_standby_is_seen_inside(client, machine):
    """The upstream driver leaves it in the guest's matrix; the guest finds it deconfigured at its next scan."""
    config = "cat /sys/bus/ap/devices/card05/config"
    assert client.sh(config) == "1"
    machine.apus("se", "adapter", "5", "off")
    wait_until(lambda: client.sh(config) == "0")
    assert client.sees_the_matrix()
    # The coprocessor remains and computes instead.
    before = int(client.sh("cat /sys/bus/ap/devices/card05/request_count"))
    test_rsa_with_modulus_and_exponent(client, 256)
    assert int(client.sh("cat /sys/bus/ap/devices/card05/request_count")) == before
    machine.apus("se", "adapter", "5", "on")
    wait_until(lambda: client.sh(config) == "1")
    test_rsa_with_modulus_and_exponent(client, 256)


def test_the_support_element_takes_an_adapter_away_and_gives_it_back(place, cache):
    """As in the documentation of vfio_ap: the guest loses the adapter and gets it back."""
    with running(place / "proposal", TEXT.replace("abi = upstream", "abi = proposal"), "-4") as machine:
        guest = Guest(machine, "Guest1", machine.mdev(UUID1).create((5, 6), (4,)), "--kernel", cache)
        guest.wait_for("05.0004", "06.0004")
        machine.apus("se", "adapter", "5", "off")
        guest.wait_for("06.0004")
        assert guest.mdev.matrix() == ["05.0004", "06.0004"]
        machine.apus("se", "adapter", "5", "on")
        guest.wait_for("05.0004", "06.0004")


def test_what_a_guest_uses_cannot_be_taken_from_it(one, machine):
    """The masks cannot give zcrypt a queue that a guest uses."""
    before = machine.read("bus/ap/aqmask")
    with pytest.raises(OSError) as error:
        machine.write("bus/ap/aqmask", "+4")
    assert error.value.errno == errno.EBUSY
    assert machine.read("bus/ap/aqmask") == before
    assert one.sees_the_matrix()


def test_two_guests_at_once_and_what_one_leaves_is_zeroized(one, machine, cache):
    mdev = machine.mdev(UUID2).create((9, 10), (4,))
    two = Guest(machine, "Guest2", mdev, "--kernel", cache)
    pid = two.pid()
    assert two.queues() == ["09.0004", "0a.0004"] and one.sees_the_matrix()
    assert two.sh("hostname") == "Guest2"
    before = keys(two)
    assert keys(two) == before
    machine.apus("guest", "stop", "Guest2")
    wait_until(lambda: not two.alive(pid))
    assert "Guest2" not in machine.guests() and not two.directory.exists()
    two = Guest(machine, "Guest2", mdev, "--kernel", cache, "--detach")
    wait_until(lambda: two.exec("true", check=False).returncode == 0, 120)
    assert two.queues() == ["09.0004", "0a.0004"] and keys(two) != before
    assert one.sees_the_matrix()
    # If it is killed, its device is free for another guest.
    os.kill(two.pid(), signal.SIGKILL)
    wait_until(lambda: "Guest2" not in machine.guests())
    machine.apus("guest", "start", "Other", UUID2)
    machine.apus("guest", "stop", "Other")
    machine.write(f"{mdev.path}/remove", 1)


def keys(guest):
    """The master key's verification pattern; zeroizing the queue changes it."""
    return re.search(r"AES CUR: valid (0x[0-9a-f]+)", guest.sh("cat /sys/bus/ap/devices/0a.0004/mkvps")).group(1)


def test_a_device_that_is_removed_leaves_its_guest(one, machine):
    """QEMU unplugs it when it is asked to let go."""
    machine.write(f"{one.mdev.path}/remove", 1)
    wait_until(lambda: one.queues() == [])
    assert machine.guests()["Guest1"]["mdev"] is None
    one.mdev.create((5, 6), (4, 0x47), (4, 0xAC))
    machine.apus("guest", "attach", "Guest1", UUID1)
    one.wait_for(*EVERYTHING)


def test_detached_and_attached_by_command(one, machine):
    machine.apus("guest", "detach", "Guest1")
    wait_until(lambda: one.queues() == [])
    machine.apus("guest", "attach", "Guest1", UUID1)
    one.wait_for(*EVERYTHING)


def test_a_guest_may_start_without_a_device(machine, cache):
    """Also checks CPUs that lack a feature."""
    mdev = machine.mdev(UUID2).create((9,), (4,))
    machine.apus("guest", "start", "Late", "--linux", "--kernel", cache, "--cpu", "apqi=off", "--append", "apus.x=1",
                 "--append", "apus.y=2", "--qemu", "-name", "--qemu", "guest=Late,process=odd")
    inside = lambda script: machine.apus("guest", "exec", "Late", "--", "sh", "-c", script).stdout.split()
    assert machine.guests()["Late"]["features"] == ["ap", "apft", "apqci"]
    assert inside("ls /sys/bus/ap/devices; cat /sys/bus/ap/ap_interrupts") == ["0"]
    assert inside("cat /proc/cmdline")[-2:] == ["apus.x=1", "apus.y=2"]
    machine.apus("guest", "attach", "Late", UUID2)
    wait_until(lambda: inside("ls /sys/bus/ap/devices") == ["09.0004", "card09"])
    machine.apus("guest", "stop", "Late")
    machine.write(f"{mdev.path}/remove", 1)


def test_a_kernel_and_an_initramfs_of_ones_own(machine, cache):
    script = f'. {BUILD}/linux/common.sh; kernel_file {cache}'
    kernel = subprocess.check_output(["bash", "-c", script], text=True).strip()
    image = subprocess.check_output([BUILD / "linux" / "build-image", "--kernel", cache], text=True).strip()
    machine.apus("guest", "start", "Own", "--linux", "--kernel-image", kernel, "--initrd", image, "--qemu", "-S")
    line = pathlib.Path(f"/proc/{Guest.pid_of(machine, 'Own')}/cmdline").read_text().split("\0")
    assert line[line.index("-kernel") + 1] == kernel and line[line.index("-initrd") + 1] == image and "-S" in line
    machine.apus("guest", "stop", "Own")


@pytest.mark.parametrize("words, why", [
    (["--kernel-image", "/nonexistent"], "--kernel-image: cannot read /nonexistent"),
    (["--initrd", "/nonexistent"], "--initrd: cannot read /nonexistent"),
    (["--cpu", "ap=off"], "without ap a real Linux is no guest of this machine"),
    (["--qemu", "-nonsense"], "-nonsense: invalid option"),
])
def test_what_cannot_boot_is_refused(machine, cache, words, why):
    done = machine.apus("guest", "start", "No", "--linux", "--kernel", cache, *words, check=False)
    assert done.returncode in (1, 2) and why in done.stderr, done
    assert "No" not in machine.guests()


@pytest.mark.parametrize("end", [lambda machine: machine.run("down", machine.NAME),
                                 lambda machine: os.kill(machine.pid, signal.SIGKILL)], ids=["down", "killed"])
def test_a_guest_ends_with_its_machine(place, cache, end, request):
    with running(place / request.node.callspec.id, TEXT) as machine:
        guest = Guest(machine, "Left", machine.mdev(UUID1).create(), "--kernel", cache, "--detach")
        pid = guest.pid()
        end(machine)
        wait_until(lambda: not guest.alive(pid))
        wait_until(lambda: not machine.directory.exists())


def killed(machine, guest):
    """Both have ended, as by kill -9 of the daemon."""
    pid = guest.pid()
    os.kill(machine.pid, signal.SIGKILL)
    wait_until(lambda: not guest.alive(pid) and not machine.directory.exists())


def test_a_guest_of_a_kept_machine_is_back_with_its_queues(place, cache):
    """The daemon is killed: up boots the guest again with what was attached last, and guest stop is for good."""
    state = place / "kept"
    with running(place / "again", TEXT, "-4", "--state", state) as machine:
        mdev, other = machine.mdev(UUID1).create((5,), (4,)), machine.mdev(UUID2).create((6, 10), (4,))
        guest = Guest(machine, "Guest1", mdev, "--kernel", cache, "--no-snapshot", "--append", "apus.x=a b", "--cpu",
                      "apqi=off")
        kept = state / "guests/Guest1"
        assert b"\0snapshot no\0" in kept.read_bytes()
        killed(machine, guest)
        machine.start("--state", state)
        assert machine.guests()["Guest1"]["mdev"] == UUID1
        assert guest.queues() == ["05.0004"] and guest.sh("grep -o 'apus.x=.*' /proc/cmdline") == "apus.x=a b"
        assert machine.guests()["Guest1"]["features"] == ["ap", "apft", "apqci"]
        assert b"\0snapshot no\0" in kept.read_bytes(), "it was written again, by what has started the guest"

        machine.apus("guest", "detach", "Guest1")
        machine.apus("guest", "attach", "Guest1", UUID2)
        wait_until(lambda: guest.queues() == ["06.0004", "0a.0004"])
        before = keys(guest)
        killed(machine, guest)
        machine.start("--state", state, "--no-guests")
        assert machine.guests() == {}
        assert machine.ask("guest", "resume") == {"guests": ["Guest1"]}
        assert guest.queues() == ["06.0004", "0a.0004"] and keys(guest) != before

        killed(machine, guest)
        machine.start("--state", state, "--no-guests")
        machine.write(f"{other.path}/remove", 1)
        done = machine.apus("guest", "resume")
        assert done.stderr == f"apus: guest 'Guest1' starts without a device: there is no mediated device {UUID2} any more\n"
        assert machine.guests()["Guest1"]["mdev"] is None
        assert machine.ask("guest", "resume") == {"guests": ["Guest1"]}, "one that runs stays as it is"

        machine.apus("guest", "stop", "Guest1")
        os.kill(machine.pid, signal.SIGKILL)
        wait_until(lambda: not machine.directory.exists())
        machine.start("--state", state)
        assert machine.guests() == {} and os.listdir(state / "guests") == []


def test_a_daemon_without_a_machine_has_no_real_guests(place):
    process = subprocess.Popen([APUS, "daemon", "--no-tree", "--socket", place / "alone"], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        done = subprocess.run([APUS, "guest", "start", "--socket", place / "alone", "Guest", "--linux"], capture_output=True, text=True)
        assert done.returncode == 1 and "has no machine that QEMU could run in" in done.stderr
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()
