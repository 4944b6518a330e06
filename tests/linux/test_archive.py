# SPDX-License-Identifier: MIT
"""linux/fetch and tests/clients/setup with an archive that lists packages it does not serve."""

import os
import shutil
import subprocess

import pytest

from archive import ARCHITECTURE, Archive
from conftest import LINUX, TOP

SUITES = ("bookworm", "trixie", "forky")
VERSIONS = dict(zip(SUITES, ("2.36", "2.41", "2.43")))
LIBRARIES = ("libc6", "libgcc-s1", "libudev1", "libcap2", "libjson-c5")
KERNELS = dict(zip(SUITES, ("6.1.1", "6.12.2", "7.2.3")))


def add_kernel(archive, suite, version):
    """As Debian has it: since 7.x an image is several packages."""
    image, depends = f"linux-image-{version}-s390x", ""
    archive.add(suite, "linux-image-s390x", f"{version}-1", depends=f"{image} (= {version}-1)")
    if version.startswith("7."):
        parts = [f"linux-{part}-{version}-s390x" for part in ("binary", "modules")]
        for part in parts:
            archive.add(suite, part, f"{version}-1")
        depends = ", ".join(f"{part} (= {version}-1)" for part in parts)
    archive.add(suite, image, f"{version}-1", depends=depends, path=f"boot/vmlinuz-{version}")


@pytest.fixture
def archive(tmp_path):
    if not shutil.which("apt-get"):
        pytest.skip("fetch needs apt-get")
    archive = Archive(tmp_path)
    for suite in SUITES:
        for name in ("s390-tools", "busybox-static", *LIBRARIES, "extra"):
            archive.add(suite, name, f"{VERSIONS[suite]}-1", depends="libc6" if name == "extra" else "",
                        path="usr/sbin/lszcrypt" if name == "s390-tools" else f"lib/{name}")
        add_kernel(archive, suite, KERNELS[suite])
        archive.add(suite, "libqemu", f"1:{VERSIONS[suite]}-1", ARCHITECTURE)
        archive.add(suite, "qemu-user", f"{VERSIONS[suite]}-1", ARCHITECTURE, path="usr/bin/qemu-s390x")
    archive.add("trixie-security", "libqemu", "1:2.40-1", ARCHITECTURE)
    add_kernel(archive, "trixie-security", "6.12.1")
    for suite in ("trixie-backports", "forky"):
        archive.add(suite, "qemu-system-s390x", "11", ARCHITECTURE, depends="libqemu")
    archive.publish()
    yield archive
    archive.close()


@pytest.fixture
def run(archive, tmp_path):
    """run(program, words...) runs it with a new cache."""
    environment = dict(os.environ, APUS_CACHE=str(tmp_path / "cache"), APUS_MIRROR=archive.url, APUS_KEYRING="none")
    for name in ("http_proxy", "https_proxy"):
        environment.pop(name, None)

    def run(program, *words, **more):
        return subprocess.run([program, *words], env=dict(environment, **more), capture_output=True, text=True, timeout=600)
    return run


@pytest.fixture
def fetch(run):
    """fetch(words...) must succeed; returns its messages."""
    def fetch(*words):
        done = run(LINUX / "fetch", *words)
        assert done.returncode == 0, done.stderr
        return done.stderr
    return fetch


@pytest.fixture
def contents(run):
    """contents() of the cache: {part: {package: (version, suite)}}."""
    def contents():
        parts = {}
        for line in run(LINUX / "fetch", "--list").stdout.splitlines():
            if line.endswith(":"):
                part = parts.setdefault(line[:-1], {})
            else:
                name, version, _ = line.split()[0].split("_")
                part[name] = version.removesuffix("-1"), line.split()[1].strip("()")
        return parts
    return contents


def says(text, *words):
    """Whether exactly one line has all these words."""
    return len([line for line in text.splitlines() if all(word in line for word in words)]) == 1


def test_without_holes_everything_is_of_the_first_suite(fetch, contents):
    text = fetch("--package", "extra")
    assert " not from " not in text and " no libraries " not in text
    assert contents() == {
        "qemu": {"libqemu": ("1%3a2.41", "trixie-backports"), "qemu-system-s390x": ("11", "trixie-backports")},
        "tools": {name: ("2.41", "trixie") for name in ("busybox-static", "s390-tools", *LIBRARIES)},
        "packages": {name: ("2.41", "trixie") for name in ("extra", "libc6")},
        "kernel-trixie": {"linux-image-6.12.2-s390x": ("6.12.2", "trixie")}}


