# SPDX-License-Identifier: MIT
"""--state: whatever was acknowledged survives if the daemon is killed at any moment.

APUS_KILLS is how often the daemon is killed under load (default 10; `make soak` takes 1000).
"""

import errno
import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from harness import Daemon, Machine, Mdev, worked_example

KILLS = int(os.environ.get("APUS_KILLS", "10"))


@pytest.fixture
def life(tmp_path):
    """life(*arguments) starts a daemon on the state of this test; an earlier one is killed first."""
    lives = []

    def start(*arguments, machine=None, sync=False):
        if lives:
            lives[-1].abandon()
        folder = tmp_path / f"life{len(lives)}"
        folder.mkdir()
        options = ["--state", tmp_path / "state", *(["--sync"] if sync else []), *arguments]
        lives.append(Daemon(folder, machine, None, options))
        return lives[-1]

    yield start
    if lives and lives[-1].process.poll() is None:
        lives[-1].stop()
    for each in lives:  # a daemon that was killed has left its mount
        subprocess.run(["umount", "-l", each.root], check=False, stderr=subprocess.DEVNULL)


def refused(tmp_path, *arguments):
    """The message of a daemon that does not start."""
    done = subprocess.run([os.environ["APUS_BIN"], "daemon", "--no-tree", "--socket", tmp_path / "refused", *arguments],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0, done
    assert not (tmp_path / "refused").exists()
    return done.stderr


def tree(host):
    """The content of all files below /sys, except counters and states of queues, which are not kept."""
    anew = {"scans", "bindings_complete_count", "request_count", "total_request_count", "requestq_count",
            "pendingq_count", "load", "reset", "interrupt"}
    shown = {}
    for folder, folders, files in os.walk(host.root):
        for name in files + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                shown[path.removeprefix(str(host.root))] = os.readlink(path)
            elif name not in anew and os.access(path, os.R_OK) and os.stat(path).st_mode & 0o444 and "/dev/" not in path:
                shown[path.removeprefix(str(host.root))] = host.r(os.path.relpath(path, host.root))
    return shown


def seen(host):
    """Everything that must outlive the daemon, as far as a client can ask for it."""
    guests = [{k: v for k, v in g.items() if k not in ("config_changes", "release_requests", "connected")}
              for g in host.execute("guest-list")["guests"]]
    faults = [{k: v for k, v in f.items() if k != "hits"} for f in host.execute("fault-list")["faults"]]
    return {"tree": tree(host), "guests": guests, "faults": faults,
            "machine": host.execute("status")["adapters"], "map": host.execute("map")}


def differences(before, after):
    """The entries that differ."""
    before, after = ({**s.pop("tree"), **s} for s in (dict(before), dict(after)))
    return {k: (before.get(k), after.get(k)) for k in {**before, **after} if before.get(k) != after.get(k)}


def furnish(host):
    """Makes a change of each kind."""
    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    assert host.w("bus/ap/config_time", 99) == "OK"
    assert host.w("bus/ap/ap_domain", 0x47) == "OK"
    first = Mdev(host, 1).create().assign(adapters=[5], domains=[4, 0x47], control=[4])
    Mdev(host, 3).create().assign(adapters=[6], domains=[0xab])
    Mdev(host, 2).create()
    assert Mdev(host, 2).remove() == "OK"
    host.execute("guest-start", name="web", mdev=first.uuid)
    host.execute("guest-start", name="idle")
    assert host.w("class/zcrypt/create", "mine") == "OK"
    assert host.w("class/zcrypt/mine/apmask", "+4") == "OK"
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "06.0004") == "OK"
    assert host.w("bus/ap/drivers/cex4queue/unbind", "04.00ff") == "OK"
    assert host.w("devices/ap/card04/04.0004/online", 0) == "OK"
    host.execute("fault-add", rule="04.0047 3 busy")
    host.execute("fault-add", rule="04.00ab always delay 5ms")
    host.execute("fault-remove", number=1)
    host.execute("checkstop", adapter=6, state="on")


