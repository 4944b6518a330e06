# SPDX-License-Identifier: MIT
"""What a program may do with the machine's files: prints a line for each question. tests/system-run/test_no_mount.py
compares the answers of a program that has the machine mounted with those of one that has not."""

import contextlib
import ctypes
import errno
import glob
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

AP = "/sys/bus/ap/"
MATRIX = "/sys/devices/vfio_ap/matrix/"
CREATE = MATRIX + "mdev_supported_types/vfio_ap-passthrough/create"
UUID = "9d4c0f6e-0000-4000-8000-000000000001"
libc = ctypes.CDLL(None, use_errno=True)


def answer(question):
    try:
        value = question()
    except OSError as error:
        return errno.errorcode[error.errno]
    if isinstance(value, os.stat_result):
        return f"{stat.filemode(value.st_mode)} {value.st_size} {value.st_uid} {value.st_nlink}"
    return value


def ask(name, question):
    print(f"{name}: {answer(question)!r}", flush=True)


def opened(path, flags, **where):
    fd = os.open(path, flags, **where)
    os.close(fd)
    return "ok"


def store(path, text):
    with open(path, "w") as file:
        file.write(text)


def show(path):
    with open(path) as file:
        return file.read()


def raw(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result


def opening():
    kinds = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR, "path": os.O_PATH, "dir": os.O_DIRECTORY,
             "nofollow": os.O_NOFOLLOW, "path+nofollow": os.O_PATH | os.O_NOFOLLOW, "tmpfile": os.O_TMPFILE | os.O_RDWR,
             "create": os.O_CREAT | os.O_WRONLY, "excl": os.O_CREAT | os.O_EXCL | os.O_WRONLY,
             "trunc": os.O_TRUNC | os.O_WRONLY, "append": os.O_APPEND | os.O_WRONLY}
    for name in ("apmask", "scans", "ap_interrupts", "drivers_probe", "devices", "devices/card04", "nothing", "nothing/x",
                 "apmask/", "apmask/x", "devices/", "", "../mdev", "../nothing"):
        for how, flags in kinds.items():
            ask(f"open {name} {how}", lambda n=name, f=flags: opened(AP + n, f))


def naming():
    deeds = [os.stat, os.lstat, os.readlink, os.rmdir, os.unlink, os.mkdir, os.listxattr]
    for name in ("apmask", "devices", "devices/card04", "nothing", "nothing/x", "apmask/", "apmask/x"):
        for deed in deeds:
            ask(f"{deed.__name__} {name}", lambda d=deed, n=name: d(AP + n))
        for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK):
            ask(f"access {name} {mode}", lambda n=name, m=mode: os.access(AP + n, m))
    here = tempfile.mkdtemp()
    store(f"{here}/x", "x")
    ask("rename out", lambda: os.rename(AP + "apmask", f"{here}/y"))
    ask("rename in", lambda: os.rename(f"{here}/x", AP + "x"))
    ask("rename within", lambda: os.rename(AP + "apmask", AP + "x"))
    ask("rename nothing", lambda: os.rename(AP + "nothing", AP + "x"))
    ask("link in", lambda: os.link(f"{here}/x", AP + "x"))
    ask("link out", lambda: os.link(AP + "apmask", f"{here}/y"))
    ask("symlink", lambda: os.symlink("a", AP + "x"))
    ask("symlink over", lambda: os.symlink("a", AP + "apmask"))
    ask("mkfifo", lambda: os.mkfifo(AP + "x"))
    ask("truncate", lambda: os.truncate(AP + "apmask", 0))
    ask("utime", lambda: os.utime(AP + "apmask"))
    ask("getxattr", lambda: os.getxattr(AP + "apmask", "user.x"))
    ask("setxattr", lambda: os.setxattr(AP + "apmask", "user.x", b"x"))
    for mode in (0o600, 0o644, 0o7777, 0o644):
        ask(f"chmod {mode:o}", lambda m=mode: os.chmod(AP + "apmask", m))
        ask("mode", lambda: os.stat(AP + "apmask"))
    if os.geteuid() == 0:
        ask("chown", lambda: os.chown(AP + "apmask", 5, -1))
        ask("owner", lambda: os.stat(AP + "apmask"))
        ask("chown back", lambda: os.chown(AP + "apmask", 0, 0))
    ask("copy", lambda: shutil.copyfile(AP + "ap_domain", f"{here}/copy") and show(f"{here}/copy"))
    ask("copytree", lambda: sorted(os.listdir(shutil.copytree(AP + "devices", f"{here}/tree", symlinks=True))))
    shutil.rmtree(here)


