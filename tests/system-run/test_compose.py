# SPDX-License-Identifier: MIT
"""What a program sees in /sys and /dev, as root and as an unprivileged user."""

import os

import pytest

from runs import binary

OURS = ["/sys/bus/ap", "/sys/bus/matrix", "/sys/bus/mdev", "/sys/class/mdev_bus", "/sys/class/zcrypt",
        "/sys/class/vfio", "/sys/class/vfio-dev", "/sys/devices/virtual/vfio",
        *(f"/sys/{where}/{name}" for where in ("class/misc", "devices/virtual/misc") for name in ("vfio", "z90crypt")),
        "/sys/dev/char/10:196", "/sys/dev/char/10:1000",
        *(f"/sys/module/{name}" for name in ("ap", "vfio_ap", "zcrypt", "zcrypt_cex2a", "zcrypt_cex2c", "zcrypt_cex4")),
        "/sys/devices/ap", "/sys/devices/vfio_ap", "/sys/devices/virtual/zcrypt",
        "/sys/kernel/iommu_groups", "/dev/apus", "/dev/vfio", "/dev/z90crypt", "/dev/zcrypt"]

# Names, types and link targets. Left out: what the kernel and other tests change meanwhile (each mount
# of a FUSE file system is a device of class bdi), and what apus run is documented to change.
WALK = """
import os, stat, sys
skip = set(sys.argv[1].split()) | {"/sys/fs/cgroup", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/slab",
                                   "/sys/class/bdi", "/sys/devices/virtual/bdi", "/dev/pts", "/dev/ptmx",
                                   "/dev/.host", "/dev/shm"}
def walk(path):
    for entry in sorted(os.scandir(path), key=lambda e: e.name):
        if entry.path in skip:
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        link = os.readlink(entry.path) if entry.is_symlink() else ""
        print(entry.path, stat.filemode(mode), link)
        if entry.is_dir(follow_symlinks=False):
            try:
                walk(entry.path)
            except OSError as error:
                print(entry.path, error.errno)
for root in ("/sys", "/dev"):
    walk(root)
"""


@pytest.fixture(params=["root", "user"])
def inside(request):
    """inside(script): the result of a bash script in apus run, as root or as a user."""
    runs = request.getfixturevalue("runs" if request.param == "root" else "user_runs")
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    start = runs.run if request.param == "root" else runs.user

    def call(script, *arguments, **settings):
        return start("bash", "-c", script, "bash", *arguments, **settings)

    call.runs = runs
    call.outside = runs.command if request.param == "root" else runs.command_as_user
    return call


def test_all_else_is_as_it_was(inside):
    walk = ["/usr/bin/python3", "-c", WALK, " ".join(OURS)]
    # Devices of the computer may change between the two walks.
    for _ in range(3):
        outside = inside.outside(*walk).stdout.splitlines()
        within = inside('exec "$@"', *walk).stdout.splitlines()
        if within == outside:
            break
    assert len(outside) > 1000
    assert within == outside


def test_ours_are_there(inside):
    result = inside('stat -c "%n %F" "$@"', *OURS)
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == OURS


def test_sys_is_still_sysfs(inside):
    result = inside("stat -f -c %T /sys /sys/kernel /sys/devices/system /sys/bus/cpu")
    assert result.stdout.split() == ["sysfs"] * 4


def test_names_have_their_types_in_a_listing(inside):
    """Some tools look only at d_type."""
    result = inside("""python3 -c 'import os
for p in "/sys/bus", "/sys/class", "/sys/devices", "/sys/devices/virtual":
    print(all(e.is_dir(follow_symlinks=False) for e in os.scandir(p)))'""")
    assert result.stdout.split() == ["True"] * 4, result.stderr


def test_nothing_can_be_created_among_the_real_entries(inside):
    result = inside("for d in bus class devices devices/virtual; do mkdir /sys/$d/new || touch /sys/$d/new; done")
    assert result.returncode != 0
    assert result.stderr.count("Read-only file system") == 8


def test_devices_work(inside):
    result = inside("head -c 5 /dev/zero | wc -c; echo gone > /dev/null; head -c 7 /dev/urandom | wc -c; "
                    "echo through | cat /dev/stdin; cat < /dev/z90crypt")
    assert result.stdout == "5\n7\nthrough\n"
    assert "Operation not permitted" in result.stderr  # as on the real node: it has ioctl(2), but no read(2)


def test_terminals_can_be_made(inside):
    result = inside("""python3 -c 'import os, pty
leader, follower = pty.openpty()
assert os.ttyname(follower) and os.isatty(follower)
pty.spawn(["sh", "-c", "test -t 0 && echo a terminal"])'""")
    assert "a terminal" in result.stdout, result.stderr


def test_root_inside(inside):
    assert inside("id -u; id -g").stdout == "0\n0\n"


def test_what_is_mounted_inside_stays_inside(inside):
    assert inside("mkdir $APUS_RUNTIME_DIR/m && mount -t tmpfs x $APUS_RUNTIME_DIR/m && touch "
                  "$APUS_RUNTIME_DIR/m/file").returncode == 0
    assert os.listdir(f"{inside.runs.base}/m") == []
    os.rmdir(f"{inside.runs.base}/m")


def test_working_directory_below_sys(runs):
    """It is the composed /sys, not the one that this covers."""
    assert "ap" in runs.run("ls", cwd="/sys/bus").stdout.split()


