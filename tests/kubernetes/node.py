# SPDX-License-Identifier: MIT
"""Worker nodes with Apus: a shell that sees the machine, in which device plugins can run."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

APUS = os.environ["APUS_BIN"]
HERE = pathlib.Path(__file__).resolve().parent
MACHINE = HERE.parents[1] / "examples/cex8.ini"
CLIENT = os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client")
END = "-----"


class Node:
    """It answers the lines of a script, one by one."""

    command = ("bash",)
    sysinfo = "/proc/sysinfo"

    def __init__(self, folder):
        self.folder = folder
        names = {key: value for key, value in os.environ.items() if not key.startswith("APUS_")}
        # The library that is preloaded comes before the sanitizer's of a test build.
        names.update(APUS_RUNTIME_DIR=str(folder), ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0",
                     PYTHONDONTWRITEBYTECODE="1", PATH=f"{os.path.dirname(APUS)}:{os.environ['PATH']}")
        self.process = subprocess.Popen([*map(str, self.command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=names, start_new_session=True)
        self.shell(f"export PROC_SYSINFO_FILE={self.sysinfo}")

    def shell(self, script):
        """What it prints, in both ways."""
        self.process.stdin.write(f"{{ {script}\n}} 2>&1; echo {END}\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != f"{END}\n":
            assert line, f"the shell has ended: {lines}"
            lines.append(line)
        return "".join(lines)

    def do(self, script):
        said = self.shell(f"{script} && echo done")
        assert said.endswith("done\n"), said

    def plugin(self, name, *apqns, copies=1, live=False):
        words = [sys.executable, HERE / "plugin.py", self.folder, name, copies, "live" if live else "static", *apqns]
        self.shell(f"{' '.join(map(str, words))} > {self.folder}/log-{name} 2>&1 &")

    def metrics(self, name):
        lines = (self.folder / f"metrics-{name}").read_text().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    def requests(self, device):
        """Whether the node serves some; else the errno."""
        text = self.shell(f"{CLIENT} latency {device} 3")
        return "" if "ratio" in text else text.strip().rsplit(" ", 1)[-1]

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.communicate(timeout=60)


class Run(Node):
    sysinfo = "/dev/apus/sysinfo"  # nobody can add a file to /proc
    command = (APUS, "run", "-m", MACHINE, "--", "bash")


class NoMount(Node):
    command = (APUS, "run", "--no-mount", "-m", MACHINE, "--", "bash")


class Daemon(Node):
    """`apus daemon`, in a mount namespace with a /dev of its own, so that links in /dev are no links of this computer."""

    sysinfo = "/sys/proc/sysinfo"
    command = ("unshare", "-m", "bash")

    def __init__(self, folder):
        if os.geteuid() != 0:
            pytest.skip("needs root to mount")
        super().__init__(folder)
        (folder / "sys").mkdir()
        (folder / "dev").mkdir()
        said = self.shell(f"""
            mount -t tmpfs -o mode=755 apus-test {folder}/dev
            for node in null zero random urandom fuse; do cp -a /dev/$node {folder}/dev/; done
            mount --move {folder}/dev /dev
            export APUS_SOCKET={folder}/socket
            coproc apus daemon -m {MACHINE} --mount {folder}/sys --socket $APUS_SOCKET --dev-links /dev
            read -ru ${{COPROC[0]}} word; echo $word
            mount --rbind {folder}/sys /sys""")
        assert said.endswith("ready\n"), said


NODES = {"run": Run, "no-mount": NoMount, "daemon": Daemon}