def test_everything_is_there_again_after_a_kill(life):
    host = life(machine=worked_example())
    furnish(host)
    before = seen(host)
    host = life()
    after = seen(host)
    assert differences(before, after) == {}
    host.execute("checkstop", adapter=6, state="off")
    host.se_adapter(4, "off")
    before = seen(host)
    assert differences(before, seen(life())) == {}
    assert Mdev(host, 1).dir in [path.strip("/").removesuffix("/matrix") for path in before["tree"]
                                 if path.endswith("/matrix")]


def test_driver_overrides_are_there_again(life):
    host = life(machine=worked_example())
    assert host.w("devices/ap/card05/05.0004/driver_override", "vfio_ap") == "OK"
    assert host.w("bus/ap/drivers/cex4queue/unbind", "05.0004") == "OK"
    assert host.w("bus/ap/drivers_probe", "05.0004") == "OK"
    before = tree(host)
    assert before["/devices/ap/card05/05.0004/driver_override"] == "vfio_ap\n"
    assert tree(life()) == before


def test_modes_and_owners_are_there_again(life):
    """As long as their nodes: what has gone and come again is new."""
    def look(host):
        shown = {}
        for path in (f"{Mdev(host, 1).dir}/matrix", "bus/ap/apmask", "dev/mine", "dev/z90crypt", "bus/ap",
                     "devices/ap/card04/04.0004/online", "bus/ap/devices/card05"):
            stat = os.lstat(host.root / path)
            shown[path] = (oct(stat.st_mode), stat.st_uid, stat.st_gid)
        return shown

    host = life(machine=worked_example())
    assert host.w("class/zcrypt/create", "mine") == "OK"
    Mdev(host, 1).create()
    for number, path in enumerate(look(host)):
        os.chown(host.root / path, 1000 + number, 2000 + number, follow_symlinks=False)
        if not os.path.islink(host.root / path):
            os.chmod(host.root / path, 0o600 + number)
    before = look(host)
    assert look(life()) == before
    host = life()
    assert look(host) == before
    assert Mdev(host, 1).remove() == "OK"
    Mdev(host, 1).create()
    assert host.w("bus/ap/drivers/cex4queue/unbind", "04.0004") == "OK"
    assert host.w("bus/ap/drivers/cex4queue/bind", "04.0004") == "OK"
    before = look(host)
    assert before[f"{Mdev(host, 1).dir}/matrix"][1:] == (0, 0) == before["devices/ap/card04/04.0004/online"][1:]
    assert look(life()) == before


def test_keys_stay_and_zeroized_ones_stay_zeroized(life):
    def keys(host):
        return [host.r(f"devices/ap/card05/05.{domain}/mkvps") for domain in ("0004", "0047")]

    host = life(machine=worked_example())
    fresh = keys(host)
    assert "AES CUR" in fresh[0] and fresh[0] != fresh[1]
    assert host.w("bus/ap/drivers/cex4queue/unbind", "05.0004") == "OK"
    assert host.w("bus/ap/drivers/cex4queue/bind", "05.0004") == "OK"
    zeroized = keys(host)
    assert zeroized[0] != fresh[0] and zeroized[1] == fresh[1]
    assert keys(life()) == zeroized
    assert keys(life()) == zeroized


def test_what_ends_with_its_connection_has_ended_with_the_daemon(life):
    host = life(machine=worked_example())
    host.execute("guest-start", name="brief", lifetime="connection")
    host.execute("guest-start", name="lasting")
    assert [g["name"] for g in life().execute("guest-list")["guests"]] == ["lasting"]


def test_a_removal_that_waits_fails_and_the_device_stays(life):
    host = life(machine=worked_example(abi="upstream"))
    assert host.w("bus/ap/apmask", "-5") == "OK"
    device = Mdev(host, 1).create().assign(adapters=[5], domains=[4])
    host.execute("guest-start", name="web", mdev=device.uuid)
    results = []
    waiting = threading.Thread(target=lambda: results.append(device.remove()))
    waiting.start()
    time.sleep(0.3)
    assert not results
    again = life()
    waiting.join(10)
    assert results and results[0] in ("ECONNABORTED", "ENOTCONN", "EIO")
    assert again.execute("guest-show", name="web")["mdev"] == device.uuid
    assert Mdev(again, 1).r("guest_matrix") == "05.0004\n"


