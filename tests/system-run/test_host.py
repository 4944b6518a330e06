# SPDX-License-Identifier: MIT
"""Nothing that a program does inside changes the computer, which is a copy in these tests (computer)."""

import os
import pathlib
import shutil

import pytest

from runs import USER, binary

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a computer of its own")
COMPUTER = pathlib.Path(__file__).with_name("computer")

# Prints names, types, modes, owners, device numbers and contents of everything below the directories.
LIST = r"""
import os, stat, sys, zlib
for top in sys.argv[1:]:
    for where, dirs, files in os.walk(top):
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            st = os.lstat(path)
            text = ""
            if stat.S_ISLNK(st.st_mode):
                text = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                text = zlib.crc32(open(path, "rb").read())
            if not path.startswith("/dev/pts/") or name == "ptmx":
                print(path, oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev, text)
"""
AS_USER = f"setpriv --reuid={USER} --regid={USER} --clear-groups env -u APUS_RUNTIME_DIR TMPDIR=/tmp "


@pytest.fixture(params=["root", "user"])
def inside(request):
    """inside(script, options=...): runs it in apus run on a computer and checks that the computer is unchanged."""
    as_user = request.param == "user"
    runs = request.getfixturevalue("user_runs" if as_user else "runs")

    def call(script, options="", before="", tops="/dev /run /etc"):
        start = f"setpriv --reuid={USER} --regid={USER} --clear-groups " if as_user else ""
        result = runs.command(COMPUTER, "bash", "-c", f"""
            {before}
            /usr/bin/python3 -S -c "$2" {tops} > /tmp/before.$$
            {start}"$0" run {options} -- bash -c "$1"
            status=$?
            /usr/bin/python3 -S -c "$2" {tops} | diff /tmp/before.$$ - || echo THE COMPUTER HAS CHANGED
            rm /tmp/before.$$
            exit $status""", binary(), script, LIST, timeout=120)
        assert "THE COMPUTER HAS CHANGED" not in result.stdout, result.stdout
        return result

    call.as_user = as_user
    return call


def test_the_list_sees_changes(runs):
    result = runs.command(COMPUTER, "bash", "-c", """
        export LC_ALL=C
        /usr/bin/python3 -S -c "$0" /dev | sort > /tmp/before.$$; chmod 600 /dev/null; rm /dev/zero
        /usr/bin/python3 -S -c "$0" /dev | sort | comm -23 /tmp/before.$$ - ; rm /tmp/before.$$""", LIST)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["/dev/null", "/dev/zero"]
    assert os.stat("/dev/null").st_mode & 0o777 == 0o666 and os.path.exists("/dev/zero")


def test_everything_in_dev_is_removed(inside):
    result = inside("rm -rf /dev/.host/* /dev/* 2> /dev/null; ls -A /dev")
    left = {"apus", "mqueue", "pts", "shm", "z90crypt", "zcrypt"}
    if inside.as_user:
        assert left < set(result.stdout.split())
    else:
        assert set(result.stdout.split()) == left, "all that is not a mount point is gone, from the machine's /dev"


def test_modes_and_owners_of_everything_change(inside):
    inside("chmod -R 0777 /dev; chown -R 4711:4711 /dev; find /dev -type c -exec chmod 0 {} +; touch /dev/new /dev/net/new /dev/shm/new;"
           "mv /dev/null /dev/other; ln -s x /dev/link; mknod /dev/node c 1 3; true")


def test_what_is_mounted_in_dev_is_moved_away_and_emptied(inside):
    """As libvirt does with each mount in /dev."""
    inside("""
        mkdir /dev/shm/moved
        for m in $(findmnt -rno TARGET | grep ^/dev/); do
            mount -n --move $m /dev/shm/moved && rm -rf /dev/shm/moved/* && umount -n /dev/shm/moved
        done
        rm -rf /dev/*; true""")


