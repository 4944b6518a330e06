# SPDX-License-Identifier: MIT
"""apus run --no-mount: paths that lead out of the machine's directories, and files that are opened once more."""

import errno
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from runs import USER, bash, binary, without

PYTHON = "/usr/bin/python3"
SEED_MASK = "0x" + "f" * 64 + "\n"

ESCAPES = """
import os
def opened(path):
    try:
        fd = os.open(path, os.O_RDONLY)
        name = os.readlink(f'/proc/self/fd/{fd}')
        os.close(fd)
        return name
    except OSError as error:
        return error.errno
os.symlink('/proc/self', 'l')
here = os.getcwd()
up = '/sys/bus/ap/../../..'
print([opened(up + path) for path in ('/etc/passwd', '', '/dev/null', '/proc/self/mem', '/proc/self/maps', here + '/l/maps')])
os.chdir('/sys/bus/ap')
print(opened('../../../etc/passwd'), os.path.isdir('../../../etc'))
os.chdir('../../../usr')
print(os.getcwd())
"""


def test_out_of_the_tree(runs, tmp_path):
    """Paths that lead out of the machine's directories, and never to what is the daemon's own."""
    result = without(runs, PYTHON, "-c", ESCAPES, cwd=tmp_path)
    assert result.stdout.splitlines() == ["['/etc/passwd', '/', '/dev/null', 13, 13, 13]", "/etc/passwd True", "/usr"], result.stderr


def test_without_capabilities(runs, tmp_path):
    """Root that has given up its capabilities gets no file by way of the tree that it may not open."""
    if os.geteuid():
        pytest.skip("only root has capabilities to give up")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    os.chown(secret, USER, USER)
    script = f"cd /sys/bus/ap; cat ../../..{secret}; echo x > ../../..{secret}; cat apmask"
    result = without(runs, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "sh", "-c", script)
    assert result.stdout == SEED_MASK and result.stderr.count("ermission denied") == 2, result.stderr
    assert secret.read_text() == "secret"


def test_another_mount_namespace(runs, tmp_path):
    """A program that has hidden files from itself does not find them by way of the tree."""
    (tmp_path / "f").write_text("hidden")
    script = f"mount -t tmpfs none {tmp_path} && cat /sys/bus/ap/../../..{tmp_path}/f"
    result = without(runs, "unshare", "-m", "sh", "-c", script)
    if "unshare" in result.stderr:
        pytest.skip("no mount namespaces: " + result.stderr)
    assert result.stdout == "" and "o such file" in result.stderr and (tmp_path / "f").read_text() == "hidden"


SHADOW = """
import glob, os, sys
shadow = os.readlink(*glob.glob(os.environ["APUS_RUNTIME_DIR"] + "/*/shadow"))
os.rename(shadow + "/0/sys/bus/ap", shadow + "/old")
os.symlink(sys.argv[1], shadow + "/0/sys/bus/ap")
try:
    print(os.listdir("/sys/bus/ap/drivers"))
except OSError as error:
    print("refused")
"""


def test_a_link_in_the_shadow(runs, tmp_path):
    """Nothing is removed or made where it leads."""
    (tmp_path / "drivers/deep").mkdir(parents=True)
    (tmp_path / "drivers/deep/precious").write_text("x")
    result = without(runs, "sh", "-c", f"ls /sys/bus/ap > /dev/null; {PYTHON} -c '{SHADOW}' {tmp_path}")
    assert result.stdout == "refused\n", result.stderr
    assert os.listdir(tmp_path / "drivers") == ["deep"] and (tmp_path / "drivers/deep/precious").read_text() == "x"


