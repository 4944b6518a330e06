# SPDX-License-Identifier: MIT
"""apus plan: the steps are done by the daemon and by the script, and lead back again."""

import fcntl
import json
import os
import shutil
import subprocess
import termios

import pytest

from harness import Daemon

UUIDS = [f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in range(3)]
HEAD = "[machine]\ndomains = 4,0x47\n[adapter 5-7]\ntype = CEX7C\n[bus]\n"
# 05 is zcrypt's, then the guest's; the guest's 06 goes to the second device; the third one stays.
NOW = HEAD + f"""apmask = +5
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 6
domains = 4,0x47
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
[guest Guest1]
mdev = {UUIDS[0]}
[guest Guest3]
mdev = {UUIDS[2]}
"""
WANTED = HEAD + f"""apmask = 0x0
aqmask = +0-255
[mdev {UUIDS[0]}]
adapters = 5
domains = 4,0x47
[mdev {UUIDS[1]}]
adapters = 6
domains = 4,0x47
[mdev {UUIDS[2]}]
adapters = 7
domains = 4
[guest Guest1]
mdev = {UUIDS[0]}
[guest Guest2]
mdev = {UUIDS[1]}
[guest Guest3]
mdev = {UUIDS[2]}
"""


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    daemon = Daemon(tmp_path / "daemon", machine=NOW)
    yield daemon
    daemon.stop()


@pytest.fixture(name="wanted")
def fixture_wanted(tmp_path):
    file = tmp_path / "wanted.ini"
    file.write_text(WANTED)
    return file


def steps(host, file):
    done = host.cli("plan", file, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)["steps"]


def test_text_says_who_loses(host, wanted):
    done = host.cli("plan", wanted)
    assert done.returncode == 0, done
    assert "Guest1 loses 06.0004, 06.0047; Guest1 gets 05.0004, 05.0047" in done.stdout
    assert "zcrypt loses 05.0004" in done.stdout
    assert "Guest3" not in done.stdout, "it is not concerned"
    assert host.value("bus/ap/apmask").startswith("0x04"), "nothing is changed"


def test_apply_and_back(host, wanted, tmp_path):
    before = tmp_path / "before.ini"
    before.write_text(host.cli("export").stdout)
    done = host.cli("plan", wanted, "--apply")
    assert done.returncode == 0, done
    assert steps(host, wanted) == []
    assert host.value("bus/ap/apmask") == "0x" + "0" * 64
    done = host.cli("plan", before, "--apply")
    assert done.returncode == 0, done
    assert steps(host, before) == []


