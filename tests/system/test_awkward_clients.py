# SPDX-License-Identifier: MIT
"""Clients that hold what others need: none of them blocks the daemon or another client."""

import ctypes
import fcntl
import mmap
import os
import resource
import socket
import struct
import time

import pytest
from harness import MATRIX, TYPE_DIR, Control, resident_kib, uuid, worked_example

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": (323, 217), "s390x": (355, 220), "aarch64": (282, 61)}  # userfaultfd, getdents64
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00
ROOM = 65536


def memory_without_answer():
    """Maps pages that are never filled: whoever touches them sleeps, even in the kernel. The address, or None."""
    faults = LIBC.syscall(NUMBERS[os.uname().machine][0], os.O_CLOEXEC)
    if faults < 0:
        return None
    fcntl.ioctl(faults, UFFDIO_API, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(ROOM), mmap.PROT_READ | mmap.PROT_WRITE,
                        mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    fcntl.ioctl(faults, UFFDIO_REGISTER, bytearray(struct.pack("QQQQ", address, ROOM, 1, 0)))
    return address


def hold(folder):
    """Starts a process that hangs while it lists folder, which stays locked in the kernel. None: not possible here."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            address = memory_without_answer()
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            os.write(tell, b"y" if address else b"n")
            if address:
                LIBC.syscall(NUMBERS[os.uname().machine][1], fd, ctypes.c_void_p(address), ROOM)
        finally:
            os._exit(0)
    os.close(tell)
    held = os.read(ready, 1) == b"y"
    os.close(ready)
    if held:
        time.sleep(0.3)
        return child
    os.waitpid(child, 0)
    return None


def end(child):
    os.kill(child, 9)
    os.waitpid(child, 0)


@pytest.mark.parametrize("abi", ["proposal", "upstream"])
def test_a_directory_that_a_reader_does_not_let_go(apus, abi):
    """A write that removes a name there waits for the lock, but not for ever."""
    host = apus(worked_example(), abi=abi)
    for number in (1, 2, 3):
        assert host.w(f"{TYPE_DIR}/create", uuid(number)) == "OK"
    host.dump()
    child = hold(host.path(MATRIX))
    if child is None:
        pytest.skip("no userfaultfd")
    try:
        started = time.monotonic()
        assert host.w(f"{MATRIX}/{uuid(1)}/remove", 1) == "OK"
        assert time.monotonic() - started < 5
        started = time.monotonic()
        # Later writes are not delayed again.
        for turn in range(20):
            assert host.w("bus/ap/apmask", "-5" if turn % 2 else "+5") == "OK"
            host.se_adapter(6, "off" if turn % 2 else "on")
        assert host.r(f"{MATRIX}/{uuid(2)}/matrix") == ""
        assert time.monotonic() - started < 5
    finally:
        end(child)
    # As soon as the reader is gone, the delayed invalidations are done ...
    assert host.names("bus/mdev/devices") == [uuid(2), uuid(3)]
    end_of_patience = time.monotonic() + 30
    while host.exists(f"{MATRIX}/{uuid(1)}"):
        assert time.monotonic() < end_of_patience
        time.sleep(0.05)
    host.execute("status")
    # ... and afterwards a name is gone again when the write returns.
    assert host.w(f"{MATRIX}/{uuid(2)}/remove", 1) == "OK"
    assert not host.exists(f"{MATRIX}/{uuid(1)}") and not host.exists(f"{MATRIX}/{uuid(2)}")


def test_the_end_while_a_reader_holds_a_directory(apus):
    """The daemon cannot end, says why, and does not block the next one."""
    host = apus(worked_example())
    assert host.w(f"{TYPE_DIR}/create", uuid(1)) == "OK"
    host.dump()
    child = hold(host.path(MATRIX))
    if child is None:
        pytest.skip("no userfaultfd")
    try:
        client = Control(host.socket)
        assert host.w(f"{MATRIX}/{uuid(1)}/remove", 1) == "OK"
        host.process.terminate()
        end_of_patience = time.monotonic() + 20
        while host.socket.exists() and time.monotonic() < end_of_patience:
            time.sleep(0.05)
        assert not host.socket.exists() and not os.path.ismount(host.root)
        assert not os.path.exists(f"{host.socket}.guest")
        with pytest.raises((ConnectionError, EOFError, AssertionError, ValueError)):
            client.execute("status")
        assert "cannot end yet" in host.stderr()
        assert host.process.poll() is None
    finally:
        end(child)
    assert host.process.wait(20) == 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_more_connections_than_descriptors(apus):
    """Clients above the limit are rejected; the daemon does not spin, and still serves the others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    try:
        host = apus(worked_example())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    host.execute("status")
    clients = []
    for _ in range(500):
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].settimeout(10)
        clients[-1].connect(str(host.socket))
    assert clients[-1].recv(4096).startswith(b'{"error"')
    before = cpu_seconds(host.process.pid)
    time.sleep(1)
    assert cpu_seconds(host.process.pid) - before < 0.5
    assert host.execute("status") is not None
    assert host.w("bus/ap/apmask", "-5") == "OK"
    for client in clients:
        client.close()
    host.execute("status")
    Control(host.socket).close()


