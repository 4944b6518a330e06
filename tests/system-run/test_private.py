# SPDX-License-Identifier: MIT
"""Persistent configuration that programs inside write to /etc, and what they leave in /run, belongs to the machine. The
computer is a copy in these tests (computer); `inside` compares it before and after."""

import shutil

import pytest

from test_host import COMPUTER, inside  # noqa: F401
from runs import binary

COMPUTER_ETC = """
    mkdir -p /etc/mdevctl.d/matrix /etc/udev/rules.d /etc/zkey/repository /etc/libvirt/qemu; rm -rf /etc/modprobe.d
    echo '{"mdev_type":"vfio_ap-passthrough","start":"manual"}' > /etc/mdevctl.d/matrix/69aa1a8a-0000-4000-8000-00000000000a
    echo secret > /etc/udev/rules.d/mine; chmod 600 /etc/udev/rules.d/mine
    ln -s /dev/null /etc/udev/rules.d/off.rules; chown 4711:4712 /etc/zkey/repository; chmod 700 /etc/zkey
    touch -d 2001-01-01 /etc/udev/rules.d/41-old.rules
"""
UUID = "69aa1a8a-0000-4000-8000-000000000001"


def test_the_machine_begins_with_what_is_there(inside):
    result = inside("""
        stat -c '%n %a %Y' /etc/udev/rules.d/41-old.rules; readlink /etc/udev/rules.d/off.rules; ls /etc/mdevctl.d/matrix
        cat /etc/udev/rules.d/mine; stat -c '%a %u:%g' /etc/zkey /etc/zkey/repository; ls /etc/modprobe.d; stat -c %a /etc
        cat /etc/passwd | head -c 5""", before=COMPUTER_ETC)
    lines = result.stdout.splitlines()
    assert lines[:3] == ["/etc/udev/rules.d/41-old.rules 644 978307200", "/dev/null", "69aa1a8a-0000-4000-8000-00000000000a"]
    if inside.as_user:
        assert "mine: Permission denied" in result.stderr
        assert lines[3:] == ["700 65534:65534", "apus.conf", "755", "root:"], "a directory that is closed to him is as it is"
    else:
        assert lines[3:] == ["secret", "700 0:0", "755 4711:4712", "apus.conf", "755", "root:"], result.stderr
    assert "modprobe.d" not in result.stderr, "it is there, though the computer has none"


def test_what_is_made_persistent_stays_inside(inside):
    """`inside` checks that the computer is unchanged."""
    result = inside(f"""
        rm -rf /etc/udev/rules.d/* /etc/mdevctl.d/*
        mkdir -p /etc/mdevctl.d/matrix
        echo rule > /etc/udev/rules.d/41-ap.rules && echo options > /etc/modprobe.d/s390x-ap.conf &&
        echo '{{}}' > /etc/mdevctl.d/matrix/{UUID} && cat /etc/udev/rules.d/41-ap.rules /etc/modprobe.d/s390x-ap.conf
        ls /etc/mdevctl.d/matrix
        unshare -m true && bash -c 'ls /etc/modprobe.d'""", before=COMPUTER_ETC)
    assert result.stdout.split() == ["rule", "options", UUID, "apus.conf", "s390x-ap.conf"], result.stderr


def test_the_modules_can_be_loaded(inside):
    """By the computer's own modprobe, which finds none of them in the computer's kernel."""
    result = inside("for name in ap zcrypt zcrypt_cex4 vfio_ap; do modprobe $name && echo $name; done; modprobe no_such_module")
    assert result.stdout.split() == ["ap", "zcrypt", "zcrypt_cex4", "vfio_ap"], result.stderr
    assert result.returncode == 1


def test_mdevctl_defines_a_device_of_the_machine(inside):
    if not shutil.which("mdevctl"):
        pytest.skip("needs mdevctl")
    result = inside(f"""
        mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
        mdevctl define -u {UUID} -p matrix -t vfio_ap-passthrough && mdevctl list --defined && ls /etc/mdevctl.d/matrix
        mdevctl undefine -u {UUID} && mdevctl list --defined""", before="rm -rf /etc/mdevctl.d")
    assert result.stdout.split() == [UUID, "matrix", "vfio_ap-passthrough", "manual", UUID], result.stderr


def test_all_else_of_etc_is_the_computers(runs):
    """Also if one of the directories is missing on the computer."""
    result = runs.command(COMPUTER, "bash", "-c", """
        rm -rf /etc/modprobe.d; mkdir /etc/dir
        "$0" run -- bash -c 'echo x >> /etc/fstab; touch /etc/dir/new /etc/new; mkdir /etc/more'
        tail -c 2 /etc/fstab; ls /etc/dir; ls -d /etc/new /etc/more /etc/modprobe.d""", binary())
    assert result.stdout.split() == ["x", "new"]
    assert result.stderr.count("Read-only file system") == 2 and result.stderr.count("No such file") == 3