def storing():
    fd = os.open(AP + "config_time", os.O_RDWR)
    for data in (b"x", b"", b"40", b"50\n", b"y" * 5000, b"60\n"):
        ask(f"write {data[:3]}", lambda d=data: os.write(fd, d))
        ask("then", lambda: show(AP + "config_time"))
    ask("pread", lambda: os.pread(fd, 100, 0))
    ask("rewind", lambda: os.lseek(fd, 0, os.SEEK_SET))
    ask("read", lambda: (os.read(fd, 2), os.read(fd, 100), os.read(fd, 100)))
    store(AP + "config_time", "70")
    ask("rewind sees a change", lambda: (os.lseek(fd, 0, os.SEEK_SET), os.read(fd, 100)))
    ask("pwrite", lambda: os.pwrite(fd, b"80", 100))
    ask("writev", lambda: os.writev(fd, [b"", b"9", b"0", b"\n"]))
    ask("then", lambda: show(AP + "config_time"))
    ask("seek data", lambda: os.lseek(fd, 0, os.SEEK_DATA))
    ask("ftruncate", lambda: os.ftruncate(fd, 0))
    ask("fstat", lambda: os.fstat(fd))
    ask("fchmod", lambda: os.fchmod(fd, 0o644))
    ask("sendfile", lambda: os.sendfile(fd, fd, 0, 10))
    ask("copy_file_range", lambda: os.copy_file_range(fd, fd, 10))
    with open("/etc/passwd", "rb") as other, open(os.open("/tmp", os.O_TMPFILE | os.O_WRONLY), "wb") as sink:
        ask("copy_file_range from a file", lambda: os.copy_file_range(other.fileno(), fd, 10))
        for name in ("copy_file_range", "sendfile"):
            ask(f"{name} from what cannot be read", lambda n=name: getattr(os, n)(*((sink.fileno(), fd) if n[0] == "c" else (fd, sink.fileno(), 0)), 10))
    for name in ("write", "writev", "pwrite"):  # bad addresses
        ask(f"raw {name}", lambda n=name: raw(n, fd, ctypes.c_void_p(16), ctypes.c_size_t(5), ctypes.c_long(0)))
    os.close(fd)
    for actions in ("wr", "rwr", "wwr", "rwrw", "wlr"):
        fd = os.open(AP + "config_time", os.O_RDWR)
        each = {"w": lambda: os.write(fd, b"41"), "r": lambda: os.read(fd, 100), "l": lambda: os.lseek(fd, 0, os.SEEK_CUR)}
        ask(f"one after the other {actions}", lambda a=actions: ([each[one]() for one in a], os.lseek(fd, 0, os.SEEK_CUR)))
        os.close(fd)
    for flags in (os.O_RDONLY, os.O_WRONLY):
        fd = os.open(AP + "config_time", flags)
        ask("read", lambda: os.read(fd, 100))
        ask("copy_file_range onto itself", lambda: os.copy_file_range(fd, fd, 10))
        ask("write", lambda: os.write(fd, b"95"))
        ask("pread", lambda: os.pread(fd, 100, 0))
        ask("access mode", lambda: __import__("fcntl").fcntl(fd, 3) & 3)
        os.close(fd)


