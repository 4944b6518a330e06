# SPDX-License-Identifier: MIT
"""System calls with arguments good and bad, on files of each kind: prints a line for each call. test_no_mount.py compares
the results of a program that has the machine mounted with those of one that has not."""

import ctypes
import errno
import itertools
import os
import platform
import sys
import tempfile

AP = b"/sys/bus/ap/"
HERE = -100  # AT_FDCWD
OLDER = platform.machine() == "x86_64"  # whose numbers of old calls differ from all others'
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.lseek.restype = libc.pread.restype = libc.pwrite.restype = ctypes.c_long
room = ctypes.create_string_buffer(70000)
NOWHERE = ctypes.c_void_p(16)
BAD = {"null": None, "wild": NOWHERE}
OPENAT2 = 437  # on every architecture


def call(name, *arguments):
    ctypes.set_errno(0)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(*wide) if name == "syscall" else getattr(libc, name)(*wide)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def say(what, result):
    print(f"{what}: {result}", flush=True)


# What is younger than the oldest kernel that serves: not asked where it is not there.
HAS_FCHMODAT2 = call("syscall", 452, -1, b"x", 0, 0) == "EBADF"
HAS_NULL_PATH = call("statx", 1, None, 0x1000, 0x7ff, room) == 0


def is_there(name):
    return (HAS_FCHMODAT2 or "fchmodat2" not in name) and (HAS_NULL_PATH or not name.endswith(" null"))


def openat2(*arguments):
    """Whoever mounts or renames anything meanwhile makes it fail on "..": openat2(2) says to try again."""
    for _ in range(100):
        result = call("syscall", OPENAT2, *arguments)
        if result != "EAGAIN":
            break
    return opens(result)


def opens(result):
    """A descriptor is closed again, and which number it had does not count."""
    if isinstance(result, int):
        os.close(result)
        return "opened"
    return result


def how(flags, mode=0, resolve=0, size=24):
    return ctypes.create_string_buffer(b"".join(n.to_bytes(8, sys.byteorder) for n in (flags, mode, resolve)) + bytes(80), 104), size


PATHS = {
    "attribute": AP + b"apmask", "directory": AP + b"devices", "link": AP + b"devices/card04", "nothing": AP + b"nothing",
    "below nothing": AP + b"nothing/x", "below attribute": AP + b"apmask/x", "attribute/": AP + b"apmask/", "directory/": AP + b"devices/",
    "link/": AP + b"devices/card04/", "nothing/": AP + b"nothing/", "attribute/.": AP + b"apmask/.", "attribute/..": AP + b"apmask/..",
    "directory/.": AP + b"devices/.", "directory/..": AP + b"devices/..", "write-only": AP + b"drivers_probe", "read-only": AP + b"ap_domain",
    "node": b"/dev/z90crypt", "node/": b"/dev/z90crypt/", "root": AP, "empty": b"", "long": AP + 2100 * b"./" + b"apmask",
    "long name": AP + 256 * b"x", "name": AP + 255 * b"x", "full": AP + (4095 - len(AP) - 6) // 2 * b"./" + b"apmask", "slashes": b"//sys//bus/.//ap///apmask",
    "by proc": b"/proc/self/root/sys/bus/ap/apmask", **BAD,
}
INSIDE = (b"apmask", b"devices/../apmask", b"../ap/apmask", b"../../apmask", b"..", b".", b"devices/card04/type", b"/apmask", b"/sys/bus/ap/apmask", b"bus/ap/apmask",
          b"/bus/ap/devices/card04/type", b"sys/devices/ap/card04/driver/../cex4queue", b"null", b"fd/0", b"z90crypt", b"/../dev/z90crypt", b"nothing", b"shm/..", b"/proc/self/cwd/sys/bus/ap")
