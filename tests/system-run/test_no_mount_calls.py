# SPDX-License-Identifier: MIT
"""apus run --no-mount: system calls of each kind, and what goes past the filter."""

import errno
import os
import platform
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runs import bash, binary, wait_for, without

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"

# Calls that have another answer without a mount, and why.
OTHER_CALLS = {
    # A descriptor of O_PATH cannot be given to a program: it is one that can neither be read nor written, or of a directory.
    r".* path( of \w+)?": "the kernel has more to say of it than EBADF",
    # What programs get is a file in memory, or a directory in such a file system, or a socket.
    r"mmap .* (attribute|appending|read-only)": "can be mapped", r"(F_\w+_SEALS|fallocate|FS_IOC_GETFLAGS) .*": "has seals and flags",
    r"(lseek .*|F_GETFL) directory": "on tmpfs", r".* node": "is a socket",
    # Never looked at.
    r"name_to_handle_at .*": "no handles", r"setxattr from nowhere .*": "no value is read", r"[gs]etxattr b'system.*|lgetxattr link": "no kinds of attributes",
    # The daemon opens what a path leads to beside the machine, and does not follow it there.
    r"openat2 b'\.\./.*' in \S* resolve [46]|openat2 b'fd/0' in /dev resolve 2": "with RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS",
    # There is no mount point, neither read-only nor busy, and no border between mounts.
    r".* root|link link/|linkat empty empty below .*node": "/sys/bus/ap is one", r"access [26] .*machine/\.\.": "nor is /sys/bus",
    r"chroot attribute": "of the computer",
}


def test_same_results_of_calls(runs):
    """Each call that is reported, with arguments that are wrong in each way."""
    program = [PYTHON, HERE / "calls.py"]
    mounted, seen = (run(*program, timeout=300).stdout.splitlines() for run in (runs.run, lambda *p, **s: without(runs, *p, **s)))
    others = [line.rpartition(": ")[0] for line, other in zip(mounted, seen, strict=True) if line != other]
    assert len(mounted) > 8000
    assert [name for name in others if not any(re.fullmatch(pattern, name) for pattern in OTHER_CALLS)] == []
    assert [pattern for pattern in OTHER_CALLS if not any(re.fullmatch(pattern, name) for name in others)] == []