def guest_frame(kind, number, payload):
    return struct.pack(">IHHI", 12 + len(payload), kind, 0, number) + payload


def test_a_guest_that_reads_slowly_for_a_long_time(apus, monkeypatch):
    """The client sends faster than it reads, so there is always output left: that must not pile up."""
    # AddressSanitizer keeps freed memory for a while, which would look like a leak.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    host = apus(worked_example())
    qci = struct.pack(">HHBBH7Q", 0xB2AF, 0, 0, 0, 0, 4 << 24, 0, 0x1000, 0, 0, 0, 0)
    requests, done = guest_frame(4, 7, qci) * 200, 0
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{host.socket}.guest")
    client.send(guest_frame(1, 0, struct.pack(">IHBBI16s", 0x41504753, 1, 2, 0, 15, bytes(16))))
    assert client.recv(4096)[4:6] == b"\0\2"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 10, 0))
    before, end, total = 0, time.monotonic() + 10, 0
    while total < 24 << 20 and time.monotonic() < end:
        try:
            while True:
                done = (done + client.send(requests[done:], socket.MSG_DONTWAIT)) % len(requests)
        except BlockingIOError:
            pass
        total += len(client.recv(4096))
        if not before and total > 1 << 20:
            before = resident_kib(host.process.pid)
    assert total > 4 << 20
    grown = resident_kib(host.process.pid) - before
    client.close()
    assert grown < min(4096, total // 2048), (grown, total)


def test_no_memory_left(apus, monkeypatch):
    """The daemon ends with a message, and leaves no socket and no mount behind."""
    # AddressSanitizer maps terabytes of address space, so the size of a single allocation is limited instead.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") +
                       ":allocator_may_return_null=1:max_allocation_size_mb=2")
    host = apus(worked_example())
    host.stop = host.watchdog.cancel
    with open(f"/proc/{host.process.pid}/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    if size < 1 << 40:
        resource.prlimit(host.process.pid, resource.RLIMIT_AS, (size, size))
    silent = []
    for _ in range(8):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(str(host.socket))
        silent[-1].sendall(b'{"execute": "subscribe"}\n')
    for turn in range(100000):
        try:
            host.se_adapter(5, "off" if turn % 2 == 0 else "on")
        except (ConnectionError, EOFError, AssertionError, ValueError):
            break
    assert host.process.wait(20) == 1, host.stderr()
    assert "there is no memory left" in host.stderr()
    host.wait_tidy()


def test_silent_subscribers(apus, monkeypatch):
    """The memory for their events is bounded in total; a subscriber that reads keeps its connection."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    host = apus("[machine]\ndomains = 0-255\n[adapter 0-31]\ntype = CEX7C\n")
    silent = []
    for _ in range(30):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(str(host.socket))
        silent[-1].sendall(b'{"execute": "subscribe"}\n')
    before, peak = resident_kib(host.process.pid), 0
    for adapter in range(32):
        for state in ("off", "on"):
            host.se_adapter(adapter, state)
            peak = max(peak, resident_kib(host.process.pid))
    for client in silent:
        client.close()
    assert peak - before < 96 << 10, f"{peak - before} KiB"
    assert "did not read and" in host.cli("log").stdout