def test_dev_is_unmounted(inside):
    result = inside("umount -l /dev; rm -rf /dev/*; chmod 777 /dev/null; umount -l /dev/pts; ls -A /dev")
    if not inside.as_user:
        assert result.stdout == "", "the real one is not below it"


def test_shared_memory(inside):
    """The machine's own one is empty and works."""
    result = inside("ls -A /dev/shm; stat -c %a /dev/shm; echo x > /dev/shm/mine; cat /dev/shm/mine; rm -rf /dev/shm/*")
    assert result.stdout == "1777\nx\n"


def test_nodes_are_as_the_real_ones(inside):
    result = inside("stat -c '%n %a %t:%T' /dev/null /dev/deep/er/null /dev/input/event0 /dev/net/tun; "
                    "readlink /dev/input/by-path/it; stat -c %g /dev/input/event0; head -c 3 /dev/zero | wc -c; "
                    "echo x > /dev/null && echo written")
    lines = result.stdout.splitlines()
    assert lines[:5] == ["/dev/null 666 1:3", "/dev/deep/er/null 600 1:3", "/dev/input/event0 640 d:40",
                         "/dev/net/tun 666 a:c8", "../event0"], result.stderr
    assert lines[5:] == ["0" if inside.as_user else "54321", "3", "written"]


@pytest.mark.parametrize("way", ["fuse", "notify"])
def test_device_nodes_have_modes_and_owners_of_their_own(inside, way):
    """chgrp zkeyadm, chmod 660, and the Kubernetes plugin's chmod 0666, on z90crypt and on a node that was created."""
    group = 0 if inside.as_user else 4711
    result = inside(f"""
        echo one > /sys/class/zcrypt/create
        stat -L -c '%a %u:%g' /dev/z90crypt /dev/one
        chmod 0660 /dev/z90crypt && chmod 0640 /dev/one && chgrp {group} /dev/z90crypt /dev/one
        stat -L -c '%a %u:%g' /dev/z90crypt /dev/one
        chmod 0666 /dev/one; stat -L -c %a /dev/one
        echo one > /sys/class/zcrypt/destroy; echo one > /sys/class/zcrypt/create; stat -L -c %a:%g /dev/one
        {"" if inside.as_user else 'setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "exec 3<>/dev/z90crypt" 2>&1 | grep -o Perm.*'}
        """, options=f"--ioctl={way}")
    want = f"666 0:0 666 0:0 660 0:{group} 640 0:{group} 666 666:0"
    assert result.stdout.split() == [*want.split(), *([] if inside.as_user else ["Permission", "denied"])], result.stderr


def test_access_control_lists_come_along(runs):
    if not shutil.which("setfacl"):
        pytest.skip("needs setfacl")
    result = runs.command(COMPUTER, "bash", "-c",
                          "setfacl -m u:54321:rw /dev/kmsg && exec \"$0\" run -- getfacl -n /dev/kmsg", binary())
    assert "user:54321:rw-" in result.stdout, result.stderr


def test_no_node_may_be_made(runs):
    """As in a container without CAP_MKNOD: the nodes are the real ones, and cannot be changed."""
    result = runs.command(COMPUTER, "bash", "-c", """
        /usr/bin/python3 -S -c "$1" /dev > /tmp/before.$$
        setpriv --bounding-set=-mknod "$0" run -- bash -c '
            chmod 600 /dev/null /dev/deep/er/null; echo x > /dev/null && echo written; rm -rf /dev/[!p]* /dev/.host/*
            /usr/bin/python3 -c "import pty; pty.spawn([\\"tty\\"])"; test -e /dev/z90crypt && echo there'
        /usr/bin/python3 -S -c "$1" /dev | diff /tmp/before.$$ - && echo same; rm /tmp/before.$$""", binary(), LIST)
    lines = result.stdout.split()
    assert lines[0] == "written" and "/pts/" in lines[1] and lines[2:] == ["there", "same"], result.stderr
