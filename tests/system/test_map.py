# SPDX-License-Identifier: MIT
"""apus map: filters, comparisons, pictures, and following what happens."""

import json
import math
import os
import re
import subprocess
from xml.etree import ElementTree

import pytest

from harness import Daemon

APUS = os.environ["APUS_BIN"]
UUIDS = [f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in range(3)]
MACHINE = f"""[machine]
domains = 4,0x47
[adapter 4-6]
type = CEX7C
[bus]
apmask = +4
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 5
domains = 4
[guest Guest1]
mdev = {UUIDS[0]}
"""
WANTED = MACHINE.replace("adapters = 5", "adapters = 6")
HOSTILE = MACHINE.replace("Guest1", "%3cscript%3ealert%281%29&amp%3b")


def draw(*arguments, columns=80, status=0):
    done = subprocess.run([APUS, "map", *map(str, arguments)], env=dict(os.environ, COLUMNS=str(columns)), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == status, done
    return done.stderr if status else done.stdout


@pytest.fixture(name="files")
def fixture_files(tmp_path):
    for name, text in [("before", MACHINE), ("after", WANTED), ("hostile", HOSTILE)]:
        (tmp_path / f"{name}.ini").write_text(text)
    return tmp_path


def cells(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]


def test_filters(files):
    before = files / "before.ini"
    assert len(cells(draw("--from", before))[0]) == 3
    assert cells(draw("--from", before, "--adapter", "5-6", "--domain", "0x47")) == [["(05,0047) +", "(06,0047) +"]]
    assert cells(draw("--from", before, "--guest", "Guest1")) == [["(05,0004) 1"]]
    assert "no guest 'Guest9' has a mediated device" in draw("--from", before, "--guest", "Guest9", status=1)
    assert "--changed goes with --diff or --watch" in draw("--from", before, "--changed", status=2)
    assert "'x'" in draw("--from", before, "--adapter", "x", status=2)


def test_a_comparison_of_files(files):
    text = draw("--diff", files / "before.ini", files / "after.ini", "--changed")
    assert cells(text) == [["(05,0004) 1>+", "(06,0004) +>1"]]
    assert text.endswith("vfio_ap loses 06.0004; gets 05.0004\nGuest1 loses 05.0004; gets 06.0004\n")
    queues = json.loads(draw("--diff", files / "before.ini", files / "after.ini", "--json"))["queues"]
    assert [queue["apqn"] for queue in queues if queue["changed"]] == ["05.0004", "06.0004"]
    assert [(queue["guest"], queue["before"]["guest"]) for queue in queues if queue["changed"]] == [(None, "Guest1"), ("Guest1", None)]


def test_a_comparison_with_the_running_machine(apus, files):
    host = apus(MACHINE)
    done = host.cli("map", "--diff", files / "after.ini", "--changed")
    assert "1>+" in done.stdout and "+>1" in done.stdout, done
    host.w(f"devices/vfio_ap/matrix/{UUIDS[0]}/assign_adapter", "6")
    host.w(f"devices/vfio_ap/matrix/{UUIDS[0]}/unassign_adapter", "5")
    assert host.cli("map", "--diff", files / "after.ini", "--changed").stdout == "Nothing matches.\n\n"


def test_the_list_for_programs(files):
    queues = json.loads(draw("--from", files / "before.ini", "--json"))["queues"]
    assert len(queues) == 6
    assert queues[2] == {"apqn": "05.0004", "device": True, "owner": "vfio_ap", "mdev": UUIDS[0], "guest": "Guest1",
                         "in_use": True, "adapter_state": "online", "condition": "online"}


def test_conditions(apus):
    host = apus(MACHINE)
    host.w("devices/ap/card04/04.0004/online", "0")
    host.w("bus/ap/drivers/vfio_ap/unbind", "05.0004")
    host.execute("checkstop", adapter=6, state="on")
    assert host.cli("fault", "add", "04.0047 always busy").returncode == 0
    done = json.loads(host.cli("map", "--json").stdout)["queues"]
    assert {queue["apqn"]: queue["condition"] for queue in done} == {
        "04.0004": "offline", "04.0047": "fault", "05.0004": "driverless", "05.0047": "online", "06.0004": "checkstopped",
        "06.0047": "checkstopped"}


def test_pictures_are_well_formed(files):
    for name in ["before", "hostile"]:
        draw("--from", files / f"{name}.ini", "--svg", files / "map.svg", "--html", files / "map.html")
        picture = ElementTree.parse(files / "map.svg")
        titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
        assert len(titles) == 6
        page = (files / "map.html").read_text()
        assert "<script" not in page and "\033" not in page and "src=" not in page and "href" not in page
        assert page.count("<title>") == 7


def fills(style):
    """{class: (red, green, blue)}"""
    return {name: [int(colour[at:at + 2], 16) for at in (0, 2, 4)]
            for name, colour in re.findall(r"\.(\w+){fill:#([0-9a-f]{6})}", style)}


def test_no_device_looks_like_what_is_not_assigned(tmp_path):
    """On light and on dark, of more devices than there are hues."""
    file = tmp_path / "many.ini"
    file.write_text("[machine]\ndomains = 0-59\n[adapter 0]\ntype = CEX7C\n[bus]\napmask = 0x0\n" + "".join(
        f"[mdev 69aa1a8a-0000-4000-8000-{n:012x}]\nadapters = 0\ndomains = {n}\n" for n in range(50)))
    picture = draw("--from", file, "--svg", "-")
    schemes = [fills(part) for part in picture.rpartition("@media")[::2]]
    for scheme in schemes:
        assert len(scheme) > 50
        for n in range(50):
            for other in "vz":
                assert math.dist(scheme[f"m{n}"], scheme[other]) > 25, (n, other)


def test_a_picture_that_cannot_be_written(files):
    assert "cannot write to /nowhere/map.svg: No such file or directory" in draw(
        "--from", files / "before.ini", "--svg", "/nowhere/map.svg", status=1)
    assert "--json prints a list; --svg and --html, which draw, do not go with it" in draw(
        "--from", files / "before.ini", "--json", "--html", "-", status=2)


def test_names_do_not_reach_the_terminal(files):
    text = draw("--from", files / "hostile.ini")
    assert "<script>alert(1)&amp;" in text and "\033" not in text


def test_watch_draws_what_happens(tmp_path):
    host = Daemon(tmp_path / "daemon", machine=MACHINE)
    with subprocess.Popen([APUS, "map", "--watch", "--changed"], env=dict(os.environ, APUS_SOCKET=str(host.socket)), text=True,
                          stdout=subprocess.PIPE) as process:
        until(process, "Guest1")
        host.w(f"devices/vfio_ap/matrix/{UUIDS[0]}/assign_domain", "0x47")
        assert "(05,0047) +>1" in until(process, "Guest1 gets 05.0047")
        host.w("devices/ap/card04/04.0047/online", "0")
        until(process, "(04,0047) .>.%")
        host.stop()
        assert process.wait(timeout=60) == 4  # the daemon has ended


def until(process, what):
    """The lines up to the one that has what."""
    seen = ""
    for line in process.stdout:
        seen += line
        if what in line:
            return seen
    raise AssertionError(seen)