def temporary(data):
    fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def moving():
    """Stores by sendfile(2) and splice(2): what they take, leave, and say."""
    here = lambda fd: os.lseek(fd, 0, os.SEEK_CUR)
    for how, flags in {"w": os.O_WRONLY, "rw": os.O_RDWR, "append": os.O_WRONLY | os.O_APPEND, "r": os.O_RDONLY}.items():
        fd = os.open(AP + "config_time", flags)
        for data in (b"41\n", b"x\n", b"42\n", b"", b"1" * 6000):
            source, offset = temporary(data), ctypes.c_long(1)
            ask(f"sendfile {how} {data[:3]}", lambda: raw("sendfile", fd, source, None, ctypes.c_size_t(9000)))
            ask("then", lambda: (show(AP + "config_time"), here(source), here(fd)))
            ask("from an offset", lambda: (raw("sendfile", fd, source, ctypes.byref(offset), ctypes.c_size_t(9000)), offset.value))
            ask("then", lambda: (show(AP + "config_time"), here(source), here(fd)))
            os.close(source)
        read, write = os.pipe()
        os.set_blocking(read, False)
        for data in (b"43\n", b"x\n", b"44\n"):
            os.write(write, data)
            ask(f"splice {how} {data}", lambda: raw("splice", read, None, fd, None, ctypes.c_size_t(2), 0))
            ask("then", lambda: (show(AP + "config_time"), here(fd), os.read(read, 100)))
        ask("splice nothing", lambda: raw("splice", read, None, fd, None, ctypes.c_size_t(9), 0))
        ask("splice 0 bytes", lambda: raw("splice", read, None, fd, None, ctypes.c_size_t(0), 0))
        ask("splice with flags", lambda: raw("splice", read, None, fd, None, ctypes.c_size_t(9), 64))
        for where in (5, -1):
            offset = ctypes.c_long(where)
            os.write(write, b"45\n")
            ask(f"splice to {where}", lambda: (raw("splice", read, None, fd, ctypes.byref(offset), ctypes.c_size_t(9), 0), offset.value))
            ask(f"splice from {where}", lambda: raw("splice", read, ctypes.byref(offset), fd, None, ctypes.c_size_t(9), 0))
            ask(f"sendfile from {where}", lambda: raw("sendfile", fd, read, ctypes.byref(offset), ctypes.c_size_t(9)))
            ask("left", lambda: (os.read(read, 100), here(fd)))
        ask("splice to nowhere", lambda: raw("splice", read, None, fd, ctypes.c_void_p(16), ctypes.c_size_t(9), 0))
        ask("sendfile from nowhere", lambda: raw("sendfile", fd, fd, ctypes.c_void_p(16), ctypes.c_size_t(9)))
        os.close(write)
        ask("splice the end", lambda: raw("splice", read, None, fd, None, ctypes.c_size_t(9), 0))
        for name, source in {"a pipe": read, "a directory": os.open("/tmp", os.O_RDONLY), "an attribute": os.open(AP + "ap_domain", os.O_RDONLY),
                             "a path": os.open("/etc/passwd", os.O_PATH), "a device": os.open("/dev/null", os.O_RDWR), "closed": 1000}.items():
            ask(f"sendfile {how} from {name}", lambda: raw("sendfile", fd, source, None, ctypes.c_size_t(9)))
            ask(f"splice {how} from {name}", lambda: raw("splice", source, None, fd, None, ctypes.c_size_t(9), 0))
            ask(f"copy_file_range {how} from {name}", lambda: raw("copy_file_range", source, None, fd, None, ctypes.c_size_t(9), 0))


def sharing():
    """The offset is one for all copies of a descriptor, those of children too."""
    for flags in (os.O_RDWR, os.O_WRONLY, os.O_RDONLY):
        room = ctypes.create_string_buffer(9)
        vector = (ctypes.c_void_p * 2)(ctypes.addressof(room), 9)
        fd = os.open(AP + "config_time", flags)
        copy = os.dup(fd)
        where = lambda: (os.lseek(fd, 0, os.SEEK_CUR), os.lseek(copy, 0, os.SEEK_CUR))
        for name, deed in {"read": lambda: os.read(fd, 1), "rewound": lambda: os.lseek(copy, 0, os.SEEK_SET), "read all": lambda: os.read(fd, 100),
                           "same": lambda: store(AP + "config_time", show(AP + "config_time")), "rewound again": lambda: os.lseek(fd, 0, os.SEEK_SET),
                           "changed": lambda: store(AP + "config_time", "46"), "back": lambda: os.lseek(fd, 0, os.SEEK_SET), "read it": lambda: os.read(copy, 100),
                           "written": lambda: os.write(copy, b"47"), "read on": lambda: os.read(fd, 100), "end": lambda: os.lseek(copy, -2, os.SEEK_END),
                           "child": lambda: subprocess.run(["bash", "-c", f"echo 47 >&{fd}"], pass_fds=[fd], stderr=subprocess.DEVNULL, check=False).returncode,
                           "placed": lambda: os.pwrite(fd, b"48", 0), "read at": lambda: raw("preadv", fd, vector, 1, ctypes.c_long(0)) and bytes(room[:5])}.items():
            ask(f"{name} {flags}", deed)
            ask("where", where)
        os.close(fd)
        os.close(copy)
    script = "exec 3<>F; echo 49 >&3; cat <&3; exec 4<&3; cat F; echo 50 >&4; cat <&3; cat <&4".replace("F", AP + "config_time")
    ask("shell", lambda: subprocess.run(["bash", "-c", script], capture_output=True, check=False).stdout)


def writers():
    for line in ("echo x > F", "echo 11 > F", "echo 12 >> F", "printf x > F", "echo x | tee F", "echo x | dd of=F status=none",
                 "/bin/echo x > F", "exec 5>F; echo 13 >&5; echo x >&5", "echo 14 1<>F", "(exec 1>F; /bin/echo x)",
                 "cat /dev/null > F", "cp /etc/hostname F", "sh -c 'echo x' > F", "perl -e 'print qq(x\n)' > F"):
        script = line.replace("F", AP + "config_time")
        result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        print(f"{line}: {result.returncode} {result.stdout!r} {result.stderr.replace(script, '')!r} {show(AP + 'config_time')!r}")


