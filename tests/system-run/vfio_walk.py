#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A VFIO client that runs inside `apus run`: prints the answer to each ioctl, one a line.

    vfio_walk.py PART [UUID]

Parts: container, group, device, irqs, cdev, compat, life, reboot, churn. test_vfio.py has the expected answers."""

import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

MATRIX = "/sys/devices/vfio_ap/matrix"
LIBC = ctypes.CDLL(None, use_errno=True)
UUID = "69aa1a8a-0000-4000-8000-000000000001"
OTHER = "69aa1a8a-0000-4000-8000-000000000002"


def call(fd, number, argument=0):
    """The result, or the errno's name. A bytearray argument is updated in place."""
    at = (ctypes.c_char * len(argument)).from_buffer(argument) if isinstance(argument, bytearray) else ctypes.c_void_p(argument)
    ctypes.set_errno(0)
    result = LIBC.ioctl(fd, ctypes.c_ulong(0x3b64 + number), at)
    return errno.errorcode[ctypes.get_errno()].replace("ENOTSUP", "EOPNOTSUPP") if result < 0 else result


def words(*values):
    return bytearray(struct.pack(f"{len(values)}i", *values))


def name(text):
    return bytearray(text.encode() + b"\0")


def say(what, *values):
    print(what, *values, flush=True)


