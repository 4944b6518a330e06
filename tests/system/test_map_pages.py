# SPDX-License-Identifier: MIT
"""The pages of apus map in a real browser: nothing is cut, everything can be read, in light and dark, narrow, wide and on
paper."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

APUS = os.environ["APUS_BIN"]
BROWSER = shutil.which("chromium")
pytestmark = pytest.mark.skipif(not BROWSER, reason="there is no chromium, which shows pages")
LOOK = pathlib.Path(__file__).with_name("look.js").read_text()
UUID = "69aa1a8a-0000-4000-8000-"

SMALL = f"""[machine]
domains = 4,0x47,0xab,0xff
[adapter 4]
type = CEX5C
[adapter 5-6]
type = CEX7P
[adapter 7]
type = CEX8A
configured = no
[bus]
apmask = +4
aqmask = +0-255
[mdev {UUID}000000000001]
adapters = 5,6
domains = 4,0xab
[mdev {UUID}000000000002]
adapters = 5,9
domains = 0x47
[mdev {UUID}000000000003]
adapters = 7
domains = 4,0xab
[guest Guest1]
mdev = {UUID}000000000001
[guest WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW]
mdev = {UUID}000000000002
[card 4]
queues-offline = 0x47
[card 6]
unbound = 0xff
[fault 1]
rule = 04.0004 always busy
"""


def large(adapters, domains, guests, moved=()):
    text = f"[machine]\ndomains = 0-{domains - 1}\n[adapter 0-{adapters - 1}]\ntype = CEX8C\n"
    text += f"[bus]\napmask = +0-{adapters - 1}\naqmask = +0-{domains - guests - 1}\n"
    for n in range(guests):
        first = (n + (n in moved)) * 4 % (adapters - 4)
        text += f"[mdev {UUID}{n:012x}]\nadapters = {first}-{first + 3}\ndomains = {domains - guests + n}\n"
    return text + "".join(f"[guest Guest{n:02}]\nmdev = {UUID}{n:012x}\n" for n in range(guests))


def board():
    """No queue is like one beside it."""
    text = "[machine]\ndomains = 0-255\n[adapter 0-255]\ntype = CEX8C\n[bus]\napmask = 0x0\naqmask = 0x0\n"
    for odd in range(2):
        ids = ",".join(f"{id}\n " if id % 32 > 29 else str(id) for id in range(odd, 256, 2)).replace("\n ,", ",\n ").rstrip()
        text += f"[mdev {UUID}{odd:012x}]\nadapters = {ids}\ndomains = {ids}\n"
    return text


MACHINES = {"small": [SMALL], "small-change": [SMALL, SMALL.replace("adapters = 5,6", "adapters = 6")],
            "usual": [large(40, 85, 60)], "usual-change": [large(40, 85, 60), large(40, 85, 60, moved=[3])],
            "full": [large(256, 256, 200)], "board": [board()]}


def browse(folder, page, *options):
    done = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                           f"--user-data-dir={folder / 'profile'}", *options, page.as_uri()],
                          text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def look(folder, page, width, dark):
    """What look.js sees."""
    seen = folder / "seen.html"
    seen.write_text(page.read_text() + f"<script>{LOOK}</script>")
    dom = browse(folder, seen, "--dump-dom", f"--window-size={width},900",
                 *["--blink-settings=preferredColorScheme=0"] * dark)
    return json.loads(re.search(r'<script id="report" type="application/json">(.*?)</script>', dom, re.DOTALL).group(1))


@pytest.fixture(name="draw")
def fixture_draw(tmp_path):
    def draw(name, kind="html"):
        files = []
        for n, text in enumerate(MACHINES[name]):
            files.append(tmp_path / f"{n}.ini")
            files[-1].write_text(text)
        page = tmp_path / f"map.{kind}"
        subprocess.run([APUS, "map", f"--{kind}", page, *(["--diff"] if len(files) > 1 else ["--from"]), *files], check=True,
                       timeout=300)
        return page
    return draw


@pytest.mark.parametrize(("width", "dark"), [(500, False), (1400, True)], ids=["narrow-light", "wide-dark"])
@pytest.mark.parametrize("name", ["small", "small-change", "usual", "usual-change"])
def test_everything_can_be_read(tmp_path, draw, name, width, dark):
    seen = look(tmp_path, draw(name), width, dark)
    assert seen["dark"] == dark
    assert seen["texts"] > 50
    assert seen["cut"] == []
    assert seen["pale"] == []
    assert seen["page"] <= width
    if width > 1300 and name.endswith("change"):
        assert seen["beside"], "before and after are next to each other"


@pytest.mark.parametrize("name", ["full", "board"])
def test_all_queues_that_can_be(tmp_path, draw, name):
    seen = look(tmp_path, draw(name), 1400, False)
    assert seen["cut"] == []
    assert seen["pale"] == []
    # What the pointer finds in the middle of a queue.
    assert re.match(r"(0f|0[0-9a-f]-[0-9a-f]{2})\.(0021|0000-[0-9a-f]{4}): ", seen["at"]), seen["at"]


@pytest.mark.parametrize("name", ["small-change", "usual", "usual-change"])
def test_a_page_of_paper(tmp_path, draw, name):
    paper = tmp_path / "map.pdf"
    browse(tmp_path, draw(name), "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert len(re.findall(rb"/Type /Page\b(?!s)", paper.read_bytes())) == 1


def test_a_picture_of_its_own(tmp_path, draw):
    for name in ["small-change", "usual-change"]:
        page = tmp_path / "picture.html"
        page.write_text(f"<!DOCTYPE html><body style='margin:0'>{draw(name, 'svg').read_text()}")
        seen = look(tmp_path, page, 1600, False)
        assert seen["cut"] == []
        assert seen["pale"] == []


def test_the_page_of_a_plan(tmp_path):
    for name, text in zip(["now", "wanted"], MACHINES["small-change"]):
        (tmp_path / f"{name}.ini").write_text(text)
    page = tmp_path / "plan.html"
    subprocess.run([APUS, "plan", "--from", tmp_path / "now.ini", tmp_path / "wanted.ini", "--html", page], check=True, timeout=60)
    assert "<li>Guest1 loses 05.0004, 05.00ab</li>" in page.read_text()
    assert "gives away adapter 0x05: Guest1 loses 05.0004, 05.00ab</li>" in page.read_text()
    seen = look(tmp_path, page, 1400, False)
    assert (seen["cut"], seen["pale"], seen["beside"]) == ([], [], True)