def test_the_machine_file_is_for_a_new_machine(life, tmp_path):
    host = life(machine=worked_example())
    host.se_adapter(5, "off")
    assert life(machine=worked_example()).value("devices/ap/card05/config") == "0"
    life().stop()
    assert "profile" in refused(tmp_path, "--state", tmp_path / "state", "--abi", "upstream")


def test_a_directory_has_one_daemon(life, tmp_path):
    life()
    assert "in use by another daemon" in refused(tmp_path, "--state", tmp_path / "state")
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o7777 == 0o700
    assert {f.name: f.stat().st_mode & 0o7777 for f in state.iterdir()} == {"state": 0o600, "secret": 0o600, "events": 0o600}


def test_a_directory_that_is_moved_away_stays_the_daemons(life, tmp_path):
    """What has its name now may be another daemon's."""
    host = life()
    (tmp_path / "state").rename(tmp_path / "moved")
    (tmp_path / "state").mkdir(mode=0o700)
    host.se_adapter(5, "off")
    host.stop()
    assert os.listdir(tmp_path / "state") == []
    assert sorted(os.listdir(tmp_path / "moved")) == ["counts", "events", "secret", "state"]
    (tmp_path / "state").rmdir()
    (tmp_path / "moved").rename(tmp_path / "state")
    assert life().value("devices/ap/card05/config") == "0"


def test_what_is_no_state_is_refused_in_words(life, tmp_path):
    life().stop()
    file, content = tmp_path / "state/state", (tmp_path / "state/state").read_bytes()
    for wrong, words in ((b"", "first line"), (b"apus-state 9\n", "version 9"), (b"apus-state 1\n", "version 1"), (content[:-20], "no complete state"),
                         (content.replace(b"apmask", b"apmusk"), "damaged")):
        file.write_bytes(wrong)
        assert words in refused(tmp_path, "--state", tmp_path / "state")
        assert file.read_bytes() == wrong
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert "no regular file" in refused(tmp_path, "--state", tmp_path / "state")
    file.unlink()
    file.write_bytes(content)
    file.chmod(0o640)
    assert "chmod 600" in refused(tmp_path, "--state", tmp_path / "state")
    file.chmod(0o600)
    secret = tmp_path / "state/secret"
    os.chown(secret, 65534, 65534)
    assert "secret belongs to another user" in refused(tmp_path, "--state", tmp_path / "state")
    os.chown(secret, os.geteuid(), os.getegid())
    right = secret.read_bytes()
    for wrong in (right.replace(right[:1], b"%x" % (int(right[:1], 16) ^ 1), 1), right[:-1], right[:-3] + b"\n", b""):
        secret.write_bytes(wrong)
        assert "a damaged file secret" in refused(tmp_path, "--state", tmp_path / "state"), wrong
        assert secret.read_bytes() == wrong
    secret.unlink()
    assert "has no file secret" in refused(tmp_path, "--state", tmp_path / "state")
    assert file.read_bytes() == content
    assert "--record exclude" in refused(tmp_path, "--state", tmp_path / "other", "--record", tmp_path / "record")
    (tmp_path / "state").chmod(0o755)
    assert "chmod 700" in refused(tmp_path, "--state", tmp_path / "state")


def test_a_secret_without_a_check(life, tmp_path):
    """As an older apus wrote it."""
    life(machine=worked_example()).stop()
    secret = tmp_path / "state/secret"
    secret.write_bytes(secret.read_bytes()[:64] + b"\n")
    life().stop()


def test_what_is_behind_the_damage_is_kept(life, tmp_path):
    host = life(machine=worked_example())
    for i in range(5):
        host.execute("guest-start", name=f"g{i}")
    host.abandon()
    file = tmp_path / "state/state"
    damaged = file.read_bytes().replace(b"name=g1", b"name=h1", 1)
    file.write_bytes(damaged)
    host = life()
    assert [guest["name"] for guest in host.execute("guest-list")["guests"]] == ["g0"]
    assert "the file is kept as state.damaged" in host.stderr()
    assert (tmp_path / "state/state.damaged").read_bytes().rstrip(b"\0") == damaged.rstrip(b"\0")
    assert b"name=h1" not in file.read_bytes()


