# SPDX-License-Identifier: MIT
"""`make deb` and `make tarball`: what they contain, and that it runs in a fresh system, where debootstrap can make one."""

import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

from front import TOP, make
from system import System

BUILD = pathlib.Path(os.environ["APUS_BUILD"])
WORK = BUILD / "packages"
VERSION = re.search(r"^  version: '(.*)'", (TOP / "meson.build").read_text(), re.M)[1]
MAINTAINER = "Whoever Builds <builder@packages.debian.org>"
SUITES = ["bookworm", "trixie"]  # the older one first
EXAMPLE = "/usr/share/doc/apus/examples/worked-example"


@pytest.fixture(scope="module")
def packages():
    """{name: file}. Whoever made them had lintian's consent."""
    release = BUILD / "release"  # which test_install builds, too
    make("all", f"BUILD={release}", "PREFIX=/usr", "JOBS=2")
    make("deb", f"DEB_BUILD={WORK}", f"RELEASE_BUILD={release}", "JOBS=2", DEBEMAIL=MAINTAINER)
    return {path.name.split("_")[0]: path for path in WORK.glob("*.deb") if "dbgsym" not in path.name}


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    if not shutil.which("patchelf"):
        pytest.skip("no patchelf on this machine")
    made = tmp_path_factory.mktemp("tarball") / "made"
    make("tarball", f"BUILD={BUILD / 'release'}", "PREFIX=/usr", f"TARBALL_BUILD={made}", "JOBS=2")
    archive, = made.glob("apus-*.tar.gz")
    return archive


@pytest.fixture(scope="module", params=SUITES)
def system(request, packages, tmp_path_factory):
    """A system of that release with what the packages depend on, but without them."""
    if os.geteuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    system = System(tmp_path_factory.mktemp(request.param) / "root", request.param)
    why = system.make()
    if why:
        pytest.skip(why)
    # Where mirrors have holes, packages are missing at random.
    done = system.root_runs("apt-get", "install", "-y", "--no-install-recommends", "mdevctl", check=False)
    if done.returncode:
        pytest.skip(f"{request.param}: no mdevctl: {done.stderr.splitlines()[-1]}")
    yield system
    shutil.rmtree(system.root)


@pytest.fixture(scope="module")
def installed(system, packages):
    """The same with the packages, as apt installs them, and lszcrypt for s390x in /opt."""
    if platform.freedesktop_os_release().get("VERSION_CODENAME") not in SUITES[:SUITES.index(system.suite) + 1]:
        pytest.skip(f"packages that are built on this system are too new for {system.suite}")
    shutil.copytree(WORK, system.root / "opt/packages", ignore=lambda _, names: [n for n in names if not n.endswith(".deb") or "dbgsym" in n])
    before = system.files()
    files = [f"/opt/packages/{path.name}" for path in packages.values()]
    done = system.root_runs("apt-get", "install", "-y", "--no-install-recommends", *files, check=False)
    if done.returncode and re.search(r"Unable to fetch|Failed to fetch|404", done.stderr):
        pytest.skip(f"{system.suite}: the mirror does not serve what they depend on: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    system.before, system.packages = before, files
    tools, emulator = pathlib.Path(os.environ["APUS_CLIENTS"]) / "trixie/root", shutil.which("qemu-s390x-static")
    system.tools = {}
    if emulator and (tools / "usr/sbin/lszcrypt").exists():
        shutil.copytree(tools, system.root / "opt/tools", symlinks=True)
        shutil.copy(emulator, system.root / "usr/bin/qemu-s390x-static")
        system.tools = {"APUS_TOOLS": "/opt/tools"}
        system.before |= {"usr/bin/qemu-s390x-static"}
    return system


def content(package):
    listing = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    return {line.split()[5].removeprefix(".") for line in listing.splitlines()}


def field(package, name):
    return subprocess.run(["dpkg-deb", "--field", package, name], capture_output=True, text=True, check=True).stdout.strip()


def test_one_version():
    assert f'version = "{VERSION}"' in (TOP / "python/pyproject.toml").read_text()
    assert re.match(rf"apus \({re.escape(VERSION)}\) ", (TOP / "debian/changelog").read_text())
    assert re.search(r"^## (.*)$", (TOP / "NEWS.md").read_text(), re.M)[1] == VERSION


def test_what_is_in_which_package(packages):
    assert {field(path, "Version") for path in packages.values()} == {VERSION}
    assert sorted(packages) == ["apus", "apus-linux", "python3-apus"]
    apus, linux, python = (content(packages[name]) for name in sorted(packages))
    for name in ("bin/apus", "libexec/apus/daemon", "libexec/apus/import", "libexec/apus/linux/fetch", "libexec/apus/linux/tools/lszcrypt",
                 "share/man/man1/apus.1.gz", "share/man/man5/apus-machine.5.gz", "share/bash-completion/completions/apus",
                 "share/zsh/vendor-completions/_apus", "share/fish/vendor_completions.d/apus.fish", "share/apus/control-protocol.json",
                 "include/apus/control.h", "share/doc/apus/copyright", "share/doc/apus/examples/worked-example"):
        assert f"/usr/{name}" in apus, name
    for unit in ("apus@.service", "apus-guests@.service"):
        assert any(name.endswith(f"/systemd/system/{unit}") for name in apus)
    for name in ("libexec/apus/linux-exec", "libexec/apus/linux/boot", "libexec/apus/linux/init", "libexec/apus/bin/qemu-system-s390x"):
        assert f"/usr/{name}" in linux, name
    assert any(name.endswith("/apus/apus-ap.so") for name in linux)
    assert "/usr/lib/python3/dist-packages/apus/machine.py" in python
    assert f"/usr/lib/python3/dist-packages/apus-{VERSION}.dist-info/entry_points.txt" in python


def test_who_builds_them_is_their_maintainer(packages):
    assert {field(path, "Maintainer") for path in packages.values()} == {MAINTAINER}


@pytest.mark.parametrize(("environment", "expected"), [
    ({"DEBEMAIL": MAINTAINER}, MAINTAINER), ({"DEBEMAIL": "a@b.org", "DEBFULLNAME": "A B"}, "A B <a@b.org>"),
    ({"EMAIL": "a@b.org", "NAME": "A B", "GIT": "C <c@d.org>"}, "A B <a@b.org>"), ({"GIT": "C <c@d.org>"}, "C <c@d.org>"),
    ({}, "The Apus developers <maintainers@apus.invalid>")])
def test_the_maintainer_is_known_by_name_or_is_nobody(environment, expected, tmp_path):
    name, _, address = environment.pop("GIT", "").rstrip(">").partition(" <")
    (tmp_path / "config").write_text(f"[user]\nname = {name}\nemail = {address}\n" if address else "")
    git = {"GIT_DIR": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / "config"), "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run([TOP / "packaging/maintainer"], env={"PATH": os.environ["PATH"], **git, **environment}, text=True,
                          capture_output=True, check=True)
    assert done.stdout == expected + "\n"