FLAGS = {
    "r": 0, "w": os.O_WRONLY, "rw": os.O_RDWR, "3": 3, "r+trunc": os.O_TRUNC, "dir": os.O_DIRECTORY, "dir+w": os.O_DIRECTORY | os.O_WRONLY,
    "direct": os.O_DIRECT, "direct+w": os.O_DIRECT | os.O_WRONLY, "create": os.O_CREAT, "excl": os.O_CREAT | os.O_EXCL,
    "create+w": os.O_CREAT | os.O_WRONLY, "noatime": os.O_NOATIME, "path": os.O_PATH, "path+dir": os.O_PATH | os.O_DIRECTORY,
    "path+nofollow": os.O_PATH | os.O_NOFOLLOW, "path+nofollow+dir": os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, "path+create": os.O_PATH | os.O_CREAT | os.O_WRONLY,
    "nofollow": os.O_NOFOLLOW, "nofollow+create": os.O_NOFOLLOW | os.O_CREAT, "tmpfile": os.O_TMPFILE | os.O_RDWR, "tmpfile+r": os.O_TMPFILE,
    "path+tmpfile": os.O_PATH | os.O_TMPFILE | os.O_RDWR, "sync": os.O_SYNC | os.O_WRONLY, "async": os.O_ASYNC, "high": 1 << 30,
}


def opening():
    for path, flags in itertools.product(PATHS, FLAGS):
        say(f"open {path} {flags}", opens(call("open", PATHS[path], FLAGS[flags], 0o644)))
    for path, resolve in itertools.product(("attribute", "directory", "link", "link/", "nothing", "directory/..", "null"), range(0, 7)):
        structure, size = how(0, 0, 1 << resolve >> 1)
        say(f"openat2 {path} resolve {1 << resolve >> 1}", openat2(HERE, PATHS[path], structure, size))
    for start, path, resolve in itertools.product(("/sys/bus/ap", "/sys/bus", "/sys", "/", "/dev", "/tmp"), INSIDE, (4, 8, 16, 2, 6)):
        at = os.open(start, os.O_PATH)
        structure, size = how(0, 0, resolve)
        say(f"openat2 {path} in {start} resolve {resolve}", openat2(at, path, structure, size))
        os.close(at)
    for name, arguments in {"mode": (0, 0o644), "high flags": (1 << 40,), "mode bits": (os.O_CREAT, 1 << 20), "path+w": (os.O_PATH | os.O_WRONLY,),
                            "unknown flag": (1 << 30,), "resolve": (0, 0, 1 << 8), "both": (0, 0, 0x18), "small": (0, 0, 0, 16), "large": (0, 0, 0, 32),
                            "huge": (0, 0, 0, 5000)}.items():
        structure, size = how(*arguments)
        say(f"openat2 {name}", opens(call("syscall", OPENAT2, HERE, PATHS["attribute"], structure, size)))
    for name, address in BAD.items():
        say(f"openat2 {name}", opens(call("syscall", OPENAT2, HERE, PATHS["attribute"], address, 24)))
    structure, size = how(0, 0, 0, 32)
    structure[24] = 1
    say("openat2 more", opens(call("syscall", OPENAT2, HERE, PATHS["attribute"], structure, size)))


