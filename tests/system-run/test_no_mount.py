# SPDX-License-Identifier: MIT
"""apus run --no-mount: the same answers as with a mount, from programs of any kind, and no privilege."""

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from runs import USER, bash, binary, born, kill, wait_for, without

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
SEED_MASK = "0x" + "f" * 64 + "\n"

# Where programs without a mount get another answer, and why.
KNOWN = {
    # The computer's own sysfs, which is not covered by a read-only file system.
    "open ../nothing create": "'EACCES'", "open ../nothing excl": "'EACCES'",
    # Nothing is copied from one attribute to another, be it nothing.
    "copy_file_range": "'EINVAL'",
}
# With a mount these directories are there even while they are empty, since they are mount points.
EMPTY = {"vfio", "zcrypt"}


def answers(result):
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if not line.startswith("list /sys/devices/virtual:")]
    listing = re.search(r"^list /sys/devices/virtual: (.*)$", result.stdout, re.M)[1]
    return lines, set(re.findall(r"'(.*?)'", listing)) - EMPTY


def test_same_answers(runs):
    program = [PYTHON, HERE / "questions.py"]
    mounted, listed = answers(runs.run(*program))
    expected = [f"{name}: {KNOWN[name]}" if (name := line.split(":")[0]) in KNOWN else line for line in mounted]
    seen, seen_listed = answers(without(runs, *program))
    assert seen == expected
    assert seen_listed == listed


def test_exit_status_and_end(runs):
    assert without(runs, "sh", "-c", "exit 7").returncode == 7
    assert without(runs, "sh", "-c", "kill -9 $$").returncode == 128 + 9
    assert without(runs, "nothing-like-it").returncode == 127
    assert runs.machines() == []


def test_no_namespace(runs):
    """The program is where it was started, and the computer's files are its own."""
    result = without(runs, "sh", "-c", "readlink /proc/self/ns/mnt /proc/self/ns/user; cat /proc/self/uid_map")
    own = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "user")]
    assert result.stdout.splitlines()[:2] == own


def test_unprivileged(user_runs):
    """An ordinary user owns the files, as root does."""
    script = "id -u; stat -c %U:%a /sys/bus/ap/apmask; echo -5 > /sys/bus/ap/apmask && cat /sys/bus/ap/apmask; cd /sys/bus/ap; pwd -P"
    result = user_runs.command_as_user(binary(), "run", "--no-mount", "--", "bash", "-c", script)
    owner = subprocess.run(["id", "-un", str(USER)], capture_output=True, text=True, check=False).stdout.strip() or "UNKNOWN"
    assert result.stdout.splitlines() == [str(USER), f"{owner}:644", "0xfb" + "f" * 62, "/sys/bus/ap"], result.stderr


def test_another_user(runs):
    """Who is neither root nor the machine's user may read, and not write."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    script = "cat /sys/bus/ap/ap_domain; echo -5 > /sys/bus/ap/apmask; ls /sys/bus/ap | head -1; test -w /sys/bus/ap/apmask; echo $?"
    result = without(runs, "setpriv", f"--reuid={USER}", "--clear-groups", "bash", "-c", script)
    assert result.stdout.split() == ["4", "ap_adapter_mask", "1"], result.stderr
    assert "Permission denied" in result.stderr


FORGER = """
import os
fd = os.memfd_create("apus:0:%016x" % os.stat("/sys/bus/ap/apmask").st_ino)
print(os.write(fd, b"-5\\n"), open("/sys/bus/ap/apmask").read())
"""


def test_a_forged_file_is_no_attribute(runs):
    if os.geteuid():
        pytest.skip("only root can become another user")
    result = without(runs, "setpriv", f"--reuid={USER}", "--clear-groups", PYTHON, "-c", FORGER)
    assert result.stdout == f"3 {SEED_MASK}\n", result.stderr


FORGERIES = """
import os
for name in ["apus:0:ffffffffffffffff", "apus:0:3f00000000000000", "apus:0", "apus:", "apus:7:0", "apus:ffffffffff:1"] + ["apus:0:%02x%02x%04x%08x" % (kind, member, 1, number)
        for kind in range(64) for member in (1, 101, 255) for number in (0xffff, 0xffffffff)]:
    fd = os.memfd_create(name)
    assert os.write(fd, b"1") == 1 and os.pread(fd, 9, 0) == b"1" and os.fstat(fd).st_size == 1
    os.close(fd)