def test_what_they_depend_on_has_one_name_in_all_suites(packages):
    depends = field(packages["apus"], "Depends")
    assert "libfuse" not in depends and "libssl3" in depends


def test_the_licence_of_the_plugin_is_told(packages, tmp_path):
    subprocess.run(["dpkg-deb", "-x", packages["apus-linux"], tmp_path], check=True)
    text = (tmp_path / "usr/share/doc/apus-linux/copyright").read_text()
    assert re.search(r"^Files: qemu/\*\n.*\nLicense: GPL-2\+$", text, re.M) and "License: Expat" in text


def test_the_worked_example_as_root_in_a_chroot(installed):
    assert installed.root_runs("apus", "--version").stdout == f"apus {VERSION}\n"
    if not installed.tools:
        pytest.skip("no lszcrypt for s390x on this machine: make clients")
    done = installed.root_runs("apus", "run", "--", EXAMPLE, **installed.tools)
    assert done.stdout.endswith("All as it should be.\n"), done.stdout + done.stderr


@pytest.mark.parametrize("how", [[], ["--no-mount"]], ids=["", "no-mount"])
def test_a_machine_of_an_ordinary_user(installed, how):
    done = installed.user_runs("apus", "run", *how, "--", "cat", "/sys/bus/ap/apmask", **installed.tools)
    assert done.stdout == f"0x{'f' * 64}\n", done
    if installed.tools:
        done = installed.user_runs("apus", "run", *how, "--", "lszcrypt", "4.4", **installed.tools)
        assert "04.0004" in done.stdout, done


def test_the_python_package(installed):
    script = "import apus\nwith apus.Machine({'domains': [4], 'adapters': {5: 'CEX7C'}}) as m: print(m.read('bus/ap/apmask'))"
    done = installed.root_runs("python3", "-c", script, check=False)
    assert done.returncode == 0 and done.stdout.startswith("0x"), done


def test_it_says_what_fetches_the_tools(installed):
    done = installed.root_runs("apus", "run", "--", "lszcrypt", check=False, APUS_CACHE="/nowhere")
    assert done.returncode == 127 and "apus linux fetch --tools" in done.stderr
    assert "--tools" in installed.root_runs("/usr/libexec/apus/linux/fetch", "--help").stdout


def test_an_upgrade_and_removal_leave_nothing(installed):
    """The last test of the system."""
    installed.root_runs("apt-get", "install", "-y", "--no-install-recommends", "--reinstall", *installed.packages)
    assert installed.root_runs("apus", "--version").stdout == f"apus {VERSION}\n"
    installed.root_runs("apt-get", "purge", "-y", "apus", "apus-linux", "python3-apus")
    left = {name for name in installed.files() - installed.before if "apus" in name and not name.startswith(("./opt", "opt", "home", "root"))}
    assert left == set()


def unpack(archive, to):
    subprocess.run(["tar", "-C", to.parent, "-xzf", archive], check=True)
    (to.parent / archive.name.removesuffix(".tar.gz")).rename(to)


def test_the_tarball_in_a_fresh_system(system, tarball):
    """Also of a later release."""
    unpack(tarball, system.root / "opt/elsewhere")
    for runs in (system.root_runs, system.user_runs):
        assert runs("/opt/elsewhere/bin/apus", "--version").stdout == f"apus {VERSION}\n"
        assert runs("/opt/elsewhere/bin/apus", "run", "--", "cat", "/sys/bus/ap/apmask").stdout == f"0x{'f' * 64}\n"


def test_the_tarball_brings_what_it_needs(tarball, tmp_path):
    """Unpacked, under another name."""
    root = tmp_path / "elsewhere"
    unpack(tarball, root)
    for program in ("bin/apus", "libexec/apus/daemon", "libexec/apus/import"):
        used = subprocess.run(["ldd", root / program], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"=> (\S+)", used):
            assert re.search(r"/lib(c|m)\.so\.6$", path) or str(root) in str(pathlib.Path(path).resolve()), used
    done = subprocess.run([root / "bin/apus", "run", "--", "cat", "/sys/bus/ap/apmask"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"0x{'f' * 64}\n"), done
    assert re.search(r"glibc 2\.\d+ or newer", (root / "share/doc/apus/TARBALL").read_text())
    for package in ("libjansson4", "libfuse3-dev"):
        assert (root / "share/doc/apus/libraries" / package).exists()
