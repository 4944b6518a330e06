# SPDX-License-Identifier: MIT
"""The processes of the stress test. Each function runs in its own process until it is killed or its time is
over; refusals are expected, other errors are raised. A world has what they share: paths, and the end time."""

import array
import contextlib
import ctypes
import errno
import fcntl
import itertools
import json
import os
import random
import select
import signal
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness import MATRIX, TYPE_DIR, Control, uuid

MDEVS = 12
GUESTS = ["Guest1", "Guest2", "Guest3"]
ADAPTERS = range(3, 10)
DOMAINS = [0, 4, 0x47, 0xAB, 0xFF]
LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
# Errors that no operation may return.
# EIO is not among them: class/zcrypt/create may be opened for reading by root, and shows nothing.
NEVER = {errno.ENOMEM, errno.EFAULT, errno.ENOSYS}


@dataclass
class World:
    root: Path
    socket: Path
    end: float

    def turns(self):
        while time.monotonic() < self.end:
            yield

    def path(self, relative):
        return os.path.join(self.root, relative)


@contextlib.contextmanager
def refusals():
    """Ignores errors that an operation may return while others change things."""
    try:
        yield
    except OSError as error:
        if error.errno in NEVER:
            raise


def write(path, data):
    with refusals():
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, data if isinstance(data, bytes) else str(data).encode())
        finally:
            os.close(fd)


def read(path, size=65536):
    with refusals():
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, size)
        finally:
            os.close(fd)
    return b""


def number(r):
    return r.choice([*ADAPTERS, *DOMAINS, 256, -1, "0x4", "0x100000000", "4 5", ""])


def garbage(r):
    return r.choice([
        b"", b"\n", b"\0", b"\0" * 4096, b"-" * 4095, b"0x" + b"f" * 64, b"0x" + b"f" * 65, b"+0xff\n", b"-256\n",
        b"+0-0x47\n", b"18446744073709551616\n", b"%s%n\n", r.randbytes(r.randrange(1, 9000)), b",".join([b"+4"] * 2000),
        uuid(r.randrange(MDEVS)).encode(), b"add\n", b"change " + uuid(1).encode() + b" A=1 B=\xff\n", b"1\n", b"0\n",
    ])


def mask_change(r):
    return ",".join(f"{r.choice('+-')}{i:#x}" for i in r.sample([*ADAPTERS, *DOMAINS], 3))


def execute(control, command, /, **arguments):
    control.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    reply = control.reply()
    assert reply is not None and ("return" in reply or reply["error"]["desc"]), (command, arguments, reply)
    return reply


# The tree.


def read_all(world, r):
    for _ in world.turns():
        for folder, _, files in os.walk(world.root):
            for name in files:
                read(os.path.join(folder, name))


def list_and_seek(world, r):
    """Seeks to arbitrary positions of directories, and continues listings after removals."""
    folders = ["", "bus/ap/devices", "devices/ap", MATRIX, "class/zcrypt", "bus/ap/drivers/vfio_ap", "devices/ap/card04"]
    room = ctypes.create_string_buffer(4096)
    for _ in world.turns():
        with refusals():
            fd = os.open(world.path(r.choice(folders)), os.O_RDONLY | os.O_DIRECTORY)
            try:
                for _ in range(20):
                    if r.random() < 0.5:
                        os.lseek(fd, r.choice([r.getrandbits(63), r.getrandbits(16), r.getrandbits(33), 0, 1, 2]), 0)
                    LIBC.syscall(217 if os.uname().machine == "x86_64" else 61, fd, room, 512)
            finally:
                os.close(fd)


def write_all(world, r):
    """Writes garbage to every writable attribute."""
    for _ in world.turns():
        for folder, folders, files in os.walk(world.root):
            r.shuffle(folders)
            for name in files:
                if name == "online" and r.random() < 0.9:
                    continue
                with refusals():
                    if os.lstat(os.path.join(folder, name)).st_mode & 0o222:
                        write(os.path.join(folder, name), garbage(r))


def masks(world, r):
    for _ in world.turns():
        write(world.path(f"bus/ap/{r.choice(['apmask', 'aqmask'])}"), mask_change(r))