print(open("/sys/bus/ap/apmask").read())
"""


def test_numbers_that_were_never_given_out(runs):
    """Not even this user's own memfd, whatever its name, makes the daemon ask the tree for what it has not named."""
    result = without(runs, PYTHON, "-c", FORGERIES)
    assert (result.returncode, result.stdout) == (0, SEED_MASK + "\n"), result.stderr


NAMER = """
import os, subprocess, sys
name, place = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
os.chdir(place)
open(name, "x").close()
subprocess.run(["mount", "--bind", "/dev/null", name], check=True)
subprocess.run(["pivot_root", ".", "."], check=True)
print(os.write(os.open("/" + name, os.O_RDWR), b"-5\\n"))
"""


def test_a_file_of_that_name_is_no_attribute(runs, tmp_path):
    """In a mount namespace of its own a program can call any file of root's what it likes."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    place = tempfile.mkdtemp(dir="/dev/shm")
    script = f'number=$(printf %016x $(stat -c %i /sys/bus/ap/apmask)); setpriv --reuid={USER} --regid={USER} --clear-groups unshare -U -r -m ' \
             f'{PYTHON} -c "$0" "memfd:apus:0:$number" {place} || exit 77; cat /sys/bus/ap/apmask'
    result = without(runs, "bash", "-c", script, NAMER)
    os.rmdir(place)
    if result.returncode == 77:
        pytest.skip("no namespaces for users: " + result.stderr)
    assert result.stdout == "3\n" + SEED_MASK, result.stderr


STATIC = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
    char text[100] = "";
    int fd = open("/sys/bus/ap/ap_domain", O_RDONLY);
    struct stat st;
    printf("%zd %s", read(fd, text, 100), text);
    fd = open("/sys/bus/ap/config_time", O_WRONLY);
    printf("%d\n", write(fd, "x", 1) < 0 ? errno : 0);
    printf("%d\n", stat("/sys/bus/ap/devices/card04/type", &st));
    printf("%s\n", opendir("/sys/devices/ap") ? "listed" : "not listed");
    printf("%s\n", chdir("/sys/bus/ap") < 0 ? strerror(errno) : "there");
    printf("%s\n", chdir("/usr") < 0 ? strerror(errno) : "there");
    return 0;
}
"""