def named(path):
    """Calls with a path, without a directory."""
    other = ctypes.create_string_buffer(4096)
    yield "stat", ("stat", path, room)
    yield "lstat", ("lstat", path, room)
    yield "stat to nowhere", ("stat", path, NOWHERE)
    yield "statfs", ("statfs", path, room)
    yield "statfs to nowhere", ("statfs", path, NOWHERE)
    yield "readlink", ("readlink", path, other, 4096)
    yield "readlink 3", ("readlink", path, other, 3)
    yield "readlink 0", ("readlink", path, other, 0)
    yield "readlink -1", ("readlink", path, other, -1)
    yield "readlink to nowhere", ("readlink", path, NOWHERE, 100)
    for mode in (0, 1, 2, 4, 7, 8, -1):
        yield f"access {mode}", ("syscall", 269 if OLDER else 48, HERE, path, mode)
        yield f"faccessat2 {mode}", ("syscall", 439, HERE, path, mode, 0x100)
    yield "faccessat2 flags", ("syscall", 439, HERE, path, 4, 1)
    for flags in (0, 0x100, 0x1000, 0x2000, 0x4000, 0x6000, 0x200, -1):
        yield f"statx {flags:x}", ("statx", HERE, path, flags, 0x7ff, room)
        yield f"fstatat {flags:x}", ("fstatat", HERE, path, room, flags)
    yield "statx mask", ("statx", HERE, path, 0, -0x80000000, room)
    yield "statx to nowhere", ("statx", HERE, path, 0, 0x7ff, NOWHERE)
    yield "truncate", ("truncate", path, 0)
    yield "truncate -1", ("truncate", path, -1)
    yield "truncate 1<<40", ("truncate", path, 1 << 40)
    yield "utimensat", ("utimensat", HERE, path, None, 0)
    yield "utimensat flags", ("utimensat", HERE, path, None, 1)
    yield "utimensat from nowhere", ("utimensat", HERE, path, NOWHERE, 0)
    times = (ctypes.c_long * 4)(0, 1 << 40, 0, 0)
    yield "utimensat times", ("utimensat", HERE, path, times, 0)
    yield "mkdir", ("mkdir", path, 0o755)
    yield "mknod", ("mknod", path, 0o100644, 0)
    yield "mknod kind", ("mknod", path, 0o170000, 0)
    yield "symlink", ("symlink", b"x", path)
    yield "symlink empty", ("symlink", b"", path)
    yield "symlink null", ("symlink", None, path)
    yield "rmdir", ("rmdir", path)
    yield "unlink", ("unlink", path)
    yield "unlinkat flags", ("unlinkat", HERE, path, 1)
    yield "rename to itself", ("rename", path, path)
    yield "rename away", ("rename", path, AP + b"x")
    yield "rename over", ("rename", path, AP + b"scans")
    yield "rename to a directory", ("rename", path, AP + b"drivers")
    yield "rename to nowhere", ("rename", path, NOWHERE)
    yield "rename below", ("rename", path, AP + b"nothing/x")
    for flags in (1, 2, 3, 4, 5, 8):
        yield f"renameat2 {flags}", ("renameat2", HERE, path, HERE, AP + b"scans", flags)
    yield "rename from", ("rename", AP + b"scans", path)
    yield "link", ("link", path, AP + b"x")
    yield "link over", ("link", path, AP + b"scans")
    yield "link from", ("link", AP + b"scans", path)
    yield "linkat flags", ("linkat", HERE, path, HERE, AP + b"x", 1)
    yield "chown", ("chown", path, -1, -1)
    yield "lchown", ("lchown", path, -1, -1)
    yield "fchownat flags", ("fchownat", HERE, path, -1, -1, 1)
    yield "fchmodat2 flags", ("syscall", 452, HERE, path, 0o644, 1)
    for name, value in {"user.x": b"x", "trusted.x": b"x", "security.selinux": b"x", "system.posix_acl_access": b"x", "none": b"x", "": b"x", 256 * "x": b"x"}.items():
        name = name.encode()
        yield f"getxattr {name[:9]}", ("getxattr", path, name, room, 100)
        yield f"setxattr {name[:9]}", ("setxattr", path, name, value, 1, 0)
        yield f"removexattr {name[:9]}", ("removexattr", path, name)
    yield "lgetxattr", ("lgetxattr", path, b"user.x", room, 100)
    yield "getxattr name null", ("getxattr", path, None, room, 100)
    yield "setxattr flags", ("setxattr", path, b"user.x", b"x", 1, 8)
    yield "setxattr from nowhere", ("setxattr", path, b"user.x", NOWHERE, 1, 0)
    yield "setxattr large", ("setxattr", path, b"user.x", room, 70000, 0)
    yield "listxattr", ("listxattr", path, room, 100)
    yield "listxattr 0", ("listxattr", path, None, 0)
    yield "listxattr to nowhere", ("listxattr", path, NOWHERE, 100)
    yield "llistxattr", ("llistxattr", path, room, 100)
    for flags in (0, 0x1000, 0x400, 8):
        handle = ctypes.create_string_buffer(b"\x08\0\0\0", 300)
        yield f"name_to_handle_at {flags:x}", ("name_to_handle_at", HERE, path, handle, room, flags)


