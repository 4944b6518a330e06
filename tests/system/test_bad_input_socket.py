# SPDX-License-Identifier: MIT
"""Whatever a client sends to the control socket, it gets an error and does not affect others."""

import array
import json
import os
import signal
import socket
import struct
import time

import pytest

from harness import Control, worked_example

GARBAGE = {
    "words": b"hello, are you there?\n",
    "empty object": b"{}\n",
    "array": b"[]\n",
    "null": b"null\n",
    "number": b"42\n",
    "string": b'"status"\n',
    "half a message": b'{"execute": "status"\n',
    "two in a line": b'{"execute": "status"} {"execute": "status"}\n',
    "binary": bytes(range(0, 10)) + bytes(range(11, 256)) + b"\n",
    "invalid UTF-8": b'{"execute": "\xff\xfe"}\n',
    "a NUL": b'{"execute": "sta\\u0000tus"}\n',
    "a raw NUL": b'{"execute": "sta\0tus"}\n',
    "lone surrogate": b'{"execute": "\\ud800"}\n',
    "no command": b'{"arguments": {}}\n',
    "command of a wrong type": b'{"execute": 7}\n',
    "unknown command": b'{"execute": "make-coffee"}\n',
    "arguments of a wrong type": b'{"execute": "se-adapter", "arguments": [5, "off"]}\n',
    "unknown key": b'{"execute": "status", "exec": "x"}\n',
    "deep nesting": b'{"execute": ' + b"[" * 100000 + b"\n",
    "deep objects": b'{"a":' * 20000 + b"\n",
    "huge number": b'{"execute": "se-adapter", "arguments": {"adapter": 1e999, "state": "off"}}\n',
    "large integer": b'{"execute": "se-adapter", "arguments": {"adapter": 99999999999999999999, "state": "off"}}\n',
    "duplicate keys": b'{"execute": "status", "execute": "quit"}\n',
    "format string": b'{"execute": "%s%s%n%n"}\n',
}

BAD_ARGUMENTS = [
    ("se-adapter", {}),
    ("se-adapter", {"adapter": 5}),
    ("se-adapter", {"adapter": "five", "state": "off"}),
    ("se-adapter", {"adapter": 5.5, "state": "off"}),
    ("se-adapter", {"adapter": -1, "state": "off"}),
    ("se-adapter", {"adapter": 256, "state": "off"}),
    ("se-adapter", {"adapter": 2**62, "state": "off"}),
    ("se-adapter", {"adapter": 5, "state": "sideways"}),
    ("se-adapter", {"adapter": 77, "state": "off"}),
    ("se-adapter", {"adapter": 5, "state": "off", "force": "yes"}),
    ("se-adapter", {"adapter": 5, "state": "off", "frobnicate": 1}),
    ("se-lpar", {"action": "grow", "kind": "adapter", "id": 7}),
    ("se-lpar", {"action": "add", "kind": "card", "id": 7}),
    ("se-lpar", {"action": "add", "kind": "adapter", "id": 300}),
    ("se-lpar", {"action": "add", "kind": "adapter", "id": 77}),
    ("sclp", {"command": "explode", "adapter": 5}),
    ("sclp", {"command": "configure", "adapter": None}),
    ("checkstop", {"adapter": 77, "state": "on"}),
    ("checkstop", {"adapter": 5, "state": "perhaps"}),
    ("fault-add", {}),
    ("fault-add", {"rule": ["05.* 3 busy"]}),
    ("fault-add", {"rule": "05.* 3 busy" * 99}),
    ("fault-add", {"rule": "05.* 3\nbusy"}),
    ("fault-add", {"rule": "\u2028"}),
    ("fault-remove", {}),
    ("fault-remove", {"number": 9}),
    ("fault-remove", {"number": 1, "all": True}),
    ("guest-start", {}),
    ("guest-start", {"name": ""}),
    ("guest-start", {"name": "x" * 1000}),
    ("guest-start", {"name": "a/b\nc"}),
    ("guest-start", {"name": "G", "mdev": "not-a-uuid"}),
    ("guest-start", {"name": "G", "mdev": "9d4c0f6e-0000-4000-8000-0000000000ff"}),
    ("guest-start", {"name": "G", "features": ["warp"]}),
    ("guest-stop", {"name": "Nobody"}),
    ("guest-attach", {"name": "Nobody", "mdev": "9d4c0f6e-0000-4000-8000-000000000001"}),
    ("guest-detach", {"name": "Nobody"}),
    ("guest-show", {"name": "Nobody"}),
    ("guest-show", {"name": 5}),
    ("guest-migrate", {"name": "Nobody"}),
]