CONFINED = """
import ctypes, os, platform, struct
def openat2(at, path, resolve):
    how = struct.pack("QQQ", 0, 0, resolve)
    fd = ctypes.CDLL(None, use_errno=True).syscall(437, at, path.encode(), how, 24)
    return os.strerror(ctypes.get_errno()) if fd < 0 else "opened"
place = os.open("/sys/bus/ap", os.O_RDONLY)
bus, root = (os.open(path, os.O_RDONLY) for path in ("/sys/bus", "/"))
for at, path, resolve in ((place, "apmask", 0), (place, "../../../etc/passwd", 8), (place, "/sys/bus/ap/apmask", 8), (place, "apmask", 1 << 40), (place, "apmask", 8),
                          (bus, "ap/apmask", 8), (bus, "ap/../../bus", 8), (place, "devices/card04/type", 1), (bus, "ap/devices/card04/type", 1),
                          (place, "../../../etc/passwd", 1), (place, "../../../sys/bus", 1), (root, "sys/bus/ap/apmask", 1), (root, "sys/bus/ap/apmask", 8)):
    print(openat2(at, path, resolve))
"""


def test_paths_that_must_stay_where_they_start(runs):
    """Also in one file system (1), where sysfs has no borders."""
    result = without(runs, PYTHON, "-c", CONFINED)
    away, wrong = "Invalid cross-device link", "Invalid argument"
    assert result.stdout.splitlines() == ["opened", away, away, wrong, "opened", "opened", away, "opened", "opened", away, away, away, "opened"], result.stderr


def as_other(runs, *program, **settings):
    """A program of another user than the machine's, which is root's."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    return without(runs, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *program, **settings)


@pytest.fixture(name="memory")
def memory_directory():
    """A directory in /dev, that others may only search."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        os.chmod(name, 0o711)
        yield Path(name)


def test_another_users_way_out(runs, memory):
    """Nothing of the computer's is opened for another user but what everybody may list in sysfs."""
    private = memory / "private"
    private.mkdir(mode=0o700)
    (private / "f").write_text("secret")
    (memory / "open").write_text("open")
    (memory / "open").chmod(0o666)
    script = f"cd /dev; cat shm/{memory.name}/private/f; stat shm/{memory.name}/private/f; cat shm/{memory.name}/open; " \
             f"echo x > shm/{memory.name}/open; cd /sys/bus/ap; cat ../../../etc/passwd; ls -d ../../kernel; ls ../../kernel | grep -c ."
    result = as_other(runs, "bash", "-c", script)
    listed, count = result.stdout.splitlines()
    assert listed == "../../kernel" and int(count) > 3, result.stderr
    assert result.stderr.count("Permission denied") == 5, result.stderr
    assert (memory / "open").read_text() == "open"


EXCHANGE = """
import ctypes, os, sys
os.chdir(sys.argv[1])
os.setresgid(*3 * [int(sys.argv[2])]); os.setresuid(*3 * [int(sys.argv[2])])
exchange = ctypes.CDLL(None).renameat2
print("ready", flush=True)
while True:
    exchange(-100, b"a", -100, b"b", 2)
"""

LOOK = """
import os, sys
os.chdir("/dev")
for _ in range(4000):
    try:
        fd = os.open(sys.argv[1], os.O_RDONLY)
        print(os.read(fd, 100).decode())
        os.close(fd)
    except OSError:
        pass
"""


def test_exchanged_directories(runs, memory):
    """While the daemon looks, a directory becomes a link to one that the program may not search."""
    private, there = memory / "private", memory / "there"
    private.mkdir(mode=0o700)
    (private / "f").write_text("secret")
    (there / "a").mkdir(parents=True)
    (there / "a" / "f").write_text("own")
    (there / "b").symlink_to(private)
    for path in (there, there / "a"):
        os.chown(path, USER, USER)
    other = subprocess.Popen([PYTHON, "-c", EXCHANGE, there, str(USER)], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        result = as_other(runs, PYTHON, "-c", LOOK, f"shm/{memory.name}/there/a/f")
    finally:
        other.kill()
        other.communicate()
    assert (result.returncode, "secret" in result.stdout) == (0, False), result.stderr


def test_truncated_elsewhere(runs, memory, tmp_path):
    """Of what was in the file nothing stays."""
    for path in (memory / "f", tmp_path / "f"):
        path.write_text("what was there before")
    result = bash(runs, f"cd /sys/bus/ap && echo hi > ../../..{tmp_path}/f && cd /dev && echo n > shm/{memory.name}/f && "
                        f"echo m >> shm/{memory.name}/f")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "f").read_text() == "hi\n"
    assert (memory / "f").read_text() == "n\nm\n"


