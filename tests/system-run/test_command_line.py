# SPDX-License-Identifier: MIT
"""The command line itself: help, completion, and the search for the running machine."""

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest

from runs import binary

HERE = os.path.dirname(os.path.abspath(__file__))
COMPLETION = os.path.join(os.environ["APUS_BUILD"], "completion")


def apus(*arguments, **settings):
    return subprocess.run([binary(), *arguments], text=True, capture_output=True, check=False, **settings)


def commands():
    """The names of all commands, from the help."""
    return re.findall(r"^  ([a-z]+(?: [a-z]+)*)  +\S", apus("--help").stdout, re.M)


def test_help():
    result = apus("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert {"run", "help"} <= set(commands())
    assert len(re.findall("^  apus run ", result.stdout, re.M)) == 2, "two examples"
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("name", commands())
def test_help_of_a_command(name):
    result = apus(*name.split(), "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: apus {name} ")
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert apus("help", *name.split()).stdout == result.stdout


@pytest.mark.parametrize("family", sorted({name.split()[0] for name in commands() if " " in name}))
def test_help_of_a_family(family):
    result = apus(family, "--help")
    assert result.returncode == 0
    for name in commands():
        assert (f"\n  {name} " in result.stdout) == name.startswith(family + " ")
    assert apus(family).returncode == 2
    assert apus(family, "nonsense").returncode == 2


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["help", "nonsense"], [""],
                                       ["run", "--nonsense"], ["help", "--json"]])
def test_wrong_usage(arguments):
    result = apus(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"apus[^\n]*\nTry 'apus[^\n]*--help'\.\n", result.stderr)


@pytest.mark.parametrize("arguments, words", [
    (["run", "--nonsense=1"], "unknown option '--nonsense'"), (["run", "-x"], "unknown option '-x'"),
    (["run", "-m"], "option '-m' needs a value"), (["run", "-vm"], "option '-m' needs a value"),
    (["status", "--json=1"], "option '--json' takes no value"),
    (["guest", "start", "X", "--cpu"], "option '--cpu' needs a value"),
    (["guest", "start", "X", "nonsense"], "'nonsense' is not a UUID"), (["guest", "attach", "X", ""], "'' is not a UUID"),
    (["daemon", "--mount", "", "--socket", "x"], "--mount is missing"),
    (["daemon", "--mount", "x", "--socket", ""], "--socket is missing"),
    (["daemon", "--mount", "x", "--fuse-fd", "0", "--socket", "x"], "mutually exclusive"),
    (["daemon", "--mount", "x", "--socket", "x", "--ready-fd", "99"], "99: this descriptor is not open")])
def test_wrong_usage_is_named(arguments, words):
    result = apus(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr.splitlines()[0]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["se", "--help"], ["help"]])
def test_output_that_cannot_be_written(arguments):
    with open("/dev/full", "w") as full:
        result = subprocess.run([binary(), *arguments], stdout=full, stderr=-1, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "apus: cannot write the output: No space left on device\n")