def mdevs(world, r):
    for _ in world.turns():
        name = uuid(r.randrange(MDEVS))
        folder = world.path(f"{MATRIX}/{name}")
        what = r.randrange(10)
        if what < 3:
            write(world.path(f"{TYPE_DIR}/create"), name)
        elif what == 3:
            write(f"{folder}/remove", 1)
        elif what == 4:
            read(f"{folder}/{r.choice(['matrix', 'guest_matrix', 'control_domains', 'ap_config'])}")
        else:
            kind = r.choice(["adapter", "domain", "control_domain"])
            write(f"{folder}/{r.choice(['assign', 'unassign'])}_{kind}", number(r))


def mdev_storm(world, r):
    for serial in itertools.count(1000 * r.randrange(1000, 10**6)):
        if time.monotonic() > world.end:
            return
        write(world.path(f"{TYPE_DIR}/create"), uuid(serial))
        fd = -1
        with refusals():
            fd = os.open(world.path(f"{MATRIX}/{uuid(serial)}/matrix"), os.O_RDONLY)
        write(world.path(f"{MATRIX}/{uuid(serial)}/remove"), 1)
        if fd >= 0:
            with refusals():
                os.read(fd, 4096)
            os.close(fd)


def hold_and_poll(world, r):
    """Keeps files open that outlive their objects."""
    held = []
    for _ in world.turns():
        folder = r.choice([f"{MATRIX}/{uuid(r.randrange(MDEVS))}", "devices/ap/card05", "devices/ap/card06/06.0004",
                           "bus/ap", "class/zcrypt", f"devices/virtual/zcrypt/n{r.randrange(4)}"])
        with refusals():
            name = r.choice(os.listdir(world.path(folder)) or ["gone"])
            held.append(os.open(world.path(f"{folder}/{name}"), r.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR])))
        poll = select.poll()
        for fd in held:
            poll.register(fd, select.POLLPRI | select.POLLERR)
        poll.poll(1)
        if held:
            fd = r.choice(held)
            with refusals():
                r.choice([lambda: os.pread(fd, 100, r.getrandbits(40)), lambda: os.read(fd, 9),
                          lambda: os.write(fd, garbage(r)), lambda: os.fstat(fd), lambda: os.ftruncate(fd, 7)])()
        if len(held) > 100:
            os.close(held.pop(r.randrange(len(held))))