def places():
    ask("listing", lambda: sorted(os.listdir(AP)))
    ask("kinds", lambda: sorted((e.name, e.is_dir(), e.is_symlink(), e.is_file()) for e in os.scandir(AP)))
    ask("glob", lambda: sorted(glob.glob(AP + "devices/*/online")))
    ask("rglob", lambda: sorted(map(str, pathlib.Path("/sys/devices/ap").rglob("hwtype"))))
    ask("fwalk", lambda: sorted((r, sorted(d), sorted(f)) for r, d, f, _ in os.fwalk("/sys/devices/ap/card04")))
    for union in ("/sys", "/sys/bus", "/sys/class", "/sys/class/misc", "/sys/devices", "/sys/devices/virtual", "/sys/module",
                  "/sys/kernel", "/sys/dev/char"):
        ask(f"list {union}", lambda u=union: sorted(os.listdir(u)))
        ask(f"stat {union}", lambda u=union: stat.filemode(os.stat(u).st_mode))
    ask("nodes", lambda: [n for n in os.listdir("/dev") if n == "z90crypt"])
    for path in ("bus/ap/../pci", "bus/ap/devices/card04/driver", "bus/ap/devices/card04/../card05/type",
                 "class/misc/z90crypt/subsystem", "bus/ap/../../../dev/null", "devices/ap/../../class", "./bus//ap/",
                 "dev/char/10:196"):
        ask(f"realpath {path}", lambda p=path: os.path.realpath(f"/sys/{p}"))
        ask(f"exists {path}", lambda p=path: os.path.exists(f"/sys/{p}"))
    fd = os.open("/sys/bus", os.O_RDONLY)
    for path in ("ap/apmask", "mdev", "../class", "../devices/ap", "../../dev/null", "../../etc/passwd"):
        ask(f"from /sys/bus {path}", lambda p=path: opened(p, os.O_RDONLY, dir_fd=fd))
        ask(f"stat from /sys/bus {path}", lambda p=path: stat.filemode(os.stat(p, dir_fd=fd).st_mode))
    os.close(fd)


def going():
    for path in (AP, AP + "devices/card04", "/sys/bus", "/sys/bus/ap/..", AP + "apmask", AP + "nothing", "/sys/devices/ap", "/"):
        ask(f"chdir {path}", lambda p=path: os.chdir(p))
        ask("cwd", os.getcwd)
        ask("proc", lambda: os.readlink("/proc/self/cwd"))
        ask("there", lambda: (os.path.exists("apmask"), os.path.exists("../bus"), sorted(os.listdir("."))[:3]))
    os.chdir(AP)
    ask("child", lambda: subprocess.run(["cat", "ap_domain"], capture_output=True, check=False).stdout)
    ask("up", lambda: (os.chdir(".."), os.getcwd(), os.chdir("ap"), os.getcwd()))
    ask("open by proc", lambda: show("/proc/self/cwd/ap_domain"))
    fd = os.open("devices/card05", os.O_PATH | os.O_NOFOLLOW)
    ask("link by descriptor", lambda: os.readlink("", dir_fd=fd))
    fd = os.open("ap_domain", os.O_RDONLY)
    ask("name by descriptor", lambda: os.readlink(f"/proc/self/fd/{fd}"))
    ask("open by descriptor", lambda: show(f"/proc/self/fd/{fd}"))
    os.chdir("/")


def vanishing():
    store(CREATE, UUID)
    mdev = MATRIX + UUID + "/"
    where = os.open(mdev, os.O_RDONLY)
    matrix, adapter = os.open(mdev + "matrix", os.O_RDONLY), os.open(mdev + "assign_adapter", os.O_WRONLY)
    os.chdir(mdev)
    ask("before", lambda: sorted(os.listdir(".")))
    for state in "gone", "another":
        store(mdev + "remove", "1") if state == "gone" else store(CREATE, UUID)
        ask(f"{state}: list", lambda: os.listdir(where))
        ask(f"{state}: open", lambda: opened("matrix", os.O_RDONLY, dir_fd=where))
        ask(f"{state}: open here", lambda: opened("matrix", os.O_RDONLY))
        ask(f"{state}: cwd", os.getcwd)
        ask(f"{state}: pread", lambda: os.pread(matrix, 10, 0))
        ask(f"{state}: write", lambda: os.write(adapter, b"5"))
        ask(f"{state}: exists", lambda: os.path.exists(mdev))
    os.chdir("/")
    ask("listed", lambda: sorted(os.listdir(MATRIX)))
    store(mdev + "remove", "1")
    ask("not listed", lambda: sorted(os.listdir(MATRIX)))


if __name__ == "__main__":
    for part in (opening, naming, storing, moving, sharing, writers, places, going, vanishing):
        print(f"# {part.__name__}")
        with contextlib.suppress(KeyboardInterrupt):
            part()
    sys.stdout.flush()
