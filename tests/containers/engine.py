# SPDX-License-Identifier: MIT
"""Containers of a Docker engine. Their image has no files: it shows the programs of this computer, read-only."""

import io
import os
import subprocess
import tarfile
import time
import uuid

import pytest

ETC = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "alternatives")


def docker(*words, **settings):
    return subprocess.run(["docker", *map(str, words)], capture_output=True, check=False,
                          **{"timeout": 180, "text": True, **settings})


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def image():
    """A tar archive of empty directories, and of links into /usr."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("usr", "etc", "tmp", "proc", "sys", "dev", "run", "root", "var", "var/tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name.endswith("tmp") else 0o755
            tar.addfile(entry)
        for name in ("bin", "sbin", "lib", "lib32", "lib64"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(entry)
    return out.getvalue()


class Engine:
    """The engine, our image, and the containers of one test, which have a label."""

    def __init__(self, shared):
        self.name = f"apus-test:{uuid.uuid4().hex[:12]}"
        self.shared = [*shared, "/usr", *(f"/etc/{name}" for name in ETC if os.path.exists(f"/etc/{name}"))]
        result = docker("import", "-", self.name, input=image(), text=False)
        assert result.returncode == 0, result.stderr

    def words(self, options, environment=()):
        seen = [word for path in self.shared for word in ("-v", f"{path}:{path}:ro")]
        # The leak check of a test build is a debugger, which many containers forbid.
        named = [word for text in ("ASAN_OPTIONS=detect_leaks=0", *environment) for word in ("-e", text)]
        return [*options, *seen, *named, "--label", self.name, self.name]

    def run(self, options, *program, environment=()):
        """A container that runs one program."""
        return docker("run", "--rm", *self.words(options, environment), *program)

    def start(self, options, *program):
        """One that goes on; its id."""
        result = docker("run", "-d", *self.words(options), *program)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def containers(self):
        return docker("ps", "-aq", "--filter", f"label={self.name}").stdout.split()

    def close(self):
        left = self.containers()
        if left:
            docker("rm", "-f", *left)
        docker("rmi", "-f", self.name)
        return left


def find(shared):
    """The engine, if there is one and it sees our files."""
    try:
        answer = docker("version", "--format", "{{.Server.Version}}", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"needs a Docker engine ({type(error).__name__})")
    if answer.returncode:
        pytest.skip("needs a Docker engine")
    engine = Engine(shared)
    if engine.run([], "test", "-x", os.environ["APUS_BIN"]).returncode:
        engine.close()
        pytest.skip("needs a Docker engine of this computer")
    return engine
