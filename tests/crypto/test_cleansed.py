# SPDX-License-Identifier: MIT
"""After a request no part of its clear keys remains in the daemon's memory."""
import ctypes
import errno
import fcntl
import os
import pathlib
import re
import secrets
import socket
import struct
import subprocess
import time

import pytest

from conftest import MACHINE, Crypto
from harness import apus_binary

MODEXPO, ZSECSENDCPRB = 0xC0007A05, 0xC0007A81
N = 256
PIECE = 24


class Key:
    """A recognisable private exponent, and an odd modulus."""

    def __init__(self):
        self.exponent = b"\x01" + secrets.token_bytes(N - 1)
        self.modulus = b"\xff" + secrets.token_bytes(N - 2) + b"\x01"

    def pieces(self):
        """In the caller's byte order, and in that of OpenSSL's numbers."""
        inner = self.exponent[16:-16]
        for at in range(0, len(inner) - PIECE, PIECE):
            yield inner[at:at + PIECE]
            yield inner[at:at + PIECE][::-1]
            yield inner[at:at + PIECE].hex().encode()


class CurveKey(Key):
    """A recognisable private key of a curve; the public key is that of 1, which the services do not compare with it."""

    # OpenSSL computes on the first three in ways of their own.
    CURVES = {
        ("P-224", 224): ("b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
                         "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34"),
        ("P-256", 256): ("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                         "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
        ("P-521", 521): ("00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ff"
                         "a8de3348b3c1856a429bf97e7e31c2e5bd66",
                         "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad"
                         "0761353c7086a272c24088be94769fd16650"),
        ("brainpool", 256): ("8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
                             "547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997"),
    }

    def __init__(self, family, bits):
        self.family, self.bits, self.size = int(family == "brainpool"), bits, (bits + 7) // 8
        self.number = b"\0\x01" + secrets.token_bytes(self.size - 2)
        self.point = b"\x04" + bytes.fromhex("".join(self.CURVES[family, bits]))

    def pieces(self):
        for at in range(2, self.size - PIECE + 1, 8):
            piece = self.number[at:at + PIECE]
            yield from (piece, piece[::-1], piece.hex().encode())

    def token(self, number, point):
        associated = struct.pack(">BBHHBBHBBI", 0, 0, 16, 0, 0, self.family, self.bits, 0xC0, 0x40, 0)
        private = struct.pack(">BBH4xBBBBHH56xHH", 0x20, 0, 92 + len(number), 0xC0, self.family, 0x40, 0, self.bits, 16, 16,
                              len(number)) + associated + number
        public = struct.pack(">BBH4xBxHH", 0x21, 0, 14 + len(point), self.family, self.bits, len(point)) + point
        size = 8 + len(private) + len(public)
        return struct.pack(">HHBBH4x", size + 4, 0x20, 0x1E, 0, size) + private + public

    @staticmethod
    def params(service, rule, data, keys):
        return service + struct.pack(">H8sH", 10, rule, 2 + len(data)) + data + struct.pack(">H", 2 + len(keys)) + keys

    @staticmethod
    def control(params, domain=0xFFFF):
        return struct.pack(">HB3x2s4xI4xI146xH48x", 220, 2, b"T2", len(params), 2048, domain) + params

    def generation(self):
        return self.params(b"PG", b"CLEAR   ", b"", self.token(b"", b"") + bytes.fromhex("0005001000"))

    def signature(self):
        return self.params(b"SG", b"ECDSA   ", struct.pack(">H", 34) + bytes(range(32)), self.token(self.number, self.point))

    def secret(self):
        token, null = self.token(self.number, self.point), struct.pack(">H66x", 68)
        return self.params(b"DH", b"PASSTHRU", bytes.fromhex("000400910006009300000004009000040092"),
                           token + null + token + 3 * null)


def send(node, params):
    """The parameters of the reply."""
    control = CurveKey.control(params)
    request, reply = ctypes.create_string_buffer(control, len(control)), ctypes.create_string_buffer(2268)
    argument = bytearray(struct.pack("=HIHI8xQI8xQI8xQI8xQHI", 0x4341, 0xFFFFFFFF, 0, len(control), ctypes.addressof(request), 0, 0,
                                     len(reply), ctypes.addressof(reply), 0, 0, 0, 0))
    with open(node, "rb") as file:
        fcntl.ioctl(file, ZSECSENDCPRB, argument)
    assert struct.unpack_from(">HH", reply.raw, 144) == (0, 0)
    return reply.raw[220:]


def regions(pid):
    """[start, end, rights, inode, name, KiB in memory or swapped] of each."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="ascii") as smaps:
        for line in smaps:
            if head := re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ (\d+) *(.*)", line):
                found.append([int(head[1], 16), int(head[2], 16), head[3], int(head[4]), head[5], 0])
            elif line.startswith(("Rss:", "Swap:")):
                found[-1][5] += int(line.split()[1])
    return found


def memory(pid):
    """All writable memory of the process, except the sanitizer's shadow, which is huge, and private memory that was never used."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, rights, inode, name, kib in regions(pid):
            if rights[1] != "w" or end - start > 1 << 30 or not (kib or inode or rights[3] == "s"):
                continue
            try:
                mem.seek(start)
                yield start, name, mem.read(end - start)
            except OSError as error:
                assert error.errno == errno.EIO


def found(pid, key):
    return [(hex(start + data.find(piece)), name)
            for start, name, data in memory(pid) for piece in key.pieces() if piece in data]


def stacks(pid):
    """{thread: its stack pointer}, of threads that wait in a system call."""
    calls = {task.name: (task / "syscall").read_text().split() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
    return {thread: words[-2] for thread, words in calls.items() if len(words) > 2}


def where(pid, address):
    """What says whose memory it is: where it is mapped, and the bytes around it."""
    at = int(address, 16)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        mem.seek(at - 64)
        around = mem.read(192).hex(" ", 8)
    return [f"{start:x}-{end:x} {name}" for start, end, _, _, name, _ in regions(pid) if start <= at < end], around


def assert_cleansed(pid, key):
    deadline = time.monotonic() + 60
    while (hits := found(pid, key)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not hits, ([where(pid, address) for address, _ in hits], stacks(pid))


def modexpo(node, key):
    operands = b"\0" + secrets.token_bytes(N - 1), b"", key.exponent, key.modulus  # a message below the modulus
    buffers = [ctypes.create_string_buffer(data, N) for data in operands]
    where = [ctypes.addressof(b) for b in buffers]
    argument = bytearray(struct.pack("=QI4xQI4xQQ", where[0], N, where[1], N, where[2], where[3]))
    with open(node, "rb") as file:
        fcntl.ioctl(file, MODEXPO, argument)
    assert any(buffers[1].raw)


def test_seen_while_it_is_there(crypto):
    """The search finds a key that is there; the other tests rely on it."""
    key = Key()
    crypto.only(6)
    crypto.execute("fault-add", rule="06.* always full")
    child = os.fork()
    if child == 0:
        modexpo(crypto.node(), key)
        os._exit(0)
    deadline = time.monotonic() + 60
    while not (hits := found(crypto.daemon_pid, key)) and time.monotonic() < deadline:
        time.sleep(0.1)
    crypto.execute("fault-remove", all=True)
    assert os.waitpid(child, 0)[1] == 0
    assert hits
    assert_cleansed(crypto.daemon_pid, key)


@pytest.mark.parametrize("adapter", [5, 6])
def test_key_of_a_program(crypto, adapter):
    key = Key()
    crypto.only(adapter)
    for _ in range(3):
        modexpo(crypto.node(), key)
    assert_cleansed(crypto.daemon_pid, key)


@pytest.mark.parametrize("family,bits", CurveKey.CURVES)
def test_key_of_a_curve(crypto, family, bits):
    key = CurveKey(family, bits)
    crypto.only(5)
    for _ in range(3):
        send(crypto.node(), key.signature())
        assert any(send(crypto.node(), key.secret())[24:24 + key.size])
    assert_cleansed(crypto.daemon_pid, key)


@pytest.mark.parametrize("family,bits", CurveKey.CURVES)
def test_generated_key_of_a_curve(crypto, family, bits):
    crypto.only(5)
    key = CurveKey(family, bits)
    key.number = send(crypto.node(), key.generation())[112:112 + key.size]
    assert any(key.number)
    assert_cleansed(crypto.daemon_pid, key)


def test_generated_key_of_a_system(crypto):
    key = CurveKey("P-256", 256)
    system = System(f"{crypto.socket}.guest")
    block = key.control(key.generation(), 4)
    message = struct.pack(">xB14xI12x2s18x2s2xIIIII12x", 6, 88, b"CA", b"PG", len(block), 0, 0, 0, 2268) + block
    assert system.ask(4, system.nqap(0x0504, message))[:3] == bytes(3)
    key.number = system.fetch(0x0504)[48 + 220 + 112:][:32]
    assert any(key.number)
    assert_cleansed(crypto.daemon_pid, key)
    system.connection.close()
    assert_cleansed(crypto.daemon_pid, key)


def keep(folder, *arguments):
    """A daemon with these options answers requests to an accelerator and to a coprocessor: the key is not in its memory."""
    key = Key()
    daemon = Crypto(folder / "daemon", MACHINE, arguments=arguments)
    try:
        for adapter in [5, 6]:
            daemon.only(adapter)
            for _ in range(3):
                modexpo(daemon.node(), key)
        system = System(f"{daemon.socket}.guest")
        assert system.ask(4, system.nqap(0x0604, me_message(key)))[:3] == bytes(3)
        assert system.fetch(0x0604)[1] == 0x80
        system.connection.close()
        time.sleep(0.5)
        assert_cleansed(daemon.daemon_pid, key)
    finally:
        daemon.stop()
    return key


def replayed(recording):
    return subprocess.run([apus_binary(), "replay", recording], capture_output=True, text=True, check=True).stdout


def test_key_in_a_recording_that_has_keys(tmp_path):
    """It is in the file, which is for its owner alone, and nowhere in memory."""
    recording = tmp_path / "run.jsonl"
    key = keep(tmp_path, "--record", recording, "--record-keys", "yes")
    assert key.exponent.hex() in recording.read_text()
    assert "computed" not in replayed(recording)


def test_key_in_no_other_recording(tmp_path):
    recording = tmp_path / "run.jsonl"
    key = keep(tmp_path, "--record", recording)
    text = recording.read_text()
    assert key.exponent[1:].hex() not in text and key.modulus.hex() in text
    assert text.count('"keyless":true') == 7
    lines = ", ".join(str(n) for n, line in enumerate(text.splitlines(), 1) if '"keyless":true' in line)
    assert "\n7 of them cannot be computed again" in replayed(recording)
    assert replayed(recording).endswith(f"; lines {lines}\n")


def test_key_in_no_state(tmp_path):
    key = keep(tmp_path, "--state", tmp_path / "state", "--sync")
    for file in (tmp_path / "state").iterdir():
        assert not any(piece in file.read_bytes() for piece in key.pieces()), file


class System:
    """A client in the role of the LPAR's CPUs (docs/guest-protocol.md)."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(60)
        self.connection.connect(str(path))
        self.ask(1, struct.pack(">IHBxI16s", 0x41504753, 1, 2, 15, bytes(16)), ident=0)

    def send(self, kind, payload, ident=1):
        self.connection.sendall(self.frame(kind, payload, ident))

    @staticmethod
    def frame(kind, payload, ident=1):
        return struct.pack(">IHHI", 12 + len(payload), kind, 0, ident) + payload

    def receive(self, size):
        return self.connection.recv(size, socket.MSG_WAITALL)

    def reply(self):
        size, kind = struct.unpack(">IHxx4x", self.receive(12))
        payload = self.receive(size - 12)
        assert kind != 3, payload[4:]
        return payload

    def ask(self, kind, payload, ident=1):
        self.send(kind, payload, ident)
        return self.reply()

    @staticmethod
    def nqap(qid, message):
        return struct.pack(">HHBBxx3Q4Q", 0xB2AD, 0, 2, 4, 0x40000000 | qid, 0, 0, 0, 1, 0x1000, len(message)) + message

    @staticmethod
    def dqap(qid):
        return struct.pack(">HHBBxx3Q4Q", 0xB2AE, 0, 2, 4, 0x80000000 | qid, 0, 0, 0, 0, 0x1000, 8192)

    def fetch(self, qid):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.ask(4, self.dqap(qid))
            if answer[2] == 0:
                return answer[68:]
            time.sleep(0.02)
        raise AssertionError("no reply")


def me_message(key):
    header = struct.pack(">HH4xH6x", 0x50, 16 + 3 * N, 2)
    return header + key.exponent + key.modulus + b"\x00" + secrets.token_bytes(N - 1)


@pytest.mark.parametrize("how", ["whole", "in pieces", "many", "never complete"])
def test_key_of_a_system(crypto, how):
    key = Key()
    system = System(f"{crypto.socket}.guest")
    request = system.frame(4, system.nqap(0x0604, me_message(key)))
    if how == "never complete":
        system.connection.sendall(request[:-1])
        time.sleep(0.3)
        system.connection.close()
        assert_cleansed(crypto.daemon_pid, key)
        return
    for _ in range(3):
        for at in range(0, len(request), 100 if how == "in pieces" else len(request)):
            system.connection.sendall(request[at:at + 100] if how == "in pieces" else request)
            if how == "in pieces":
                time.sleep(0.01)
    for _ in range(3):
        assert system.reply()[:3] == bytes(3)
    for _ in range(3):
        assert system.fetch(0x0604)[1] == 0x80
    assert_cleansed(crypto.daemon_pid, key)
    system.connection.close()
    assert_cleansed(crypto.daemon_pid, key)