def test_apply_writes_no_script(host, wanted):
    """Its output is the steps, as they are done."""
    before = host.cli("export").stdout
    for words in (("--format", "sh"), ("--format", "se"), ("--undo",), ("--html", "-")):
        done = host.cli("plan", wanted, "--apply", *words)
        assert done.returncode == 2 and not done.stdout and host.cli("export").stdout == before, done
    planned = steps(host, wanted)
    lines = host.cli("plan", wanted, "--apply", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == planned and steps(host, wanted) == []


def run_script(text, host, tmp_path, name):
    script = tmp_path / name
    script.write_text(text)
    environment = dict(os.environ, SYS=str(host.root), YES="1")
    return subprocess.run(["bash", script], env=environment, capture_output=True, text=True, timeout=60, check=False)


def without_guests(host, tmp_path):
    """The wanted state with the guests of now, which no script on /sys starts."""
    file = tmp_path / "w.ini"
    file.write_text(WANTED.replace(f"[guest Guest2]\nmdev = {UUIDS[1]}\n", ""))
    return file


def test_the_script_does_it_and_its_undo_leads_back(host, tmp_path):
    file = without_guests(host, tmp_path)
    script = host.cli("plan", file, "--format", "sh").stdout
    undo = host.cli("plan", file, "--format", "sh", "--undo").stdout
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 0, done
    assert steps(host, file) == []
    done = run_script(undo, host, tmp_path, "undo.sh")
    assert done.returncode == 0, done
    assert host.value("bus/ap/apmask").startswith("0x04")
    assert "All " in (tmp_path / "undo.sh.log").read_text()


def test_the_script_stops_at_a_surprise(host, tmp_path):
    script = host.cli("plan", without_guests(host, tmp_path), "--format", "sh").stdout
    host.w("bus/ap/aqmask", "-0xff")
    before = host.cli("export").stdout
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 1
    assert "STOP at step 0: bus/ap/aqmask is" in done.stdout and "Steps that are done: 0. " in done.stdout
    assert host.cli("export").stdout == before


@pytest.mark.parametrize(("change", "surprise"), [
    (lambda host: host.w("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", UUIDS[1][:-1] + "9"),
     f"there is a mediated device {UUIDS[1][:-1]}9"),
    (lambda host: host.cli("se", "lpar", "add", "domain", "0x50", "--force"), "bus/ap/ap_usage_domain_mask is"),
    (lambda host: host.cli("se", "lpar", "add", "control-domain", "0x50", "--force"), "bus/ap/ap_control_domain_mask is"),
    (lambda host: host.w("bus/ap/drivers/cex4queue/unbind", "05.0047"),
     "bound to cex4queue: 05.0004, and should be: 05.0004 05.0047"),
    (lambda host: host.w("bus/ap/drivers/vfio_ap/unbind", "06.0004"), "bound to vfio_ap: 06.0047, and should be: 06.0004 06.0047"),
    (lambda host: host.w("bus/ap/drivers/cex4card/unbind", "card06"), "devices/ap/card06/online cannot be read"),
    (lambda host: host.w("devices/ap/card05/online", "0"), "devices/ap/card05/online is 0, and should be 1"),
    (lambda host: host.w("devices/ap/card05/05.0047/online", "0"), "offline of card05: 05.0047, and should be: none")])
def test_the_script_knows_of_everything_that_is_there(host, tmp_path, change, surprise):
    """What the plan did not know of: another device, a change of the LPAR, what was bound or set offline by hand."""
    script = host.cli("plan", without_guests(host, tmp_path), "--format", "sh").stdout
    change(host)
    before = host.cli("export").stdout
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 1 and f"STOP at step 0: {surprise}" in done.stdout, done
    assert host.cli("export").stdout == before


def test_the_script_stops_without_a_log_or_a_program(host, tmp_path):
    """Before anything is changed."""
    before = host.cli("export").stdout
    script = tmp_path / "tonight.sh"
    for form, environment, words in (("sh", {"LOG": "/no/such/folder/log"}, "The log /no/such/folder/log cannot be written."),
                                     ("mdevctl", {"PATH": str(tmp_path / "bin")}, "STOP at step 0: mdevctl is not installed"),
                                     ("virsh", {"PATH": str(tmp_path / "bin")}, "STOP at step 0: virsh is not installed")):
        script.write_text(host.cli("plan", without_guests(host, tmp_path), "--format", form).stdout)
        (tmp_path / "bin").mkdir(exist_ok=True)
        for program in ("cat", "date", "tee"):
            (tmp_path / "bin" / program).unlink(missing_ok=True)
            (tmp_path / "bin" / program).symlink_to(shutil.which(program))
        done = subprocess.run([shutil.which("bash"), script], env=dict(os.environ, SYS=str(host.root), YES="1", **environment),
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and words in done.stdout + done.stderr, done
        assert host.cli("export").stdout == before


def test_the_script_as_input_of_bash_does_not_answer_itself(host, wanted, tmp_path):
    """As in ssh lpar bash < tonight.sh: what is asked for is answered at a terminal, and there is none."""
    script = host.cli("plan", wanted, "--format", "sh").stdout
    assert "\nask " in script
    done = subprocess.run(["bash"], input=script, env=dict(os.environ, SYS=str(host.root), LOG=str(tmp_path / "log")),
                          capture_output=True, text=True, timeout=60, check=False, start_new_session=True)
    assert done.returncode == 1 and ": no answer" in done.stdout, done


def test_the_script_checks_the_end(host, tmp_path):
    """Here step 1 takes a change of somebody else along."""
    script = host.cli("plan", without_guests(host, tmp_path), "--format", "sh").stdout
    script = script.replace("\nbegin 1 ", "\necho -0xf1 > \"$SYS/bus/ap/aqmask\"\nbegin 1 ")
    done = run_script(script, host, tmp_path, "tonight.sh")
    assert done.returncode == 1 and "aqmask is" in done.stdout and "All " not in done.stdout, done
    assert f"Steps that are done: {script.count(chr(10) + 'begin ')}. " in done.stdout


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("form", ["sh", "mdevctl", "virsh"])
def test_the_scripts_pass_shellcheck(host, wanted, tmp_path, form):
    (tmp_path / "wanted.ini").write_text(wanted.read_text() + f"[guest $(id)]\n[guest it's]\n")
    for options in ((), ("--undo",)):
        (tmp_path / "s.sh").write_text(host.cli("plan", tmp_path / "wanted.ini", "--format", form, *options).stdout)
        done = subprocess.run(["shellcheck", tmp_path / "s.sh"], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and "$(id)" in (tmp_path / "s.sh").read_text(), done.stdout


def test_an_exported_script_makes_the_same_machine(host, tmp_path):
    """But for the guests, which no script on /sys starts."""
    script = host.cli("export", "--format", "sh").stdout
    other = Daemon(tmp_path / "other", machine=HEAD.replace("[bus]\n", ""))
    try:
        done = run_script(script, other, tmp_path, "all.sh")
        assert done.returncode == 0, done
        assert other.cli("export").stdout == host.cli("export").stdout.partition("\n[guest ")[0]
        assert run_script(script, other, tmp_path, "again.sh").returncode == 1
    finally:
        other.stop()


def plan(*words):
    return subprocess.run([os.environ["APUS_BIN"], "plan", *words], capture_output=True, text=True, timeout=60, check=False)


def test_refusal_names_the_demands(tmp_path):
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    base = ("[machine]\nabi=upstream\ndomains=4,5\n[adapter 5]\ntype=CEX7C\n[mdev " + UUIDS[0] +
            "]\nadapters=5\ndomains=4\n[guest Guest1]\nmdev=" + UUIDS[0] + "\n[bus]\naqmask=+5\n")
    now.write_text(base + "apmask=0x0\n")
    wanted.write_text(base + "apmask=+5\n")
    done = plan(wanted, "--from", now)
    assert done.returncode == 1
    assert done.stderr == (
        "apus: there is no plan: two demands exclude each other: guest Guest1 keeps its queues all the time, and apmask "
        "gets 0x05, which Linux refuses while a device has an APQN of that adapter\n"
        "apus: with --interrupt there is one: guests are without queues meanwhile\n"
        "apus: the nearest state that can be had is the present one\n")


def test_what_a_plan_does_not_do_is_named(host, tmp_path):
    """Faults and device nodes differ, and stay as they are."""
    file = tmp_path / "other.ini"
    file.write_text(NOW + "[node mine]\n[fault 1]\nrule = 05.* 3 busy\n")
    result = host.cli("plan", file)
    assert result.returncode == 0
    assert result.stdout.endswith("no part of a plan, and left as they are: [node mine], [fault 1]\n")
    assert "no part of a plan" not in host.cli("plan", "--from", file, file).stdout


def test_masks_of_the_command_line_are_no_step(tmp_path):
    """The state has the masks of [bus]; those of [machine] count at the next boot."""
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(HEAD + "apmask = +0-255\naqmask = +0-3,+5-255\ndomain = 0x47\n")
    wanted.write_text(HEAD.replace("[adapter", "aqmask = +0-3,+5-255\n[adapter"))
    assert plan(wanted, "--from", now).stdout == (
        "Nothing is to be done.\n\nno part of a plan, and left as they are: ap.aqmask of the kernel's command line\n")


VETOED = ("[machine]\nabi=upstream\ndomains=4,5\n[adapter 5-7]\ntype=CEX7C\n[mdev " + UUIDS[0] + "]\nadapters=5\ndomains=4\n"
          "[mdev " + UUIDS[1] + "]\nadapters=7\ndomains={}\n[guest Guest1]\nmdev=" + UUIDS[0] + "\n[bus]\naqmask=+5\napmask={}\n")


def test_refusal_offers_the_nearest_state(tmp_path):
    """Bit 5 would interrupt Guest1; bit 6 and the second device can be had."""
    now, wanted, nearest = (tmp_path / f"{name}.ini" for name in ("now", "wanted", "nearest"))
    now.write_text(VETOED.format(4, "0x0"))
    wanted.write_text(VETOED.format(5, "+5,+6"))
    done = plan(wanted, "--from", now, "--nearest", nearest)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[2:] == [
        "apus: the nearest state that can be had is the wanted one, but:", "apus:   bit 5 of apmask stays clear",
        "apus: its plan has 2 steps"]
    assert plan(nearest, "--from", now).stdout.count("     echo ") == 2
    got = json.loads(plan(wanted, "--from", now, "--json").stdout)
    assert got["refused"].startswith("two demands exclude each other: guest Guest1")
    assert got["nearest"]["given-up"] == ["bit 5 of apmask stays clear"]
    assert got["nearest"]["machine"] == nearest.read_text() and len(got["nearest"]["plan"]["steps"]) == 2
    # Who can bear an interruption gets all of it.
    done = plan(wanted, "--from", now, "--interrupt")
    assert done.returncode == 0 and "Guest1 is temporarily without some of its queues, from step 1 to 4" in done.stdout


def test_nearest_is_looked_for_section_by_section(tmp_path):
    """No override of 05.0004 can take the place of its mask. What needs that is left out, and the rest can be had."""
    now, wanted, nearest = (tmp_path / f"{name}.ini" for name in ("now", "wanted", "nearest"))
    head = "[machine]\ndomains=4,5\n[adapter 5-7]\ntype=CEX7C\n"
    now.write_text(head + "[bus]\napmask=+0-4,+6-255\n")
    wanted.write_text(head + "[queue 05.0004]\ndriver-override=vfio_ap\n[queue 06.0004]\ndriver-override=vfio_ap\n"
                      f"[mdev {UUIDS[1]}]\nadapters=5\ndomains=4\n[mdev {UUIDS[2]}]\nadapters=6\ndomains=4\n")
    done = plan(wanted, "--from", now, "--nearest", nearest)
    assert done.returncode == 1 and "--interrupt" not in done.stderr
    assert done.stderr.splitlines()[1:] == [
        "apus: the nearest state that can be had is the wanted one, but:", "apus:   [queue 05.0004] is not added",
        f"apus:   [mdev {UUIDS[1]}] is not added", "apus: its plan has 6 steps"]
    assert f"[mdev {UUIDS[2]}]" in nearest.read_text() and plan(nearest, "--from", now).returncode == 0


def test_much_that_is_given_up_is_counted(tmp_path):
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    head = "[machine]\ndomains=4-23\n[adapter 5]\ntype=CEX7C\n"
    now.write_text(head + "[bus]\napmask=+0-4,+6-255\n")
    wanted.write_text(head + "[bus]\nconfig-time=60\n" +
                      "".join(f"[queue 05.{apqi:04x}]\ndriver-override=vfio_ap\n" for apqi in range(4, 24)))
    lines = plan(wanted, "--from", now).stderr.splitlines()
    assert len(lines) == 14 and lines[-2:] == ["apus:   and 10 more", "apus: its plan has 2 steps; --nearest FILE writes it as a "
                                               "machine file"], lines
    assert len(json.loads(plan(wanted, "--from", now, "--json").stdout)["nearest"]["given-up"]) == 20


OVERRIDES = "[machine]\nabi = upstream\ndomains = 4,5\n[adapter 5-7]\ntype = CEX7C\n"
RESERVED = OVERRIDES + f"""[bus]
config-time = 55
poll-timeout = 10000
[queue 05.0004]
driver-override = vfio_ap
[queue 06.0005]
driver-override = it's $(mine)
[card 7]
offline = yes
[mdev {UUIDS[0]}]
adapters = 5
domains = 4
"""


def test_overrides_and_settings_are_steps(tmp_path):
    """A queue is taken from its driver, reserved, and bound before a device is assigned it; nobody has it twice."""
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(OVERRIDES)
    wanted.write_text(RESERVED)
    text = plan(wanted, "--from", now).stdout
    writes = [line.strip() for line in text.splitlines() if line.startswith("     echo ")]
    assert writes[:5] == ["echo 05.0004 > /sys/bus/ap/drivers/cex4queue/unbind",
                          "echo vfio_ap > /sys/devices/ap/card05/05.0004/driver_override",
                          "echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/bind",
                          "echo 06.0005 > /sys/bus/ap/drivers/cex4queue/unbind",
                          r"echo $'it\047s\040\044\050mine\051' > /sys/devices/ap/card06/06.0005/driver_override"]
    assert writes[-3:] == ["echo 0 > /sys/devices/ap/card07/online", "echo 55 > /sys/bus/ap/config_time",
                           "echo 10000 > /sys/bus/ap/poll_timeout"]
    assert "\nzcrypt loses 05.0004 and 1 more\n" in text and "no part of a plan" not in text
    back = plan(wanted, "--from", now, "--undo").stdout
    assert back.index("echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/unbind") < back.index(
        "     echo  > /sys/devices/ap/card05/05.0004/driver_override") < back.index(
        "echo 05.0004 > /sys/bus/ap/drivers/cex4queue/bind")


def test_explain_says_what_an_override_decides(tmp_path):
    """While a driver has the queue; the masks say whose it is until then."""
    wanted = tmp_path / "wanted.ini"
    wanted.write_text(RESERVED)
    for queue, words in (("05.0004", 'for "vfio_ap"; that decides, and masks do not count\nit is bound to vfio_ap\n'),
                         ("06.0005", "mine)\"; that counts once a driver has it, and until then it is for zcrypt, as the masks say\n"
                                     "it is bound to no driver: it was unbound by hand, or no driver supports its type\n")):
        done = subprocess.run([os.environ["APUS_BIN"], "explain", "--from", wanted, queue], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0 and words in done.stdout, done


def test_the_script_sets_overrides_and_its_undo_clears_them(tmp_path):
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(OVERRIDES)
    wanted.write_text(RESERVED)
    daemon = Daemon(tmp_path / "daemon", machine=OVERRIDES)
    try:
        before = daemon.cli("export").stdout
        for words, expected in (((), daemon.cli("export", "--from", wanted).stdout), (("--undo",), before)):
            done = run_script(plan(wanted, "--from", now, "--format", "sh", *words).stdout, daemon, tmp_path, "script.sh")
            assert done.returncode == 0, done
            assert daemon.cli("export").stdout == expected
    finally:
        daemon.stop()


def test_the_script_knows_of_overrides(tmp_path):
    """Of one that it does not expect, and of one that it does."""
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(OVERRIDES)
    wanted.write_text(RESERVED)
    daemon = Daemon(tmp_path / "daemon", machine=OVERRIDES)
    try:
        daemon.w("devices/ap/card07/07.0004/driver_override", "cex4queue")
        for words, found in (((), "07.0004=cex4queue, and should be: none"),
                             (("--undo",), "07.0004=cex4queue, and should be: 05.0004=vfio_ap 06.0005=it's $(mine)")):
            done = run_script(plan(wanted, "--from", now, "--format", "sh", *words).stdout.replace("\nexpect ", "\n: ").replace(
                "\nbound ", "\n: ").replace("\nonly ", "\n: ").replace("\noffline ", "\n: "), daemon, tmp_path, "script.sh")
            assert done.returncode == 1 and f"STOP at step 0: driver_override: {found}" in done.stdout, done
    finally:
        daemon.stop()


MASKS = "[machine]\nabi = {}\ndomains = 4,5\n[adapter 5-7]\ntype = CEX7C\n"
GUEST = f"[mdev {UUIDS[0]}]\nadapters = 5\ndomains = 4,5\n[guest Guest1]\nmdev = {UUIDS[0]}\n"
BY_OVERRIDE = MASKS + "[queue 05.0004]\ndriver-override = vfio_ap\n[queue 05.0005]\ndriver-override = vfio_ap\n" + GUEST
BY_MASK = MASKS + "[bus]\napmask = +0-4,+6-255\n" + GUEST


@pytest.mark.parametrize("abi", ["proposal", "upstream"])
def test_a_mask_takes_the_place_of_overrides(tmp_path, abi):
    """The guest's queues stay where they are."""
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(BY_OVERRIDE.format(abi))
    wanted.write_text(BY_MASK.format(abi))
    text = plan(wanted, "--from", now).stdout
    assert "Guest1" not in text and "zcrypt" not in text, text
    assert [line for line in text.splitlines() if line.startswith("     echo ")] == [
        "     echo  > /sys/devices/ap/card05/05.0004/driver_override",
        "     echo  > /sys/devices/ap/card05/05.0005/driver_override", "     echo -0x05 > /sys/bus/ap/apmask"]
    daemon = Daemon(tmp_path / "daemon", machine=BY_OVERRIDE.format(abi))
    try:
        done = run_script(plan(wanted, "--from", now, "--format", "sh").stdout, daemon, tmp_path, "script.sh")
        assert done.returncode == 0, done
        assert daemon.cli("export").stdout == daemon.cli("export", "--from", wanted).stdout
    finally:
        daemon.stop()


def test_overrides_take_the_place_of_a_mask(tmp_path):
    """The mask cannot give back an adapter that a guest has. Upstream, a queue without a driver stays away from zcrypt
    meanwhile; else there is no way."""
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    for abi in ("proposal", "upstream"):
        now.write_text(BY_MASK.format(abi))
        wanted.write_text(BY_OVERRIDE.format(abi))
        done = plan(wanted, "--from", now)
        assert done.returncode == 1 and done.stdout == ""
        if abi == "proposal":
            assert ("no order of the writes avoids that zcrypt gets 05.0004, which it has neither before nor after: an override "
                    "can be set only while both masks have all bits set") in done.stderr
            assert "--interrupt" not in done.stderr
        else:
            assert "guest Guest1 keeps its queues all the time, and apmask gets 0x05" in done.stderr
            assert "with --interrupt there is one" in done.stderr
    text = plan(wanted, "--from", now, "--interrupt").stdout
    assert "Guest1 is temporarily without some of its queues, from step 1 to 9\n" in text and "zcrypt" not in text, text
    assert "gives away adapter 0x05 (unassigned for a while: the next write of a mask would collide with it)\n" in text


def test_hardware_is_no_step(tmp_path):
    now, wanted = tmp_path / "now.ini", tmp_path / "wanted.ini"
    now.write_text(NOW)
    wanted.write_text(WANTED.replace("[bus]", "[adapter 9]\ntype = CEX8P\n[bus]"))
    got = json.loads(plan(wanted, "--from", now, "--json").stdout)
    assert got["refused"].startswith("adapter 0x09 is not in the machine")
    assert got["nearest"]["given-up"] == ["adapter 0x09 stays out of the machine, which lacks it"]
    assert got["nearest"]["plan"]["steps"] == json.loads(plan(tmp_path / "wanted.ini", "--from", now, "--json").stdout)[
        "nearest"]["plan"]["steps"]


# What the Support Element changes: adapter 9 and domain 8 come for Guest1, domain 0x47 goes.
LPAR_NOW = NOW.replace("[bus]", "[adapter 9]\ntype = CEX8C\nlpar = no\n[bus]").replace(
    f"[guest Guest3]\nmdev = {UUIDS[2]}\n", "")
LPAR_WANTED = LPAR_NOW.replace("domains = 4,0x47\n[adapter", "domains = 4,8\n[adapter").replace("lpar = no", "lpar = yes").replace(
    "adapters = 6\ndomains = 4,0x47", "adapters = 6,9\ndomains = 4,8")


@pytest.fixture(name="lpar")
def fixture_lpar(tmp_path):
    daemon = Daemon(tmp_path / "daemon", machine=LPAR_NOW)
    (tmp_path / "wanted.ini").write_text(LPAR_WANTED)
    (tmp_path / "before.ini").write_text(daemon.cli("export").stdout)
    yield daemon
    daemon.stop()


def test_the_lpar_changes_at_the_support_element(lpar, tmp_path):
    wanted = tmp_path / "wanted.ini"
    kinds = [step["kind"] for step in steps(lpar, wanted)]
    assert kinds == ["write", "se-adapter", "se-lpar", "se-adapter"], "in one task, when the device is as it will be"
    task = steps(lpar, wanted)[2]
    assert task["add"] == {"adapters": [9], "domains": [8], "control-domains": [8]}
    assert task["remove"] == {"adapters": [], "domains": [0x47], "control-domains": [0x47]}
    assert lpar.cli("plan", wanted, "--format", "se").stdout == """\
  1. In Linux: step 1 of the plan.
  2. Select adapters 5-7 of the CPC, open Configure On/Off, and set the state to standby.
  3. Select the image of the LPAR, and open Change LPAR Cryptographic Controls.
       Remove domain 0x47.
       Add adapter 9.
       Add domain 8 for control and usage.
       Change the running system; save to the profiles as well, for the next activation.
  4. Select adapters 5-7,9 of the CPC, open Configure On/Off, and set the state to online.
"""


def test_apply_acts_at_the_support_element_and_leads_back(lpar, tmp_path):
    assert lpar.cli("plan", tmp_path / "wanted.ini", "--apply").returncode == 0
    assert steps(lpar, tmp_path / "wanted.ini") == []
    assert lpar.value("devices/ap/card09/config") == "1"
    assert lpar.value(f"devices/vfio_ap/matrix/{UUIDS[0]}/guest_matrix").split() == ["06.0004", "06.0008", "09.0004", "09.0008"]
    assert lpar.cli("plan", tmp_path / "before.ini", "--apply").returncode == 0
    assert steps(lpar, tmp_path / "before.ini") == []
    # An adapter that the LPAR does not have is in standby for it, or not; nobody sees that.
    now, before = (text.split("[bus]")[1] for text in (lpar.cli("export").stdout, (tmp_path / "before.ini").read_text()))
    assert now == before


def act(lpar, step):
    """What the operator at the Support Element does."""
    if step["kind"] == "se-adapter":
        done = lpar.cli("se", "adapter", *map(str, step["adapters"]), step["state"])
        assert done.returncode == 0, done
    for action in ("remove", "add") if step["kind"] == "se-lpar" else ():
        words = [word for kind in ("domain", "control-domain", "adapter") if step[action][kind + "s"]
                 for word in (kind, *map(str, step[action][kind + "s"]))]
        done = lpar.cli("se", "lpar", action, *words)
        assert done.returncode == 0, done


def with_terminal(words, **how):
    """A program that has a terminal of its own, and what is typed there."""
    terminal, inside = os.openpty()

    def own():
        os.setsid()
        fcntl.ioctl(inside, termios.TIOCSCTTY, 0)
    run = subprocess.Popen(words, preexec_fn=own, pass_fds=[inside], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **how)
    os.close(inside)
    return run, terminal


def test_the_script_waits_for_the_support_element(lpar, tmp_path):
    wanted, script = tmp_path / "wanted.ini", tmp_path / "tonight.sh"
    todo = steps(lpar, wanted)
    script.write_text(lpar.cli("plan", wanted, "--format", "sh").stdout)
    environment = dict(os.environ, SYS=str(lpar.root))
    run, terminal = with_terminal(["bash", script], env=environment)
    with run:
        for step in todo:
            line = ""
            while step["kind"] != "write" and "Select " not in line:
                line = run.stdout.readline()
                assert line, "the script has ended"
            act(lpar, step)
            if step["kind"] != "write":
                os.write(terminal, b"\n")
        assert run.wait(timeout=60) == 0, run.stdout.read()
    os.close(terminal)
    assert steps(lpar, wanted) == []


def test_an_lpar_change_interrupts_everybody(host, tmp_path):
    """Guest3 would lose its queues while the adapters are off, so the LPAR stays as it is, and the rest can be had."""
    wanted = tmp_path / "wanted.ini"
    wanted.write_text(WANTED.replace("domains = 4,0x47\n[adapter", "domains = 4,8,0x47\n[adapter"))
    done = host.cli("plan", wanted)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "apus: there is no plan: two demands exclude each other: guest Guest3 keeps all of its queues, and the LPAR gets "
        "other adapters or domains, for which all of its adapters are configured off first\n")
    assert "apus:   the LPAR keeps its adapters and domains\napus: its plan has 5 steps; --nearest FILE" in done.stderr
    assert "Guest3 is temporarily without some of its queues, from step" in host.cli("plan", wanted, "--interrupt").stdout
