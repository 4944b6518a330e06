# SPDX-License-Identifier: MIT
"""A fresh Debian system in a directory, made by debootstrap, and commands in it: as root in a chroot, or as an ordinary
user in a system whose root directory it is."""

import os
import pathlib
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
USER = 4711
# In a mount namespace of its own, so that nothing stays mounted. The computer's /sys has what `apus run` builds on.
ENTER = """set -e
mount --make-rprivate /; mount --bind "$0" "$0"; cd "$0"
mount --rbind /dev dev; mount -t proc proc proc; mount --rbind /sys sys; mount -t tmpfs run run; mount -t tmpfs -o mode=1777 tmp tmp
"""
IN_CHROOT = ENTER + 'exec chroot . "$@"'
# A user namespace is refused to those in a chroot.
AS_ROOT_DIRECTORY = ENTER + 'pivot_root . mnt; cd /; umount -l /mnt; exec "$@"'


def mirror():
    """That of this machine's apt, as for `apus linux fetch`."""
    done = subprocess.run(["bash", "-c", ". linux/common.sh; . linux/archive.sh; echo ${APUS_MIRROR:-$(own_mirror)}"], cwd=TOP,
                          capture_output=True, text=True, check=True)
    return done.stdout.strip() or "http://deb.debian.org/debian"


class System:
    def __init__(self, root, suite):
        self.root, self.suite = root, suite

    def make(self):
        """Returns why there is none; empty: it is there."""
        for program in ("debootstrap", "pivot_root"):
            if not shutil.which(program):
                return f"no {program} on this machine"
        done = subprocess.run(["unshare", "-m", "debootstrap", "--variant=minbase", "--include=ca-certificates", self.suite, self.root, mirror()],
                              capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode:
            return f"debootstrap cannot make {self.suite}: {(done.stdout.splitlines() or ['?'])[-1]}"
        # Settings for the network, as of this machine.
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copy(name, f"{self.root}{name}")
        for path in pathlib.Path("/etc/apt/apt.conf.d").iterdir():
            shutil.copy(path, self.root / "etc/apt/apt.conf.d")
        with open(self.root / "etc/passwd", "a", encoding="ascii") as file:
            file.write(f"someone:x:{USER}:{USER}::/home/someone:/bin/bash\n")
        (self.root / "home/someone").mkdir()
        os.chown(self.root / "home/someone", USER, USER)
        return ""

    def _run(self, how, words, check, **more):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **more}
        environment.update({name: os.environ[name] for name in ("http_proxy", "https_proxy") if name in os.environ})
        done = subprocess.run(["unshare", "-m", "bash", "-c", how, self.root, *map(str, words)], env=environment, timeout=1200,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def root_runs(self, *words, check=True, **more):
        return self._run(IN_CHROOT, words, check, HOME="/root", **more)

    def user_runs(self, *words, check=True, **more):
        words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", "HOME=/home/someone", *words]
        return self._run(AS_ROOT_DIRECTORY, words, check, **more)

    def files(self):
        """All that is in it, except what package managers write down, and what programs keep that have run."""
        ours = set()
        for directory, _, names in os.walk(self.root):
            below = os.path.relpath(directory, self.root)
            if not below.startswith(("proc", "sys", "dev", "var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "run", "tmp")):
                ours.update(os.path.join(below, name) for name in names)
        return ours