AGAIN = """
import os, sys
fd = os.open("/sys/bus/ap/apmask", os.O_RDONLY)
for path in (f"/dev/fd/{fd}", f"/proc/self/fd/{fd}", f"/proc/self/task/{os.getpid()}/fd/{fd}", f"/proc/./self/fd/{fd}", f"{sys.argv[1]}/{fd}"):
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            again = os.open(path, flags)
            print(path, "opened", os.write(again, b"-5\\n"))
        except OSError as error:
            print(error.errno)
    print(os.read(os.open(path, os.O_RDONLY), 4))
print(open("/sys/bus/ap/apmask").read())
"""


@pytest.fixture(name="around")
def link_to_descriptors(memory):
    """A way to the program's descriptors that does not begin in /proc."""
    (memory / "fd").symlink_to("/proc/self/fd")
    return memory / "fd"


def test_opened_again_for_more(runs, around):
    """Who may only read an attribute cannot open its file once more to write, whoever finds the path."""
    result = as_other(runs, PYTHON, "-c", AGAIN, around)
    assert result.stdout.splitlines() == 5 * ["13", "13", "b'0xff'"] + [SEED_MASK.strip(), ""], result.stderr


def test_opened_again_after_chown(runs, around):
    """The mode is that of the attribute, and not of the file that stands for it, which is this user's."""
    script = f"chown {USER} /sys/bus/ap/apmask; chmod 666 /sys/bus/ap/apmask; exec 5</sys/bus/ap/apmask; " \
             f"setpriv --reuid=1 --regid=1 --clear-groups sh -c 'cat {around}/5; cat /proc/self/fd/5'"
    if os.geteuid():
        pytest.skip("only root can change owners")
    result = bash(runs, script)
    assert result.stdout == 2 * SEED_MASK, (result.stdout, result.stderr)


BARE = """
import os, sys
fd = os.open("/sys/bus/ap/apmask", os.O_PATH)
other = os.open("/sys/bus/ap/devices/card04", os.O_PATH | os.O_NOFOLLOW)
for name, call in [("read", lambda fd: os.read(fd, 10)), ("pread", lambda fd: os.pread(fd, 10, 0)), ("later", lambda fd: os.pread(fd, 10, 1)),
                   ("seek", lambda fd: os.lseek(fd, 0, 0)), ("hole", lambda fd: os.lseek(fd, 0, os.SEEK_HOLE)), ("write", lambda fd: os.write(fd, b"-5")),
                   ("sendfile", lambda fd: os.sendfile(fd, 0, 0, 1)), ("truly", lambda fd: os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)),
                   ("around", lambda fd: os.open(f"{sys.argv[1]}/{fd}", os.O_RDONLY)), ("stat", lambda fd: oct(os.fstat(fd).st_mode))]:
    for fd_of in fd, other:
        try:
            print(name, call(fd_of))
        except OSError as error:
            print(name, error.errno)
"""


