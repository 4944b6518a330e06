# SPDX-License-Identifier: MIT
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import Daemon, Machine


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=6, help="how long the stress run lasts")
    parser.addoption("--requests", type=int, default=0, help="at most so many requests of the stress run (0: any)")


class Crypto(Daemon):
    """A daemon, and clients of its device nodes."""

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

    def only(self, *adapters):
        """Gives all other adapters away."""
        self.write("bus/ap/apmask", "0x0")
        for adapter in adapters:
            self.write("bus/ap/apmask", f"+{adapter}")


MACHINE = Machine({4: "CEX5P", 5: "CEX5C", 6: "CEX5A", 8: "CEX5C"}, [4, 0x47])


@pytest.fixture
def crypto(tmp_path):
    daemon = Crypto(tmp_path, MACHINE)
    yield daemon
    daemon.stop()


@pytest.fixture
def public_crypto():
    """In a directory that other users can enter."""
    folder = Path(tempfile.mkdtemp(prefix="apus-crypto-", dir="/tmp"))
    folder.chmod(0o755)
    daemon = Crypto(folder, MACHINE)
    yield daemon
    daemon.stop()
    shutil.rmtree(folder)
