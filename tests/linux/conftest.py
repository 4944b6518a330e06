# SPDX-License-Identifier: MIT
"""Real Linux guests for tests. Packages come through linux/fetch once; without them the tests are skipped."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("APUS_BUILD", TOP / "build-test"))
CLIENTS = pathlib.Path(os.environ.get("APUS_CLIENTS", TOP / "build" / "clients"))
LINUX = BUILD / "linux"
sys.path.insert(0, str(HERE))


said = []  # what is to be read at the end of the run


def pytest_terminal_summary(terminalreporter):
    for line in said:
        terminalreporter.write_line(line)


def pytest_addoption(parser):
    parser.addoption("--kernel", help="suite of the guests' kernel; otherwise any that can be had")


class Guest:
    """A booted kernel, which executes one command at a time."""

    def __init__(self, directory, socket, *options):
        self.directory = directory
        self.started = time.monotonic()
        command = [LINUX / "boot", "--run", directory, "--detach", "--memory", "512", *options]
        if socket:
            command += ["--socket", socket, "--plugin", BUILD / "qemu" / "apus-ap.so"]
        else:
            command += ["--no-plugin"]
        subprocess.run(command, check=True)
        self.pid = int((directory / "pid").read_text())
        self.exec("true", timeout=200)

    def exec(self, *words, input=None, check=True, text=True, timeout=60):
        program = [BUILD / "linux" / "linux-exec", "-t", str(timeout)]
        if input is not None:
            program += ["-i"]
        if input is not None and text:
            input = input.encode()
        done = subprocess.run([*program, self.directory / "exec.sock", *words], input=input, capture_output=True,
                              stdin=None if input is not None else subprocess.DEVNULL)
        if text:
            done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if check:
            assert done.returncode == 0, (words, done)
        return done

    def sh(self, script, **more):
        return self.exec("sh", "-c", script, **more).stdout.strip()

    def attribute(self, name):
        return self.sh(f"cat /sys/bus/ap/{name}")

    def scan(self):
        self.sh("echo 1 >/sys/bus/ap/scans")

    def queues(self):
        """The kernel's queues, as lszcrypt prints them."""
        done = self.exec("lszcrypt", check=False)
        words = [line.split()[0] for line in done.stdout.splitlines() if line[:2].strip("0123456789abcdef") == ""]
        return sorted(word for word in words if "." in word)

    def log(self):
        return (self.directory / "console.log").read_text(errors="replace")

    def alive(self):
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self):
        if self.alive():
            os.kill(self.pid, 9)
        wait_until(lambda: not self.alive())


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def fetch_kernel(suite=None):
    """Fetches the suite's kernel, or the default one, and returns its suite. Skips the test if it is not available."""
    words = ["--kernel", suite] if suite else []
    done = subprocess.run([LINUX / "fetch", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("packages for real Linux guests cannot be had: " + done.stderr.strip().splitlines()[-1])
    return suite or default_kernel()


def default_kernel():
    """The suite of the kernel that is booted by default."""
    shown = subprocess.run(["bash", "-c", f". {LINUX}/common.sh; default_kernel"], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


@pytest.fixture(scope="session")
def cache(request):
    """The cache of packages, filled once; APUS_CACHE says where it is."""
    if not shutil.which("apt-get"):
        pytest.skip("real Linux guests need apt-get")
    if not (BUILD / "qemu" / "apus-ap.so").exists():
        pytest.skip("the QEMU plugin is not built (libglib2.0-dev)")
    if not (LINUX / "init").exists():
        pytest.skip("the guests' init is not built (gcc-s390x-linux-gnu, libc6-dev-s390x-cross)")
    return fetch_kernel(request.config.getoption("--kernel"))


@pytest.fixture(scope="session")
def place():
    """A directory for sockets: its path is short, and no other pytest cleans it up."""
    with tempfile.TemporaryDirectory(prefix="apus-linux-") as directory:
        yield pathlib.Path(directory)


@pytest.fixture(scope="session")
def start_guest(cache, place):
    """start_guest(socket, options...) boots a guest; all are stopped at the end of the session."""
    guests = []

    def start(socket, *options):
        guest = Guest(place / f"guest{len(guests)}", socket, "--kernel", cache, *options)
        guests.append(guest)
        return guest

    yield start
    for guest in guests:
        guest.stop()


@pytest.fixture(scope="session")
def apclient(place):
    """The test client, built for the guest."""
    compiler = shutil.which("s390x-linux-gnu-gcc")
    if not compiler:
        pytest.skip("no cross compiler for s390x (gcc-s390x-linux-gnu, libc6-dev-s390x-cross)")
    binary = place / "apclient"
    subprocess.run([compiler, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Werror", "-O2", "-static",
                    HERE / "apclient.c", "-o", binary], check=True)
    return binary


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="session")
def public(cache, apclient):
    """A copy of the fetched files that everybody may read: linux/qemu, kernel, image, client."""
    ask = lambda words: subprocess.check_output(["bash", "-c", f". {BUILD}/linux/common.sh; {words}"], text=True).strip()
    image = subprocess.check_output([BUILD / "linux" / "build-image", "--kernel", cache], text=True).strip()
    with tempfile.TemporaryDirectory(prefix="apus-public-", dir="/tmp") as directory:
        place = pathlib.Path(directory)
        place.chmod(0o755)
        (place / "linux").mkdir()
        shutil.copytree(ask("cache_dir") + "/qemu", place / "linux" / "qemu", symlinks=True, copy_function=link_or_copy)
        for name, file in (("kernel", ask(f"kernel_file {cache}")), ("image", image), ("client", apclient)):
            shutil.copy(file, place / name)
            (place / name).chmod(0o755)
        yield place