def test_opened_for_nothing(runs, around):
    """With O_PATH a file is neither read nor written, and no mode is asked for."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    script = f'chmod 600 /sys/bus/ap/apmask; exec setpriv --reuid={USER} --regid={USER} --clear-groups {PYTHON} -c "$0" {around}'
    result = without(runs, "bash", "-c", script, BARE)
    *most, stat, link = result.stdout.splitlines()
    failed = {"truly": ("13", "40"), "around": ("13", "40")}
    expected = [f"{name} {number}" for name in ("read", "pread", "later", "seek", "hole", "write", "sendfile", "truly", "around")
                for number in failed.get(name, ("9", "9"))]
    assert most == expected and stat == "stat 0o100600" and link.startswith("stat 0o12"), (result.stdout, result.stderr)


def test_changes_elsewhere(runs, memory):
    """By a path from the machine's directories nothing of the computer's is made, renamed or removed."""
    (memory / "x").write_text("x")
    there = f"shm/{memory.name}"
    script = f"cd /dev; touch {there}/y; mkdir {there}/y; echo > {there}/y; rm {there}/x; chmod 600 {there}/x; mv {there}/x {there}/y; cat {there}/x"
    result = bash(runs, script)
    assert result.stdout == "x"
    assert [line.rpartition(": ")[2] for line in result.stderr.splitlines()] == 3 * ["Permission denied"] + 3 * ["Operation not permitted"]
    assert os.listdir(memory) == ["x"] and (memory / "x").stat().st_mode & 0o777 == 0o644


def test_what_is_not_there_is_not_said_to_be(runs, memory):
    """Below another file system nobody looks: mv(1) read memory that was not set when EEXIST was no file's."""
    (memory / "x").write_text("x")
    code = "import ctypes, sys; c = ctypes.CDLL(None, use_errno=True);" \
           "print(c.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 1), ctypes.get_errno())"
    there = f"shm/{memory.name}"
    result = without(runs, "bash", "-c", f'cd /dev; exec {PYTHON} -c "$0" {there}/x {there}/y', code)
    assert result.stdout == f"-1 {errno.EPERM}\n", result


def test_file_system_that_does_not_answer(runs, memory):
    """Others can mount one below /dev; programs that look there wait, and nobody else."""
    place = memory / "mounted"
    place.mkdir()
    with subprocess.Popen([binary(), "daemon", "--mount", place, "--socket", memory / "socket"], stdout=subprocess.PIPE,
                          text=True, env=runs.environment()) as daemon:
        try:
            assert daemon.stdout.readline() == "ready\n"
            daemon.send_signal(signal.SIGSTOP)
            script = f"cat {place}/bus/nosuch & cd /dev; cat shm/{memory.name}/mounted/bus/nosuch & sleep 0.3;" \
                     "timeout 60 cat /sys/bus/ap/ap_domain; jobs -p | xargs kill -9; wait"
            # A search for leaks would wait for the thread that waits.
            result = bash(runs, script, env={"ASAN_OPTIONS": "detect_leaks=0"}, timeout=120)
        finally:
            daemon.send_signal(signal.SIGCONT)
            daemon.terminate()
    assert result.stdout == "4\n", result.stderr


def test_descriptors_by_name(runs):
    """By /dev/stdin and the like, also from /dev, where a descriptor of the computer's is out of reach."""
    script = "exec 3< /sys/bus/ap/ap_domain 4< /sys/bus/ap; cat /dev/stdin <&3; cat /dev/fd/3; cd /dev; cat stdin <&3; cat fd/3;" \
             "ls fd/4 | head -1; ls -d stdin; cat stdin < /dev/null"
    result = bash(runs, script)
    assert result.stdout.split() == 4 * ["4"] + ["ap_adapter_mask", "stdin"], result.stderr
    assert "Permission denied" in result.stderr


def test_another_root_directory(runs, tmp_path):
    if os.geteuid():
        pytest.skip("only root can change the root directory")
    program = f"import os; os.chroot({str(tmp_path)!r}); os.chdir('/'); print(os.path.exists('/sys/bus/ap'))"
    assert without(runs, PYTHON, "-c", program).stdout == "False\n"


