# SPDX-License-Identifier: MIT
"""A real Linux guest; server.py answers its AP instructions."""

import concurrent.futures
import random
import re
import signal
import subprocess

import pytest

import server as protocol
from conftest import BUILD, LINUX, wait_until

EVERYTHING = ["05.0004", "05.0047", "06.0004", "06.0047"]


@pytest.fixture(scope="module")
def server(place):
    machines = {name: protocol.Machine({5: "A", 6: "C"}, {4, 0x47}, {4, 0x47, 0x48}) for name in ("one", "two", "lpar")}
    served = protocol.Server(place / "ap.sock", machines)
    served.start()
    yield served
    assert served.errors == []


@pytest.fixture(scope="module")
def guest(start_guest, server):
    return start_guest(server.path, "--name", "one", "--cpus", "2")


@pytest.fixture(scope="module")
def machine(server):
    return server.machines["one"]


@pytest.fixture(scope="module")
def client(guest, apclient):
    guest.exec("sh", "-c", "cat >/root/apclient; chmod +x /root/apclient", input=apclient.read_bytes(), text=False)
    return guest


def hexes(number, size):
    return number.to_bytes(size, "big").hex()


def modexp(client, size, times=1, rng=random.Random(5), exponent=65537):
    modulus = rng.getrandbits(8 * size) | 1 << (8 * size - 1) | 1
    message = rng.randrange(modulus)
    done = client.exec("/root/apclient", "me", str(times), hexes(message, size), hexes(exponent, size),
                       hexes(modulus, size))
    assert int(done.stdout, 16) == pow(message, exponent, modulus)


def prime(bits, rng):
    while True:
        candidate = rng.getrandbits(bits) | 3 << (bits - 2) | 1
        if all(candidate % n for n in range(3, 2000, 2)) and pow(2, candidate - 1, candidate) == 1:
            return candidate


def crt(client, size):
    rng = random.Random(size)
    half = size // 2
    p, q = sorted((prime(4 * size, rng), prime(4 * size, rng)), reverse=True)  # as in real keys
    d = pow(65537, -1, (p - 1) * (q - 1))
    message = rng.randrange(p * q)
    done = client.exec("/root/apclient", "crt", hexes(message, size), hexes(d % (p - 1), half + 8),
                       hexes(d % (q - 1), half), hexes(p, half + 8), hexes(q, half), hexes(pow(q, -1, p), half + 8))
    assert int(done.stdout, 16) == pow(message, d, p * q)


def test_lszcrypt_shows_the_servers_matrix(guest, machine, cache):
    assert guest.queues() == EVERYTHING
    rows = guest.exec("lszcrypt", "-V").stdout.splitlines()
    assert re.search(r"^05 +CEX7A +Accelerator +online .*SMC-A-N--- cex4card", "\n".join(rows), re.M)
    assert re.search(r"^06\.0047 +CEX7C +CCA-Coproc +online .*S--D--N--- cex4queue", "\n".join(rows), re.M)
    assert guest.attribute("ap_max_adapter_id") == str(machine.max_adapter)
    assert guest.attribute("ap_max_domain_id") == str(machine.max_domain)
    if cache != "bookworm":  # Linux 6.1 has no such attribute
        assert guest.attribute("features").split() == ["APSC", "APXA"]
    assert guest.attribute("ap_interrupts") == "0"
    assert guest.attribute("ap_adapter_mask") == "0x" + protocol.mask({5, 6}).hex()
    assert guest.attribute("ap_usage_domain_mask") == "0x" + protocol.mask({4, 0x47}).hex()
    assert guest.attribute("ap_control_domain_mask") == "0x" + protocol.mask({4, 0x47, 0x48}).hex()


def test_the_plugin_says_who_it_is(guest, server):
    assert ("one", protocol.ROLE_GUEST, protocol.AP | protocol.APFT | protocol.APQCI, bytes(16)) in server.hellos


def test_exec_keeps_status_streams_and_bytes(guest):
    done = guest.exec("sh", "-c", "printf out; printf err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out", "err")
    every_byte = bytes(range(256)) * 300
    assert guest.exec("cat", input=every_byte, text=False).stdout == every_byte
    words = ["a b", "", "it's", "$HOME", "new\nline", "*", "\\", "ü"]
    assert guest.exec("printf", "%s|", *words).stdout == "".join(word + "|" for word in words)
    assert guest.exec("sh", "-c", "kill -9 $$", check=False).returncode == 128 + 9
    assert guest.exec("no-such-command", check=False).returncode == 127


