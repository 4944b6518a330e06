# SPDX-License-Identifier: MIT
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import Daemon, Machine
from notified import Notified

WAYS = ["fuse", "notify", "notify-user"]


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=6, help="how long the stress run lasts")
    parser.addoption("--requests", type=int, default=0, help="at most so many requests of the stress run (0: any)")


def pytest_configure(config):
    config.addinivalue_line("markers", "fuse_only: not for apus run --ioctl=notify")


def pytest_generate_tests(metafunc):
    """Tests that need only the node run both ways: ioctls through FUSE and through seccomp."""
    if "crypto" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_WAYS", False):
        fuse_only = metafunc.definition.get_closest_marker("fuse_only")
        metafunc.parametrize("crypto", WAYS[:1] if fuse_only else WAYS, indirect=True)


class Clients:
    """Runs clients on the device nodes of a daemon."""

    def node(self, name="z90crypt"):
        return self.root / "dev" / name

    def start(self, command, *arguments, node="z90crypt", **options):
        return subprocess.Popen([os.environ["CRYPTO_CLIENT"], command, self.node(node), *map(str, arguments)],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def client(self, command, *arguments, timeout=60, **options):
        """The lines that a client prints, as a list of (what, result)."""
        process = self.start(command, *arguments, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        assert process.returncode == 0, err
        return [tuple((line + " ").split(" ", 1)) for line in out.splitlines()]

    def ask(self, command, *arguments, **options):
        return {what: result.strip() for what, result in self.client(command, *arguments, **options)}

    def count(self, path, attribute="request_count"):
        return int(self.value(f"devices/ap/{path}/{attribute}"))

    def answer_now(self, *queues):
        """Takes all faults away; what a reset finds delayed is sent again."""
        self.execute("fault-remove", all=True)
        for queue in queues:
            self.write(f"devices/ap/card{queue[:2]}/{queue}/reset", "1")

    def only(self, *adapters):
        """Moves all other adapters to vfio_ap."""
        self.write("bus/ap/apmask", "0x0")
        for adapter in adapters:
            self.write("bus/ap/apmask", f"+{adapter}")


class Crypto(Clients, Daemon):
    """A daemon on its own mount; ioctls come through FUSE."""

    read_and_write = {"read": "EPERM", "write": "EPERM"}

    @property
    def daemon_pid(self):
        return self.process.pid


class NotifiedCrypto(Clients, Notified):
    """The same in apus run --ioctl=notify."""

    @property
    def read_and_write(self):
        """Those of /dev/null, or of a ptmx, which is that of a user namespace."""
        return {"read": "EAGAIN" if self.run.args[0] == "setpriv" else "0", "write": "0"}

    def node(self, name="z90crypt"):
        return Notified.node(self, name)

    def start(self, command, *arguments, node="z90crypt"):
        return self.start_inside(self.program, command, self.node(node), *arguments)


MACHINE = Machine({4: "CEX5P", 5: "CEX5C", 6: "CEX5A", 8: "CEX5C"}, [4, 0x47])


@pytest.fixture
def crypto(tmp_path, request):
    way = getattr(request, "param", "fuse")
    if way == "fuse":
        daemon = Crypto(tmp_path, MACHINE)
        yield daemon
        daemon.stop()
        return
    if way == "notify-user" and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="apus-notify-", dir="/tmp"))
    folder.chmod(0o755)
    daemon = NotifiedCrypto(folder, MACHINE, as_user=way == "notify-user")
    yield daemon
    daemon.end()
    shutil.rmtree(folder)


@pytest.fixture
def public_crypto():
    """A copy of the client in a directory that other users can enter."""
    folder = Path(tempfile.mkdtemp(prefix="apus-crypto-", dir="/tmp"))
    folder.chmod(0o755)
    daemon = Crypto(folder, MACHINE)
    yield daemon
    daemon.stop()
    shutil.rmtree(folder)