def test_a_torn_end_is_left_out_and_told(life, tmp_path):
    host = life(machine=worked_example())
    host.se_adapter(5, "off")
    host.abandon()
    file = tmp_path / "state/state"
    file.write_bytes(file.read_bytes().rstrip(b"\0")[:-3])
    host = life("--quiet")  # as that of apus up
    assert host.value("devices/ap/card05/config") == "1"
    assert host.cli("log").stdout.count("not written to their end") == 1 and host.stderr() == ""


def test_nobody_goes_on_with_events_of_another_life_unseen(life, tmp_path):
    """After a kill, or without --state, some may have been missed; after an end in order none was."""
    host = life(machine=worked_example())
    host.se_adapter(5, "off")
    number = host.execute("events")["next"]
    host = life()
    for _ in range(20):
        host.se_adapter(5, "on")
        host.se_adapter(5, "off")
    events = host.execute("events")
    assert events["oldest"] % 10**9 == 1 and events["oldest"] > number and events["next"] > events["oldest"] + number
    done = host.cli("events", "--follow", "--since", number, "--json")
    assert done.returncode == 1 and json.loads(done.stderr)["error"]["errno"] == "ERANGE"
    host.stop()
    number = events["next"]
    host = life()
    assert host.execute("subscribe", since=number)["oldest"] == number
    host.se_adapter(5, "on")
    assert host.execute("events")["events"][0]["number"] == number
    host.stop()
    (tmp_path / "state/events").write_text("nonsense\n")
    host = life()
    assert host.execute("events")["oldest"] == 1 and "numbered anew" in host.stderr()


