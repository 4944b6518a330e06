# SPDX-License-Identifier: MIT
"""The exit status of apus run, and how it treats signals."""

import os
import signal
import time

import pytest


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 255])
def test_the_programs(runs, status):
    assert runs.bash(f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_a_program_that_a_signal_ends(runs, number):
    assert runs.bash(f"ulimit -c 0; kill -{int(number)} $$").returncode == 128 + number


def test_a_program_that_is_not_there(runs):
    for name in ("/no/such/program", "no-such-program"):
        result = runs.run(name)
        assert result.returncode == 127
        assert result.stderr.startswith(f"apus: there is no program '{name}'")
        assert result.stderr.count("\n") == 1


def test_a_program_that_cannot_be_executed(runs, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("text")
    for path in (plain, tmp_path):
        result = runs.run(path)
        assert (result.returncode, result.stderr.count("\n")) == (126, 1)
        assert "chmod +x" in result.stderr


def test_a_script_whose_interpreter_is_missing(runs, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    result = runs.run(script)
    assert result.returncode == 127
    assert "interpreter" in result.stderr and result.stderr.count("\n") == 1


def test_a_script_without_interpreter_line(runs, tmp_path):
    script = tmp_path / "script"
    script.write_text("exit 9\n")
    script.chmod(0o755)
    assert runs.run(script).returncode == 9


def test_found_on_the_path(runs, tmp_path):
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 8\n")
    (tmp_path / "tool").chmod(0o755)
    assert runs.run("tool", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}).returncode == 8


def test_a_program_without_a_name(runs):
    result = runs.run("")
    assert (result.returncode, result.stderr) == (127, "apus: the program has an empty name\n")


def test_no_program_is_a_shell(runs):
    result = runs.apus("run", input="exit 6\n", stdin=None)
    assert (result.returncode, result.stderr) == (6, "")
    result = runs.apus("run", input="echo $0\n", stdin=None, env={"SHELL": "/bin/sh"})
    assert result.stdout == "/bin/sh\n"


def test_a_shell_of_the_users_that_is_missing(runs):
    assert runs.apus("run", env={"SHELL": "/no/shell"}).returncode == 127


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGUSR1, signal.SIGUSR2])
def test_signals_are_passed_on(runs, number):
    name = number.name[3:]
    script = f"trap 'echo got {name}; exit 5' {name}; echo up; while :; do sleep 0.05; done"
    # SIGHUP may be ignored where the tests run (nohup), and bash does not trap a signal that was ignored at its start.
    child = runs.start("bash", "-c", script, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    assert child.stdout.readline() == "up\n"
    child.send_signal(number)
    output = child.communicate(timeout=60)[0]
    assert (output, child.returncode) == (f"got {name}\n", 5)


def test_a_signal_that_the_program_ignores_ends_nothing(runs):
    child = runs.start("bash", "-c", "trap '' TERM; echo up; read line; exit 4", stdin=-1)
    assert child.stdout.readline() == "up\n"
    child.terminate()
    time.sleep(0.3)
    assert child.poll() is None
    child.communicate("line\n", timeout=60)
    assert child.returncode == 4


def test_a_key_of_the_terminal_reaches_the_program_once(runs):
    """Ctrl-C reaches the whole foreground group; apus run must neither die of it nor forward it."""
    import pty
    leader, follower = pty.openpty()
    script = "n=0; trap 'n=$((n+1))' INT; echo up; for i in {1..1200}; do sleep 0.05; ((n)) && break; done; sleep 0.5; echo n=$n"
    pid = os.fork()
    if pid == 0:
        os.login_tty(follower) if hasattr(os, "login_tty") else take_terminal(follower)
        os.execvpe(os.environ["APUS_BIN"], ["apus", "run", "bash", "-c", script], runs.environment())
    os.close(follower)
    output = b""
    while b"up" not in output:
        output += os.read(leader, 100)
    os.write(leader, b"\x03")
    output += read_all(leader)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"n=1" in output
    os.close(leader)


def take_terminal(fd):
    import fcntl
    import termios
    os.setsid()
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(fd, number)


def read_all(fd):
    data = b""
    while True:
        try:
            part = os.read(fd, 1000)
        except OSError:
            return data
        if not part:
            return data
        data += part


def test_the_signal_mask_and_dispositions_are_the_callers(runs):
    show = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    assert runs.bash(show).stdout == runs.command("bash", "-c", show).stdout


def test_no_descriptor_is_left_open_for_the_program(runs):
    show = "ls /proc/$$/fd"
    assert runs.bash(show).stdout == runs.command("bash", "-c", show).stdout


def test_stopped_and_continued(runs):
    child = runs.start("bash", "-c", "echo up; read line; exit 4", stdin=-1)
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGSTOP)
    child.send_signal(signal.SIGCONT)
    child.communicate("line\n", timeout=60)
    assert child.returncode == 4


def test_apus_itself_is_found_without_a_path_to_it(runs):
    result = runs.run("apus", "status")
    assert result.returncode == 0, result.stderr
    assert "adapters" in result.stdout.lower()
