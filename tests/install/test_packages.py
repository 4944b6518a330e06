# SPDX-License-Identifier: MIT
"""`make deps`, `make run` and `make test` install packages, `make` only names those that are missing. dpkg-query and
apt-get are scripts of the test."""

import os

import pytest

from front import make


@pytest.fixture
def bare(tmp_path):
    """A system without libfuse3-dev, whose apt-get records its arguments and fails."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dpkg-query").write_text('#!/bin/sh\ncase $* in *libfuse3-dev) exit 1;; esac\necho install ok installed\n')
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    for program in programs.iterdir():
        program.chmod(0o755)

    def run(*words):
        done = make(*words, f"BUILD={tmp_path}/build", check=False, PATH=f"{programs}:{os.environ['PATH']}")
        asked = tmp_path / "asked"
        return done, asked.read_text() if asked.exists() else ""

    return run


def test_make_names_what_is_missing(bare, tmp_path):
    done, asked = bare()
    assert done.returncode != 0
    assert "packages are missing: libfuse3-dev\n" in done.stderr
    assert "make deps" in done.stderr and "apt-get install libfuse3-dev\n" in done.stderr
    assert asked == "" and not (tmp_path / "build").exists()


@pytest.mark.parametrize("target", ["deb", "tarball"])
def test_what_packs_names_what_is_missing(bare, target):
    done, asked = bare(target)
    assert done.returncode != 0 and "packages are missing: libfuse3-dev\n" in done.stderr and "make deps-deb" in done.stderr
    assert asked == ""


def test_install_names_what_is_missing(bare):
    done, asked = bare("install")
    assert done.returncode != 0 and "packages are missing: libfuse3-dev\n" in done.stderr and asked == ""


@pytest.mark.parametrize("target", ["deps", "deps-deb", "run", "test"])
def test_others_install_it(bare, target):
    done, asked = bare(target)
    assert done.returncode != 0
    if os.geteuid() == 0:
        assert asked == "update -q\n"  # which has failed, so nothing else was done
        assert "installing libfuse3-dev\n" in done.stdout
    else:
        assert asked == "" and "install them as root: apt-get install libfuse3-dev\n" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_tests_do_without_what_is_only_wanted(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dpkg-query").write_text('#!/bin/sh\ncase $* in *chromium) exit 1;; esac\necho install ok installed\n')
    (programs / "apt-get").write_text('#!/bin/sh\ntest "$1" = update\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    done = make("deps-test", PATH=f"{programs}:{os.environ['PATH']}")
    assert "installing chromium\nmake: cannot install chromium: the tests that need it are left out\n" in done.stdout


def test_a_system_without_dpkg_is_taken_as_it_is(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "test", "echo", "cmp", "make", "id"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    (programs / "meson").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 1\n')
    (programs / "meson").chmod(0o755)
    done = make("setup", f"BUILD={tmp_path}/build", check=False, PATH=str(programs))
    assert done.returncode != 0 and "missing" not in done.stderr
    assert (tmp_path / "asked").read_text().startswith("setup ")