def test_a_file_that_does_not_fit_is_left_as_it_was(tmp_path):
    """Written where links lead, as a redirection does; a full disk destroys nothing and leaves no empty file."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    (tmp_path / "lab.ini").write_text("[machine]\ndomains = 0-0xff\n" + "".join(
        f"[adapter {i}]\ntype = CEX8C\n" for i in range(200)))
    script = """mount -t tmpfs -o size=12k none "$PWD" && cd "$PWD" && echo valuable > kept && ln -s kept link && head -c 8192 /dev/zero > filler
                for word in "export -o kept" "export -o link" "export -o new" "map --svg new"; do
                    $0 $word --from $1; echo $?; done; ls; cat kept; rm filler; echo x > kept
                $0 export -o link --from $2 && grep -c domains kept; ls -l link | cut -c 1"""
    (tmp_path / "small.ini").write_text("[machine]\ndomains = 4\n")
    (tmp_path / "full").mkdir()
    done = subprocess.run(["unshare", "-m", "bash", "-c", script, binary(), str(tmp_path / "lab.ini"), str(tmp_path / "small.ini")],
                          cwd=tmp_path / "full", text=True, capture_output=True, check=False)
    assert done.stdout.split() == ["1"] * 4 + "filler kept link valuable 2 l".split(), done
    assert done.stderr.count("No space left on device") == 4


def test_output_of_a_client_that_cannot_be_written(runs):
    script = """for line in status map "map --json" log events "guest list" "se show"; do
                    timeout 60 apus $line > /dev/full; echo "$line $?"
                done; timeout 60 apus events --follow > /dev/full &
                while kill -0 $! 2> /dev/null; do echo -5 > /sys/bus/ap/apmask; echo +5 > /sys/bus/ap/apmask; sleep 0.1; done
                wait $!; echo follow $?"""
    result = runs.bash("apus guest start Guest1; " + script, timeout=120)
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["1"] * 8, result.stdout


@pytest.mark.parametrize("words", [
    ["status", "--socket", "{}"], ["down", "{}"], ["exec", "{}", "true"], ["run", "-m", "{}"], ["replay", "{}"], ["import", "{}"],
    ["plan", "{}"], ["export", "--from", "{}"], ["daemon", "--no-tree", "--socket", "{}/x"],
    ["daemon", "--no-tree", "--socket", "/tmp/s", "--record", "{}/x"], ["daemon", "--no-tree", "--socket", "/tmp/s", "--state", "{}/x"]])
def test_a_message_is_one_line_whatever_a_name_has_in_it(words):
    name = "/nowhere/a\n\033[31mapus: all is well\u202e"
    result = apus(*[word.format(name) for word in words])
    assert result.returncode > 0 and result.stderr.count("\n") == 1, result
    assert r"/nowhere/a\x0a\x1b[31mapus: all is well\xe2\x80\xae" in result.stderr


def test_a_socket_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    result = apus("status", "--socket", str(tmp_path / "file"))
    assert result.returncode == 3 and "file is not a socket" in result.stderr
    assert "longer than 107 bytes" in apus("status", "--socket", "/tmp/" + "a" * 200).stderr


def test_version():
    assert re.fullmatch(r"apus \d+\.\d+\.\d+\n", apus("--version").stdout)


def complete(*words):
    result = apus("--complete", *words)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


def test_completion():
    first = {name.split()[0] for name in commands()}
    assert complete("") == sorted(set(complete("")), key=complete("").index), "nothing twice"
    assert set(complete("")) == first
    assert complete("ru") == ["run"]
    assert "--machine" in complete("run", "--")
    assert complete("run", "--machine", "") == ["@files"]
    assert complete("run", "-m", "x", "--ab") == ["--abi"]
    assert complete("run", "-m", "x", "") == ["@commands"]
    assert complete("run", "--", "l") == ["@commands"]
    assert complete("run", "--abi", "") == complete("run", "--abi", "=") == ["proposal", "upstream"]
    assert complete("run", "--abi", "=", "u") == ["upstream"]
    assert complete("run", "--abi", "=", "u", "--rec") == ["--record", "--record-keys"]
    assert complete("run", "--record-keys", "") == ["yes", "no"]
    assert complete("daemon", "--seccomp", "") == ["kill", "log", "off"]
    assert complete("guest", "start", "") == []
    assert complete("guest", "start", "x", "") == complete("guest", "attach", "x", "") == ["@mdevs"]
    assert complete("guest", "stop", "x", "") == []
    assert complete("se", "lpar", "") == ["add", "remove"]
    assert complete("se", "lpar", "-f", "add", "") == ["adapter", "domain", "control-domain"]
    assert complete("se", "lpar", "add", "domain", "") == []
    assert complete("se", "adapter", "") == ["@adapters"]
    assert complete("se", "adapter", "5", "o") == ["on", "off"]
    assert complete("help", "s") == ["status", "se", "sclp"]
    assert complete("help", "se", "") == ["show", "adapter", "lpar"]
    assert complete("nonsense", "") == []
    for name in commands():
        assert "--help" in complete(*name.split(), "--")


def test_what_may_be_parsed_has_json():
    """All but commands that run programs or a daemon, and those with nothing to say."""
    without = {name for name in commands() if "--json" not in complete(*name.split(), "--")}
    assert without == {"run", "exec", "up", "down", "daemon", "guest exec", "linux fetch", "linux host", "help"}


UUID = "9c1b3b6a-8f0c-4b1e-9a53-2d1c7e7f0001"
# How each shell shows what it would offer behind these words. Outside of an editor zsh has none of the functions that
# complete; those here print.
SHELLS = {
    "bash": f'''. {COMPLETION}/apus.bash
        try() {{ COMP_WORDS=(apus "$@"); COMP_CWORD=$#; COMPREPLY=(); _apus; echo "${{COMPREPLY[*]}}"; }}''',
    "zsh": f'''compset() {{ : }}; compadd() {{ print -r -- ${{(P)argv[-1]}} }}
        _files() {{ print -r -- $words[-1]* }}; _command_names() {{ print -r -- ${{(k)commands[(I)$words[-1]*]}} }}
        try() {{ words=(apus "$@"); CURRENT=$#words; . {COMPLETION}/apus.zsh }}''',
    "fish": f'''source {COMPLETION}/apus.fish
        function try; set -l line (string escape -- $argv[1..-2]); complete -C "apus $line $argv[-1]" | string split -f1 \\t | string join " "; end''',
}
OPTIONS = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}


def in_shell(shell, script):
    """The line of a shell's words that does this."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} on this machine")
    return [shell, *OPTIONS[shell], "-c", f"{SHELLS[shell]}\n{script}"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_of(shell):
    result = subprocess.run(in_shell(shell, "try ru; try run --mach; try run -m /etc/host; try run -- mkdi"), text=True,
                            env={**os.environ, "PATH": f"{os.path.dirname(binary())}:{os.environ['PATH']}"},
                            stdin=subprocess.DEVNULL, capture_output=True, check=False)
    words, option, files, programs = result.stdout.splitlines()
    assert (words, option, result.stderr) == ("run", "--machine", "")
    assert "/etc/hosts" in files.split() and "mkdir" in programs.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_of_what_is_there_by(shell, runs):
    """Completes guests, mediated devices and adapters of the running machine, and values of options."""
    value = {"bash": "try run --abi = u", "zsh": "try run --abi=u", "fish": "try run --abi=u"}[shell]
    script = f"try guest stop ''; try guest attach Guest1 9; try se adapter 0x; {value}; try run --abi ''"
    command = " ".join(shlex.quote(word) for word in in_shell(shell, script))
    result = runs.bash(f"""apus guest start Guest1
        echo {UUID} > /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create; {command}""")
    whole = "--abi=upstream" if shell == "fish" else "upstream"
    assert result.stdout.splitlines() == ["Guest1", UUID, "0x04 0x05 0x06", whole, "proposal upstream"], result


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_takes_names_as_they_are(shell, tmp_path):
    """Whoever starts a guest chooses its name, also one that a shell would execute."""
    name = "$(echo$((6*7)))"
    program = tmp_path / "apus"
    program.write_text(f"#!/bin/sh\n[ $1 = --complete ] && echo @guests || printf '%s\\n' NAME '{name}'\n")
    program.chmod(0o755)
    result = subprocess.run(in_shell(shell, "try guest stop ''"), env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert result.stdout.replace("\\", "") == f"{name}\n", result


class Terminal:
    """A shell in a terminal, as somebody types into it."""

    def __init__(self, shell, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(shell, [shell, *OPTIONS[shell], "-i"], environment)
        self.seen = ""

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def wait_for(self, text):
        end = time.monotonic() + 60
        while text not in self.seen:
            assert select.select([self.fd], [], [], max(0, end - time.monotonic()))[0], self.seen
            self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_at_a_terminal(shell, tmp_path):
    """With the functions of the shell's own editor: the word that was completed is executed."""
    in_shell(shell, "")
    shutil.copy(f"{COMPLETION}/apus.zsh", tmp_path / "_apus")
    setup = {"bash": f". {COMPLETION}/apus.bash", "zsh": f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D",
             "fish": f"source {COMPLETION}/apus.fish"}
    terminal = Terminal(shell, {**os.environ, "PATH": f"{os.path.dirname(binary())}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(tmp_path),
                                "APUS_RUNTIME_DIR": str(tmp_path / "run")})
    try:
        terminal.type(f"{setup[shell]}; echo rea''dy\r")
        terminal.wait_for("ready")
        terminal.type("apus stat\t\r")
        terminal.wait_for("no machine is running")
        terminal.type("apus run --abi ups\t -- echo it i''s\r")
        terminal.wait_for("it is")
    finally:
        terminal.close()


def test_which_machine(runs):
    """apus finds the only running machine, or lists those that run."""
    result = runs.apus("guest", "exec", "x", "true")
    assert result.returncode == 125 and "no machine is running" in result.stderr
    children = [runs.start("bash", "-c", "echo up; exec sleep 1000") for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "up\n"
    result = runs.apus("guest", "exec", "x", "true")
    assert result.returncode == 125 and "2 machines are running" in result.stderr
    for child in children:
        assert re.search(rf"-n {child.pid}\b", result.stderr) and result.stderr.count("\n") == 1
    children[0].terminate()
    children[0].communicate(timeout=60)
    assert "machines are running" not in runs.apus("guest", "exec", "x", "true").stderr
    children[1].terminate()
    children[1].communicate(timeout=60)


def test_man_page_names_every_command_and_option():
    pages = ""
    folder = f"{HERE}/../../docs/man"
    for name in sorted(os.listdir(folder)):
        if name.startswith("apus") and name.endswith(".1"):
            with open(f"{folder}/{name}") as file:
                pages += file.read().replace("\\-", "-")
    for name in commands():
        assert re.search(rf"^\.(It|Nm|Cm|Ic|Sx|Ss).*\b{name}\b", pages, re.M), name
        for option in re.findall(r"--([a-z][a-z-]*)", apus(*name.split(), "--help").stdout.split("\n\n")[2]):
            assert f"Fl -{option}" in pages, (name, option)
