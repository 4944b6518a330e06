# SPDX-License-Identifier: MIT
"""linux/fetch and linux/build-image: offline, interrupted, as another user. No test here downloads much."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import LINUX, wait_until


@pytest.fixture
def warm(cache, tmp_path):
    """A cache of the test with the same packages. Large parts are links, since no test here changes them."""
    source = pathlib.Path(os.environ.get("APUS_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "apus")) / "linux"
    directory = tmp_path / "cache"
    (directory / "linux").mkdir(parents=True)
    for path in source.iterdir():
        copy = directory / "linux" / path.name
        if path.name == "qemu" or path.name.startswith("kernel-"):
            copy.symlink_to(path)
        elif path.name == "tools" or path.name.startswith("apt-s390x-"):
            shutil.copytree(path, copy, symlinks=True, ignore=shutil.ignore_patterns("kernel-*", "packages", "clients-*"))
    return directory


def forget_packages(linux):
    for path in linux.glob("apt-s390x-*"):
        shutil.rmtree(path)


def fetch(directory, *words, offline=False, setting=None, **more):
    environment = dict(os.environ, APUS_CACHE=str(directory))
    if setting:
        environment["APT_CONFIG"] = str(setting)
    if offline:
        environment["APUS_MIRROR"] = "http://127.0.0.1:9/debian"
    return subprocess.run([LINUX / "fetch", *words], env=environment, capture_output=True, text=True, **more)


def test_a_warm_cache_needs_no_network(warm, cache):
    done = fetch(warm, "--kernel", cache, offline=True)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stderr


def test_without_network_and_cache_it_says_so(tmp_path):
    done = fetch(tmp_path, offline=True, timeout=120)
    assert done.returncode == 1
    assert "from http://127.0.0.1:9/debian" in done.stderr and "no suite can deliver QEMU" in done.stderr
    assert not (tmp_path / "linux" / "qemu").exists()


def test_what_is_damaged_is_fetched_again_by_checksum(warm):
    """A truncated package and a partly unpacked directory, as after an interruption."""
    linux = warm / "linux"
    archive = next(linux.glob("apt-s390x-*/tools/busybox*.deb"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    shutil.rmtree(linux / "tools")
    (linux / "tools.new").mkdir()
    (linux / "tools.new" / "rest").write_text("of an interrupted run")
    done = fetch(warm)
    assert done.returncode == 0, done.stderr
    assert "tools: fetching" in done.stderr and "kernel" not in done.stderr
    assert archive.read_bytes() == whole
    assert not (linux / "tools.new").exists() and not (linux / "tools" / "rest").exists()
    assert (linux / "tools" / "usr" / "bin" / "busybox").exists()


def test_an_interrupted_fetch_can_be_started_again(warm):
    linux = warm / "linux"
    shutil.rmtree(linux / "tools")
    forget_packages(linux)
    running = subprocess.Popen([LINUX / "fetch"], env=dict(os.environ, APUS_CACHE=str(warm)),
                               stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: list(linux.glob("apt-s390x-*/lists/partial/*")))  # it downloads
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (linux / "tools" / "stamp").exists()
    done = fetch(warm)
    assert done.returncode == 0, done.stderr
    assert (linux / "tools" / "stamp").exists()


def test_an_ordinary_user_can_fetch(warm):
    if os.geteuid():
        pytest.skip("this is an ordinary user already")
    if subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", "test", "-x", LINUX / "fetch"]).returncode:
        pytest.skip(f"{LINUX} is closed to other users")
    before = os.stat("/var/lib/apt/lists").st_mtime_ns
    # Only root can enter pytest's directories, so the cache is elsewhere.
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        mine = pathlib.Path(public) / "cache"
        shutil.copytree(warm, mine, symlinks=True)
        for link in (mine / "linux").iterdir():
            if link.is_symlink():  # the cache it points to may be closed to other users
                real = link.resolve()
                link.unlink()
                shutil.copytree(real, link, symlinks=True)
        shutil.rmtree(mine / "linux" / "tools")
        forget_packages(mine / "linux")
        subprocess.run(["chown", "-R", "nobody", mine], check=True)
        done = subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", LINUX / "fetch"], cwd="/",
                              env=dict(os.environ, APUS_CACHE=str(mine), HOME="/nonexistent"),
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (mine / "linux" / "tools" / "stamp").exists()
    assert os.stat("/var/lib/apt/lists").st_mtime_ns == before


def test_bad_words_are_refused(tmp_path):
    assert fetch(tmp_path, "--kernel").returncode == 1
    assert fetch(tmp_path, "--kernel", "../x").returncode == 1
    assert fetch(tmp_path, "--package").returncode == 1
    assert fetch(tmp_path, "--package", "-y").returncode == 1
    assert fetch(tmp_path, "--what").returncode == 2
    build = subprocess.run([LINUX / "build-image"], env=dict(os.environ, APUS_CACHE=str(tmp_path)), capture_output=True,
                           text=True)
    assert build.returncode == 1 and "run fetch" in build.stderr


def members(image):
    """The files of an image, {name: mode as ls shows it}."""
    if not shutil.which("cpio"):
        pytest.skip("no cpio to look into the image")
    listing = subprocess.run(["cpio", "-itv", "--quiet"], stdin=image.open("rb"), capture_output=True, text=True,
                             check=True).stdout
    names = [(line.split()[8], line.split()[0]) for line in listing.splitlines()]
    assert len(dict(names)) == len(names), "a name is there twice"
    return dict(names)


def test_further_packages_are_one_set_that_grows(warm, cache, tmp_path):
    linux = warm / "linux"
    build = [LINUX / "build-image", "--kernel", cache, "--packages"]
    environment = dict(os.environ, APUS_CACHE=str(warm))
    done = subprocess.run(build, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "run fetch --package NAME" in done.stderr
    done = fetch(warm, "--kernel", cache, "--package", "libcap2-bin")
    if done.returncode:
        pytest.skip("packages cannot be had: " + done.stderr.strip().splitlines()[-1])
    first = (linux / "packages" / "stamp").read_text()
    assert "libcap2-bin" in first and "libc6" in first and "libcap-ng0" not in first
    # A package in the cache needs no network; one that does not exist changes nothing.
    assert fetch(warm, "--kernel", cache, "--package", "libcap2-bin", offline=True).returncode == 0
    done = fetch(warm, "--kernel", cache, "--package", "no-such-package")
    assert done.returncode == 1 and "no-such-package" in done.stderr
    assert (linux / "packages" / "stamp").read_text() == first
    assert fetch(warm, "--kernel", cache, "--package", "libcap-ng0").returncode == 0
    second = (linux / "packages" / "stamp").read_text()
    assert "libcap2-bin" in second and "libcap-ng0" in second
    assert (linux / "packages.wanted").read_text() == "libcap-ng0\nlibcap2-bin\n"
    image = tmp_path / "image"
    subprocess.run([*build, "--output", image], env=environment, check=True, stdout=subprocess.DEVNULL)
    names = members(image)
    assert names["usr/sbin/getcap"] == "-rwxr-xr-x" and names["lib"] == "lrwxrwxrwx"
    assert names["usr/lib/s390x-linux-gnu/libcap.so.2"] == "lrwxrwxrwx"
    assert not [name for name in names if name.startswith(("usr/share/doc/", "usr/share/man/", "lib/", "sbin/"))]


def test_an_image_is_a_cpio_archive_with_additions(cache, tmp_path):
    addition = tmp_path / "hello"
    addition.write_text("#!/bin/sh\necho hello\n")
    image = tmp_path / "image"
    subprocess.run([LINUX / "build-image", "--kernel", cache, "--add", f"{addition}=usr/bin/hello", "--output", image],
                   check=True, stdout=subprocess.DEVNULL)
    names = members(image)
    assert {"init", "usr/bin/busybox", "usr/sbin/lszcrypt", "usr/lib/modules/zcrypt.ko", "usr/bin/hello"} <= set(names)


def test_images_are_made_once_and_by_several_at_a_time(warm, cache, tmp_path):
    """Concurrent builds make one image; one with other additions is separate; an old image is removed."""
    for old in (warm / "linux").glob("image-*"):
        old.unlink()
    (warm / "linux" / "image-old").write_text("")
    os.utime(warm / "linux" / "image-old", (0, 0))
    environment = dict(os.environ, APUS_CACHE=str(warm))
    command = [LINUX / "build-image", "--kernel", cache]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0] and len(paths) == 1
    path = pathlib.Path(paths.pop())
    whole = path.read_bytes()
    assert list((warm / "linux").glob("image-*")) == [path]
    addition = tmp_path / "hello"
    addition.write_text("only in this image")
    other = subprocess.run([*command, "--add", f"{addition}=hello"], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() != str(path)
    before = path.stat().st_ino
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip() == str(path)
    assert path.stat().st_ino == before and path.read_bytes() == whole and b"only in this image" not in whole


def test_whether_lists_may_be_out_of_date_is_as_for_the_machine(cache, tmp_path):
    setting = tmp_path / "apt.conf"
    setting.write_text('Acquire::Check-Valid-Until "true";\n')  # takes precedence over the computer's configuration
    dump = subprocess.run(["apt-config", "dump", "Acquire::Check-Valid-Until"], env=dict(os.environ, APT_CONFIG=str(setting)),
                          capture_output=True, text=True, check=True).stdout
    fetch(tmp_path, offline=True, timeout=120, setting=setting)
    assert dump.strip() and dump.strip() in next((tmp_path / "linux").glob("apt-*/apt.conf")).read_text()