def store(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def create(uuid=UUID, adapter=5):
    """Creates the device; returns the number of its group."""
    store(f"{MATRIX}/mdev_supported_types/vfio_ap-passthrough/create", uuid)
    store(f"{MATRIX}/{uuid}/assign_adapter", str(adapter))
    store(f"{MATRIX}/{uuid}/assign_domain", "4")
    return os.path.basename(os.readlink(f"{MATRIX}/{uuid}/iommu_group"))


def opened(uuid=UUID):
    """Container, group, device."""
    number = os.path.basename(os.readlink(f"{MATRIX}/{uuid}/iommu_group"))
    c = os.open("/dev/vfio/vfio", os.O_RDWR)
    g = os.open(f"/dev/vfio/{number}", os.O_RDWR)
    assert call(g, 4, words(c)) == 0
    assert call(c, 2, 3) == 0
    d = call(g, 6, name(uuid))
    if not isinstance(d, int):
        os.close(g)
        os.close(c)
        raise OSError(getattr(errno, d), "the device")
    return c, g, d


def until(answer, action):
    """Repeats what changes nothing until it is answered so. The last answer."""
    end = time.monotonic() + 60
    while (last := action()) != answer and time.monotonic() < end:
        time.sleep(0.02)
    return last


def container():
    c = os.open("/dev/vfio/vfio", os.O_RDONLY)
    say("api", call(c, 0))
    say("extensions", *[e for e in range(16) if call(c, 1, e)])
    say("set-without-group", call(c, 2, 1))
    say("info-without-iommu", call(c, 12, 1))
    say("other", call(c, 7), call(c, 60))


def group():
    n = create()
    c = os.open("/dev/vfio/vfio", os.O_RDWR)
    g = os.open(f"/dev/vfio/{n}", os.O_RDWR)
    null = os.open("/dev/null", os.O_RDWR)
    say("status", call(g, 3, words(7, 0)), call(g, 3, 1))
    status = words(8, 0)
    say("viable", call(g, 3, status), struct.unpack("2i", status)[1])
    say("again", call(os.open(f"/dev/vfio/{n}", os.O_RDWR), 3, status))
    say("unset", call(g, 5))
    say("set", call(g, 4, 1), call(g, 4, words(-1)), call(g, 4, words(999)), call(g, 4, words(null)), call(g, 4, words(c)),
        call(g, 4, words(c)))
    say("device-without-iommu", call(g, 6, name(UUID)))
    say("iommu", call(c, 2, 6), call(c, 2, 3), call(c, 2, 3))
    say("names", call(g, 6, 1), call(g, 6, bytearray(b"x" * 5000)), call(g, 6, name("")), call(g, 6, name(OTHER)),
        call(g, 6, name(UUID.upper())), call(g, 6, name(UUID + "x")))
    d = call(g, 6, name(UUID))
    say("device", isinstance(d, int), fcntl.fcntl(d, fcntl.F_GETFD))
    call(g, 3, status)
    say("container", struct.unpack("2i", status)[1])
    say("unset-in-use", call(g, 5))
    e = call(g, 6, name(UUID))
    say("second-device", isinstance(e, int))
    say("other", call(g, 7), call(g, 60))
    os.close(e)
    os.close(d)
    say("unset-after", call(g, 5), call(g, 5), call(c, 2, 3))


def device():
    create()
    _, _, d = opened()
    info = words(16, 0, 7, 7)
    say("info", call(d, 7, words(15, 0, 0, 0)), call(d, 7, 1), call(d, 7, info), *struct.unpack("4i", info))
    say("region", call(d, 8, 1))
    irq = words(16, 0, 1, 9)
    say("irq", call(d, 9, words(16, 0, 2, 0)), call(d, 9, irq), *struct.unpack("4i", irq))
    say("reset", call(d, 11), call(d, 11, 1))
    say("feature", call(d, 17, words(8, 0x10001)), call(d, 17, words(8, 0x30001)), call(d, 17, words(8, 0x100000)),
        call(d, 17, words(8, 12)), call(d, 17, words(7, 0)), call(d, 17, 1))
    say("other", call(d, 12), call(d, 60))
    try:
        os.read(d, 1)
    except OSError as e:
        say("read", errno.errorcode[e.errno])


def irqs():
    create()
    _, _, d = opened()
    cfg, req = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)

    def counted():
        found = []
        for e in (cfg, req):
            try:
                found.append(os.eventfd_read(e))
            except BlockingIOError:
                found.append(0)
        return found

    good = words(24, 0x24, 1, 0, 1, cfg)
    bad = [(24, 0x04, 1, 0, 1, cfg), (24, 0x21, 1, 0, 0, cfg), (24, 0x22, 1, 0, 1, cfg), (24, 0x64, 1, 0, 1, cfg),
           (24, 0x24, 2, 0, 1, cfg), (24, 0x24, 1, 1, 1, cfg), (24, 0x24, 1, 0, 2, cfg), (23, 0x24, 1, 0, 1, cfg),
           (24, 0x24, 1, 0, 1, -2), (24, 0x24, 1, 0, 1, d)]
    say("bad", *[call(d, 10, words(*b)) for b in bad])
    say("closed", call(d, 10, words(24, 0x24, 1, 0, 1, 999)), call(d, 10, 1))
    say("none", call(d, 10, words(24, 0x24, 1, 0, 1, -1)))
    say("set", call(d, 10, good), call(d, 10, words(24, 0x24, 0, 0, 1, req)), *counted())
    store(f"{MATRIX}/{UUID}/assign_adapter", "5")
    say("repeated", *counted())
    store(f"{MATRIX}/{UUID}/unassign_domain", "4")
    say("unassign", *counted())
    store(f"{MATRIX}/{UUID}/assign_domain", "4")
    say("assign", *counted())
    call(d, 11)
    say("after-reset", *counted())
    say("removed", call(d, 10, words(24, 0x24, 1, 0, 1, -1)))
    store(f"{MATRIX}/{UUID}/unassign_domain", "4")
    say("silent", *counted())
    full = os.eventfd(0)
    os.eventfd_write(full, 2**64 - 2)
    call(d, 10, words(24, 0x24, 1, 0, 1, full))
    store(f"{MATRIX}/{UUID}/assign_domain", "4")
    say("full", select.select([], [full], [], 0)[1], call(d, 7, words(16, 0, 0, 0)))


def size(number, *values):
    return call_iommu(number, words(4 * (len(values) + 1), *values))


def call_iommu(number, argument):
    return call(IOMMU, number - 100, argument)


