# SPDX-License-Identifier: MIT
"""`make install`: a complete, hardened release without sanitizers, for any PREFIX and DESTDIR."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from front import make

BUILD = pathlib.Path(os.environ["APUS_BUILD"]) / "release"
PROGRAMS = ["bin/apus", "libexec/apus/daemon", "libexec/apus/import", "libexec/apus/linux-exec"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Installed with PREFIX=/usr, as a packager does it. The compiler says most when it optimizes most."""
    destination = tmp_path_factory.mktemp("root")
    done = make("install", f"BUILD={BUILD}", "PREFIX=/usr", f"DESTDIR={destination}", "JOBS=2")
    assert "warning:" not in done.stdout + done.stderr
    return destination / "usr"


def installed(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def plugin(directory):
    found = list(directory.rglob("apus-ap.so"))
    if not found:
        pytest.skip("the QEMU plugin is not built (libglib2.0-dev)")
    return found[0]


def readelf(path):
    return subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--dyn-syms", path],
                          check=True, capture_output=True, text=True).stdout


def check_segments(elf):
    assert re.search(r"^\s+GNU_RELRO\b", elf, re.M), "no RELRO"
    assert re.search(r"\(FLAGS(_1)?\)\s.*\b(BIND_)?NOW\b", elf), "RELRO is partial"
    assert re.search(r"^\s+GNU_STACK .* RW +0x", elf, re.M), "the stack can be executed"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_hardened(root, name):
    elf = readelf(root / name)
    check_segments(elf)
    assert re.search(r"Type:\s+DYN", elf) and re.search(r"\(FLAGS_1\)\s.*\bPIE\b", elf), "not position independent"
    assert "__stack_chk_fail" in elf, "no stack protector"
    assert re.search(r"\b__\w+_chk\b(?<!__stack_chk)", elf), "no FORTIFY_SOURCE"


def test_the_plugin_is_hardened(root):
    elf = readelf(plugin(root))
    check_segments(elf)
    assert "__stack_chk_fail" in elf


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_no_sanitizer(root, name):
    assert not re.search(r"lib[aut]\w*san\b|__[aut]\w*san_", readelf(root / name))


def test_each_program_loads_what_it_needs_alone(root):
    """So `apus --version` takes no longer than `unshare -Urm true` (bench/start), and the daemon has no foreign parsers."""
    needed = {name: set(re.findall(r"NEEDED\).*\[lib([a-z-]+)", readelf(root / name))) - {"c"} for name in PROGRAMS[:3]}
    assert needed == {"bin/apus": {"jansson"},
                      "libexec/apus/daemon": {"crypto", "jansson", "seccomp", "systemd"},
                      "libexec/apus/import": {"archive", "isal", "jansson", "xml", "yaml-"}}


def test_it_is_complete(root):
    files = installed(root)
    for name in [*PROGRAMS, "libexec/apus/linux/fetch", "libexec/apus/linux/tools/chzdev", "share/man/man1/apus.1", "share/man/man5/apus-machine.5",
                 "share/bash-completion/completions/apus", "share/zsh/vendor-completions/_apus",
                 "share/fish/vendor_completions.d/apus.fish", "include/apus/guest_protocol.h", "include/apus/control.h", "share/pkgconfig/apus.pc",
                 "share/apus/control-protocol.json", "lib/systemd/system/apus@.service",
                 "lib/systemd/system/apus-guests@.service"]:
        assert name in files, name


def test_it_finds_its_scripts_where_it_is(root, tmp_path):
    done = subprocess.run([root / "bin/apus", "linux", "fetch", "--list"], env={**os.environ, "APUS_CACHE": str(tmp_path)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    strings = (root / "bin/apus").read_bytes()
    assert str(root).encode() not in strings and str(BUILD).encode() not in strings


def test_it_uses_nothing_that_is_beside_it(root, tmp_path):
    """Whoever unpacks it in /tmp has a directory beside it that anybody can make."""
    shutil.copytree(root, tmp_path / "apus", symlinks=True)
    other = tmp_path / "src/cli/parts/daemon"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\necho another\n")
    other.chmod(0o755)
    done = subprocess.run([tmp_path / "apus/bin/apus", "daemon"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == "" and "--socket is missing" in done.stderr


@pytest.mark.parametrize("command", [["run", "--", "true"], ["linux", "host", "--", "true"]])
def test_a_daemon_that_does_not_start_is_all_that_is_told(root, tmp_path, command):
    shutil.copytree(root, tmp_path / "apus", symlinks=True)
    (tmp_path / "apus/libexec/apus/daemon").write_text("#!/bin/sh\nsleep 0.5\necho it does not start >&2\nexit 1\n")
    done = subprocess.run([tmp_path / "apus/bin/apus", *command], capture_output=True, text=True, check=False,
                          env={**os.environ, "APUS_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 125 and done.stdout == "" and done.stderr == "it does not start\n", done


def test_pkg_config_finds_the_header(root, tmp_path):
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(root / "share/pkgconfig"),
                   "PKG_CONFIG_SYSROOT_DIR": str(root.parent), "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"}
    flags = subprocess.run(["pkg-config", "--cflags", "apus"], env=environment, check=True, capture_output=True,
                           text=True).stdout.split()
    assert flags == [f"-I{root}/include"]
    source = tmp_path / "user.c"
    source.write_text("#include <apus/guest_protocol.h>\nint main(void) { return 0; }\n")
    subprocess.run(["gcc", "-Wall", "-Werror", *flags, "-fsyntax-only", source], check=True)


def test_another_prefix_needs_no_new_build(root, tmp_path):
    program = BUILD / "src/cli/apus"
    before = program.stat().st_mtime_ns
    make("install", f"BUILD={BUILD}", "PREFIX=/opt/apus", f"DESTDIR={tmp_path}", "JOBS=2")
    assert program.stat().st_mtime_ns == before
    assert (tmp_path / "opt/apus/bin/apus").exists() and not (tmp_path / "usr").exists()
    assert f"prefix=/opt/apus\n" in (tmp_path / "opt/apus/share/pkgconfig/apus.pc").read_text()


def test_uninstall_takes_all_of_it_and_nothing_else(root, tmp_path):
    where = [f"BUILD={BUILD}", "PREFIX=/opt/apus", f"DESTDIR={tmp_path}", "JOBS=2"]
    make("install", *where)
    other = tmp_path / "opt/apus/bin/another"
    other.write_text("")
    ours = [path.parent for path in tmp_path.rglob("apus/*")]
    make("uninstall", *where)
    assert installed(tmp_path) == ["opt/apus/bin/another"]
    assert not [path for path in ours if path.exists() and path != tmp_path / "opt/apus"]
    assert root.exists() and "bin/apus" in installed(root)


def test_a_build_with_sanitizers_becomes_a_release(tmp_path):
    """A build directory that was set up with other options."""
    build = tmp_path / "build"
    top = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["meson", "setup", build, top, "-Db_sanitize=address", "-Dtests=none"], check=True, capture_output=True)
    make("setup", f"BUILD={build}")
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", build], check=True, capture_output=True,
                                        text=True).stdout)
    values = {option["name"]: option["value"] for option in options}
    assert (values["b_sanitize"], values["buildtype"], values["tests"]) == ("none", "release", "none")
