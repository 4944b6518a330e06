# SPDX-License-Identifier: MIT
"""The files behave like those of sysfs [files-sysfs]."""

import errno
import mmap
import os
import select
import stat
import subprocess
import threading
from contextlib import contextmanager

import pytest

from harness import ONES, TYPE_DIR, Machine, mask, uuid, worked_example

APMASK = "bus/ap/apmask"
MATRIX = "devices/vfio_ap/matrix"


@pytest.fixture
def host(apus):
    return apus(worked_example())


@contextmanager
def opened(host, name, flags):
    fd = os.open(host.path(name), flags)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def fails(*names):
    with pytest.raises(OSError) as caught:
        yield
    assert errno.errorcode[caught.value.errno] in names, caught.value


def walk(host):
    """The tree without dev/, which holds device nodes and no attributes."""
    for folder, folders, files in os.walk(host.root):
        if folder == str(host.root) and "dev" in folders:
            folders.remove("dev")
        yield folder, folders, files


def shell(command, **options):
    return subprocess.run(["bash", "-c", command], text=True, capture_output=True, timeout=60,
                          check=False, env=dict(os.environ, LC_ALL="C"), **options)


def test_files_report_4096_bytes_and_links_and_directories_do_not(host):
    for folder, folders, files in walk(host):
        for name in files:
            status = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(status.st_mode):
                assert status.st_size == 4096, os.path.join(folder, name)
            else:
                assert stat.S_ISLNK(status.st_mode)
        for name in folders:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            assert stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
            assert stat.S_ISLNK(mode) or stat.S_IMODE(mode) == 0o755


def test_files_belong_to_root_and_have_the_modes_of_their_kind(host):
    modes = set()
    for folder, _, files in walk(host):
        for name in files:
            status = os.lstat(os.path.join(folder, name))
            assert (status.st_uid, status.st_gid) == (0, 0)
            if stat.S_ISREG(status.st_mode):
                modes.add(stat.S_IMODE(status.st_mode))
    assert modes <= {0o440, 0o444, 0o644, 0o200, 0o600}


@pytest.mark.parametrize(("name", "flags"), [
    ("bus/ap/ap_max_domain_id", os.O_WRONLY),
    ("bus/ap/ap_max_domain_id", os.O_RDWR),
    (f"{TYPE_DIR}/create", os.O_RDONLY),
    (f"{TYPE_DIR}/create", os.O_RDWR),
    ("bus/ap/drivers/vfio_ap/bind", os.O_RDONLY),
    ("devices/ap/card05/hwtype", os.O_WRONLY | os.O_TRUNC),
])
def test_root_does_not_override_modes(host, name, flags):
    with fails("EACCES"):
        os.open(host.path(name), flags)


def test_access_agrees_with_what_open_will_allow(host):
    assert os.access(host.path(APMASK), os.R_OK | os.W_OK)
    assert not os.access(host.path(APMASK), os.X_OK)
    assert os.access(host.path(f"{TYPE_DIR}/create"), os.W_OK)
    assert os.access(host.path("bus/ap"), os.R_OK | os.X_OK)