IOMMU = -1


def cdev():
    global IOMMU
    n = create()
    IOMMU = os.open("/dev/iommu", os.O_RDWR)
    path = f"/dev/vfio/devices/vfio{n}"
    with open(f"{MATRIX}/{UUID}/vfio-dev/vfio{n}/dev", encoding="ascii") as file:
        major, minor = map(int, file.read().split(":"))
    node = os.stat(path)
    say("node", node.st_rdev == os.makedev(major, minor), oct(node.st_mode & 0o777), oct(os.stat("/dev/iommu").st_mode & 0o777))
    d = os.open(path, os.O_RDWR)
    say("unbound", call(d, 7, words(16, 0, 0, 0)), call(d, 11))
    say("bind", call(d, 18, 1), call(d, 18, words(15, 0, IOMMU, 0)), call(d, 18, words(16, 1, IOMMU, 0)),
        call(d, 18, words(16, 0, -1, 0)), call(d, 18, words(16, 0, 999, 0)), call(d, 18, words(16, 0, d, 0)))
    bound = words(16, 0, IOMMU, 0)
    say("bound", call(d, 18, bound), struct.unpack("4i", bound)[3])
    say("again", call(d, 18, words(16, 0, IOMMU, 0)), call(os.open(path, os.O_RDWR), 18, words(16, 0, IOMMU, 0)))
    alloc = words(12, 0, 0)
    say("ioas", call_iommu(0x81, alloc), struct.unpack("3i", alloc)[2])
    say("attach", call(d, 19, words(11, 0, 2)), call(d, 19, words(12, 0, 9)), call(d, 19, words(12, 1, 2)), call(d, 19, words(12, 0, 2)))
    say("busy", size(0x80, 2), size(0x80, 1))
    say("info", call(d, 7, words(16, 0, 0, 0)))
    say("detach", call(d, 20, words(8, 0)), size(0x80, 2))
    g = os.open(f"/dev/vfio/{n}", os.O_RDWR)
    say("group", call(g, 3, words(8, 0)))
    os.close(d)
    say("released", size(0x80, 1), call(os.open(f"/dev/vfio/{n}", os.O_RDWR), 3, words(8, 0)))


def compat():
    """An iommufd in place of a container."""
    global IOMMU
    n = create()
    IOMMU = os.open("/dev/iommu", os.O_RDWR)
    path = f"/dev/vfio/{n}"
    g, c = os.open(path, os.O_RDWR), os.open(f"/dev/vfio/devices/vfio{n}", os.O_RDWR)
    say("set", call(g, 4, words(IOMMU)))
    d = call(g, 6, name(UUID))
    alloc = words(12, 0, 0)
    say("device", isinstance(d, int), call_iommu(0x81, alloc), struct.unpack("3i", alloc)[2])
    say("in-use", size(0x80, 1), size(0x80, 2), call(d, 19, words(12, 0, 1)), call(d, 18, words(16, 0, IOMMU, 0)))
    say("group-open", call(c, 18, words(16, 0, 999, 0)))
    os.close(g)
    say("device-open", call(c, 18, words(16, 0, 999, 0)), call(c, 18, words(16, 0, IOMMU, 0)), call(d, 7, words(16, 0, 0, 0)))
    g = os.open(path, os.O_RDWR)
    status = words(8, 0)
    say("group-again", call(g, 3, status), struct.unpack("2i", status)[1], call(g, 6, name(UUID)))
    os.close(d)
    say("released", size(0x80, 1), size(0x80, 2))
    say("cleared", call(g, 4, words(IOMMU)), call_iommu(0x88, words(12, 0, 2)), call(g, 6, name(UUID)), guests())

    def map_file(fd):
        return call_iommu(0x8f, bytearray(struct.pack("IIIiQQQ", 40, 7, 3, fd, 0, 4096, 4096)))

    say("file", map_file(-1), map_file(999), map_file(os.memfd_create("memory")))


