# SPDX-License-Identifier: MIT
"""The control protocol does everything, with results as its schema says; apus call; exit statuses and errors as JSON."""

import errno
import json
import os
import select
import subprocess

import pytest

from harness import ApusError, Control, apus_binary, uuid, wait_connected, worked_example
from harness.schema import SCHEMA, check


@pytest.fixture
def host(apus):
    """Adapter 5 belongs to vfio_ap; a device has 05.0004, and guest G1 has the device."""
    host = apus(worked_example())
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.mdev(1).assign([5], [4])
    host.execute("guest-start", name="G1", mdev=uuid(1))
    return host


def without_guest(host):
    """The machine file of what runs, but for the guest."""
    return host.execute("export")["machine"].partition("\n[guest ")[0] + "\n"


def call(host, *words, status=0):
    done = host.cli("call", *words)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr


PATHS = ["bus/ap/apmask", "bus/ap/devices/05.0004/hwtype", "bus/ap/devices/card05/config", "bus/ap/drivers_probe", "bus/ap",
         "bus/ap/nothing", "bus/ap/apmask/x", "devices/ap/card09/config", "", f"devices/vfio_ap/matrix/{uuid(1)}/matrix",
         f"devices/vfio_ap/matrix/{uuid(1)}/assign_adapter"]


@pytest.mark.parametrize("path", PATHS)
def test_read_is_what_a_program_reads(host, path):
    """Value or errno, the path relative to /sys or with it."""
    for prefix in ("", "/", "/sys/"):
        if not prefix + path:
            continue
        try:
            assert host.execute("read", path=prefix + path)["value"] == host.r(path)
        except ApusError as error:
            assert error.errno == host.r(path)


@pytest.mark.parametrize(("path", "value"), [
    ("bus/ap/apmask", "+5"), ("bus/ap/apmask", "rubbish"), ("bus/ap/apmask", ""), ("bus/ap/ap_max_domain_id", "5"),
    ("bus/ap", "5"), ("bus/ap/nothing", "5"), (f"devices/vfio_ap/matrix/{uuid(1)}/assign_adapter", "255"),
    (f"devices/vfio_ap/matrix/{uuid(1)}/assign_domain", "0x47"), (f"devices/vfio_ap/matrix/{uuid(1)}/remove", "1"),
    ("devices/ap/card05/config", "2"), ("bus/ap/poll_timeout", "x" * 4096)],
    ids=lambda word: word[-20:])
def test_write_is_what_a_program_writes(apus, path, value):
    """On two machines of the same kind."""
    results = []
    for _ in range(2):
        host = apus(worked_example())
        assert host.w("bus/ap/apmask", "-5") == "OK"
        host.mdev(1).assign([5])
        host.execute("guest-start", name="G1", mdev=uuid(1))
        results.append(host)
    answer = results[0].write(path, value)
    try:
        results[1].execute("write", path=path, value=value)
        assert answer == len(value)
    except ApusError as error:
        assert isinstance(answer, str) and error.errno == answer.removeprefix("open ")
    assert results[0].dump().keys() == results[1].dump().keys()


def test_list_is_what_a_program_lists(host):
    for path in ("", "bus/ap/devices", "devices/ap/card05", "class/zcrypt"):
        seen = {}
        for entry in host.execute("list", path="/sys/" + path)["entries"]:
            seen[entry["name"]] = entry
        assert sorted(seen) == host.names(path)
        for name, entry in seen.items():
            status = os.lstat(host.path(path) / name)
            if os.path.islink(host.path(path) / name):
                assert (entry["type"], entry["target"]) == ("link", host.link(f"{path}/{name}"))
            else:
                assert entry["mode"] == f"{status.st_mode & 0o7777:04o}"
                assert (entry["type"] == "directory") == os.path.isdir(host.path(path) / name)
    assert host.refused("list", path="bus/ap/apmask").errno == "ENOTDIR"


def test_a_guest_has_its_own_tree(host):
    """As the program in the guest would see it: its one queue is zcrypt's there, and its adapter cannot be taken away."""
    names = [entry["name"] for entry in host.execute("list", path="bus/ap/devices", guest="G1")["entries"]]
    assert sorted(names) == ["05.0004", "card05"]
    assert host.execute("read", path="bus/ap/devices/05.0004/online", guest="G1")["value"] == "1\n"
    host.execute("write", path="bus/ap/devices/05.0004/online", value="0", guest="G1")
    assert host.execute("read", path="bus/ap/devices/05.0004/online", guest="G1")["value"] == "0\n"
    assert host.refused("write", path="bus/ap/devices/05.0004/online", value="7", guest="G1").errno == "EINVAL"
    assert host.refused("read", path="devices/vfio_ap", guest="G1").errno == "ENOENT"
    assert host.refused("read", path="bus/ap/apmask", guest="G2").errno == "ENOENT"


