# SPDX-License-Identifier: MIT
"""What takes longer than a second says so to people at a terminal, and to nobody else."""
import os
import subprocess
import time

import pytest

APUS = os.environ["APUS_BIN"]
MACHINE = "[machine]\ndomains = 4\n[adapter 5]\ntype = CEX7C\n"
WANTED = MACHINE + "[bus]\napmask = +0-255,-5\n"

# Each waits for standard input, as for a slow source.
COMMANDS = {
    "import": (["import", "-"], b"reading -", "ap.apmask=0x0 root=/dev/dasda1\n"),
    "plan": (["plan", "--from", "-", "WANTED"], b"reading the two states", MACHINE),
}


def until(terminal, words):
    """What is written to the terminal, up to the words."""
    seen = b""
    deadline = time.monotonic() + 60
    while words not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 4096)
    return seen


def rest(terminal):
    seen = b""
    try:
        while block := os.read(terminal, 4096):
            seen += block
    except OSError:  # nobody has the terminal any more
        pass
    return seen


def start(command, tmp_path, stderr):
    wanted = tmp_path / "wanted.ini"
    wanted.write_text(WANTED)
    words = [str(wanted) if word == "WANTED" else word for word in COMMANDS[command][0]]
    return subprocess.Popen([APUS, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_is_told(command, tmp_path):
    _, words, text = COMMANDS[command]
    terminal, inside = os.openpty()
    with start(command, tmp_path, inside) as run:
        os.close(inside)
        seen = until(terminal, b"\rapus: " + words + b", 1 s")
        out, _ = run.communicate(text, timeout=60)
    seen += rest(terminal)
    os.close(terminal)
    line = seen.rsplit(b"\rapus: " + words, 1)[1]
    assert b"\r" + b" " * len(words) in line and b"\n" not in line.split(b"\r  ")[0], "it is wiped away"
    assert run.returncode == (0 if command == "plan" else 1), (out, seen)
    assert ("apmask becomes" in out) == (command == "plan")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_not(command, tmp_path):
    with start(command, tmp_path, subprocess.PIPE) as run:
        time.sleep(2.5)
        _, err = run.communicate(COMMANDS[command][2], timeout=60)
    assert "\r" not in err and " s" + "\n" not in err and "reading" not in err, err