def test_exec_that_hangs_up_kills_its_command(guest):
    done = guest.exec("sh", "-c", "echo $$ >/tmp/pid; sleep 4321; :", check=False, timeout=5)
    assert done.returncode == 125 and "does not answer" in done.stderr
    wait_until(lambda: guest.sh("test -e /proc/$(cat /tmp/pid) || echo gone") == "gone")


@pytest.mark.parametrize("size", [128, 256, 512])
def test_rsa_with_modulus_and_exponent(client, size):
    modexp(client, size)


@pytest.mark.parametrize("size", [128, 256, 512])
def test_rsa_with_crt(client, size):
    crt(client, size)


def test_a_malformed_request_fails_and_the_next_one_does_not(client):
    done = client.exec("/root/apclient", "me", "1", "01" * 256, "03" * 256, "02" * 256, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "EINVAL")
    modexp(client, 256)


def test_cpus_do_not_disturb_each_other(client):
    one = "me 40 " + " ".join((hexes(3, 128), hexes(5, 128), hexes((1 << 1023) + 1, 128)))
    two = "me 40 " + " ".join((hexes(7, 256), hexes(3, 256), hexes((1 << 2047) + 1, 256)))
    out = client.sh(f"for i in 1 2 3; do taskset 1 /root/apclient {one} & taskset 2 /root/apclient {two} & done; wait")
    assert sorted(int(line, 16) for line in out.split()) == [243] * 3 + [343] * 3


def test_problem_state_gets_no_adapter(client):
    done = client.exec("/root/apclient", "pqap", check=False)
    assert done.returncode == 128 + signal.SIGILL
    assert "privileged operation" not in client.log() or client.alive()
    assert client.queues() == EVERYTHING


def test_stfle_has_facilities_12_and_15(client):
    first = int(client.exec("/root/apclient", "stfle").stdout, 16)
    assert first >> (63 - 12) & 1 and first >> (63 - 15) & 1


def test_hot_plug_and_unplug(client, machine):
    machine.domains.discard(0x47)
    client.scan()
    assert client.queues() == ["05.0004", "06.0004"]
    del machine.adapters[6]
    client.scan()
    assert client.queues() == ["05.0004"]
    machine.control_domains.discard(0x48)
    client.scan()
    assert client.attribute("ap_control_domain_mask") == "0x" + protocol.mask({4, 0x47}).hex()
    modexp(client, 256)
    machine.adapters.update({6: "C", 9: "A"})
    machine.domains.add(0x47)
    machine.control_domains.add(0x48)
    client.scan()
    assert client.queues() == EVERYTHING + ["09.0004", "09.0047"]
    del machine.adapters[9]
    client.scan()
    assert client.queues() == EVERYTHING
    modexp(client, 256)


def test_the_kernel_finds_changes_by_itself(guest, machine):
    assert guest.attribute("config_time") == "5"
    machine.domains.discard(0x47)
    wait_until(lambda: guest.queues() == ["05.0004", "06.0004"])
    machine.domains.add(0x47)
    wait_until(lambda: guest.queues() == EVERYTHING)


def test_a_server_that_wants_its_device_back_gets_it(guest, server):
    hellos = len(server.hellos)
    server.notify("one", protocol.NOTIFY_DETACH)
    wait_until(lambda: len(server.hellos) == hellos + 1)
    wait_until(lambda: guest.queues() == EVERYTHING)


def test_a_server_that_restarts_is_found(guest, server):
    server.stop()
    wait_until(lambda: guest.queues() == [])
    server.start()
    wait_until(lambda: guest.queues() == EVERYTHING)


def test_standby_is_seen_inside(client, machine):
    machine.standby.add(5)
    client.scan()
    assert client.sh("cat /sys/bus/ap/devices/card05/config /sys/bus/ap/devices/card06/config").split() == ["0", "1"]
    assert client.exec("/root/apclient", "me", "1", "01" * 256, "03" * 256, "05" * 256, check=False).returncode == 1
    machine.standby.discard(5)
    client.scan()
    assert client.sh("cat /sys/bus/ap/devices/card05/config") == "1"
    modexp(client, 256)


def test_a_server_that_goes_and_comes_back(client, server):
    hellos = len(server.hellos)
    server.stop()
    client.scan()
    assert client.queues() == []
    assert client.sh("cat /sys/bus/ap/ap_adapter_mask") == "0x" + "0" * 64
    assert client.exec("/root/apclient", "me", "1", "01" * 256, "03" * 256, "05" * 256, check=False).returncode == 1
    server.start()
    wait_until(lambda: client.scan() or client.queues() == EVERYTHING)
    assert len(server.hellos) == hellos + 1
    modexp(client, 512)
    assert "illegal operation" not in client.log() and "Kernel panic" not in client.log()


