# SPDX-License-Identifier: MIT
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
# Without settings of an outer make or of the user.
SET_BY_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "BUILD", "TEST_BUILD", "CLIENTS", "PREFIX", "DESTDIR",
               "SANITIZE", "JOBS", "DEB_BUILD", "TARBALL_BUILD", "RELEASE_BUILD")


def make(*words, check=True, **environment):
    env = {name: value for name, value in os.environ.items() if name not in SET_BY_MAKE}
    done = subprocess.run(["make", "-C", TOP, *map(str, words)], env={**env, **environment}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
