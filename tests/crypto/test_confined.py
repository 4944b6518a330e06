# SPDX-License-Identifier: MIT
"""In a container that forbids system calls or limits resources, requests work, or an error says what is missing."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from notified import install

HERE = Path(__file__).resolve().parent
USER = 1_000_000 + os.getpid()  # a user with no other processes


@pytest.fixture
def run(tmp_path):
    """run(*command, options): the words that a client prints in apus run, or the refusal."""
    folder = Path(tempfile.mkdtemp(prefix="apus-confined-", dir="/tmp"))
    folder.chmod(0o755)
    binary, client = install(folder), shutil.copy2(os.environ["CRYPTO_CLIENT"], folder)

    def call(*before, options=()):
        runtime = tempfile.mkdtemp(dir=folder)
        if before and before[0] == "prlimit":
            os.chown(runtime, USER, USER)
        return subprocess.run([*before, binary, "run", *options, "--", client, "me", "/dev/z90crypt", "512", "2048"],
                              text=True, capture_output=True, timeout=60, check=False, cwd="/",
                              env={**os.environ, "APUS_RUNTIME_DIR": runtime, "ASAN_OPTIONS": "detect_leaks=0"})

    yield call
    shutil.rmtree(folder)


def forbidding(*calls):
    return [sys.executable, str(HERE / "forbid.py"), *calls, "--"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="forbid.py knows the calls of x86_64")
@pytest.mark.parametrize("way", ["fuse", "notify"])
@pytest.mark.parametrize("calls", [["process_vm_readv", "process_vm_writev"],
                                   ["process_vm_readv", "process_vm_writev", "move_pages"]], ids=len)
def test_forbidden_calls(run, way, calls):
    result = run(*forbidding(*calls), options=[f"--ioctl={way}"])
    assert (result.stdout, result.stderr, result.returncode) == ("512 0\n2048 0\n", "", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give capabilities away")
def test_no_right_to_look_at_programs(tmp_path):
    """The daemon says at its start what requests lack; the log names the program that got EACCES."""
    (tmp_path / "sys").mkdir()
    socket = tmp_path / "socket"
    daemon = subprocess.Popen(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", os.environ["APUS_BIN"],
                               "daemon", "--mount", tmp_path / "sys", "--quiet", "--socket", socket],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert daemon.stdout.readline() == "ready\n"
    client = subprocess.run([os.environ["CRYPTO_CLIENT"], "me", tmp_path / "sys/dev/z90crypt", "512", "1024"], text=True,
                            capture_output=True, check=False)
    log = subprocess.run([os.environ["APUS_BIN"], "log", "--socket", socket], text=True, capture_output=True, check=True)
    daemon.terminate()
    assert "--cap-add SYS_PTRACE" in daemon.communicate(timeout=60)[1]
    assert client.stdout == "512 EACCES\n1024 EACCES\n"
    assert log.stdout.count("EACCES: the daemon may not look at its memory") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_few_threads(run):
    """With fewer threads requests become slower; below a limit the daemon refuses to start."""
    served = 0
    for limit in range(2, 14):
        result = run("prlimit", f"--nproc={limit}", "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
        if result.returncode == 125:
            assert "ulimit -u" in result.stderr
        else:
            assert (result.stdout, result.returncode) == ("512 0\n2048 0\n", 0), (limit, result.stderr)
            served += 1
    assert served > 4