def test_map_plan_and_explain_are_those_of_the_command_line(host, tmp_path):
    file = tmp_path / "wanted.ini"
    wanted = without_guest(host)
    file.write_text(wanted)
    assert host.execute("map") == json.loads(host.cli("map", "--json").stdout)
    assert host.execute("map", adapters=[5], domains=[4])["queues"][0]["guest"] == "G1"
    assert host.execute("map", after=wanted) == json.loads(host.cli("map", "--diff", file, "--json").stdout)
    plan = host.execute("plan", machine=wanted, format="text")
    assert plan.pop("text") == host.cli("plan", file).stdout
    assert plan == json.loads(host.cli("plan", file, "--json").stdout)
    back = host.execute("plan", machine=wanted, undo=True)
    assert [step["kind"] for step in plan["steps"]] == ["guest-stop"]
    assert [step["kind"] for step in back["steps"]] == ["guest-start"]
    assert back["steps"][0]["features"] == ["ap", "apft", "apqci", "apqi"]
    for what in ("05.0004", "G1", uuid(1)):
        assert host.execute("explain", what=what)["text"] == host.cli("explain", what).stdout
    assert host.refused("explain", what="nothing").errno == "ENOENT"
    assert "machine:1" in host.refused("plan", machine="nothing").desc
    assert host.refused("map", guest="G2").errno == "ENOENT"


def test_a_refusal_has_the_number_by_which_it_is_explained(host):
    error = host.refused("write", path="bus/ap/apmask", value="+5")
    assert error.errno == "EADDRINUSE"
    number = error.error["message"]
    assert host.execute("log", since=number)["messages"][0]["write"] == {"path": "bus/ap/apmask", "value": "+5"}
    told = host.execute("explain", refusal=number)
    assert not told["accepted"] and told["alternatives"][0]["steps"][-1]["path"] == "bus/ap/apmask"
    assert told["text"] == host.cli("explain", number).stdout
    assert host.execute("explain", refusal=0) == told
    # What the log says nothing of has none.
    assert "message" not in host.refused("guest-show", name="Nobody").error


def test_a_plan_keeps_nobody_waiting(apus):
    """It takes seconds, and other clients and programs are served at once; whoever ends the daemon does not wait."""
    adapters = "".join(f"[adapter {apid}]\ntype=CEX7C\n" for apid in range(256))
    head = "[machine]\ndomains=0-255\ncontrol-domains=0-255\nmax-adapter=255\nmax-domain=255\napmask=0x0\n"
    host = apus(head + adapters)
    mdevs = "".join(f"[mdev {uuid(n)}]\nadapters={n % 256}\ndomains={n // 256}\n" for n in range(1000))
    planners = [Control(host.socket, timeout=60) for _ in range(4)]
    for planner in planners:
        planner.send(json.dumps({"execute": "plan", "arguments": {"machine": head + adapters + mdevs}}).encode() + b"\n")
    assert host.execute("read", path="bus/ap/ap_max_adapter_id")["value"] == "255\n"
    assert host.w("bus/ap/poll_timeout", 100000) == "OK"
    assert select.select([planner.socket for planner in planners], [], [], 0)[0] == [], "a plan is complete already"
    assert host.refused("explain", what="05.0004").errno == "EAGAIN"
    for planner in planners[:3]:
        planner.close()
    assert host.execute("status")["queues"]["total"] == 65536


def test_every_command_is_called(host, tmp_path):
    """And returns what the schema says; what it says of arguments is what the daemon accepts."""
    (tmp_path / "wanted.ini").write_text(without_guest(host))
    calls = {"commands": [], "subscribe": ["events=log,uevent"], "events": ["since=0"], "log": ["since=1"], "wait": ["condition=guest G1 has 05.0004"], "status": [],
             "map": ["adapters=5"], "metrics": [], "export": [], "se-show": [], "plan": [f"machine=@{tmp_path}/wanted.ini", "undo=true"],
             "explain": ["what=05.0004"], "read": ["path=bus/ap/apmask"], "list": ["path=bus"],
             "write": ["path=bus/ap/poll_timeout", "value=100000"], "se-adapter": ["adapter=0x06", "state=off"],
             "se-lpar": ["action=remove", "kind=adapter", "id=06", "force=true"],
             "sclp": ["command=configure", "adapter=5"], "checkstop": ["adapter=4", "state=on"],
             "machine-set": ["checkstop=", 'adapters:={"4": "CEX5C", "5": "CEX5C", "6": "CEX5A"}'],
             "fault-add": ["rule=05.* 3 busy"], "fault-list": [], "fault-remove": ["all=true"],
             "guest-start": ["name=G2", "features=ap,apqci"], "guest-list": [], "guest-show": ["name=G1"],
             "guest-detach": ["name=G1"], "guest-attach": ["name=G1", f"mdev={uuid(1)}"], "guest-stop": ["name=G2"],
             "guest-migrate": ["name=G3"], "badge": ["name=G3"], "reboot": [], "quit": []}
    host.execute("guest-start", name="G3")
    refused = {"guest-mount": (["name=G1"], 2), "seccomp-listen": ([], 2), "clock-advance": (["seconds=1.5"], 1)}
    assert set(calls) | set(refused) == set(SCHEMA["commands"])
    for command, (arguments, status) in refused.items():
        assert call(host, command, *arguments, status=status)
    assert call(host, "commands") == SCHEMA
    for command, arguments in calls.items():
        check(call(host, command, *arguments), SCHEMA["commands"][command]["returns"], command)