def test_a_server_that_dies_under_load(client, server):
    load = "me 2000 " + " ".join((hexes(3, 256), hexes(5, 256), hexes((1 << 2047) + 1, 256)))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        before = server.counts[protocol.INSN]
        running = pool.submit(client.exec, "/root/apclient", *load.split(), check=False)
        wait_until(lambda: server.counts[protocol.INSN] > before + 50)
        server.stop()
        assert running.result().returncode == 1
    server.start()
    wait_until(lambda: client.scan() or client.queues() == EVERYTHING)
    modexp(client, 256)


def test_two_guests_at_once(start_guest, server, client):
    other = start_guest(server.path, "--name", "two")
    server.machines["two"].domains.discard(4)
    other.scan()
    assert other.queues() == ["05.0047", "06.0047"]
    assert other.sh("hostname") == "two"
    assert client.queues() == EVERYTHING
    other.stop()
    assert client.queues() == EVERYTHING


def test_reboot_resets_the_queues_and_ends_qemu(start_guest, server):
    other = start_guest(server.path, "--name", "two")
    assert server.counts[protocol.RESET] == 0
    other.exec("reboot", "-f", check=False)
    wait_until(lambda: not other.alive())
    wait_until(lambda: server.counts[protocol.RESET])
    assert server.counts[protocol.RESET] == 1


def test_a_guest_nobody_knows_boots_without_adapters(start_guest, server):
    other = start_guest(server.path, "--name", "stranger")
    assert other.exec("lszcrypt", check=False).stdout == ""
    assert "refused by the server: no such guest" in (other.directory / "qemu.log").read_text()
    other.stop()


@pytest.fixture(scope="module")
def lpar(start_guest, server):
    guest = start_guest(server.path, "--name", "lpar", "--role", "lpar", "--cpus", "2")
    yield guest
    guest.stop()


def test_the_lpar_hears_of_a_change_at_once(lpar, server):
    """Its kernel looks by itself every 120 seconds only."""
    domains = server.machines["lpar"].domains
    lpar.sh("echo 120 >/sys/bus/ap/config_time; echo 1 >/sys/bus/ap/scans")
    domains.discard(0x47)
    server.notify("lpar", protocol.NOTIFY_CONFIG)
    wait_until(lambda: lpar.queues() == ["05.0004", "06.0004"])
    domains.add(0x47)
    server.notify("lpar", protocol.NOTIFY_CONFIG)
    wait_until(lambda: lpar.queues() == EVERYTHING)


def test_the_lpar_finds_a_server_that_restarts(lpar, server):
    server.stop()
    wait_until(lambda: lpar.queues() == [])
    server.start()
    wait_until(lambda: lpar.queues() == EVERYTHING)


def test_the_lpar_configures_its_adapters(lpar, server):
    machine = server.machines["lpar"]
    assert lpar.queues() == EVERYTHING
    lpar.exec("chzcrypt", "--config-off", "5")
    assert machine.standby == {5}
    assert lpar.sh("cat /sys/bus/ap/devices/card05/config") == "0"
    lpar.exec("chzcrypt", "--config-on", "5")
    assert machine.standby == set()
    assert lpar.sh("cat /sys/bus/ap/devices/card05/config") == "1"
    assert server.counts[protocol.SERVC] == 2


def test_a_guest_cannot_configure_adapters(client, server):
    client.scan()  # its bus may have looked while there was no server
    before = server.counts[protocol.SERVC]
    done = client.exec("sh", "-c", "echo 0 >/sys/bus/ap/devices/card05/config", check=False)
    assert done.returncode == 1 and "not supported" in done.stderr.lower()
    assert server.counts[protocol.SERVC] == before
    assert client.sh("cat /sys/bus/ap/devices/card05/config") == "1"


def test_boot_refuses_nonsense(place):
    tmp_path = place / "nonsense"
    for words, text in [(["--run", tmp_path], "--socket"), (["--socket", "x", "--run", tmp_path, "--name", "a/b"], "--name"),
                        (["--socket", "x", "--run", tmp_path, "--cpus", "0"], "--cpus"),
                        (["--socket", "x", "--run", tmp_path, "--role", "king"], "--role")]:
        done = subprocess.run([LINUX / "boot", *words], capture_output=True, text=True)
        assert done.returncode == 1 and text in done.stderr
    done = subprocess.run([BUILD / "linux" / "linux-exec", tmp_path / "none", "true"], capture_output=True, text=True)
    assert done.returncode == 125 and "No such file" in done.stderr