LINKS = """
import ctypes, errno, os, stat, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(sys.argv[1])
AP, CARD = "/sys/bus/ap", "/sys/devices/ap/card04"
up = "../" * os.getcwd().count("/")
for name, target in {"absolute": AP, "relative": up + "sys/bus/ap", "file": AP + "/config_time", "card": CARD, "sys": "/sys", "second": "absolute", "third": "dir/back",
                     "node": "/dev/z90crypt", "nothing": AP + "/nothing", "loop": "loop", "real": "/sys/bus/pci", "cwd": "/proc/self/cwd", "slash": AP + "/",
                     "home": "/proc/self/root" + AP, "long": "/." * 1000 + AP}.items():
    os.symlink(target, name)
os.mkdir("dir")
os.symlink("../absolute", "dir/back")

def ask(name, question):
    try:
        value = question()
    except OSError as error:
        value = errno.errorcode[error.errno]
    if isinstance(value, os.stat_result):
        value = stat.S_IFMT(value.st_mode), value.st_mode & 0o777
    print(name, repr(value), flush=True)

def show(path, **where):
    with open(os.open(path, os.O_RDONLY, **where)) as file:
        return file.read()

def store(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT)
    try:
        return os.write(fd, text.encode()), show(AP + "/config_time")
    finally:
        os.close(fd)

def raw(name, *arguments):
    return getattr(libc, name)(*arguments) and errno.errorcode[ctypes.get_errno()]

here = os.open(".", os.O_RDONLY)
for path in ("absolute/config_time", "relative/config_time", "file", "second/config_time", "third/config_time", "sys/bus/ap/config_time", "./dir/../absolute/config_time",
             "absolute/../ap/config_time", "card/../../../bus/ap/config_time", "slash/config_time", "home/config_time", "long/config_time", "cwd/file",
             "/proc/self/cwd/file", f"/proc/self/fd/{here}/absolute/config_time", "absolute/nothing", "nothing", "nothing/x", "loop", "file/x", "real/devices", "absolute",
             "absolute/", "absolute/..", "dir/back/devices/card04", "sys/bus"):
    for whole in (path, os.path.join(os.getcwd(), path)):
        ask(f"stat {path}", lambda: os.stat(whole))
        ask("lstat", lambda: os.lstat(whole))
        ask("read", lambda: show(whole))
        ask("below", lambda: show(path, dir_fd=here))
        ask("access", lambda: (os.access(whole, os.R_OK), os.access(whole, os.F_OK)))
        ask("to write", lambda: os.access(whole, os.W_OK))
        ask("list", lambda: "apmask" in os.listdir(whole) or "ap" in os.listdir(whole))
        ask("directory", lambda: os.close(os.open(whole, os.O_RDONLY | os.O_DIRECTORY)))
        ask("nofollow", lambda: os.close(os.open(whole, os.O_RDONLY | os.O_NOFOLLOW)))
        ask("exclusive", lambda: os.close(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL)))
        ask("bare", lambda: os.fstat(os.open(whole, os.O_PATH)))
        ask("real", lambda: os.path.realpath(whole))
        ask("names", lambda: os.listxattr(whole))
        ask("name", lambda: os.getxattr(whole, "user.x"))
for i in range(3):
    ask("store", lambda: store("file", f"4{i}"))
    ask("store", lambda: store("relative/config_time", f"5{i}"))
ask("refused", lambda: store("file", "x"))
ask("store nowhere", lambda: store("nothing", "x"))
for name, deed in {"mode": lambda: os.chmod("file", 0o600), "truncate": lambda: os.truncate("file", 0), "times": lambda: os.utime("file"),
                   "remove": lambda: os.unlink("absolute/config_time"), "make": lambda: os.mkdir("absolute/x"), "make over": lambda: os.mkdir("absolute"),
                   "rename in": lambda: os.rename("dir/back", "absolute/x"), "rename within": lambda: os.rename("absolute/config_time", "second/scans"),
                   "rename out": lambda: os.rename("absolute/config_time", "x"), "link": lambda: os.link("file", "x", follow_symlinks=True), "link in": lambda: os.link("dir/back", "absolute/x"),
                   "rename": lambda: os.rename("file", "renamed"), "hard": lambda: os.link("renamed", "hard", follow_symlinks=False), "then": lambda: os.readlink("hard"),
                   "unlink": lambda: os.unlink("renamed"), "gone": lambda: show("renamed"), "there": lambda: len(show("hard")), "space": lambda: os.statvfs("absolute").f_namemax,
                   "watch": lambda: libc.inotify_add_watch(libc.inotify_init(), b"absolute", 0x200) > 0, "node": lambda: os.close(os.open("node", os.O_RDWR))}.items():
    ask(name, deed)
for name in ("absolute", "third", "card", "real", "sys/bus/ap/..", "nothing", "home"):
    ask(f"change to {name}", lambda: os.chdir(name))
    ask("there", lambda: (os.getcwd(), os.path.exists("apmask")))
    os.fchdir(here)
for i in range(20):  # nothing is remembered
    os.symlink(AP + "/ap_domain", "again") if i % 2 else open("again", "w").close()
    ask("again", lambda: show("again"))
    os.unlink("again")
child = subprocess.run(["sh", "-c", "cat hard; cat absolute/ap_domain; cd second && cat ap_domain; cat dir/back/ap_domain"], capture_output=True, check=False)
print(child.stdout, child.stderr)
"""