def naming():
    for path in PATHS:
        for name, arguments in filter(lambda each: is_there(each[0]), named(PATHS[path])):
            say(f"{name} {path}", call(*arguments))
    say("chdir null", call("chdir", None))
    for path in ("attribute", "nothing", "nothing/", "empty", "wild", "long", "long name"):
        say(f"chdir {path}", call("chdir", PATHS[path]))
        say(f"chroot {path}", call("chroot", PATHS[path]))
    for size in (0, 1, 4096, -1):
        os.chdir(AP)
        say(f"getcwd {size}", call("syscall", 79 if OLDER else 17, room, size))
        say(f"getcwd to nowhere {size}", call("syscall", 79 if OLDER else 17, NOWHERE, size))
    os.chdir("/")


def descriptors():
    yield "attribute", os.open(AP + b"config_time", os.O_RDWR)
    yield "read-only", os.open(AP + b"config_time", os.O_RDONLY)
    yield "write-only", os.open(AP + b"config_time", os.O_WRONLY)
    yield "appending", os.open(AP + b"config_time", os.O_RDWR | os.O_APPEND)
    yield "path", os.open(AP + b"config_time", os.O_PATH)
    yield "directory", os.open(AP + b"devices", os.O_RDONLY)
    yield "path of directory", os.open(AP + b"devices", os.O_PATH)
    yield "path of link", os.open(AP + b"devices/card04", os.O_PATH | os.O_NOFOLLOW)
    yield "node", os.open("/dev/z90crypt", os.O_RDWR)
    yield "path of node", os.open("/dev/z90crypt", os.O_PATH)
    yield "closed", 1000
    yield "negative", -1


def below(fd):
    """Calls with a directory and a path, or an empty one."""
    for name, path in {"x": b"card04", "empty": b"", "null": None, "..": b"..", ".": b".", "absolute": AP + b"apmask"}.items():
        yield f"openat {name}", ("openat", fd, path, 0)
        yield f"openat create {name}", ("openat", fd, path, os.O_CREAT | os.O_WRONLY, 0o644)
        for flags in (0, 0x100, 0x1000, 0x1100):
            yield f"fstatat {flags:x} {name}", ("fstatat", fd, path, room, flags)
            yield f"statx {flags:x} {name}", ("statx", fd, path, flags, 0x7ff, room)
            yield f"faccessat2 {flags:x} {name}", ("syscall", 439, fd, path, 4, flags)
            yield f"fchownat {flags:x} {name}", ("fchownat", fd, path, -1, -1, flags)
            yield f"fchmodat2 {flags:x} {name}", ("syscall", 452, fd, path, 0o644, flags)
        yield f"readlinkat {name}", ("readlinkat", fd, path, room, 100)
        yield f"mkdirat {name}", ("mkdirat", fd, path, 0o755)
        yield f"unlinkat {name}", ("unlinkat", fd, path, 0)
        yield f"unlinkat directory {name}", ("unlinkat", fd, path, 0x200)
        yield f"symlinkat {name}", ("symlinkat", b"x", fd, path)
        yield f"renameat {name}", ("renameat", fd, path, fd, path)
        yield f"linkat {name}", ("linkat", fd, path, fd, b"new", 0)
        yield f"linkat empty {name}", ("linkat", fd, path, HERE, AP + b"new", 0x1000)
        yield f"utimensat {name}", ("utimensat", fd, path, None, 0)
        yield f"utimensat empty {name}", ("utimensat", fd, path, None, 0x1000)