def test_truncation_alone_writes_nothing(host):
    with opened(host, APMASK, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
        pass
    os.truncate(host.path(APMASK), 0)
    assert host.value(APMASK) == ONES
    assert host.path(APMASK).stat().st_size == 4096


def test_redirections_of_the_shell(host):
    assert shell("echo 0x41 > apmask && echo +0 >> apmask", cwd=host.path("bus/ap")).returncode == 0
    assert host.value(APMASK) == mask(0, 1, 7)


def test_errors_come_from_write_not_from_close(host):
    fd = os.open(host.path(APMASK), os.O_WRONLY)
    with fails("EINVAL"):
        os.write(fd, b"nonsense\n")
    os.close(fd)
    result = shell("echo nonsense > apmask", cwd=host.path("bus/ap"))
    assert result.returncode == 1
    assert "write error: Invalid argument" in result.stderr


def test_tools_see_the_content(host):
    with open(host.path(APMASK), "rb") as file:
        assert file.read() == (ONES + "\n").encode()
    result = shell("cat apmask; cp apmask \"$T\"/copy; cat \"$T\"/copy; tail -n 1 apmask; head -c 4 apmask; echo;"
                   "dd if=apmask bs=3 count=2 status=none; echo; wc -c < apmask; grep -c f apmask;"
                   "echo 0x7 | tee apmask; cat apmask".replace('"$T"', str(host.root.parent)),
                   cwd=host.path("bus/ap"))
    assert result.stderr == ""
    seven = "0x7" + "0" * 63
    assert result.stdout.splitlines() == [ONES, ONES, ONES, "0xff", "0xffff", "67", "1", "0x7", seven]


def test_partial_reads_are_of_one_state(host):
    with opened(host, APMASK, os.O_RDONLY) as fd:
        first = os.read(fd, 10)
        assert host.w(APMASK, "0x0") == "OK"
        rest = b""
        while chunk := os.read(fd, 7):
            rest += chunk
        assert (first + rest).decode() == ONES + "\n"
        assert os.read(fd, 100) == b""


def test_reading_at_offset_0_again_shows_the_new_state(host):
    with opened(host, APMASK, os.O_RDONLY) as fd:
        assert os.read(fd, 4096).decode() == ONES + "\n"
        assert host.w(APMASK, "0x7") == "OK"
        assert os.pread(fd, 3, 0) == b"0x7"
        os.lseek(fd, 0, os.SEEK_SET)
        assert os.read(fd, 4096).decode() == mask(1, 2, 3) + "\n"


def test_pread_in_the_middle_and_past_the_end(host):
    assert host.w(APMASK, "0x7") == "OK"
    with opened(host, APMASK, os.O_RDONLY) as fd:
        assert os.pread(fd, 3, 2) == b"700"
        assert os.pread(fd, 10, 66) == b"\n"
        assert os.pread(fd, 10, 67) == b""
        assert os.pread(fd, 10, 4096) == b""


def test_write_offsets_are_ignored(host):
    with opened(host, APMASK, os.O_WRONLY) as fd:
        assert os.pwrite(fd, b"0x41", 40) == 4
        assert os.write(fd, b"+0") == 2
        assert os.write(fd, b"+2") == 2
    assert host.value(APMASK) == mask(0, 1, 2, 7)


def test_each_write_is_one_command(host):
    with opened(host, APMASK, os.O_WRONLY) as fd:
        os.write(fd, b"0x0")
        with fails("EINVAL"):
            os.write(fd, b"+5,")
            os.write(fd, b"6")
            os.write(fd, b",+7x")
    assert host.value(APMASK) == mask(1, 2)


def test_read_and_write_on_one_descriptor(host):
    with opened(host, APMASK, os.O_RDWR) as fd:
        assert os.read(fd, 3) == b"0xf"
        os.write(fd, b"0x1")
        assert os.pread(fd, 3, 0) == b"0x1"


def test_nothing_can_be_made_removed_or_renamed(host):
    card = host.path("devices/ap/card05")
    with fails("EPERM"):
        os.mkdir(card / "new")
    with fails("EPERM"):
        os.unlink(card / "hwtype")
    with fails("EPERM"):
        os.unlink(host.path("bus/ap/devices/card05"))
    with fails("EPERM"):
        os.rmdir(card)
    with fails("EPERM"):
        os.rename(card / "hwtype", card / "type2")
    with fails("EPERM"):
        os.link(card / "hwtype", card / "hard")
    with fails("EPERM"):
        os.symlink("x", card / "soft")
    with fails("EPERM"):
        os.mknod(card / "fifo", 0o600 | stat.S_IFIFO)
    with fails("EACCES"):
        os.open(card / "new", os.O_WRONLY | os.O_CREAT)
    with fails("EACCES"):
        os.open(host.path("new"), os.O_RDWR | os.O_CREAT | os.O_EXCL)
    with fails("ENOENT"):
        os.open(card / "new", os.O_WRONLY)
    assert host.value("devices/ap/card05/hwtype") == "11"


def test_mmap_is_refused(host):
    with opened(host, APMASK, os.O_RDONLY) as fd, fails("ENODEV"):
        mmap.mmap(fd, 4096, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)


def test_open_files_of_a_vanished_device(host):
    mdev = host.mdev(1)
    with opened(host, f"{mdev.dir}/matrix", os.O_RDONLY) as reader, \
            opened(host, f"{mdev.dir}/assign_adapter", os.O_WRONLY) as writer:
        assert os.read(reader, 10) == b""
        assert mdev.remove() == "OK"
        with fails("ENODEV"):
            os.pread(reader, 10, 0)
        with fails("ENODEV"):
            os.write(writer, b"5")
        host.mdev(1)
        with fails("ENODEV"):
            os.write(writer, b"5")
    assert mdev.r("matrix") == ""


def test_a_directory_whose_device_has_gone(host):
    """As in a shell whose working directory is removed: known and unknown names, with and without O_CREAT."""
    mdev = host.mdev(1)
    folder = os.open(host.path(mdev.dir), os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open("matrix", os.O_RDONLY, dir_fd=folder))
    assert mdev.remove() == "OK"
    for name in ("matrix", "ap_config", "assign_adapter", "new"):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
            with fails("ENOENT"):
                os.open(name, flags, 0o644, dir_fd=folder)
    with fails("ENOENT"):
        os.readlink("driver", dir_fd=folder)
    assert os.listdir(folder) == []
    os.close(folder)


def test_open_files_of_a_driver_that_was_unbound(host):
    queue = "devices/ap/card05/05.0004"
    with opened(host, f"{queue}/online", os.O_RDONLY) as online, \
            opened(host, f"{queue}/config", os.O_RDONLY) as config:
        assert host.w(APMASK, "-5") == "OK"
        assert not host.exists(f"{queue}/online")
        with fails("ENODEV"):
            os.pread(online, 10, 0)
        assert os.pread(config, 10, 0) == b"1\n"


def test_creation_is_synchronous_and_leaves_no_negative_entry(host):
    path = host.path(f"bus/mdev/devices/{uuid(1)}/assign_adapter")
    for _ in range(50):
        assert not path.exists()
        assert host.write(f"{TYPE_DIR}/create", uuid(1)) == 36
        assert path.exists()
        assert host.w(f"{MATRIX}/{uuid(1)}/remove", 1) == "OK"
        assert not path.exists()
        assert uuid(1) not in host.names("bus/mdev/devices")


def test_attributes_follow_the_driver_at_once(host):
    queue = "devices/ap/card05/05.0004"
    for _ in range(20):
        assert (host.exists(f"{queue}/online"), host.exists(f"{queue}/status")) == (True, False)
        assert host.w(APMASK, "-5") == "OK"
        assert (host.exists(f"{queue}/online"), host.exists(f"{queue}/status")) == (False, True)
        assert "05.0004" in host.names("bus/ap/drivers/vfio_ap")
        assert "05.0004" not in host.names("bus/ap/drivers/cex4queue")
        assert host.w(APMASK, "+5") == "OK"


def polled(fd, events, timeout=0):
    poll = select.poll()
    poll.register(fd, events)
    return dict(poll.poll(timeout)).get(fd, 0)


def test_poll_of_an_attribute_at_rest(host):
    """Always readable and writable; sysfs reports POLLPRI|POLLERR only for notifications, of which there are none."""
    with opened(host, APMASK, os.O_RDWR) as fd:
        os.read(fd, 4096)
        assert polled(fd, select.POLLIN | select.POLLOUT) == select.POLLIN | select.POLLOUT
        assert polled(fd, select.POLLPRI) == 0


@pytest.mark.parametrize("length", [4096, 4097, 5000, 70000])
def test_a_write_longer_than_a_page(host, length):
    """A write is at most a page: sysfs takes 4096 bytes and returns that number."""
    assert host.w(APMASK, "0x0") == "OK"
    assert host.write(APMASK, b"+1" + b"," * (length - 2)) == 4096
    assert host.value(APMASK) == mask(1)


def test_empty_writes_do_nothing(host):
    assert host.write(APMASK, b"") == 0
    assert host.value(APMASK) == ONES


def test_readdir_fills_the_type(host):
    for folder in ("bus/ap", "bus/ap/devices", "devices/ap/card05", "devices/ap/card05/05.0004", MATRIX):
        with os.scandir(host.path(folder)) as entries:
            for item in entries:
                mode = os.lstat(item.path).st_mode
                assert item.is_symlink() == stat.S_ISLNK(mode)
                assert item.is_dir(follow_symlinks=False) == stat.S_ISDIR(mode)
                assert item.is_file(follow_symlinks=False) == stat.S_ISREG(mode)
    assert d_types(host.path("devices/ap/card05")) <= {"d", "f", "l"}


def d_types(folder):
    """Checks d_type itself, since find falls back to stat."""
    result = subprocess.run(["find", folder, "-maxdepth", "1", "-mindepth", "1", "-printf", "%y\n"],
                            text=True, capture_output=True, check=True, timeout=60)
    return set(result.stdout.split())


def test_relative_links_resolve(host):
    host.mdev(1)
    links = 0
    for folder, folders, files in os.walk(host.root):
        for name in folders + files:
            path = os.path.join(folder, name)
            if not os.path.islink(path) or name == "module":
                continue
            links += 1
            assert not os.readlink(path).startswith("/")
            real = os.path.realpath(path)
            assert os.path.exists(real), f"{path} -> {os.readlink(path)}"
            assert real.startswith(f"{host.root}/")
    assert links > 40
    real = host.path(f"bus/mdev/devices/{uuid(1)}").resolve()
    assert real == host.path(f"{MATRIX}/{uuid(1)}")
    assert host.path(f"bus/mdev/devices/{uuid(1)}/mdev_type").resolve() == host.path(TYPE_DIR)
    assert host.path("class/mdev_bus/matrix").resolve() == host.path(MATRIX)


def as_nobody(command, folder):
    return shell(f"cd {folder} && setpriv --reuid 65534 --regid 65534 --clear-groups bash -c '{command}'")


def test_default_permissions_for_other_users(host, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder) in ("/", "/tmp"):
            break
        folder.chmod(0o755)
    ap = host.path("bus/ap")
    read = as_nobody("cat apmask", ap)
    if "Permission denied" in read.stderr and not read.stdout:
        pytest.fail("other users cannot read the tree (allow_other)")
    assert read.stdout == ONES + "\n"
    denied = as_nobody("echo 0x0 > apmask", ap)
    assert denied.returncode != 0 and "Permission denied" in denied.stderr
    assert as_nobody("cat uevent", ap).returncode != 0
    assert host.value(APMASK) == ONES


def test_many_readers_and_writers_at_once(host):
    problems = []

    def read():
        for _ in range(200):
            text = host.r(APMASK)
            if text.rstrip("\n") not in (ONES, mask(1, 2, 3)):
                problems.append(text)

    def write(value):
        for _ in range(100):
            if host.w(APMASK, value) != "OK":
                problems.append(value)

    threads = [threading.Thread(target=read) for _ in range(3)]
    threads += [threading.Thread(target=write, args=(v,)) for v in (ONES, "0x7")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_a_matrix_longer_than_a_page_is_read_whole(apus):
    host = apus(Machine({5: "CEX5C"}, [4], apmask="0x0"))
    mdev = host.mdev(1).assign(range(30), range(30))
    lines = [f"{a:02x}.{d:04x}" for a in range(30) for d in range(30)]
    assert mdev.matrix() == lines
    assert shell("cat matrix", cwd=host.path(mdev.dir)).stdout.splitlines() == lines


def owner(path):
    status = os.lstat(path)
    return oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid


def test_mode_and_owner_are_the_nodes_own(host):
    """Access for a group of administrators, as given by chzdev and udev rules."""
    node, attribute = host.path("dev/z90crypt"), host.path(APMASK)
    assert owner(node) == ("0o666", 0, 0)
    os.chown(node, -1, 4711)
    os.chmod(node, 0o660)
    assert owner(node) == ("0o660", 0, 4711)
    assert as_nobody("exec 3<> z90crypt", host.path("dev")).returncode != 0
    member = "setpriv --reuid 65534 --regid 4711 --clear-groups"
    assert shell(f"{member} bash -c 'exec 3<> z90crypt'", cwd=host.path("dev")).returncode == 0
    os.chmod(node, 0)
    os.close(os.open(node, os.O_RDWR))  # unlike an attribute, a device node opens for root
    os.chown(attribute, 0, 4711)
    os.chmod(attribute, 0o664)
    assert shell(f"{member} bash -c 'echo 0x7 > apmask'", cwd=host.path("bus/ap")).returncode == 0
    assert host.value(APMASK) == mask(1, 2, 3)
    denied = as_nobody("chmod 666 apmask; chmod 666 ../../dev/z90crypt; chgrp 65534 apmask", host.path("bus/ap"))
    assert denied.stderr.count("Operation not permitted") == 3, denied.stderr
    assert owner(attribute) == ("0o664", 0, 4711)


def test_mode_and_owner_go_with_the_node(host):
    host.w("class/zcrypt/create", "one")
    os.chmod(host.path("dev/one"), 0o600)
    host.w("class/zcrypt/destroy", "one")
    host.w("class/zcrypt/create", "one")
    assert owner(host.path("dev/one")) == ("0o666", 0, 0)
    queue = host.path("devices/ap/card05/05.0004")
    os.chmod(queue / "online", 0o600)
    os.chmod(queue / "config", 0o400)
    driver = os.path.basename(os.readlink(queue / "driver"))
    host.w(f"bus/ap/drivers/{driver}/unbind", "05.0004")
    host.w(f"bus/ap/drivers/{driver}/bind", "05.0004")
    assert owner(queue / "online") == ("0o644", 0, 0), "the driver has added it anew"
    assert owner(queue / "config") == ("0o400", 0, 0)


def test_owners_of_a_whole_tree(host):
    """As chown -R does, links included."""
    assert shell("chown -R 7:8 . && chmod -R o-rwx .", cwd=host.path("bus/ap")).returncode == 0
    assert owner(host.path("bus/ap/devices/card05")) == ("0o777", 7, 8)
    assert owner(host.path("bus/ap/devices")) == ("0o750", 7, 8)
    assert owner(host.path("devices/ap/card05")) == ("0o755", 0, 0)
    assert as_nobody("ls", host.path("bus/ap")).returncode != 0


def requests(host):
    """How often the daemon has read /dev/fuse, and whatever else."""
    with open(f"/proc/{host.process.pid}/io", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("syscr:"))


def test_status_comes_with_the_names(host):
    """As ls -l asks for it: the kernel need not ask again for what stays as long as its device."""
    queue = host.path("devices/ap/card05/05.0004")
    os.chmod(queue / "config", 0o400)
    entries = [entry for entry in os.scandir(queue) if not entry.is_symlink() and entry.name not in ("online", "load")]
    os.stat(queue / "online")  # behind the end of the listing, which nobody waits for
    before = requests(host)
    found = {entry.path: entry.stat(follow_symlinks=False) for entry in entries}
    assert len(found) > 5
    assert requests(host) - before < len(found), "as many would be one for each"
    assert stat.S_IMODE(found[str(queue / "config")].st_mode) == 0o400
    assert all(status.st_size == 4096 for status in found.values())


def test_what_came_with_the_names_goes_with_the_device(apus):
    host = apus(worked_example())
    card = host.path("devices/ap/card05")
    for folder in (card, card / "05.0004", card):
        for entry in os.scandir(folder):
            entry.stat(follow_symlinks=False)
    host.change_lpar(("remove", "adapter", 5))
    assert not card.exists() and not (card / "05.0004/config").exists() and "card05" not in os.listdir(card.parent)
    host.change_lpar(("add", "adapter", 5))
    assert (card / "05.0004/config").exists()