def test_static_program(runs, tmp_path):
    """Only to change into a directory of the machine it takes the library that is preloaded."""
    (tmp_path / "static.c").write_text(STATIC)
    made = subprocess.run(["gcc", "-static", "-o", tmp_path / "static", tmp_path / "static.c"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no static C library: libc6-dev")
    result = without(runs, tmp_path / "static", env={"APUS_VERBOSE": "1"})
    assert result.stdout.splitlines() == ["2 4", "22", "0", "listed", os.strerror(38), "there"], result.stderr


@pytest.mark.parametrize("words", [["sh", "-c", "exit 3"], ["/bin/sh", "-c", "exit 3"], ["script"], ["true"], ["cat", "/dev/null"]], ids=" ".join)
def test_a_static_shell_is_named(runs, tmp_path, words):
    """Its cd cannot work; that of other static programs is nobody's concern before they try."""
    busybox = shutil.which("busybox")
    if not busybox or "statically" not in subprocess.run(["file", "-L", busybox], capture_output=True, text=True, check=False).stdout:
        pytest.skip("no static busybox: busybox-static, file")
    (tmp_path / "script").write_text(f"#!{busybox} sh\nexit 3\n")
    (tmp_path / "script").chmod(0o755)
    result = without(runs, *([tmp_path / "script"] if words == ["script"] else [busybox, *words]))
    shell = words[0] not in ("true", "cat")
    assert result.returncode == (3 if shell else 0)
    assert result.stderr == (f"apus: {busybox} is a static shell, whose 'cd' cannot get into the machine's directories, since there is no mount\n"
                             if shell else "")


def test_a_setuid_program_is_named(user_runs):
    """Behind the filter of an ordinary user it has no privilege; behind root's it has."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        os.chmod(place, 0o755)
        program = shutil.copy("/usr/bin/id", place)
        os.chmod(program, 0o4755)
        result = user_runs.command_as_user(binary(), "run", "--no-mount", "--", program, "-u")
        assert (result.returncode, result.stdout) == (0, f"{USER}\n")
        assert result.stderr == f"apus: {program} is setuid or has capabilities, and runs without them, since there is no mount\n"
        result = without(user_runs, program, "-u", env={"APUS_RUNTIME_DIR": place + "/r"})
        assert (result.stdout, result.stderr) == ("0\n", "")


def test_a_program_that_nobody_may_look_at(user_runs):
    """Its paths cannot be read, so it sees the computer's files; the log says so."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        os.chmod(place, 0o755)
        program = shutil.copy("/usr/bin/cat", place)
        os.chmod(program, 0o111)
        script = f"{program} /sys/bus/ap/ap_domain; cat /sys/bus/ap/ap_domain; apus log"
        result = user_runs.command_as_user(binary(), "run", "--no-mount", "--", "sh", "-c", script, env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
    domain, log = result.stdout.split("\n", 1)
    assert domain == "4" and log.count("cannot be looked at") == 1 and log.count("\n") == 1, result


@pytest.mark.parametrize("kilobytes, status", [(8, 125), (1000, 0)])
def test_a_limit_of_files(runs, kilobytes, status):
    """That counts for files in memory, too."""
    result = runs.command("bash", "-c", f"ulimit -f {kilobytes}; exec {binary()} run --no-mount -- cat /sys/bus/ap/ap_domain")
    assert result.returncode == status and ("ulimit -f" in result.stderr) == bool(status), result
    assert result.stdout == ("" if status else "4\n")


GO = """
package main

import (
	"fmt"
	"os"
)

func main() {
	text, err := os.ReadFile("/sys/bus/ap/ap_domain")
	fmt.Printf("%s%v\\n", text, err)
	entries, err := os.ReadDir("/sys/bus/ap/devices")
	fmt.Println(len(entries), err)
	fmt.Println(os.WriteFile("/sys/bus/ap/config_time", []byte("x"), 0))
	target, err := os.Readlink("/sys/bus/ap/devices/card04")
	fmt.Println(target, err)
	info, err := os.Stat("/sys/bus/ap/apmask")
	fmt.Println(info.Mode(), info.Size(), err)
}
"""


def test_static_go(runs, tmp_path):
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.path.exists(go):
        pytest.skip("no Go compiler")
    (tmp_path / "main.go").write_text(GO)
    subprocess.run([go, "build", "-o", tmp_path / "main", tmp_path / "main.go"], check=True, capture_output=True, timeout=300,
                   env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod"})
    lines = without(runs, tmp_path / "main").stdout.splitlines()
    assert lines == ["4", "<nil>", "15 <nil>", "write /sys/bus/ap/config_time: invalid argument",
                     "../../../devices/ap/card04 <nil>", "-rw-r--r-- 4096 <nil>"]


def test_static_busybox(runs):
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if not busybox:
        pytest.skip("no busybox: busybox-static")
    script = "cat /sys/bus/ap/ap_domain; echo x > /sys/bus/ap/config_time; ls /sys/bus/ap/devices | wc -l; find /sys/devices/ap -name type | wc -l"
    result = without(runs, busybox, "sh", "-c", script)
    assert result.stdout.split() == ["4", "15", "3"], result.stderr
    assert "Invalid argument" in result.stderr


THREADS = """
import os, threading
def work(i):
    for _ in range(200):
        fd = os.open('/sys/bus/ap/config_time', os.O_RDWR)
        assert os.read(fd, 100), i
        assert os.write(fd, b'%d' % (10 + i)) == 2
        os.close(fd)
        os.listdir('/sys/bus/ap/devices')
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
held = [os.open('/sys/bus/ap/apmask', os.O_RDONLY) for _ in range(1000)]
print(len({os.pread(fd, 100, 0) for fd in held}))
"""


def test_threads_and_many_descriptors(runs):
    result = without(runs, "bash", "-c", f"ulimit -n 2000; exec {PYTHON} -c \"$0\"", THREADS, timeout=120)
    assert result.stdout == "1\n", result.stderr


STUCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
/* A path in memory that does not answer. */
int main(int argc, char **argv)
{
    long fault = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
    struct uffdio_api api = {.api = UFFD_API};
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register at = {.range = {(unsigned long)page, 8192}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (fault < 0 || ioctl(fault, UFFDIO_API, &api) < 0 || ioctl(fault, UFFDIO_REGISTER, &at) < 0)
        return 77;
    if (argc > 1)
        return 0;
    puts("stuck");
    fflush(stdout);
    return open(page, O_RDONLY) < 0;
}
"""


def test_one_that_is_stuck_holds_up_nobody(runs, tmp_path):
    (tmp_path / "stuck.c").write_text(STUCK)
    subprocess.run(["gcc", "-o", tmp_path / "stuck", tmp_path / "stuck.c"], check=True)
    if subprocess.run([tmp_path / "stuck", "try"], check=False).returncode == 77:
        pytest.skip("this system has no userfaultfd for users")
    script = (f"for i in $(seq 10); do {tmp_path}/stuck > {tmp_path}/said$i & done;"
              f"for i in $(seq 10); do until grep -q stuck {tmp_path}/said$i; do sleep 0.02; done; done; sleep 0.2;"
              "cat /sys/bus/ap/ap_domain; jobs -p | xargs kill -9; wait; cat /sys/bus/ap/ap_domain")
    result = bash(runs, script)  # which would never end
    assert result.stdout.split() == ["4", "4"], result.stderr


SIGNALS = """
import os, signal
signal.signal(signal.SIGALRM, lambda *ignored: None)  # which does not restart calls
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for i in range(1000):
    os.stat("/sys/bus/ap/apmask")
    os.lstat("/sys/bus/ap/devices/card04")
    os.chdir("/sys/bus/ap")
    os.chdir("/usr")
signal.setitimer(signal.ITIMER_REAL, 0, 0)
print(os.getcwd())
"""


def test_signals_do_not_end_what_they_never_end(runs):
    assert without(runs, PYTHON, "-c", SIGNALS).stdout == "/usr\n"


FIXTURE = """
import apus, pathlib, pytest
def test_outer():
    machine = apus.Machine.running()
    pathlib.Path("/sys/bus/ap/apmask").write_text("-5")
    assert machine.call("status") and pathlib.Path("/sys/bus/ap/apmask").read_text()[:4] == "0xfb"
@pytest.mark.ap_machine({"domains": [4], "adapters": {5: "CEX7C"}})
def test_own(ap_machine):
    assert ap_machine.read("bus/ap/ap_domain").strip() == "4"
"""


def test_python_package(runs, tmp_path):
    """pytest with the machine around it, and the fixture with one of its own."""
    (tmp_path / "test_it.py").write_text(FIXTURE)
    result = without(runs, PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "apus.pytest_plugin", "test_it.py", cwd=tmp_path, timeout=120,
                     env={"PYTHONPATH": str(HERE.parents[1] / "python/src"), "APUS_BIN": binary(), "ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert result.returncode == 0 and "2 passed" in result.stdout, (result.stdout, result.stderr)


def test_killed_in_a_call(runs):
    """Programs that die at any moment leave nothing behind."""
    script = "for i in $(seq 50); do (while :; do ls /sys/bus/ap/devices > /dev/null; cat /sys/bus/ap/apmask > /dev/null; done) & " \
             "sleep 0.01; kill -9 $!; done; wait; cat /sys/bus/ap/ap_domain"
    result = bash(runs, script, timeout=120)
    assert result.stdout == "4\n", result.stderr


def test_exec(runs):
    """Further programs come in, from outside and from inside."""
    child = runs.start("bash", "-c", "echo ready; read line; cat /sys/bus/ap/config_time; apus exec $(apus list | grep -o '^[0-9]*' | tail -1) -- cat /sys/bus/ap/ap_domain",
                       options=["--no-mount"], stdin=subprocess.PIPE, env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert child.stdout.readline() == "ready\n"
    name, = runs.machines()
    result = runs.apus("exec", name, "--", "bash", "-c", "cd /sys/bus/ap; pwd -P; echo 77 > config_time")
    assert (result.returncode, result.stdout) == (0, "/sys/bus/ap\n"), result.stderr
    out, err = child.communicate("go\n", timeout=60)
    assert out == "77\n4\n", err


def test_nothing_is_left_in_memory(runs):
    """Neither after an end, nor when all was killed and the next command tidies up."""
    where = "readlink $APUS_RUNTIME_DIR/*/shadow"
    result = bash(runs, f"ls -R /sys/bus/ap /sys/devices/ap > /dev/null; {where}")
    shadow = Path(result.stdout.strip())
    assert str(shadow).startswith("/dev/shm/apus-") and not shadow.exists()
    child = runs.start("sh", "-c", f"ls /sys/bus/ap > /dev/null; {where}; exec sleep 60", options=["--no-mount"])
    shadow = Path(child.stdout.readline().strip())
    assert (shadow / "0/sys/bus/ap/apmask").exists()
    kill(*runs.children(child).values())
    child.communicate()
    assert runs.settle() == {}
    assert without(runs, "true").returncode == 0
    assert not shadow.exists()


def test_daemon_killed(runs):
    child = runs.start("bash", "-c", "echo ready; read line; cat /sys/bus/ap/ap_domain; exit 3", options=["--no-mount"],
                       stdin=subprocess.PIPE)
    assert child.stdout.readline() == "ready\n"
    daemon = runs.children(child)["daemon"]
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: not born(daemon))
    out, err = child.communicate("go\n", timeout=60)
    assert child.returncode and "4" not in out.split()
    assert "the daemon was killed" in err


# Of each kind; 50 are the proof.
KILLS = min(50, int(os.environ.get("APUS_KILLS", "3")))
BUSY = "mkdir_uuid() { uuid=$(cat /proc/sys/kernel/random/uuid); }; cd /sys/devices/vfio_ap/matrix; echo ready; while mkdir_uuid; do " \
       "echo $uuid > mdev_supported_types/vfio_ap-passthrough/create; find . > /dev/null; echo 1 > $uuid/remove; exec 7< /dev/z90crypt; done 2> /dev/null"


@pytest.mark.parametrize("whom", [["daemon"], ["run"], ["daemon", "run"], ["guard", "daemon", "run"]], ids="+".join)
def test_killed_in_the_middle(runs, whom):
    """Whenever these are killed, with its program at an end: no process, no directory, no socket, nothing mounted."""
    shadows = []
    for i in range(KILLS):
        child = runs.start("timeout", "60", "bash", "-c", BUSY, options=["--no-mount"])
        assert child.stdout.readline() == "ready\n"
        shadows += map(os.readlink, Path(runs.base).glob("*/shadow"))
        time.sleep(0.03 * (i % 10))
        parts = runs.children(child)
        kill(*(parts[name] for name in whom))
        if "run" not in whom:  # the program goes on without its machine
            with contextlib.suppress(ProcessLookupError):  # it may have ended with the daemon
                os.kill(parts["program"], signal.SIGTERM)
        child.communicate(timeout=60)
        assert child.returncode
        assert runs.settle() == {}
        if "guard" in whom:
            assert runs.apus("list").returncode == 0  # which tidies up
        assert runs.machines() == []
    assert len(shadows) == KILLS and [path for path in shadows if os.path.exists(path)] == []


def test_nodes(runs):
    """Device nodes: their kind, their ioctls, how many are open."""
    script = "test -c /dev/z90crypt && echo device; ls /dev | grep -c z90crypt; echo web > /sys/class/zcrypt/create;" \
             "stat -c '%F %a' /dev/web; exec 5</dev/web; ls -l /proc/self/fd/5 | sed 's/.*-> //'; echo web > /sys/class/zcrypt/destroy; ls /dev/web"
    result = bash(runs, script)
    assert result.stdout.splitlines() == ["device", "1", "character special file 666", "/dev/web"], result.stderr
    assert "No such file" in result.stderr


WRITTEN = """
import errno, os
for path in ("/dev/z90crypt", "/dev/vfio/vfio"):
    fd = os.open(path, os.O_RDWR)
    for call in (lambda: os.write(fd, b"x"), lambda: os.pwrite(fd, b"x", 0), lambda: os.writev(fd, [b"x"])):
        try:
            print(call(), end=" ")
        except OSError as error:
            print(errno.errorcode[error.errno], end=" ")
"""


def test_nodes_are_not_written_to(runs):
    """zcrypt's has no offset, and says EPERM; VFIO's has no such operation."""
    assert without(runs, PYTHON, "-c", WRITTEN).stdout.split() == ["EPERM", "ESPIPE", "EPERM"] + 3 * ["EINVAL"]


MANY = """
import os, time
held = 0
try:
    while held < 5000:
        os.open("/dev/z90crypt", os.O_RDWR)
        held += 1
except OSError as error:
    print(held, error.errno, flush=True)
time.sleep(60)
"""


def test_one_user_opens_all_nodes(runs):
    """What other users may open is not taken by one."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    script = f"ulimit -n 6000; coproc setpriv --reuid={USER} --regid={USER} --clear-groups {PYTHON} -c \"$0\"; read held error <&${{COPROC[0]}}; echo $held $error;" \
             "exec 5< /dev/z90crypt && echo opened; kill $COPROC_PID"
    result = without(runs, "bash", "-c", script, MANY, timeout=120)
    assert result.stdout.splitlines() == [f"1024 {errno.EMFILE}", "opened"], (result.stdout, result.stderr)


def test_chosen_where_a_mount_is_impossible(runs):
    """Without /dev/fuse, or without namespaces; and a line says so."""
    script = """
        mkdir -p /tmp/d.$$ && mount -t tmpfs none /tmp/d.$$ && touch /tmp/d.$$/null && mount --bind /dev/null /tmp/d.$$/null &&
        mount --move /tmp/d.$$ /dev; rmdir /tmp/d.$$; exec "$0" run -- cat /sys/bus/ap/ap_domain"""
    result = runs.command("unshare", "-m", "bash", "-c", script, binary())
    assert (result.returncode, result.stdout) == (0, "4\n"), result.stderr
    assert result.stderr.startswith("apus: /dev/fuse is missing here, so") and result.stderr.count("\n") == 1
    script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all " \
             '"$0" run -- cat /sys/bus/ap/ap_domain'
    result = runs.command("unshare", "-U", "-r", "bash", "-c", script, binary())
    assert (result.returncode, result.stdout) == (0, "4\n"), result.stderr
    assert result.stderr.startswith("apus: namespaces, or mounts in them, are forbidden") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [["--uevents"], ["--ioctl=fuse"]])
def test_options_that_need_a_mount(runs, options):
    result = runs.run("true", options=["--no-mount", *options])
    assert result.returncode == 2 and "--no-mount and" in result.stderr


def test_inside_itself(runs):
    """A process has one listener: said in a sentence."""
    result = without(runs, binary(), "run", "--no-mount", "--", "true", env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert result.returncode == 125
    assert "already has a seccomp listener" in result.stderr


def test_preloaded_libraries_are_kept(runs):
    result = without(runs, "printenv", "LD_PRELOAD", env={"LD_PRELOAD": "/nowhere/x.so"})
    assert result.stdout == "/dev/apus/preload.so /nowhere/x.so\n"