NARROW = r"""
static int call(int number, const void *a, long b, long c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
void _start(void)
{
    static char room[4096];
    int failed = 0;
    failed |= call(5, "/sys/bus/ap/ap_domain", 0, 0) != -38 ? 1 : 0;
    failed |= call(5, "/sys/../sys/devices/ap", 0, 0) != -38 ? 2 : 0;
    failed |= call(195, "/sys/bus/ap", (long)room, 0) != -38 ? 4 : 0;
    failed |= call(85, "/sys/bus/ap/devices/card04", (long)room, 100) != -38 ? 8 : 0;
    failed |= call(5, "apmask", 0, 0) != -38 ? 16 : 0;
    failed |= call(5, "/etc/passwd", 0, 0) < 0 ? 32 : 0;
    failed |= call(425, room, 0, 0) != -38 ? 64 : 0;
    call(1, (void *)failed, 0, 0);
}
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of i386")
def test_narrow_program(runs, tmp_path):
    """A 32-bit program is refused, rather than shown the computer's files, or empty ones; and the log tells of it."""
    (tmp_path / "narrow.c").write_text(NARROW)
    made = subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-fno-stack-protector", "-fno-pie", "-no-pie", "-o", tmp_path / "narrow",
                           tmp_path / "narrow.c"], capture_output=True, check=False)
    if made.returncode or subprocess.run(["sh", "-c", f"exec {tmp_path}/narrow"], capture_output=True, check=False).returncode == 126:
        pytest.skip("no 32-bit programs here")
    result = bash(runs, f"cd /sys/bus/ap; {tmp_path}/narrow; echo $?; apus log", env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert result.stdout.splitlines()[0] == "0" and result.stdout.count("is a 32-bit program") == 1, (result.stdout, result.stderr)


PAST = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for number in [425] + [0x40000000 + 257] * (os.uname().machine == "x86_64"):
    print(libc.syscall(number, -100, b"/sys/bus/ap/apmask", 0), os.strerror(ctypes.get_errno()))
"""


def test_ways_past_the_filter(runs):
    """io_uring, and the numbers of x32, are not there, so that programs take the way that is reported."""
    result = without(runs, PYTHON, "-c", PAST)
    assert set(result.stdout.splitlines()) == {"-1 " + os.strerror(errno.ENOSYS)}, result.stderr


PLAIN = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.realpath.restype = ctypes.c_char_p
place = os.open("/usr", os.O_RDONLY | os.O_DIRECTORY)
os.chdir("/usr")
os.stat("/usr")
print("ready", flush=True)
os.read(0, 1)
for path, where in ("/usr/bin", None), ("bin", place), ("bin", None), ("./bin", None), ("/./usr//bin", None):
    os.stat(path, dir_fd=where)
    os.lstat(path, dir_fd=where)
    os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
os.fstat(place)
for path in "/usr/bin/env", "/usr/share/../bin/env", "bin/env", "./share/../bin//env":
    os.close(os.open(path, os.O_RDONLY))
    assert os.access(path, os.X_OK) and not os.access(path + "nothing", os.F_OK)
    assert libc.realpath(path.encode(), None) == b"/usr/bin/env" and not libc.realpath(path.encode() + b"x", None)
    try:
        os.readlink(path)
    except OSError:
        pass
os._exit(7)
"""


def state(pid):
    """The kernel's letter; None: it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return None


def test_the_daemon_is_not_asked(runs):
    """Where the machine is plainly not concerned: it does not even run."""
    child = runs.start(PYTHON, "-c", PLAIN, options=["--no-mount"], stdin=subprocess.PIPE)
    assert child.stdout.readline() == "ready\n"
    parts = runs.children(child)
    wait_for(lambda: state(parts["program"]) in ("S", None))
    os.kill(parts["daemon"], signal.SIGSTOP)
    try:
        child.stdin.write("go\n")
        child.stdin.flush()
        wait_for(lambda: state(parts["program"]) in ("Z", None))  # it does not wait for the daemon
    finally:
        os.kill(parts["daemon"], signal.SIGCONT)
    assert child.wait(60) == 7, child.stderr.read()


WATCHES = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
AP, DEVICE = "/sys/bus/ap/", "/sys/devices/vfio_ap/matrix/9d4c0f6e-0000-4000-8000-000000000001"
KINDS = {2: "modify", 4: "attrib", 8: "close_write", 32: "open", 0x400: "delete_self", 0x8000: "ignored"}

def watch(path, mask=0xfff):
    instance = libc.inotify_init1(os.O_NONBLOCK)
    return instance if libc.inotify_add_watch(instance, path.encode(), mask) > 0 else os.strerror(ctypes.get_errno())

def seen(instance):
    found = []
    try:
        data = os.read(instance, 65536)
    except BlockingIOError:
        return found
    while data:
        _, mask, _, length = struct.unpack_from("iIII", data)
        if not mask & 1 << 30:
            found += [KINDS[bit] + " " * bool(length) + data[16:16 + length].rstrip(bytes(1)).decode() for bit in KINDS if mask & bit]
        data = data[16 + length:]
    return found

def store(path, text):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text)
    os.close(fd)

os.chdir("/sys/bus")
names = ["config_time", "apmask", "", "nothing", "drivers_probe"]
file, other, directory, *rest = [watch("ap/" + name) for name in names]
print(rest[0], type(rest[1]), watch(AP + "apmask", 0x01000002), watch("/tmp") != -1, watch("/dev/z90crypt", 2) != -1)
for one in file, other, directory:
    seen(one)
store(AP + "config_time", b"40")
print(seen(file), seen(other), seen(directory))
os.chmod(AP + "config_time", 0o600)
print(seen(file), seen(other), seen(directory))
store("/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", DEVICE[-36:].encode())
place, file = watch(DEVICE), watch(DEVICE + "/assign_adapter", 2)
seen(place)
store(DEVICE + "/assign_adapter", b"5")
print(seen(place), seen(file))
store(DEVICE + "/remove", b"1")
"""


def test_inotify(runs):
    """Of stores and modes, as with a mount; reading, and directories, are not compared."""
    lines = without(runs, PYTHON, "-c", WATCHES).stdout
    assert lines.splitlines()[1] == "['open', 'modify', 'close_write'] [] ['open config_time', 'modify config_time', 'close_write config_time']"
    assert lines == runs.run(PYTHON, "-c", WATCHES).stdout


SPLICES = """
import ctypes, errno, os, signal, threading
libc = ctypes.CDLL(None, use_errno=True)
AP = "/sys/bus/ap/"

def moved(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result

def show():
    return open(AP + "config_time").read().strip()

fd = os.open(AP + "config_time", os.O_RDWR)
read, write = os.pipe()
"""

WAITS = SPLICES + """
waiting = threading.Thread(target=lambda: print(moved("splice", read, None, fd, None, ctypes.c_size_t(9), 0), show()))
waiting.start()
print(show())  # others are served
os.write(write, b"43")
waiting.join()
children = []
for _ in range(12):
    children.append(os.fork())
    if children[-1] == 0:
        os.close(write)
        os.write(1, b".")
        moved("splice", read, None, fd, None, ctypes.c_size_t(9), 0)
        os._exit(1)
os.close(read)
print(show())
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
os.set_blocking(write, False)
while True:  # until nobody has the other end
    try:
        os.write(write, b"x")
    except BrokenPipeError:
        break
    except BlockingIOError:
        pass
print(show())
"""


def test_splice_waits_for_data(runs):
    """Without holding up others, or keeping the pipe when its caller has been killed."""
    result = without(runs, PYTHON, "-u", "-c", WAITS)
    assert result.stdout.replace(".", "").splitlines() == ["30", "2 43", "43", "43"], (result.stdout, result.stderr)


FORBIDS = """
import ctypes, os, struct, sys
def code(what, yes, no, k):
    return struct.pack("HBBI", what, yes, no, k)
lines = [code(0x20, 0, 0, 0), code(0x15, 0, 1, 438), code(0x06, 0, 0, 0x50001), code(0x06, 0, 0, 0x7fff0000)]
room = ctypes.create_string_buffer(b"".join(lines))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, struct.pack("HxxxxxxP", len(lines), ctypes.addressof(room)), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""

OTHERWISE = SPLICES + """
os.write(write, b"43")
print(moved("splice", read, None, fd, None, ctypes.c_size_t(9), 0), show(), os.lseek(fd, 0, os.SEEK_CUR))
os.write(write, b"x")
print(moved("splice", read, None, fd, None, ctypes.c_size_t(9), 0), os.read(read, 9), show())
source, offset = os.open("/tmp", os.O_TMPFILE | os.O_RDWR), ctypes.c_long(1)
os.write(source, b"x44")
print(moved("sendfile", fd, source, ctypes.byref(offset), ctypes.c_size_t(9)), offset.value, show())
os.lseek(source, 1, os.SEEK_SET)
print(moved("sendfile", fd, source, None, ctypes.c_size_t(9)), os.lseek(source, 0, os.SEEK_CUR), show())
copy = os.dup(fd)
print(os.lseek(copy, 0, os.SEEK_SET), os.read(fd, 9), os.lseek(copy, 0, os.SEEK_CUR))
"""


def test_where_open_files_cannot_be_shared(runs):
    """As in a container without CAP_SYS_PTRACE: only the offset of a file that is read from cannot be moved."""
    result = runs.command(PYTHON, "-c", FORBIDS, binary(), "run", "--no-mount", "--", PYTHON, "-c", OTHERWISE)
    assert result.stdout.splitlines() == ["2 43 2", "EINVAL b'x' 43", "2 3 44", "EINVAL 1 44", "0 b'44\\n' 3"], (result.stdout, result.stderr)


FEW = """
import os
held = 0
try:
    while held < 500:
        os.open("/dev/z90crypt", os.O_RDWR)
        held += 1
except OSError as error:
    print(held, error.errno)
print(len(os.listdir("/sys/devices/ap")) > 3, open("/sys/bus/ap/ap_domain").read())
"""


def test_few_descriptors(runs):
    """Where the daemon can have few, what remains open of nodes leaves it enough for all the rest."""
    result = runs.command(
        "bash", "-c", f'ulimit -n 160; exec "$0" run --no-mount -- {PYTHON} -c "$1"', binary(), FEW)
    assert result.stdout.splitlines() == [f"40 {errno.EMFILE}", "True 4", ""], (result.stdout, result.stderr)


HOSTILE = """
import ctypes, os, random
libc = ctypes.CDLL(None, use_errno=True)
random.seed(5)
numbers = [1, 2, 4, 5, 6, 8, 17, 18, 20, 21, 40, 76, 77, 79, 80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 92, 94, 132, 133, 137, 138, 188,
           191, 194, 235, 254, 257, 258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 275, 280, 296, 303, 316, 326, 328, 332,
           437, 439]
fd = os.open('/sys/bus/ap/config_time', os.O_RDWR); at = os.open('/sys/bus/ap', os.O_RDONLY)
os.symlink('/sys/bus/ap', 'link'); os.symlink('link', 'other')
link = (os.getcwd() + '/other').encode()
strings = [ctypes.create_string_buffer(s) for s in (b'/sys/bus/ap/apmask', b'apmask', b'..', b'', b'/sys/' + b'x/' * 3000,
           b'/sys/bus/ap/devices/card04', b'/sys/loop', b'/proc/self/cwd/apmask', b'/proc/self/fd/%d' % at, b'/dev/z90crypt',
           link, link + b'/apmask', link + b'/../..', b'../../..' + link + b'/devices', b'/dev/fd/%d/apmask' % at)]
room = ctypes.create_string_buffer(8192)
values = [0, 1, -1, -100, fd, at, 4096, 1 << 40, 0xffffffff, 16, *map(ctypes.addressof, strings), ctypes.addressof(room)]
os.chdir('/sys/bus/ap')
for _ in range(20000):
    call = [random.choice(numbers)] + [ctypes.c_long(random.choice(values)) for _ in range(6)]
    if call[0] in (1, 18, 20, 296, 328) and call[1].value in (1, 2):
        continue
    libc.syscall(*call)
    if random.random() < 0.01:
        [os.close(n) for n in range(at + 1, 200) if os.path.exists(f'/proc/self/fd/{n}')]
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_arguments_at_random(runs, tmp_path):
    """Whatever a program says, the daemon serves the next one."""
    script = f"(cd {tmp_path}; exec {PYTHON} -c \"$0\" > /dev/null 2>&1); cat /sys/bus/ap/ap_domain"
    result = without(runs, "bash", "-c", script, HOSTILE, timeout=240, cwd=tmp_path)
    assert result.returncode == 0 and re.fullmatch(r"\d+\n", result.stdout), (result.stdout, result.stderr)