def fill(folder):
    """Takes all room that there is."""
    with pytest.raises(OSError) as error, open(folder / "fill", "ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert error.value.errno == errno.ENOSPC


def test_a_full_disk_refuses_and_forgets_nothing(life, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", state], check=False)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        host = life(machine=worked_example())
        assert host.w("bus/ap/config_time", 7) == "OK"
        assert host.w("bus/ap/aqmask", "-0xab") == "OK"
        device = Mdev(host, 1).create().assign(adapters=[6], domains=[0xab])
        host.execute("guest-start", name="first", lifetime="connection")
        host.execute("guest-start", name="second", mdev=device.uuid, lifetime="connection")
        fill(state)
        results = [host.w("bus/ap/config_time", 5 + i % 100) for i in range(3000)]
        last = results.index("ENOSPC")
        assert last > 100 and set(results[:last]) == {"OK"} and set(results[last:]) == {"ENOSPC"}
        before = tree(host)
        assert before["/bus/ap/config_time"] == f"{5 + (last - 1) % 100}\n"
        for command, arguments in (("se-adapter", {"adapter": 5, "state": "off"}), ("guest-stop", {"name": "second"}),
                                   ("guest-detach", {"name": "second"}), ("reboot", {})):
            assert "no room" in host.refused(command, **arguments).desc, command
        with pytest.raises(OSError) as error:
            host.path("bus/ap/config_time").chmod(0o600)
        assert error.value.errno == errno.ENOSPC
        assert tree(host) == before
        host.abandon()
        os.truncate(state / "state", len((state / "state").read_bytes().rstrip(b"\0")))  # what was reserved
        fill(state)
        host = life()
        assert tree(host) == {**before, f"/{device.dir}/guest_matrix": "ENODEV", "/devices/ap/card06/06.00ab/status": "assigned\n",
                              "/module/vfio_ap/refcnt": "0\n"}
        assert "until there is room" in host.stderr()
        assert "no room" in host.refused("se-adapter", adapter=5, state="off").desc
        (state / "fill").unlink()
        # Guests that ended with the daemon are written with the next change: their numbers and devices are free.
        assert host.execute("guest-list")["guests"] == []
        host.execute("guest-start", name="next", mdev=device.uuid)
        host.se_adapter(5, "off")
        before = tree(host)
        host = life()
        assert tree(host) == before
        assert [g["name"] for g in host.execute("guest-list")["guests"]] == ["next"]
        host.stop()
    finally:
        subprocess.run(["umount", "-l", state], check=False)


class Writer(threading.Thread):
    """Changes its own device, and remembers the acknowledged changes."""

    def __init__(self, host, number, adapter, told):
        super().__init__()
        self.device = Mdev(host, number)
        self.adapter, self.told = adapter, set(told)
        self.pending = None
        self.acknowledged = 0
        self.random = random.Random(number * 1000003 + len(told))

    def run(self):
        while True:
            domain = self.random.randrange(32)
            self.pending = domain
            verb = "unassign_domain" if domain in self.told else "assign_domain"
            try:
                if self.device.w(verb, domain) != "OK":
                    return
            except OSError:
                return
            self.told ^= {domain}
            self.acknowledged += 1
            self.pending = None


def domains_of(device, adapter):
    return {int(line[3:], 16) for line in device.r("matrix").splitlines() if line.startswith(f"{adapter:02x}.")}


@pytest.mark.parametrize("sync", (False, True), ids=("kept", "synced"))
def test_nothing_that_was_told_is_lost(life, sync):
    """Killed repeatedly while many processes write: each device has all acknowledged changes, and at most one that was
    not yet acknowledged."""
    writers = 6
    machine = Machine({adapter: "CEX8C" for adapter in range(writers)}, range(32))
    host = life(machine=machine, sync=sync)
    assert host.w("bus/ap/aqmask", "0x0") == "OK"
    for number in range(writers):
        Mdev(host, number).create().assign(adapters=[number])
    told = [set()] * writers
    changes = 0
    for _ in range(KILLS):
        threads = [Writer(host, n, n, told[n]) for n in range(writers)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.02, 0.3))
        host.process.send_signal(signal.SIGKILL)
        host = life(sync=sync)
        for n, thread in enumerate(threads):
            thread.join(20)
            assert not thread.is_alive()
            has = domains_of(Mdev(host, n), n)
            allowed = [thread.told] + ([thread.told ^ {thread.pending}] if thread.pending is not None else [])
            assert has in allowed, (n, has ^ thread.told, thread.pending)
            changes += len(has ^ told[n])
            told[n] = has
    assert changes > KILLS


def lossy(monkeypatch, **settings):
    """Daemons that are started from now on write to lossy.c's medium."""
    monkeypatch.setenv("LD_PRELOAD", os.environ.get("LOSSY") or f"{os.environ['APUS_BUILD']}/tests/system/lossy.so")
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    for name, value in settings.items():
        monkeypatch.setenv(f"LOSSY_{name}", str(value))


def test_a_directory_that_cannot_be_synced(life, monkeypatch):
    """The new file has its name; what is told from then on is in it, and not in the one that it has replaced."""
    life(machine=worked_example()).execute("guest-start", name="before")
    lossy(monkeypatch, DIRECTORIES=errno.ENOSPC)
    host = life()
    assert "cannot be written: No space left on device" in host.stderr()
    host.execute("guest-start", name="after")
    monkeypatch.undo()
    assert [g["name"] for g in life().execute("guest-list")["guests"]] == ["before", "after"]


def test_a_loss_of_power(life, tmp_path, monkeypatch):
    """With --sync nothing is told before it is on the medium, and many writers share one fdatasync."""
    log, writers = tmp_path / "log", 6
    lossy(monkeypatch, LOG=log)
    host = life(machine=Machine({adapter: "CEX8C" for adapter in range(writers)}, range(32)), sync=True)
    assert host.w("bus/ap/aqmask", "0x0") == "OK"
    for number in range(writers):
        Mdev(host, number).create().assign(adapters=[number])
    told = [set()] * writers
    for _ in range(3):
        log.write_text("")
        threads = [Writer(host, n, n, told[n]) for n in range(writers)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        host.process.kill()
        for thread in threads:
            thread.join(20)
        safe = [int(line) for line in log.read_text().splitlines()]
        assert sum(thread.acknowledged for thread in threads) > 2 * len(safe)
        os.truncate(tmp_path / "state/state", safe[-1])
        host = life(sync=True)
        for n, thread in enumerate(threads):
            told[n] = domains_of(Mdev(host, n), n)
            pending = set() if thread.pending is None else {thread.pending}
            assert told[n] in (thread.told, thread.told ^ pending)