def on(fd):
    """Calls on a descriptor. No store succeeds."""
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(room), 10)
    yield "read 0", ("read", fd, room, 0)
    yield "pread -1", ("pread", fd, room, 10, -1)
    yield "pread 4096", ("pread", fd, room, 10, 4096)
    yield "pread to nowhere", ("pread", fd, NOWHERE, 10, 0)
    yield "pread 0 bytes", ("pread", fd, room, 0, 0)
    yield "pread most", ("pread", fd, room, -1, 0)
    yield "preadv -1", ("preadv", fd, vector, 1, -1)
    yield "pwrite -1", ("pwrite", fd, b"x", 1, -1)
    yield "pwrite 5", ("pwrite", fd, b"x", 1, 5)
    yield "pwrite most", ("pwrite", fd, b"x", 1, (1 << 63) - 1)
    yield "pwrite nothing", ("pwrite", fd, b"x", 0, 0)
    yield "pwrite nothing at -1", ("pwrite", fd, b"x", 0, -1)
    yield "write", ("write", fd, b"x", 1)
    yield "write nothing", ("write", fd, b"x", 0)
    yield "write from nowhere", ("write", fd, NOWHERE, 10)
    yield "write nothing from nowhere", ("write", fd, NOWHERE, 0)
    yield "writev", ("writev", fd, (ctypes.c_void_p * 2)(ctypes.addressof(room), 1), 1)
    yield "writev 0", ("writev", fd, vector, 0)
    yield "writev -1", ("writev", fd, vector, -1)
    yield "writev 1025", ("writev", fd, vector, 1025)
    yield "writev from nowhere", ("writev", fd, NOWHERE, 1)
    yield "writev nothing", ("writev", fd, (ctypes.c_void_p * 2)(16, 0), 1)
    yield "writev too much", ("writev", fd, (ctypes.c_void_p * 2)(ctypes.addressof(room), -1), 1)
    yield "pwritev -1", ("pwritev", fd, vector, 1, -1)
    yield "pwritev2 flags", ("pwritev2", fd, vector, 1, 0, 1 << 20)
    yield "pwritev2 append", ("pwritev2", fd, (ctypes.c_void_p * 2)(ctypes.addressof(room), 1), 1, 0, 0x10)
    for whence in (0, 1, 2, 3, 4, 5, -1):
        for offset in (0, 5, -1, 4096, 5000):
            yield f"lseek {offset} {whence}", ("lseek", fd, offset, whence)
    yield "lseek back", ("lseek", fd, 0, 0)
    yield "ftruncate", ("ftruncate", fd, 0)
    yield "ftruncate -1", ("ftruncate", fd, -1)
    yield "fallocate", ("fallocate", fd, 0, 0, 4096)
    yield "fsync", ("fsync", fd)
    yield "fdatasync", ("fdatasync", fd)
    yield "posix_fadvise", ("posix_fadvise", fd, 0, 0, 1)
    yield "getdents", ("syscall", 217 if OLDER else 61, fd, room, 1)
    yield "getdents to nowhere", ("syscall", 217 if OLDER else 61, fd, NOWHERE, 1000)
    yield "fchdir", ("fchdir", fd)
    yield "fstat", ("fstat", fd, room)
    yield "fstat to nowhere", ("fstat", fd, NOWHERE)
    yield "fstatfs", ("fstatfs", fd, room)
    yield "fstatfs to nowhere", ("fstatfs", fd, NOWHERE)
    yield "fchown", ("fchown", fd, -1, -1)
    yield "fgetxattr", ("fgetxattr", fd, b"user.x", room, 100)
    yield "fsetxattr", ("fsetxattr", fd, b"user.x", b"x", 1, 0)
    yield "fremovexattr", ("fremovexattr", fd, b"user.x")
    yield "flistxattr", ("flistxattr", fd, room, 100)
    yield "futimens", ("futimens", fd, None)
    yield "F_GETFL", ("fcntl", fd, 3)
    yield "F_GETFD", ("fcntl", fd, 1)
    yield "F_SETFL", ("fcntl", fd, 4, 0)
    yield "F_SETPIPE_SZ", ("fcntl", fd, 1031, 4096)
    yield "F_GET_SEALS", ("fcntl", fd, 1034)
    yield "F_ADD_SEALS", ("fcntl", fd, 1033, 1)
    yield "flock", ("flock", fd, 5)
    yield "unflock", ("flock", fd, 8)
    yield "TCGETS", ("ioctl", fd, 0x5401, room)
    yield "FIONREAD", ("ioctl", fd, 0x541b, room)
    yield "FS_IOC_GETFLAGS", ("ioctl", fd, 0x80086601, room)
    yield "sendfile in", ("sendfile", 999, fd, None, 10)
    yield "listen", ("listen", fd, 5)
    yield "accept", ("accept", fd, None, None)
    yield "getsockname", ("getsockname", fd, room, ctypes.byref(ctypes.c_int(100)))
    yield "recv", ("recv", fd, room, 10, 0x40)
    yield "send", ("send", fd, room, 10, 0x4000)
    yield "shutdown", ("shutdown", fd, 2)
    yield "epoll_wait", ("epoll_wait", fd, room, 1, 0)