@pytest.mark.parametrize(("words", "part"), [
    (["fly"], "no command 'fly'"), (["status", "a=5"], "no argument 'a'"), (["status", "a"], "KEY=VALUE"),
    (["read", "=x"], "KEY=VALUE"), (["read", "path=a", "path=b"], "given twice"), (["log", "since=many"], "integer"),
    (["se-adapter", "adapter=256", "state=on"], "0 to 255"), (["fault-remove", "all=yes"], "boolean"),
    (["machine-set", "adapters=5"], "adapters:=JSON"), (["machine-set", "adapters:={"], "not JSON"),
    (["machine-set", "domains=4-x"], "'x'"), (["clock-advance", "seconds=soon"], "number")])
def test_wrong_words_name_what_is_wrong(host, words, part):
    before = host.dump()
    assert part in call(host, *words, status=2)
    assert host.dump() == before


def test_exit_statuses_and_errors_as_json(host, tmp_path):
    def run(*words, **environment):
        base = {name: value for name, value in os.environ.items() if name not in ("APUS_SOCKET", "APUS_RUNTIME_DIR")}
        done = subprocess.run([apus_binary(), *words, "--json"], env=base | environment, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.stdout == ""
        return done.returncode, json.loads(done.stderr)["error"]

    here = {"APUS_SOCKET": str(host.socket)}
    status, error = run("call", "write", "path=bus/ap/apmask", "value=+5", **here)
    assert (status, error["class"], error["errno"]) == (1, "Refused", "EADDRINUSE") and error["message"] > 0
    status, error = run("guest", "show", "Nobody", **here)
    assert (status, error["class"], error["errno"]) == (1, "Refused", "ENOENT")
    status, error = run("se", "adapter", "300", "off", **here)
    assert (status, error["class"]) == (2, "Usage")
    for words in (["wait", "nonsense"], ["call", "se-adapter", "adapter=5"], ["guest", "start", "a/b"]):
        status, error = run(*words, **here)
        assert (status, error["class"]) == (2, "InvalidArgument"), words
    status, error = run("status", APUS_SOCKET=str(tmp_path / "nothing"))
    assert (status, error["class"]) == (3, "NoMachine")
    status, error = run("status", APUS_RUNTIME_DIR=str(tmp_path))
    assert (status, error["class"]) == (3, "NoMachine")
    assert errno.errorcode[errno.ENOENT] == error["errno"]


@pytest.mark.parametrize("words", [["events", "--follow"], ["log", "--follow"], ["map", "--watch"],
                                   ["wait", "event", "never"]])
def test_a_lost_connection_is_no_success(host, words):
    with subprocess.Popen([apus_binary(), *words], env=dict(os.environ, APUS_SOCKET=str(host.socket)), text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as follower:
        wait_connected(follower)
        host.execute("quit")
        assert follower.wait(20) == 4
        assert "closed the connection" in follower.stderr.read()


def arguments_of_the_table():
    return [(command, name) for command, about in SCHEMA["commands"].items() for name in about["arguments"]["properties"]]


# What takes any string, which then names something that is there or not.
NAMES_OF_THINGS = {("explain", "what"), ("read", "path"), ("write", "path"), ("write", "value"), ("list", "path")}


def test_what_no_machine_accepts_is_wrong_usage(host):
    """One rule for the whole table: an argument of a wrong form is InvalidArgument with EINVAL, and no refusal in the log."""
    table = arguments_of_the_table()
    assert NAMES_OF_THINGS <= set(table)
    wrong = []
    for command, name in table:
        about = SCHEMA["commands"][command]["arguments"]
        values = [{"a": []}] if (command, name) in NAMES_OF_THINGS else [{"a": []}, "!?/no"]
        for value in values:
            if about["properties"][name].get("maxLength", 0) > 255 and isinstance(value, str):
                continue  # a file, whose errors are about its lines
            with pytest.raises(ApusError) as refused:
                host.execute(command, **{name: value})
            if (refused.value.kind, refused.value.errno) != ("InvalidArgument", "EINVAL"):
                wrong.append((command, name, value, refused.value.kind, refused.value.errno))
    assert not wrong


@pytest.mark.parametrize("words", [["fault", "add", "bogus"], ["guest", "start", "a/b"], ["wait", "bogus"],
                                   ["call", "fault-add", "rule=bogus"]], ids=" ".join)
def test_the_shell_is_told_of_wrong_usage(host, words):
    done = host.cli(*words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