def killed(world, r):
    """Kills or interrupts clients while they wait for an answer."""
    for _ in world.turns():
        child = os.fork()
        if child == 0:
            try:
                for _ in range(50):
                    name = uuid(r.randrange(MDEVS))
                    write(world.path(f"{TYPE_DIR}/create"), name)
                    write(world.path(f"{MATRIX}/{name}/remove"), 1)
                    write(world.path("bus/ap/aqmask"), mask_change(r))
                    execute(Control(world.socket), "status")
            finally:
                os._exit(0)
        time.sleep(r.random() * 0.02)
        os.kill(child, r.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def nodes(world, r):
    """Creates and destroys zcrypt nodes, and calls ioctls with nonsense."""
    numbers = [0xC0487A00 | i for i in (0, 5, 6, 0x80, 0x81, 4)] + [0x80047A00 | i for i in range(0x40, 0x60)]
    room = bytearray(r.randbytes(8192))
    for _ in world.turns():
        name = f"n{r.randrange(4)}"
        write(world.path(f"class/zcrypt/{r.choice(['create', 'destroy'])}"), name)
        write(world.path(f"devices/virtual/zcrypt/{name}/{r.choice(['apmask', 'aqmask', 'ioctlmask', 'admask'])}"),
              r.choice(["+1-255", "0x0", garbage(r)]))
        with refusals():
            fd = os.open(world.path(f"dev/{r.choice([name, 'z90crypt'])}"), os.O_RDWR)
            try:
                for _ in range(5):
                    with refusals():
                        fcntl.ioctl(fd, r.choice(numbers) ^ (r.random() < 0.2) * r.getrandbits(30), room)
            except OSError as error:
                assert error.errno in NEVER
            finally:
                os.close(fd)


# The control socket.


def support_element(world, r):
    control = Control(world.socket)
    for _ in world.turns():
        kind = r.choice(["adapter", "domain", "control-domain"])
        what = r.randrange(5)
        if what < 2:
            execute(control, "se-adapter", adapter=r.choice(ADAPTERS), state=r.choice(["on", "off"]), force=True)
        elif what == 2:
            execute(control, "se-lpar", action=r.choice(["add", "remove"]), kind=kind,
                    id=r.choice([*ADAPTERS] if kind == "adapter" else DOMAINS))
        elif what == 3:
            execute(control, "sclp", command=r.choice(["configure", "deconfigure"]), adapter=r.choice(ADAPTERS))
        else:
            execute(control, "checkstop", adapter=r.choice(ADAPTERS), state=r.choice(["on", "off", "off"]))


def guests(world, r):
    control = Control(world.socket)
    for _ in world.turns():
        name, mdev = r.choice(GUESTS), uuid(r.randrange(MDEVS))
        what = r.randrange(8)
        if what < 2:
            extra = {"mdev": mdev} if what else {}
            execute(control, "guest-start", name=name, lifetime=r.choice(["daemon", "connection"]), **extra)
        elif what < 4:
            execute(control, "guest-attach", name=name, mdev=mdev)
        elif what < 7:
            execute(control, ["guest-detach", "guest-stop", "guest-migrate"][what - 4], name=name)
        else:
            control.close()
            control = Control(world.socket)


def looks(world, r):
    control = Control(world.socket)
    for _ in world.turns():
        for command in ("status", "map", "se-show", "guest-list", "log", "events", "commands"):
            execute(control, command)


def send_descriptors(control, fds, name):
    request = json.dumps({"execute": "guest-mount", "arguments": {"name": name}}).encode() + b"\n"
    control.socket.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    return control.reply()


def wrong_descriptors(world, r):
    control = Control(world.socket)
    for _ in world.turns():
        fds = [*os.pipe(), os.open("/dev/null", os.O_RDWR), os.open("/dev/fuse", os.O_RDWR)]
        with refusals():
            fds.append(os.open(world.path("bus/ap/apmask"), os.O_RDWR))
            os.write(fds[-1], b"+0\n")
            os.stat(world.path("bus/ap"))
        reply = send_descriptors(control, r.choices(fds, k=r.choice([1, 1, 2, 200])), r.choice(GUESTS))
        assert reply is not None
        for fd in fds:
            os.close(fd)


def garble(world, r):
    """Sends garbage and partial lines, and closes connections at any time."""
    for _ in world.turns():
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.02)
            try:
                client.connect(str(world.socket))
                for _ in range(r.randrange(6)):
                    client.send(r.choice([r.randbytes(r.randrange(70000)), b'{"execute": "sta', b"[" * 5000 + b"\n", b"\n",
                                          b'{"execute": "map", "id": 1e999}\n', b'{"execute": "map"}\n' * 200]))
                    if r.random() < 0.5:
                        client.recv(100)
            except (TimeoutError, BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass


def subscribe_slowly(world, r):
    control = Control(world.socket)
    control.send(b'{"execute": "subscribe"}\n')
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        for _ in world.turns():
            if not control.socket.recv(1000):
                control.close()
                return
            time.sleep(0.01)


# Guests' trees. Only root mounts them.


def mount_fuse(folder):
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
    if LIBC.mount(b"stress", folder.encode(), b"fuse.stress", 0, options) < 0:
        os.close(fuse)
        raise OSError(ctypes.get_errno(), "mount")
    return fuse


def guest_trees(world, r):
    """Walks and writes to guests' trees, and unmounts them in the middle."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in world.turns():
            control = Control(world.socket)
            fuse = mount_fuse(folder)
            served = send_descriptors(control, [fuse], r.choice(GUESTS))
            os.close(fuse)
            if "return" in served:
                child = os.fork()
                if child == 0:
                    try:
                        for walk in (read_all, write_all):
                            walk(World(Path(folder), world.socket, time.monotonic() + 0.1), r)
                    finally:
                        os._exit(0)
                time.sleep(r.random() * 0.3)
                LIBC.umount2(folder.encode(), MNT_DETACH)
                os.waitpid(child, 0)
            else:
                LIBC.umount2(folder.encode(), MNT_DETACH)
            control.close()


TREE = [read_all, list_and_seek, write_all, masks, mdevs, mdevs, mdev_storm, hold_and_poll, killed, nodes]
SOCKET = [support_element, guests, guests, looks, wrong_descriptors, garble, subscribe_slowly]
ROOT = [guest_trees]
