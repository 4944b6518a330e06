# SPDX-License-Identifier: MIT
"""apus up, exec, list, down: a machine in the background, and any number of programs in it.

APUS_KILLS is how often each part is killed (default 3; `make soak` takes 200)."""

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

from reachable import opened
from runs import USER, binary, kill, wait_for

KILLS = min(200, int(os.environ.get("APUS_KILLS", "3")))
UUID = "11111111-2222-4333-8444-555555555555"


class Machines:
    """Machines of root or of an ordinary user."""

    def __init__(self, runs, as_user):
        self.runs, self.as_user = runs, as_user
        self.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if as_user else []

    def apus(self, *words, **settings):
        return self.runs.command(*self.prefix, binary(), *words, **{"cwd": "/", **settings})

    def up(self, *words, name="lab"):
        result = self.apus("up", name, *words)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result

    def down(self, name="lab"):
        result = self.apus("down", name)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result

    def exec(self, *program, name="lab", **settings):
        return self.apus("exec", name, "--", *program, **settings)

    def bash(self, script, **settings):
        return self.exec("bash", "-c", script, **settings)

    def start(self, script, name="lab"):
        return subprocess.Popen([*self.prefix, binary(), "exec", name, "bash", "-c", script], cwd="/", text=True,
                                env=self.runs.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def list(self):
        result = self.apus("list", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        return {m["name"]: m for m in map(json.loads, result.stdout.splitlines())}

    def parts(self):
        """The processes that keep the machine: {"daemon": pid, "guard": pid}."""
        found = {}
        for pid, words in self.runs.processes().items():
            if " daemon " in words:
                found["daemon"] = pid
            elif " up " in words:
                found["guard"] = pid
        return found


@pytest.fixture(params=["root", "user"])
def machines(request):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    yield Machines(request.getfixturevalue("runs" if request.param == "root" else "user_runs"), request.param == "user")


@pytest.fixture
def roots(runs):
    yield Machines(runs, False)


def test_several_programs_share_what_they_change(machines):
    machines.up()
    assert machines.bash("echo -5 > /sys/bus/ap/apmask").returncode == 0
    assert machines.bash("cut -c -4 /sys/bus/ap/apmask").stdout == "0xfb\n"
    children = [machines.start("read n; ls /sys/bus/ap/devices | wc -l; exit $n") for _ in range(8)]
    for i, child in enumerate(children):
        assert child.communicate(f"{i + 10}\n", timeout=60)[0] == "15\n"
        assert child.returncode == i + 10
    machines.down()


def test_what_a_program_sees_is_what_run_shows(machines):
    script = """cd /; id -u; ls /sys/bus /sys/class /dev /run /etc/mdevctl.d; ls -l /dev/vfio | tail -n +2 | wc -l
                stat -c %t:%T:%a /dev/z90crypt; test -w /etc/mdevctl.d && echo own; echo $APUS_RUNTIME_DIR; pwd"""
    command = ["run", "--", "bash", "-c", script]
    inside_run = machines.apus(*command).stdout
    machines.up()
    result = machines.bash(script)
    assert result.stdout == inside_run and "own" in inside_run, result.stderr
    assert machines.bash("touch /dev/mine /run/mine /etc/mdevctl.d/mine").returncode == 0
    assert machines.bash("ls /dev/mine /run/mine /etc/mdevctl.d/mine").returncode == 0, "they are the machine's"
    machines.down()
    assert not os.path.exists("/run/mine") and not os.path.exists("/dev/mine")


@pytest.mark.parametrize("way", ["fuse", "notify"])
def test_ioctls_of_several_programs(machines, way):
    client = opened(os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client"))
    machines.up("--ioctl", way)
    assert machines.bash("echo mine > /sys/class/zcrypt/create && test -e /dev/mine").returncode == 0
    children = [machines.start(f"echo up; read x; timeout 60 {client} latency /dev/z90crypt 20") for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "up\n"
    for child in children:
        output, errors = child.communicate("\n", timeout=60)
        assert child.returncode == 0 and "me512" in output, errors
    assert machines.bash(f"timeout 60 {client} latency /dev/z90crypt 20").returncode == 0
    machines.down()


def test_uevents(machines):
    machines.up("--uevents")
    result = machines.bash("ip link show lo 2> /dev/null | grep -c UP; ls /sys/class/net | tr '\\n' ' '")
    assert "lo" in result.stdout, result
    machines.down()


def test_exit_status_and_signals(machines):
    machines.up()
    assert machines.bash("exit 9").returncode == 9
    assert machines.bash("kill -TERM $$").returncode == 143
    assert machines.exec("/no/such/program").returncode == 127
    child = machines.start("trap 'echo got; exit 3' USR1; echo up; while :; do sleep 0.02; done")
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGUSR1)
    assert child.communicate(timeout=60)[0] == "got\n" and child.returncode == 3
    child = machines.start("echo up; exec sleep 1000")
    assert child.stdout.readline() == "up\n"
    child.kill()
    child.communicate(timeout=60)
    wait_for(lambda: machines.list()["lab"]["programs"] == [])
    machines.down()


def test_the_terminal_is_the_callers(machines):
    machines.up()
    result = machines.runs.command("script", "-qec", " ".join(
        [*machines.prefix, binary(), "exec", "lab", "--", "sh", "-c", "'test -t 0 && stty size > /dev/null && tty'"]),
        "/dev/null", cwd="/")
    assert "/dev/pts/" in result.stdout, result
    machines.down()


def test_the_working_directory_stays(roots, tmp_path):
    roots.up()
    assert roots.exec("pwd", cwd=tmp_path).stdout == f"{tmp_path}\n"
    assert roots.exec("pwd", cwd="/sys/bus").stdout == "/sys/bus\n"
    roots.down()


def test_from_inside(machines):
    machines.up()
    script = f"cut -c -4 /sys/bus/ap/apmask; {binary()} list | grep -o ^lab; exit 4"
    result = machines.bash(f"{binary()} exec lab -- bash -c '{script}'; exit $?")
    assert (result.returncode, result.stdout.split()) == (4, ["0xff", "lab"]), result.stderr
    result = machines.bash(f"{binary()} run -- bash -c 'echo -4 > /sys/bus/ap/apmask'; cut -c -4 /sys/bus/ap/apmask")
    assert result.stdout == "0xff\n", "a machine in it is another one"
    machines.down()


def test_list(machines):
    assert machines.apus("list").stdout == "no machine is running\n"
    machines.up()
    machines.up("--ioctl=notify", name="other")
    child = machines.start("echo up; exec sleep 1234")
    assert child.stdout.readline() == "up\n"
    wait_for(lambda: [p["command"] for p in machines.list()["lab"]["programs"]] == ["sleep 1234"])
    listed = machines.list()
    assert sorted(listed) == ["lab", "other"] and listed["other"]["programs"] == []
    lab = listed["lab"]
    assert 0 <= lab["age"] < 60 and os.path.exists(lab["socket"]) and os.path.exists(f"/proc/{lab['pid']}")
    assert (lab["ioctl"], listed["other"]["ioctl"], lab["state"], lab["machine"]) == ("fuse", "notify", None, None)
    lines = machines.apus("list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "AGE", "PID", "PROGRAMS"]
    assert any(line.startswith("lab ") and line.endswith(" sleep 1234") for line in lines)
    machines.down()
    child.communicate(timeout=60)
    assert child.returncode in (128 + signal.SIGHUP, 128 + signal.SIGTERM), "its programs end with it"
    assert list(machines.list()) == ["other"]
    machines.down(name="other")


def test_commands_find_it_by_name(machines):
    machines.up()
    machines.up(name="other")
    assert machines.apus("se", "adapter", "-n", "lab", "5", "off").returncode == 0
    for words in [["status", "-n", "lab"], ["-n", "lab", "status"], ["status", "lab"], ["status", "--name=lab"]]:
        result = machines.apus(*words)
        assert result.returncode == 0 and "standby" in result.stdout, (words, result)
    assert "standby" not in machines.apus("status", "other").stdout
    for words in [["map"], ["log"], ["events"], ["guest", "list"], ["se", "show"], ["fault", "list"]]:
        assert machines.apus(*words, "lab").returncode == 0, words
        assert machines.apus(*words, "nobody").returncode == 3, words
        assert machines.apus(*words, "lab", "lab").returncode == 2, words
    result = machines.apus("map")
    assert result.returncode == 3 and result.stderr.endswith("choose one with -n lab, -n other\n")
    socket = f"{machines.runs.base}/lab/control"
    for words in (["-n", "other", "down", "lab"], ["-n", "nobody", "down", "lab"], ["-n", "lab", "reboot", "other"],
                  ["reboot", "--socket", socket, "other"], ["status", "--socket", socket, "-n", "other"], ["-n", "other", "up", "third"],
                  ["-n", "lab", "-n", "other", "status"], ["map", "--from", "/dev/null", "lab"], ["-n", "lab"]):
        refused = machines.apus(*words)
        assert refused.returncode == 2 and refused.stdout == "", (words, refused)
    assert list(machines.list()) == ["lab", "other"]
    for words in (["-nlab", "status"], ["--name", "lab", "status"], ["--name=lab", "status"]):
        assert "standby" in machines.apus(*words).stdout, words
    machines.down()
    machines.down(name="other")


def test_refusals(machines):
    result = machines.apus("down", "lab")
    assert result.returncode == 3 and result.stderr.count("\n") == 1 and "'lab'" in result.stderr
    assert machines.exec("true").returncode == 125
    for name in ["", "1", "1a", "a/b", ".", "..", "lock", "a" * 33, "a b"]:
        assert machines.apus("up", name).returncode == 2, name
        assert machines.exec("true", name=name).returncode == 125, name
    machines.up()
    result = machines.apus("up", "lab")
    assert result.returncode == 125 and "running already" in result.stderr and result.stderr.count("\n") == 1
    assert machines.exec("true").returncode == 0
    machines.down()


def test_a_daemon_that_is_stopped(machines):
    """What waits for its answer ends in words; who follows its events goes on when it does; programs
    start, and down ends it."""
    machines.up()
    pid = machines.parts()["daemon"]
    machines.apus("-n", "lab", "se", "adapter", "4", "off")
    with subprocess.Popen([*machines.prefix, binary(), "events", "lab", "--since", "1"], text=True, cwd="/", stdout=subprocess.PIPE,
                          env=machines.runs.environment()) as follower:
        assert follower.stdout.readline()
        os.kill(pid, signal.SIGSTOP)
        commands = [["-n", "lab", "status"], ["log", "lab"], ["-n", "lab", "wait", "adapter 5 online"], ["exec", "lab", "true"]]
        started = [subprocess.Popen([*machines.prefix, binary(), *words], text=True, cwd="/", env=machines.runs.environment(),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for words in commands]
        for words, process in zip(commands, started):
            output, errors = process.communicate(timeout=60)
            assert (process.returncode, output) == (0 if words[0] == "exec" else 4, ""), words
            assert f"kill -CONT {pid}" in errors and errors.count("\n") == 1, errors
        os.kill(pid, signal.SIGCONT)
        assert machines.apus("-n", "lab", "se", "adapter", "5", "off").returncode == 0
        assert any("card05" in line for line in follower.stdout)
        os.kill(pid, signal.SIGSTOP)
        result = machines.apus("down", "lab", timeout=60)
        assert result.returncode == 0 and "was killed" in result.stderr and machines.list() == {}


def test_errors_of_the_start_reach_the_caller(machines, tmp_path):
    (tmp_path / "bad.ini").write_text("[machine]\ndomains = 999\n")
    tmp_path.chmod(0o755)
    result = machines.apus("up", "lab", "-m", str(tmp_path / "bad.ini"))
    assert result.returncode == 125 and "bad.ini" in result.stderr
    result = machines.apus("up", "lab", "--record", "/no/such/directory/file")
    assert result.returncode == 125 and "/no/such/directory/file" in result.stderr and result.stderr.count("\n") == 1
    assert machines.list() == {} and machines.runs.settle() == {} and machines.runs.machines() == []


def test_output_is_not_held_open(machines):
    """Whoever reads the output of up to its end does not wait for the machine."""
    result = machines.runs.command("bash", "-c", 'out=$("$@" 2>&1); echo "<$out>"', "x", *machines.prefix, binary(), "up",
                                   "lab", timeout=30, cwd="/")
    assert result.stdout == "<>\n"
    machines.down()


def test_down_ends_what_the_programs_left_behind(machines):
    machines.up()
    ours = f"{os.getpid()}1"  # seconds that nobody else sleeps
    script = f"""setsid sleep {ours}1 & trap '' TERM HUP; (trap '' TERM HUP; exec -a stubborn sleep {ours}2) &
                 env -i unshare -rm sleep {ours}3 & until pgrep -f '^sleep {ours}3' > /dev/null; do sleep 0.01; done; echo up"""
    result = machines.bash(f"({script}) > /tmp/out.$$ 2>&1; cat /tmp/out.$$; rm /tmp/out.$$")
    assert result.stdout == "up\n", result
    assert len(machines.list()["lab"]["programs"]) >= 3
    machines.down()
    assert machines.runs.settle() == {}
    assert subprocess.run(["pgrep", "-f", f"^(sleep|stubborn) {ours}[123]"], check=False, stdout=subprocess.DEVNULL).returncode == 1


def test_state_of_run_and_up(machines):
    """What one leaves the next one finds: masks, nodes and their modes, what tools made persistent."""
    state = f"{machines.runs.base}/state-of-lab"
    look = "cut -c -4 /sys/bus/ap/apmask; stat -c %a /dev/zcrypt/mine; ls -d /dev/mine; cat /etc/mdevctl.d/one; exit 0"
    result = machines.apus("run", "--state", state, "--", "bash", "-c",
                           f"echo -5 > /sys/bus/ap/apmask; echo mine > /sys/class/zcrypt/create; "
                           f"chmod 640 /dev/zcrypt/mine; echo kept > /etc/mdevctl.d/one; {look}")
    assert result.stdout.split() == ["0xfb", "640", "/dev/mine", "kept"], result.stderr
    machines.up("--state", state)
    assert machines.bash(look).stdout == result.stdout
    assert machines.list()["lab"]["state"] == state
    other = machines.apus("run", "--state", state, "--", "true")
    assert other.returncode == 125 and "in use by another daemon" in other.stderr
    assert machines.bash("echo more >> /etc/mdevctl.d/one").returncode == 0
    os.kill(machines.list()["lab"]["pid"], signal.SIGKILL)
    machines.up("--state", state)
    assert machines.bash(look).stdout == result.stdout + "more\n"
    machines.down()
    for words in (["--state", state, "--record", f"{state}.rec"], ["--sync"]):
        assert machines.apus("run", *words, "--", "true").returncode == 2
    subprocess.run(["rm", "-r", state], check=True)


def kept_guest(*records):
    return b"".join(record.encode() + b"\0" for record in ("apus-guest 1", *records))


def test_what_is_kept_of_real_guests_is_read_or_refused(machines):
    """Without QEMU: tests/linux/test_daemon.py starts real ones again."""
    state = f"{machines.runs.base}/state-of-guests"
    machines.up("--state", state)
    assert machines.apus("guest", "resume", "--json").stdout == '{"guests":[]}\n', "there is none yet"
    as_owner = lambda *words, **more: subprocess.run([*machines.prefix, *words], check=True, **more)
    as_owner("mkdir", "-m", "700", f"{state}/guests")
    bad = {"Newer": (b"apus-guest 2\0directory /\0", 'it does not begin with "apus-guest 1" but with "apus-guest 2"'),
           "Cut": (kept_guest("directory /", "word")[:-3], "it was not written to its end"),
           "Moved": (kept_guest("directory /no/such"), "/no/such: No such file or directory")}
    for name, (data, _) in bad.items():
        as_owner("tee", f"{state}/guests/{name}", input=data, stdout=subprocess.DEVNULL)
    as_owner("ln", "-s", "Newer", f"{state}/guests/Linked")
    as_owner("mkfifo", f"{state}/guests/Pipe")
    result = machines.apus("guest", "resume", "lab")
    assert result.returncode == 1 and result.stderr.count("\n") == 5, result
    assert "guests/Pipe is not a file of yours that nobody else can write" in result.stderr
    as_owner("rm", f"{state}/guests/Pipe")
    for name, (_, why) in bad.items():
        assert re.search(f"^apus: .*{name}.*{re.escape(why)}", result.stderr, re.M), result.stderr
    machines.down()
    result = machines.apus("up", "lab", "--state", state, "--no-guests")
    assert (result.returncode, result.stderr) == (0, "")
    machines.down()
    result = machines.apus("up", "lab", "--state", state)
    assert result.returncode == 0 and result.stderr.count("\n") == 4, "the machine runs, and what does not is said"
    for name in (*bad, "Linked"):
        result = machines.apus("guest", "stop", name)
        assert (result.returncode, result.stderr) == (0, ""), "what does not run any more is not started again"
    assert machines.apus("guest", "stop", "Cut").returncode == 1
    assert machines.apus("guest", "resume").returncode == 0
    as_owner("chmod", "750", f"{state}/guests")
    result = machines.apus("guest", "resume")
    assert result.returncode == 1 and "guests is not a directory of yours with mode 0700" in result.stderr
    machines.down()
    subprocess.run(["rm", "-r", state], check=True)


def test_the_state_of_a_relative_name_is_found_from_everywhere(machines, tmp_path):
    place = f"{machines.runs.base}/relative"
    subprocess.run([*machines.prefix, "mkdir", place], check=True)
    result = machines.apus("up", "lab", "--state", "kept", cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    assert machines.list()["lab"]["state"] == f"{place}/kept"
    machines.down()
    subprocess.run(["rm", "-r", place], check=True)


@pytest.mark.parametrize("part", ["daemon", "guard", "both", "all"])
def test_what_is_killed_leaves_nothing(machines, part):
    """200 of 200 kills leave no mount, process, socket or file behind that the next command does not take away."""
    for turn in range(KILLS):
        machines.up("--ioctl=notify" if turn % 2 else "--ioctl=fuse")
        child = machines.start("echo up; exec sleep 1000")
        assert child.stdout.readline() == "up\n"
        pids = machines.parts()
        assert set(pids) == {"daemon", "guard"}
        if part == "all":
            pids.update({f"program {pid}": pid for pid in machines.runs.processes()})
        killed = {pid for name, pid in pids.items() if part in (name, "both", "all")}
        kill(*killed)
        wait_for(lambda: not killed & {*machines.runs.processes(), *machines.runs.dying()})
        if part == "daemon":
            assert machines.runs.settle() == {}, "the guard ends the programs, too"
            assert machines.runs.machines() == []
        if part == "guard":
            machines.down()
        elif turn % 3 == 0:
            assert machines.list() == {}
        elif turn % 3 == 1:
            assert machines.apus("down", "lab").returncode == 3
        else:
            machines.up()
            machines.down()
        assert machines.runs.settle() == {} and machines.runs.machines() == [], turn
        child.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_starts(machines, number):
    chance = random.Random(int(number))
    for _ in range(max(KILLS, 10)):
        child = subprocess.Popen([*machines.prefix, binary(), "up", "lab"], env=machines.runs.environment(), cwd="/",
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(chance.uniform(0, 0.4))
        child.send_signal(number)
        child.communicate(timeout=60)
        if machines.list().get("lab", {}).get("ready"):
            machines.apus("down", "lab")  # it may be ending
        wait_for(lambda: machines.list() == {})
        assert machines.runs.settle() == {} and machines.runs.machines() == []


def test_up_while_another_one_ends(machines):
    """A service manager starts it again at once."""
    machines.up()
    for _ in range(KILLS):
        os.kill(machines.parts()["daemon"], signal.SIGKILL)
        machines.up()
    machines.down()


def test_ten_at_once(machines):
    children = [subprocess.Popen([*machines.prefix, binary(), "up", "lab"], env=machines.runs.environment(), cwd="/",
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(10)]
    for child in children:
        child.communicate(timeout=60)
    assert sorted(child.returncode for child in children) == [0] + 9 * [125]
    assert machines.exec("true").returncode == 0
    machines.down()