def test_the_tools_alone(archive, fetch, contents, run, tmp_path):
    """For `apus run`: without QEMU and a kernel. qemu-s390x comes along where the machine has none."""
    fetch("--tools")
    assert contents().keys() - {"user"} == {"tools"}
    archive.requests.clear()
    fetch("--tools")
    assert archive.requests == []
    done = run(LINUX / "fetch", "--tools", "--package", "extra")
    assert done.returncode == 1 and "--tools excludes --kernel and --package" in done.stderr
    bare = tmp_path / "bin"
    bare.mkdir()
    for directory in ("/usr/sbin", "/usr/bin"):
        for program in os.scandir(directory):
            if not program.name.startswith("qemu-") and not (bare / program.name).is_symlink():
                (bare / program.name).symlink_to(program.path)
    done = run(LINUX / "fetch", "--tools", PATH=str(bare))
    assert done.returncode == 0, done.stderr
    assert contents()["user"] == {"qemu-user": ("2.41", "trixie")}
    assert os.listdir(tmp_path / "cache/linux/user/usr/bin") == ["qemu-s390x"]


def test_tools_of_an_older_apus_get_their_libraries(archive, fetch, contents, tmp_path):
    fetch("--tools")
    stamp = tmp_path / "cache/linux/tools/stamp"
    stamp.write_text("".join(line for line in stamp.read_text().splitlines(True) if "libjson" not in line))
    fetch("--tools")
    assert "libjson-c5" in contents()["tools"]


def test_what_is_there_is_not_asked_for_again(archive, fetch):
    fetch("--package", "extra")
    archive.requests.clear()
    fetch("--package", "extra")
    assert archive.requests == []
    # Newer packages: the lists are read, but no package is fetched that the cache already has.
    fetch("--refresh")
    assert "Release" in archive.requests and not [name for name in archive.requests if name.endswith(".deb")]


def test_an_older_version_of_the_suite_goes_first(archive, fetch, contents):
    """Only the security archive serves the kernel and QEMU's libraries."""
    archive.holes = {"linux-image-6.12.2-s390x_6.12.2-1_s390x.deb", f"libqemu_1:2.41-1_{ARCHITECTURE}.deb"}
    text = fetch()
    assert " not from " not in text
    assert contents()["kernel-trixie"] == {"linux-image-6.12.1-s390x": ("6.12.1", "trixie")}
    assert contents()["qemu"]["libqemu"] == ("1%3a2.40", "trixie-backports")


def test_a_kernel_comes_from_the_next_suite(archive, fetch, contents, run):
    archive.holes = {"linux-image-6.12.1-s390x_6.12.1-1_s390x.deb", "linux-image-6.12.2-s390x_6.12.2-1_s390x.deb"}
    text = fetch()
    assert says(text, "kernel: not from trixie: the mirror does not serve linux-image-6.12.1-s390x")
    assert contents()["kernel-forky"] == {
        f"linux-{part}-7.2.3-s390x": ("7.2.3", "forky") for part in ("binary", "image", "modules")}
    assert "kernel-trixie" not in contents() and contents()["tools"]["libc6"] == ("2.41", "trixie")
    # This is kept; a suite that is named is required; and a refresh tries the first suite again.
    archive.requests.clear()
    fetch()
    assert archive.requests == []
    done = run(LINUX / "fetch", "--kernel", "trixie")
    assert done.returncode == 1 and "no suite can deliver a kernel: trixie\n" in done.stderr
    archive.holes.clear()
    fetch("--refresh")
    assert "kernel-trixie" in contents()


def test_kernel_and_modules_are_of_one_suite(archive, fetch, contents):
    archive.holes = {"linux-image-6.12.1-s390x_6.12.1-1_s390x.deb", "linux-image-6.12.2-s390x_6.12.2-1_s390x.deb",
                     "linux-modules-7.2.3-s390x_7.2.3-1_s390x.deb"}
    text = fetch()
    assert says(text, "kernel: not from forky: the mirror does not serve linux-modules-7.2.3-s390x")
    assert [part for part in contents() if part.startswith("kernel")] == ["kernel-bookworm"]


def test_libraries_may_be_newer_than_their_programs(archive, fetch, contents):
    archive.holes = {"libc6_2.41-1_s390x.deb"}
    text = fetch("--package", "extra")
    assert says(text, "tools: no libraries from trixie: the mirror does not serve libc6_2.41-1_s390x.deb")
    assert says(text, "packages: not from trixie: ")
    tools = contents()["tools"]
    assert tools["s390-tools"] == ("2.41", "trixie") and tools["libc6"] == ("2.43", "forky")
    assert contents()["packages"] == {name: ("2.43", "forky") for name in ("extra", "libc6")}


def test_libraries_are_never_older_than_their_programs(archive, fetch, contents, run):
    archive.holes = {"s390-tools_2.41-1_s390x.deb"}
    fetch("--package", "extra")
    assert contents()["tools"] == {name: ("2.43", "forky") for name in ("busybox-static", "s390-tools", *LIBRARIES)}
    assert contents()["packages"] == {name: ("2.43", "forky") for name in ("extra", "libc6")}
    archive.holes |= {"libc6_2.43-1_s390x.deb"}
    shutil.rmtree(archive.place / "cache")
    fetch()
    assert {suite for _, suite in contents()["tools"].values()} == {"bookworm"}