def test_nested(inside):
    """An inner run has its own machine; afterwards the outer one is unchanged."""
    script = """
        echo 0x11 > /sys/bus/ap/apmask
        "$1" run -- bash -c 'echo 0x22 > /sys/bus/ap/apmask; cut -c -4 /sys/bus/ap/apmask; echo $APUS_SOCKET; exit 7'
        echo $?; cut -c -4 /sys/bus/ap/apmask; echo $APUS_SOCKET; ls $APUS_RUNTIME_DIR"""
    result = inside(script, binary())
    inner, inner_socket, status, outer, outer_socket, *running = result.stdout.split()
    assert (inner, status, outer) == ("0x22", "7", "0x11"), result.stderr
    assert inner_socket != outer_socket
    assert running == [outer_socket.split("/")[-2], "lock"], "the inner one has gone"


def test_an_environment_for_its_clients(inside):
    result = inside("test -S $APUS_SOCKET && echo $SYSTEMD_DEVICE_VERIFY_SYSFS && type -P apus", env={
        "PATH": "/usr/bin:/bin"})
    assert result.stdout.split() == ["0", binary()]


def test_masked_and_read_only_parts(runs):
    """As in a container: /sys read-only, a part of it hidden under another file system."""
    script = """
        mount -t tmpfs -o ro none /sys/firmware && mount -t tmpfs -o ro none /sys/devices/virtual/mem &&
        mount -o remount,bind,ro /sys &&
        exec "$0" run -- sh -c 'cat /sys/bus/ap/apmask > /dev/null && ls /sys/devices/virtual/mem /sys/firmware &&
                                echo -5 > /sys/bus/ap/apmask && echo good'"""
    result = runs.command("unshare", "-m", "bash", "-c", script, binary())
    assert result.returncode == 0, result.stderr
    assert "good" in result.stdout


def test_without_a_sysfs(runs):
    """As in a bare chroot: /sys has only our entries."""
    result = runs.command("unshare", "-m", "bash", "-c",
                          "mount -t tmpfs none /sys && exec \"$0\" run -- ls /sys /sys/devices/virtual", binary())
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["/sys:", "bus", "class", "devices", "kernel", "",
                                     "/sys/devices/virtual:", "zcrypt"] or "zcrypt" in result.stdout


def test_a_zcrypt_node_appears_in_dev_and_goes(inside):
    result = inside("cd /sys/class/zcrypt; echo web > create; test -e /dev/web && echo there; "
                    "echo null > create; test -c /dev/null && echo spared; "
                    "echo web > destroy; test -e /dev/web || test -L /dev/web || echo gone")
    assert result.stdout == "there\nspared\ngone\n", result.stderr


def test_a_user_namespace_inside_mounts_a_sysfs_of_its_own(inside):
    """As rootless containers do. The kernel forbids it if something is mounted on each visible sysfs."""
    mount = "mkdir -p $APUS_RUNTIME_DIR/s; unshare -Urnm sh -c 'mount -t sysfs s $APUS_RUNTIME_DIR/s && ls $APUS_RUNTIME_DIR/s'"
    outside = inside.outside("bash", "-c", mount)
    within = inside(mount)
    os.rmdir(f"{inside.runs.base}/s")
    if outside.returncode != 0:
        pytest.skip("this computer does not allow it outside either: " + outside.stderr)
    assert within.stdout == outside.stdout, within.stderr


def test_nobody_sees_the_sysfs_that_is_kept_for_that(inside):
    assert inside("ls -d /sys/bus/sys").stdout == ""
    assert "/sys/bus/sys " in inside("cat /proc/self/mountinfo").stdout


def test_modules_as_scripts_look_for_them(inside):
    result = inside("""
        for m in ap zcrypt zcrypt_cex4 vfio_ap; do test -d /sys/module/$m && echo $m; done
        basename $(readlink -f /sys/bus/ap/drivers/cex4queue/module); cat /sys/module/vfio_ap/initstate
        test -e /sys/class/misc/z90crypt/dev && readlink -f /sys/dev/char/$(cat /sys/class/misc/z90crypt/dev)""")
    assert result.stdout.split() == ["ap", "zcrypt", "zcrypt_cex4", "vfio_ap", "zcrypt_cex4", "live",
                                     "/sys/devices/virtual/misc/z90crypt"], result.stderr


def test_modprobe_succeeds(inside):
    if not os.path.exists("/usr/sbin/modprobe"):
        pytest.skip("needs modprobe")
    result = inside("for m in ap zcrypt zcrypt_cex4 vfio_ap vfio-ap; do /usr/sbin/modprobe $m || echo $m; done; "
                    "/usr/sbin/modprobe no_such_module 2>/dev/null || echo right")
    assert result.stdout.split() == ["right"], result.stderr


def test_nodes_and_groups_that_come_later_are_seen(inside):
    result = inside("""
        echo web > /sys/class/zcrypt/create && cat /sys/class/zcrypt/web/dev
        echo 69aa1a8a-0000-4000-8000-000000000001 > /sys/class/mdev_bus/matrix/mdev_supported_types/vfio_ap-passthrough/create
        cat /sys/class/vfio/0/dev; ls /sys/class/vfio-dev /sys/devices/virtual/vfio
        echo 1 > /sys/bus/mdev/devices/69aa1a8a-0000-4000-8000-000000000001/remove; ls /sys/class/vfio
        echo web > /sys/class/zcrypt/destroy; ls /sys/devices/virtual/zcrypt; echo db > /sys/class/zcrypt/create
        cat /sys/class/zcrypt/db/dev""")
    assert result.stdout.split() == ["250:0", "254:0", "/sys/class/vfio-dev:", "vfio0", "/sys/devices/virtual/vfio:", "0",
                                     "250:0"], result.stderr