def described():
    sink, end = os.pipe()
    for kind, fd in descriptors():
        for name, arguments in on(fd):
            say(f"{name} {kind}", call(*arguments))
        os.chdir("/")
        for name, arguments in filter(lambda each: is_there(each[0]), below(fd)):
            result = call(*arguments)
            say(f"{name} below {kind}", opens(result) if name.startswith("openat") else result)
        for flags, at in ((1, 0), (2, 0), (3, 0)):
            for protection in (1, 2, 3):
                address = libc.mmap(None, ctypes.c_size_t(4096), protection, flags, fd, ctypes.c_long(at))
                say(f"mmap {flags} {protection} {kind}", "mapped" if address != -1 else errno.errorcode[ctypes.get_errno()])
                if address != -1:
                    libc.munmap(ctypes.c_void_p(address), 4096)
        for name in ("copy_file_range", "splice"):
            say(f"{name} into a pipe {kind}", call(name, fd, None, end, None, 5, 0))
            say(f"{name} at -1 {kind}", call(name, fd, ctypes.byref(ctypes.c_long(-1)), end, None, 5, 0))
        say(f"sendfile into a pipe {kind}", call("sendfile", end, fd, None, 5))
        say(f"vmsplice {kind}", call("vmsplice", fd, NOWHERE, 1, 0))
        say(f"tee {kind}", call("tee", fd, end, 1, 0))
        proc = f"/proc/self/fd/{fd}".encode()
        for flags in FLAGS:
            say(f"by /proc {flags} {kind}", opens(call("open", proc, FLAGS[flags], 0o644)))
        say(f"by /proc stat {kind}", call("stat", proc, room))
        say(f"by /proc lstat {kind}", call("lstat", proc, room))
        say(f"by /proc access {kind}", call("access", proc, 4))
        say(f"by /proc truncate {kind}", call("truncate", proc, 0))
        say(f"by /proc unlink {kind}", call("unlink", proc))
        say(f"by /proc chdir {kind}", call("chdir", proc))
        os.chdir("/")
        if fd not in (-1, 1000):
            os.close(fd)
    os.close(sink)
    os.close(end)


def modes():
    """What an open descriptor leads to once the mode has changed."""
    fd = os.open(AP + b"config_time", os.O_RDONLY)
    for mode in (0o444, 0o200, 0, 0o644):
        os.chmod(AP + b"config_time", mode)
        for flags in ("r", "w", "rw", "path"):
            say(f"mode {mode:o} {flags}", opens(call("open", f"/proc/self/fd/{fd}".encode(), FLAGS[flags])))
            say(f"mode {mode:o} {flags} by name", opens(call("open", AP + b"config_time", FLAGS[flags])))
        say(f"mode {mode:o} read", call("pread", fd, room, 10, 0))
        say(f"mode {mode:o} around", opens(call("open", f"/proc/./self/fd/{fd}".encode(), 0)))
    os.close(fd)