@pytest.mark.parametrize("where", ["run", "guest exec"])
def test_host_etc(runs, where):
    result = runs.command(COMPUTER, "bash", "-c", """
        rm -rf /etc/modprobe.d; mkdir /etc/modprobe.d
        if [ "$1" = run ]; then "$0" run --host-etc -- touch /etc/modprobe.d/new
        else "$0" run --host-etc -- bash -c 'apus guest start g; apus guest exec g -- touch /etc/modprobe.d/new'
        fi; ls /etc/modprobe.d""", binary(), where)
    assert result.stdout.split()[-1:] == (["new"] if where == "run" else [])


COMPUTER_RUN = """
    mkdir -p /run/mount /run/some/deep /run/libvirt/qemu /run/udev/data /run/systemd /run/closed
    echo SRC=x > /run/mount/utab; echo 1 > /run/libvirt/qemu/vm.pid; echo I:1 > /run/udev/data/c1:3; chmod 700 /run/closed
    chmod 1777 /run/lock; mkdir -p -m 700 /run/user/0; truncate -s 2M /run/some/large; mkfifo /run/some/fifo
    python3 -c '
import os, socket, threading
def serve(path):
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(); os.chmod(path, 0o666)
    def loop():
        while True: s.accept()[0].send(b"host")
    threading.Thread(target=loop).start()
for path in ("/run/docker.sock", "/run/some/deep/bus", "/run/systemd/notify", "/run/udev/control"): serve(path)
' & server=$!; until test -S /run/udev/control; do sleep 0.05; done
    trap 'kill $server' EXIT
"""
CONNECT = "python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(9).decode())' "


def test_run_is_laid_out_after_the_real_one(inside):
    result = inside(f"""
        cat /run/some.pid /run/mount/utab /run/udev/data/c1:3; ls -A /run/libvirt; stat -c %a /run/lock
        stat -c %s /run/some/large; for s in docker.sock some/deep/bus systemd/notify; do {CONNECT} /run/$s; done
        test -p /run/some/fifo && echo fifo; test -e /run/udev/control || echo no udevd""", before=COMPUTER_RUN)
    assert result.stdout.splitlines() == ["1", "SRC=x", "I:1", "1777", str(2 << 20), "host", "host", "host", "fifo",
                                          "no udevd"], result.stderr


def test_whatever_is_done_in_run_stays_inside(inside):
    result = inside("""
        mkdir -p /run/mine/x && echo 2 > /run/some.pid && echo 3 > /run/new.pid && echo lock > /run/lock/s390apconfig.lock
        mkdir /tmp/m.$$ && mount -t tmpfs -o x-initrd.mount m /tmp/m.$$ && umount /tmp/m.$$; rmdir /tmp/m.$$
        cat /run/some.pid /run/new.pid /run/lock/*
        chmod -R 777 /run; chown -R 0:0 /run; rm -rf /run/* /run/.[!.]*; umount -l /run; rm -rf /run/*; touch /run/x; true
        """, before=COMPUTER_RUN)
    assert result.stdout.splitlines() == ["2", "3", "lock"], result.stderr


@pytest.mark.parametrize("base", ["/run/user/0/apus-0", "/run/apus"])
def test_the_machines_own_sockets_in_run(runs, base):
    """In root's session directory, which is read-only but for them, or by themselves; also from another terminal."""
    result = runs.command(COMPUTER, "bash", "-c", """
        mkdir -p -m 700 /run/user/0; echo mine > /run/user/0/file
        if [ "$1" = /run/apus ]; then unset APUS_RUNTIME_DIR; else export APUS_RUNTIME_DIR=$1; fi
        "$0" run -- bash -c '
            apus status > /dev/null && echo inside; rm /run/user/0/file 2> /dev/null || echo kept
            apus guest start g && apus guest exec g -- apus status > /dev/null && echo guest
            apus run -- bash -c "apus status > /dev/null && echo nested"
            touch /tmp/up.'$$'; until test -e /tmp/done.'$$'; do sleep 0.05; done' &
        until test -e /tmp/up.$$; do sleep 0.05; done
        "$0" status > /dev/null && echo outside; touch /tmp/done.$$; wait
        rm /tmp/up.$$ /tmp/done.$$; find /run/user/0 "$1" | sort -u""", binary(), base)
    lines = result.stdout.splitlines()
    assert lines[:5] == ["inside", "kept", "guest", "nested", "outside"], result.stderr
    assert lines[5:] == sorted(["/run/user/0", base, f"{base}/lock", "/run/user/0/file"])


def test_files_that_must_not_grow(runs):
    """If the file size limit allows no copies, the computer's files are there, read-only."""
    result = runs.command(COMPUTER, "bash", "-c", COMPUTER_ETC + """
        ulimit -f 0; "$0" run -- bash -c 'cat /etc/udev/rules.d/mine /run/some.pid; echo x > /etc/udev/rules.d/mine'
        cat /etc/udev/rules.d/mine""", binary())
    assert result.stdout.split() == ["secret", "1", "secret"] and "Read-only file system" in result.stderr
