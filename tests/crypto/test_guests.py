# SPDX-License-Identifier: MIT
"""Requests from guests, and from programs under apus run, including those of an unprivileged user."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from notified import install

CLIENT = os.environ["CRYPTO_CLIENT"]
USER = 54321


def guest_with(crypto, adapters, domains):
    assert crypto.w("bus/ap/aqmask", "-0x47") == "OK"
    return crypto.guest("g").start(crypto.mdev(1).assign(adapters, domains))


def ask(guest, *arguments):
    return dict(line.split(" ", 1) for line in guest.run(CLIENT, *map(str, arguments)).splitlines())


def test_node_of_a_guest(crypto):
    guest = guest_with(crypto, [5, 6], [0x47])
    assert ask(guest, "me", "/dev/z90crypt", 512, 2048) == {"512": "0", "2048": "0"}
    assert ask(guest, "crt", "/dev/z90crypt", 4096) == {"4096": "0"}
    assert guest.run("cat", "/sys/bus/ap/devices/card06/request_count") == "3\n"
    assert crypto.count("card06") == 0, "the host's counter knows nothing of a guest's requests"
    assert crypto.ask("query", 5, 0x47) == {"errno": "ENODEV"}
    assert ask(guest, "query", "/dev/z90crypt", 5, 4) == {"errno": "ENODEV"}


def test_guest_and_host_have_keys_of_their_own(crypto):
    guest = guest_with(crypto, [5], [0x47])
    token = ask(guest, "keygen", "/dev/z90crypt", 5, 0x47)["token"]
    assert ask(guest, "unwrap", "/dev/z90crypt", 5, 0x47, token)["code"] == "0/0"
    assert crypto.ask("unwrap", 5, 4, token)["code"] == "8/48"
    guest.stop()
    guest = crypto.guest("h").start(crypto.names("bus/mdev/devices")[0])
    assert ask(guest, "unwrap", "/dev/z90crypt", 5, 0x47, token)["code"] == "8/48"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("user", [0, USER])
def test_apus_run(user):
    folder = Path(tempfile.mkdtemp(prefix="apus-crypto-", dir="/tmp"))
    try:
        folder.chmod(0o777)
        apus, client = install(folder), shutil.copy(CLIENT, folder)
        if user and not stat.S_IMODE(os.stat("/dev/fuse").st_mode) & 0o002:
            os.chmod("/dev/fuse", 0o666)
        result = subprocess.run(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", apus, "run", "--", "sh", "-c",
             f"{client} me /dev/z90crypt 512 4096 && {client} crt /dev/z90crypt 1024 && {client} errors /dev/z90crypt"],
            env={**os.environ, "APUS_RUNTIME_DIR": str(folder / "run")}, cwd="/", timeout=60, text=True,
            capture_output=True, check=False)
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[:4] == ["512 0", "4096 0", "1024 0", "struct-wild EFAULT"]
    finally:
        shutil.rmtree(folder)