BESIDE = ("file", "file/", "directory", "directory/", "directory/inner", "pipe", "nothing", "nothing/x", "file/x", "to file", "to directory", "to directory/inner",
          "broken", "loop", "loop/x", "machine", "machine/", "machine/apmask", "machine/nothing", "machine/..", "machine/../ap/apmask", "machine/devices/card04",
          "attribute", "directory/attribute", "directory/back/file", "directory/../file", "to directory/../file", "nothing/../file", "nothing//x/y/", "nothing/.x/y", "to directory/nothing/x", "file/../file",
          "directory/../../PLACE/file", "../PLACE/to file", "../PLACE/machine/ap_domain", "./directory/./..//file", ".", "..", "../..", "", "sys/bus/ap",
          "directory/to root/sys/bus/ap/apmask", "directory/../directory/to root/sys/../sys/bus/ap/apmask", "machine/card04", 300 * "x", 2100 * "./" + "file")


def lay_out(place):
    """Files, and links that lead to them and to the machine."""
    os.chdir(place)
    os.mkdir("directory", 0o755)
    os.mkfifo("pipe")
    for name in ("file", "directory/inner"):
        with open(name, "w", encoding="ascii") as file:
            file.write(name)
    for name, target in {"to file": "file", "to directory": "directory", "broken": "nowhere", "loop": "loop", "machine": "/sys/bus/ap",
                         "attribute": "machine/apmask", "directory/attribute": "../machine/ap_domain", "directory/back": "..",
                         "directory/to root": "/", "sys": "/sys"}.items():
        os.symlink(target, name)


def open_and_read(path, flags):
    fd = call("open", path, flags, 0o644)
    if not isinstance(fd, int):
        return fd
    what = (os.stat(fd).st_mode, None if flags & (os.O_WRONLY | os.O_PATH | os.O_DIRECTORY) else call("read", fd, room, 100))
    os.close(fd)
    return what


def beside():
    """What a preloaded library may answer, on paths that are not plainly of the machine."""
    libc.realpath.restype = ctypes.c_char_p
    other = ctypes.create_string_buffer(4096)
    with tempfile.TemporaryDirectory() as place:
        lay_out(place)
        name = os.path.basename(place)
        for path in [each for path in BESIDE for each in (path, f"{place}/{path}")]:
            full, label = path.replace("PLACE", name).encode(), path.replace(place, "PLACE")[:60]
            for mode in (0, 1, 2, 4, 6, 8):
                say(f"access {mode} {label}", call("access", full, mode))
            for size in (4096, 3, 0):
                result = call("readlink", full, other, size)
                say(f"readlink {size} {label}", other.raw[:result] if isinstance(result, int) else result)
            for out in (None, other):
                ctypes.set_errno(0)
                result = libc.realpath(full, out)
                say(f"realpath {out is other} {label}", result.replace(name.encode(), b"PLACE") if result else errno.errorcode[ctypes.get_errno()])
                if out and not result and ctypes.get_errno() == errno.ENOENT and path:
                    say(f"realpath up to {label}", out.value.replace(name.encode(), b"PLACE"))
            for kind in ("stat", "lstat"):
                say(f"{kind} {label}", call(kind, full, room))
            for flags in ("r", "w", "rw", "path", "nofollow", "excl", "dir"):
                say(f"open {flags} {label}", open_and_read(full, FLAGS[flags] | os.O_NONBLOCK))
        os.chdir("/")
    say("realpath null", libc.realpath(None, None))


if __name__ == "__main__":
    for part in (opening, naming, described, modes, beside):
        part()