@pytest.fixture
def host(apus):
    host = apus(worked_example())
    assert host.execute("status") is not None
    return host


@pytest.fixture
def other(host):
    """A well-behaved client, which must not notice anything."""
    client = Control(host.socket)
    yield client
    assert client.execute("status") is not None
    assert not client.buffer
    client.close()


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_an_error(host, other, name):
    before = host.dump()
    client = Control(host.socket)
    client.send(GARBAGE[name])
    reply = client.reply()
    assert reply is not None and "error" in reply and reply["error"]["desc"], reply
    # The connection may be closed afterwards, but not before the reply is complete.
    try:
        client.send(b'{"execute": "status", "id": 7}\n')
        answer = client.reply()
        assert answer is None or answer.get("id") == 7
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.close()
    assert host.dump() == before


@pytest.mark.parametrize(("command", "arguments"), BAD_ARGUMENTS)
def test_bad_arguments_are_named(host, other, command, arguments):
    before = host.dump()
    error = host.refused(command, **arguments)
    assert len(error.desc) < 1000
    assert host.dump() == before
    assert host.execute("guest-list")["guests"] == []


def test_an_unfinished_message_waits(host, other):
    client = Control(host.socket)
    client.send(b'{"execute": "sta')
    assert other.execute("status") is not None
    client.send(b'tus", "id": "late"}\n')
    assert client.reply()["id"] == "late"
    client.close()


def test_a_client_that_leaves_in_the_middle(host, other):
    for _ in range(50):
        client = Control(host.socket)
        client.send(b'{"execute": "sta')
        client.close()
    for _ in range(50):
        client = Control(host.socket)
        client.send(b'{"execute": "status"}\n' * 20)
        client.close()


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_megabyte_without_a_message(host, other, ending):
    client = Control(host.socket)
    answered = b""
    try:
        client.send(b"x" * (1 << 20) + ending)
        answered = client.reply()
    except (BrokenPipeError, ConnectionResetError):
        # The rest may be refused, but earlier replies must still be readable.
        answered = json.loads(client.buffer or "{}") or client.reply()
    assert answered is not None and "error" in answered
    client.close()


def test_a_megabyte_of_json(host, other):
    client = Control(host.socket)
    try:
        client.send(json.dumps({"execute": "status", "id": "y" * (1 << 20)}).encode() + b"\n")
        reply = client.reply()
        assert reply is not None and ("error" in reply or reply["id"] == "y" * (1 << 20))
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.close()


def test_a_client_that_never_reads(host, other):
    """Its replies pile up until it is dropped or throttled; others do not wait."""
    lazy = socket.socket(socket.AF_UNIX)
    lazy.connect(str(host.socket))
    lazy.setblocking(False)
    request = b'{"execute": "map"}\n' * 1000
    try:
        for _ in range(200):
            lazy.send(request)
    except OSError:
        pass
    started = time.monotonic()
    assert other.execute("status") is not None
    assert host.w("bus/ap/apmask", "-5") == "OK"
    assert time.monotonic() - started < 10
    lazy.close()


def test_many_idle_clients(host, other):
    clients = []
    for _ in range(300):
        clients.append(socket.socket(socket.AF_UNIX))
        connect(clients[-1], host.socket)
    assert host.w("bus/ap/apmask", "-5") == "OK"
    assert other.execute("status") is not None
    for client in clients:
        client.close()


def connect(client, path, seconds=10):
    """Connects; waits if the listener's queue is full."""
    client.setblocking(False)
    end = time.monotonic() + seconds
    while True:
        try:
            return client.connect(str(path))
        except BlockingIOError:
            assert time.monotonic() < end, "the daemon does not accept connections"
            time.sleep(0.01)


def mount_with(host, fds):
    client = Control(host.socket, timeout=10)
    request = b'{"execute": "guest-mount", "arguments": {"name": "G"}}\n'
    client.socket.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    reply = client.reply()
    client.close()
    return reply