def guests():
    return os.popen("apus guest list --json").read().count('"name"')


def stale():
    """A node of a device that has gone is not that of the next one with its number."""
    number = create()
    old = os.open(f"/dev/vfio/{number}", os.O_RDWR)
    store(f"{MATRIX}/{UUID}/remove", "1")
    say("same", create("69aa1a8a-0000-4000-8000-0000000000ff") == number)
    say("status", call(old, 3, words(8, 0)))
    new = os.open(f"/dev/vfio/{number}", os.O_RDWR)
    say("new", call(new, 3, words(8, 0)))


def life():
    create()
    c, g, d = opened()
    say("open", guests())
    copy = os.dup(d)
    os.close(d)
    say("dup", guests())
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    os.close(copy)
    time.sleep(0.1)
    say("inherited", guests())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    say("killed", until(0, guests))
    d = call(g, 6, name(UUID))
    say("reopened", guests())
    wanted = os.eventfd(0)  # by the device that is to be removed
    call(d, 10, words(24, 0x24, 0, 0, 1, wanted))
    store_later = threading.Thread(target=store, args=(f"{MATRIX}/{UUID}/remove", "1"))
    store_later.start()
    select.select([wanted], [], [], 60)
    say("waits", store_later.is_alive(), call(g, 6, name(UUID)), call(d, 11))
    os.close(d)
    store_later.join(60)
    say("removed", store_later.is_alive(), os.path.exists(f"{MATRIX}/{UUID}"), call(g, 3, words(8, 0)))
    os.close(g)
    os.close(c)


def reboot():
    """A descriptor of before is dead, and closing it takes nothing from the device of after."""
    create()
    c, g, d = opened()
    os.system("apus reboot >/dev/null")
    say("gone", guests(), os.path.exists(f"{MATRIX}/{UUID}"))
    store("/sys/bus/ap/apmask", "-5,-6")
    create()
    others = opened()
    say("anew", guests())
    for fd in (d, g, c):
        os.close(fd)
    time.sleep(0.2)
    say("kept", guests())
    for fd in others:
        os.close(fd)
    say("closed", closed(None))


def descriptors():
    """How many the daemon has open; None: this user may not know."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(os.environ["APUS_SOCKET"])
        process = struct.unpack("3i", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    try:
        return len(os.listdir(f"/proc/{process}/fd"))
    except PermissionError:
        return None


def closed(before):
    """Waits until the daemon has no guest, and about as many descriptors as before; None: any number. Those of clients that
    ask come and go."""
    def is_closed():
        now = descriptors()
        return guests() == 0 and (before is None or now is None or now < before + 20)

    end = time.monotonic() + 60
    while not is_closed() and time.monotonic() < end:
        time.sleep(0.05)
    return is_closed()


def freed():
    """What is closed is free when close(2) returns."""
    first, second = create(), create(OTHER, 6)
    c = os.open("/dev/vfio/vfio", os.O_RDWR)
    groups = [os.open(f"/dev/vfio/{n}", os.O_RDWR) for n in (first, second)]
    assert [call(g, 4, words(c)) for g in groups] == [0, 0] and call(c, 2, 3) == 0
    answers = set()
    for _ in range(50):
        for g, uuid in zip(groups, (UUID, OTHER), strict=True):
            d = call(g, 6, name(uuid))
            answers.add(type(d).__name__ if isinstance(d, int) else d)
            if isinstance(d, int):
                os.close(d)
    say("devices", *answers)
    say("unset", *{(os.close(call(groups[0], 6, name(UUID))), call(groups[0], 5), call(groups[0], 4, words(c))) for _ in range(20)})


def churn():
    create()
    for fd in opened():
        os.close(fd)
    time.sleep(0.2)
    before = descriptors()
    for _ in range(1000):
        for fd in opened():
            os.close(fd)
    say("closed", closed(before))


if __name__ == "__main__":
    store("/sys/bus/ap/apmask", "-5,-6")
    globals()[sys.argv[1]]()