@pytest.mark.parametrize("where", ["directory", "memory"])
def test_links_from_outside(runs, tmp_path, memory, where):
    """Whatever leads to the machine: the same answers as with a mount."""
    # /sys/bus, which a mount makes read-only, on a file system with attributes of users.
    others = {("stat absolute/..", "name"), ("stat sys/bus", "name"), ("stat sys/bus", "to")}
    place, last = tmp_path / "mounted", ""
    place.mkdir()
    mounted = runs.run(PYTHON, "-c", LINKS, place).stdout.replace(str(place), "HERE").splitlines()
    seen = without(runs, PYTHON, "-c", LINKS, tmp_path if where == "directory" else memory)
    assert seen.returncode == 0, seen.stderr
    seen = seen.stdout.replace(str(tmp_path if where == "directory" else memory), "HERE").splitlines()
    assert len(mounted) == len(seen) > 700
    for line, other in zip(mounted, seen):
        last = line.partition(" (")[0].partition(" '")[0] if line.startswith("stat") else last
        assert line == other or (last, line.split()[0]) in others, last


def test_out_and_back_by_a_link(runs, memory, tmp_path):
    """From a directory of the machine's, where the daemon opens what is elsewhere."""
    for place in memory, tmp_path:
        (place / "link").symlink_to("/sys/bus/ap")
        (place / "real").symlink_to("/sys/class/mem/null")
    script = f"cd /sys/bus/ap; for there in ../../..{tmp_path} ../../..{memory} /sys/bus/ap/../../..{memory}; do cat $there/link/ap_domain; echo 4 > $there/link/config_time;" \
             f"[ -d $there/link/devices ] && cd $there/link && pwd -P; ls -d apmask; done; cd /dev; cat shm/{memory.name}/link/ap_domain shm/{memory.name}/real/uevent"
    result = bash(runs, script)
    assert result.stdout.splitlines() == 3 * ["4", "/sys/bus/ap", "apmask"] + ["4", "MAJOR=1", "MINOR=3", "DEVNAME=null", "DEVMODE=0666"], result.stderr
    assert result.stderr.count("Invalid argument") == 3, result.stderr


def test_a_link_on_a_file_system_that_does_not_answer(runs, memory):
    """Who follows it waits, and nobody else."""
    place = memory / "mounted"
    place.mkdir()
    (memory / "link").symlink_to(place / "bus")
    with subprocess.Popen([binary(), "daemon", "--mount", place, "--socket", memory / "socket"], stdout=subprocess.PIPE,
                          text=True, env=runs.environment()) as daemon:
        try:
            assert daemon.stdout.readline() == "ready\n"
            daemon.send_signal(signal.SIGSTOP)
            script = f"for i in $(seq 4); do cat {memory}/link/nosuch & {PYTHON} -c 'import os; os.rename(\"{memory}/link/a\", \"{memory}/link/b\")' & done; sleep 0.3;" \
                     "timeout 60 cat /sys/bus/ap/ap_domain; jobs -p | xargs kill -9; wait"
            result = bash(runs, script, env={"ASAN_OPTIONS": "detect_leaks=0"}, timeout=120)
        finally:
            daemon.send_signal(signal.SIGCONT)
            daemon.terminate()
    assert result.stdout == "4\n", result.stderr