@pytest.mark.parametrize("kind", ["pipe", "file", "directory", "null", "socket", "own file", "own directory", "many"])
def test_a_descriptor_of_a_wrong_kind(host, other, kind):
    """Also descriptors of our own file system, which the daemon must not stat: it would wait for itself."""
    host.guest("G").start()
    own = os.open(host.path("bus/ap/apmask"), os.O_RDWR)
    # Now the kernel's cached attributes of the file are out of date.
    os.write(own, b"-5\n")
    fds = {"pipe": os.pipe(), "file": [os.open("/etc/passwd", os.O_RDONLY)], "directory": [os.open("/", os.O_RDONLY)],
           "null": [os.open("/dev/null", os.O_RDWR)], "socket": [other.socket.fileno()], "own file": [own],
           "own directory": [os.open(host.root, os.O_RDONLY)], "many": [own] * 200}[kind]
    error = mount_with(host, fds)["error"]
    assert error["errno"] == ("EBADF" if kind == "socket" else "EINVAL") and "/dev/fuse" in error["desc"]
    assert mount_with(host, fds)["error"] == error


@pytest.mark.parametrize("before_it", [b"", b'{"execute": "wait", "arguments": {"condition": "guest Nobody started"}}\n'])
@pytest.mark.parametrize("request_line", [b'{"execute": "status"}\n', b'{"execute": "guest-mount"', b"\xff\n"])
def test_its_own_connection_as_a_descriptor(host, other, request_line, before_it):
    """The daemon does not keep it, not even behind a request that is answered late: the connection ends when the client
    does."""
    mine = f"/proc/{host.process.pid}/fd"
    other.execute("status")
    before = len(os.listdir(mine))
    for _ in range(10):
        client = Control(host.socket, timeout=60)
        client.socket.sendall(before_it)
        socket.send_fds(client.socket, [request_line], [client.socket.fileno()])
        client.close()
    end = time.monotonic() + 60
    while len(os.listdir(mine)) > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(os.listdir(mine)) <= before


def lingering(seconds=10):
    """A connection whose close(2) blocks, since its peer, the second one, reads nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listening.getsockname())
    peer = listening.accept()[0]
    listening.close()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))
    ours.setblocking(False)
    try:
        while True:
            ours.send(bytes(65536))
    except BlockingIOError:
        return ours, peer


@pytest.mark.parametrize("kind", ["control", "guest"])
@pytest.mark.parametrize("command", ["guest-list", "guest-mount"])
def test_a_descriptor_that_takes_long_to_close(host, other, kind, command):
    """The event loop waits for it neither on receipt nor when the client disconnects."""
    peers, request = [], json.dumps({"execute": command, "arguments": {"name": "G"} if "mount" in command else {}})
    host.process.send_signal(signal.SIGSTOP)  # so that the daemon closes them last
    for _ in range(3):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(host.socket) + (".guest" if kind == "guest" else ""))
        for _ in range(2):
            slow, peer = lingering()
            socket.send_fds(client, [request.encode() + b"\n"], [slow.fileno()] * 3)
            slow.close()
            peers.append(peer)
        client.close()
    host.process.send_signal(signal.SIGCONT)
    started = time.monotonic()
    assert other.execute("status") is not None
    assert host.w("bus/ap/apmask", "-5") == "OK"
    assert time.monotonic() - started < 4
    for peer in peers:
        peer.close()


def test_a_fuse_descriptor_without_a_mount(host, other):
    """It is accepted, since its state is unknown, and dropped when it turns out not to be mounted; even twice."""
    host.guest("G").start()
    fuse = os.open("/dev/fuse", os.O_RDWR)
    mine = f"/proc/{host.process.pid}/fd"
    before = len(os.listdir(mine))
    for _ in range(20):
        mount_with(host, [fuse])
    # The daemon notices when it next reads a request.
    end = time.monotonic() + 10
    while len(os.listdir(mine)) > before and time.monotonic() < end:
        other.execute("status")
    assert len(os.listdir(mine)) <= before
    os.close(fuse)


def test_requests_are_answered_in_order_with_their_ids(host):
    client = Control(host.socket)
    ids = [1, "two", None, [3], {"four": 4}, True, 1.5]
    client.send(b"".join(json.dumps({"execute": "status", "id": i}).encode() + b"\n" for i in ids))
    assert [client.reply()["id"] for _ in ids] == ids
    client.close()


def test_the_socket_is_private(host):
    assert host.socket.stat().st_mode & 0o007 == 0