def test_qemu_comes_from_the_next_suite(archive, fetch, contents):
    archive.holes = {f"qemu-system-s390x_11_{ARCHITECTURE}.deb"}
    archive.suites["forky"][ARCHITECTURE].pop()
    archive.add("forky", "qemu-system-s390x", "12", ARCHITECTURE, depends="libqemu")
    archive.publish()
    assert says(fetch(), "qemu: not from trixie-backports: the mirror does not serve qemu-system-s390x_11")
    assert contents()["qemu"] == {"libqemu": ("1%3a2.43", "forky"), "qemu-system-s390x": ("12", "forky")}


def test_what_could_be_had_stays_when_something_could_not(archive, run, fetch, contents):
    kernels = {name for path in archive.content if (name := path.rpartition("/")[2]).startswith("linux-")}
    archive.holes = set(kernels)
    done = run(LINUX / "fetch")
    assert done.returncode == 1 and done.stderr.endswith("no suite can deliver a kernel: trixie forky bookworm\n")
    assert sorted(contents()) == ["qemu", "tools"]
    archive.holes.clear()
    archive.requests.clear()
    fetch()
    assert {name for name in archive.requests if name.endswith(".deb")} == {"linux-image-6.12.2-s390x_6.12.2-1_s390x.deb"}
    archive.holes = set(kernels)
    assert run(LINUX / "fetch", "--refresh").returncode == 0, "what is in the cache needs no mirror"


def test_a_failure_that_passes_costs_no_suite(archive, fetch, contents):
    archive.failures["libc6_2.41-1_s390x.deb"] = 1
    assert " no libraries " not in fetch()
    assert contents()["tools"]["libc6"] == ("2.41", "trixie")
    assert archive.requests.count("libc6_2.41-1_s390x.deb") == 2


@pytest.mark.parametrize("suite", ["trixie-security", "trixie"])
def test_lists_that_do_not_fit_their_release(archive, fetch, contents, suite):
    """As with a mirror that is being synchronized: updates are left out, and the next suite replaces a broken one."""
    base = "/debian-security" if suite.endswith("-security") else "/debian"
    archive.content[f"{base}/dists/{suite}/main/binary-s390x/Packages"] += b"\n"
    text = fetch()
    if suite == "trixie":
        assert says(text, "kernel: not from trixie: cannot read the package lists of trixie")
        assert "kernel-forky" in contents() and contents()["tools"]["s390-tools"] == ("2.43", "forky")
    else:
        assert " not from " not in text and contents()["kernel-trixie"] == {"linux-image-6.12.2-s390x": ("6.12.2", "trixie")}


def test_an_archive_that_nobody_signed_is_refused(archive, run):
    done = run(LINUX / "fetch", APUS_KEYRING="/usr/share/keyrings/debian-archive-keyring.gpg")
    assert done.returncode == 1 and "no suite can deliver QEMU" in done.stderr
    assert not [name for name in archive.requests if name.endswith(".deb")]


def test_clients_of_a_suite_that_cannot_be_had_are_left_out(archive, run, tmp_path):
    for tool in ("qemu-s390x-static", "mdevctl", "udevadm"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool} on this machine: make clients")
    clients = tmp_path / "clients"
    archive.holes = {"s390-tools_2.36-1_s390x.deb", "libudev1_2.41-1_s390x.deb"}
    done = run(TOP / "tests/clients/setup", clients)
    assert done.returncode == 0, done.stderr
    assert says(done.stderr, "clients: not from bookworm: the mirror does not serve s390-tools_2.36-1_s390x.deb")
    assert sorted(path.name for path in clients.iterdir()) == ["forky", "root", "trixie"]
    root = clients / "root"
    assert root.readlink().parts == ("trixie", "root") and (root / "usr/sbin/lszcrypt").read_text() == "trixie 2.41-1\n"
    assert (root / "usr/lib/libudev1").read_text() == (root / "lib/libudev1").read_text() == "forky 2.43-1\n"
    # Only what is missing is requested again.
    archive.holes.clear()
    archive.requests.clear()
    assert run(TOP / "tests/clients/setup", clients).returncode == 0
    assert not [name for name in archive.requests if name.endswith(".deb") and "2.36" not in name]
    assert root.readlink().parts == ("bookworm", "root")
    archive.requests.clear()
    assert run(TOP / "tests/clients/setup", clients).returncode == 0 and archive.requests == []


def test_clients_need_some_suite(archive, run, tmp_path):
    archive.holes = {f"s390-tools_{version}-1_s390x.deb" for version in VERSIONS.values()}
    done = run(TOP / "tests/clients/setup", tmp_path / "clients")
    assert done.returncode == 1 and "no suite can deliver s390-tools" in done.stderr
