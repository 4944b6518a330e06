# SPDX-License-Identifier: MIT
"""apus import: sources of a real machine as programs make them, and as somebody may who means harm."""

import gzip
import io
import json
import os
import pathlib
import re
import select
import subprocess
import tarfile

import pytest

from harness import Daemon

APUS = os.environ["APUS_BIN"]
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "clients" / "golden"
UUIDS = [f"69aa1a8a-0000-4000-8000-00000000000{n}" for n in range(5)]
MACHINE = f"""
[machine]
domains = 4,0x47,0xab
control-domains = 0-255
max-adapter = 220
features = APSC,APXA,QACT,RC8A
apmask = +0-4,+8-255
aqmask = +0-255
[adapter 4]
type = CEX7C
[adapter 5]
type = CEX8P
[adapter 6]
type = CEX6A
[adapter 7]
type = CEX7C
configured = no
[adapter 8]
type = CEX7C
checkstopped = yes
[bus]
config-time = 10
poll-thread = yes
[card 4]
unbound = 4
queues-offline = 0x47
[card 5]
unbound = 0xab
[mdev {UUIDS[1]}]
adapters = 5,6
domains = 4,0x47
control-domains = 4
autostart = yes
[mdev {UUIDS[2]}]
adapters = 7
group = 7
[mdev {UUIDS[3]}]
domains = 0xab
[mdev {UUIDS[4]}]
[guest Guest1]
mdev = {UUIDS[1]}
"""
DOMAIN = ("<domain type='kvm'><name>{}</name><devices><hostdev mode='subsystem' type='mdev' managed='no' "
          "model='vfio-ap'><source><address uuid='{}'/></source></hostdev></devices></domain>")
DEFINITION = {"mdev_type": "vfio_ap-passthrough", "start": "auto",
              "attrs": [{"assign_adapter": "5"}, {"assign_adapter": "0x06"}, {"assign_domain": "4"}, {"assign_domain": "71"},
                        {"assign_control_domain": "4"}]}
LISTED = json.dumps([{"matrix": [{UUIDS[1]: DEFINITION}]}])
CMDLINE = "root=/dev/dasda1 ap.apmask=+0-4,+8-255 ap.aqmask=+0-255\n"
PARTS = ["bus/ap", "devices/ap", "devices/vfio_ap"]


def imported(*sources, check=True, **options):
    done = subprocess.run([APUS, "import", *map(str, sources)], capture_output=True, text=True, timeout=60, check=False,
                          **options)
    assert not check or done.returncode == 0, done
    return done


def exported(file):
    return subprocess.run([APUS, "export", "--from", file], capture_output=True, text=True, timeout=60, check=True).stdout


def copy_tree(tree, to):
    """As cp -r makes it of what can be read: no links."""
    for part in PARTS:
        for folder, _, files in os.walk(tree / part):
            target = to / pathlib.Path(folder).relative_to(tree)
            target.mkdir(parents=True, exist_ok=True)
            for name in files:
                try:
                    (target / name).write_bytes((pathlib.Path(folder) / name).read_bytes())
                except OSError:
                    continue


def copy_of(tree, tmp_path):
    """A copy with links."""
    copy = tmp_path / "copy" / "sys"
    copy_tree(tree, copy)
    for part in PARTS:
        for folder, folders, files in os.walk(tree / part):
            for name in folders + files:
                path = pathlib.Path(folder) / name
                if path.is_symlink():
                    target = copy / path.relative_to(tree)
                    target.unlink(missing_ok=True)
                    target.symlink_to(os.readlink(path))
    return copy


@pytest.fixture(params=["proposal", "upstream"])
def world(request, tmp_path):
    """(the machine file that a machine exports, its tree)."""
    daemon = Daemon(tmp_path / "daemon", machine=MACHINE.replace("[machine]", f"[machine]\nabi = {request.param}"))
    try:
        copy = copy_of(pathlib.Path(daemon.root), tmp_path)
        yield request.param, daemon.cli("export").stdout, copy
    finally:
        daemon.stop()


def sources(tmp_path):
    """What /sys does not say."""
    (tmp_path / "g.xml").write_text(DOMAIN.format("Guest1", UUIDS[1]))
    (tmp_path / "l.json").write_text(LISTED)
    (tmp_path / "cmdline").write_text(CMDLINE)
    return tmp_path / "g.xml", tmp_path / "l.json", tmp_path / "cmdline"


@pytest.mark.parametrize("form", ["directory", "tar", "tar.gz", "tar.xz"])
def test_a_copy_of_sys_gives_the_machine(world, tmp_path, form):
    abi, export, copy = world
    source = copy
    if form != "directory":
        source = tmp_path / f"s.{form}"
        with tarfile.open(source, "w:" + form[4:]) as tar:
            tar.add(copy, "sys")
    got = imported(source, *sources(tmp_path), "--abi", abi)
    assert got.stdout == serials_of(export, got.stdout)
    assert "contradiction" not in got.stderr and "missing" not in got.stderr


def serials_of(export, found):
    """The export with the serial numbers that were found: a card without a queue of zcrypt's shows none."""
    serials = iter(line for line in found.splitlines() if line.startswith("serial ="))
    return "".join(next(serials) + "\n" if line.startswith("serial =") else line
                   for line in export.splitlines(keepends=True))


def sections(file):
    return sorted(file.strip().split("\n\n"))


def test_a_copy_without_links_and_with_padding_gives_the_machine(world, tmp_path):
    abi, export, copy = world
    bare = tmp_path / "bare"
    copy_tree(copy, bare)
    for path in bare.rglob("*"):
        if path.is_symlink():
            path.unlink()
        elif path.is_file():
            path.write_bytes(path.read_bytes().ljust(4096, b"\0"))
    got = imported(bare, *sources(tmp_path), "--abi", abi).stdout
    # Numbers of groups are in links only.
    assert sections(got) == sections(serials_of(export.replace("group = 7\n", ""), got))


def test_unreadable_and_missing_files_are_listed(world, tmp_path):
    abi, _, copy = world
    (copy / "devices/ap/card04/type").unlink()
    (copy / "bus/ap/aqmask").unlink()
    got = imported(copy, *sources(tmp_path), "--abi", abi)
    assert "type = CEX7C" in got.stdout
    assert "apus: assumed: apmask is all but adapters 5-7, aqmask is all ones, since" in got.stderr


def test_any_file_of_a_queue_says_that_it_is_there(tmp_path):
    """Where the masks of the LPAR, its uevent and its driver could not be read."""
    queue = tmp_path / "sys" / "devices" / "ap" / "card05" / "05.0047"
    queue.mkdir(parents=True)
    (queue.parent / "type").write_text("CEX8C\n")
    (queue / "online").write_text("0\n")
    got = imported(tmp_path / "sys")
    assert "domains = 0x47\n" in got.stdout and "queues-offline = 0x47\n" in got.stdout, got


@pytest.mark.parametrize("name", ["apmask", "ap_control_domain_mask", "ap_usage_domain_mask", "ap_adapter_mask"])
def test_an_empty_file_is_no_mask(world, tmp_path, name):
    """So is a file that was copied while it could not be read. The rest is as if it were missing."""
    abi, _, copy = world
    (copy / "bus/ap" / name).unlink()
    expected = imported(copy, *sources(tmp_path), "--abi", abi)
    (copy / "bus/ap" / name).write_text("")
    got = imported(copy, *sources(tmp_path), "--abi", abi)
    assert got.stdout == expected.stdout
    assert name in got.stderr and "not understood" in got.stderr


def test_a_dump_of_dbginfo(world, tmp_path):
    abi, export, copy = world
    inner = tmp_path / "sysfs.tgz"
    with tarfile.open(inner, "w:gz") as tar:
        tar.add(copy, "sys")
    outer = tmp_path / "DBGINFO-2026-01-01-00-00-00-lpar1-8561.tgz"
    with tarfile.open(outer, "w:gz") as tar:
        top = "DBGINFO-2026-01-01-00-00-00-lpar1-8561"
        tar.add(inner, f"{top}/sysfs.tgz")
        add(tar, f"{top}/proc/cmdline", CMDLINE)
        add(tar, f"{top}/etc/libvirt/qemu/Guest1.xml", DOMAIN.format("Guest1", UUIDS[1]))
        add(tar, f"{top}/etc/libvirt/qemu/networks/default.xml", "<network><name>default</name></network>")
        add(tar, f"{top}/runtime.out", "#" * 40 + "\nlpar1> uname -r\n7.2.0\n\n")
        add(tar, f"{top}/kvm_runtime.out", "#" * 40 + "\nlpar1> virsh list --all\n Id   Name     State\n---\n"
            " 2    Guest1   running\n\n" + "#" * 40 + "\n")
    got = imported(outer, sources(tmp_path)[1], "--abi", abi)
    assert got.stdout == serials_of(export, got.stdout)
    assert "contradiction" not in got.stderr and "missing" not in got.stderr


def add(tar, name, text):
    data = text.encode() if isinstance(text, str) else text
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


TABLE = """\
CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER
--------------------------------------------------------------------------------------------
05       CEX8P EP11-Coproc online            0        0     14     08 -----XNF-- cex4card
05.0004  CEX8P EP11-Coproc in use            0        -     14     08 -----XNF-- vfio_ap
05.0047  CEX8P EP11-Coproc in use            0        -     14     08 -----XNF-- vfio_ap
06       CEX6A Accelerator online            0        0     12     08 -MC-A-NF-- cex4card
06.0004  CEX6A Accelerator in use            0        -     12     08 -MC-A-NF-- vfio_ap
06.0047  CEX6A Accelerator in use            0        -     12     08 -MC-A-NF-- vfio_ap
08       CEX7C CCA-Coproc  online            0        0     13     08 S--D--NF-- cex4card
08.0004  CEX7C CCA-Coproc  online            0        0     13     08 S--D--NF-- cex4queue
08.0047  CEX7C CCA-Coproc  online            0        0     13     08 S--D--NF-- cex4queue
"""


def test_a_sosreport(tmp_path):
    report = tmp_path / "sosreport.tar.xz"
    with tarfile.open(report, "w:xz") as tar:
        add(tar, "sosreport-lpar1/sos_commands/s390/lszcrypt_-VV", TABLE)
        add(tar, "sosreport-lpar1/etc/libvirt/qemu/Guest1.xml", DOMAIN.format("Guest1", UUIDS[1]))
        add(tar, "sosreport-lpar1/etc/mdevctl.d/matrix/" + UUIDS[1], json.dumps(DEFINITION))
        add(tar, "sosreport-lpar1/proc/cmdline", "root=/dev/dasda1\n")
    got = imported(report, "-o", tmp_path / "m.ini", "--json")
    notes = json.loads(got.stdout)["notes"]
    assert {"kind": "assumed", "text": f"{UUIDS[1]} runs, since no copy of /sys says otherwise",
            "source": f"{report}:sosreport-lpar1/etc/mdevctl.d/matrix/{UUIDS[1]}"} in notes
    assert not [n for n in notes if n["kind"] != "assumed"]
    machine = exported(tmp_path / "m.ini")
    assert f"[mdev {UUIDS[1]}]\nadapters = 5,6\ndomains = 4,0x47\ncontrol-domains = 4\nautostart = yes\n" in machine
    assert f"[guest Guest1]\nmdev = {UUIDS[1]}\n" in machine
    assert "[card" not in machine  # the masks explain all drivers


@pytest.mark.parametrize("version", ["2.16.0", "2.35.0", "2.40.0"])
def test_what_lszcrypt_printed(tmp_path, version):
    text = (GOLDEN / version / "lszcrypt.out").read_text()
    sections = dict(reversed([part.split("\n", 1) for part in text.split("$ ")[1:]]))
    for options in ("lszcrypt", "lszcrypt -V"):
        machine = imported("-", input=sections[options]).stdout
        assert [f"[adapter {n}]\ntype = CEX5{mode}\n" in machine for n, mode in ((4, "A"), (5, "C"), (6, "P"))] == [True] * 3
        assert "\ndomains = 4,0x47\n" in machine


def test_a_directory_with_links_is_not_left(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "type").write_text("CEX8C\n")
    tree = tmp_path / "sys"
    (tree / "devices/ap/card04").mkdir(parents=True)
    (tree / "devices/ap/card04/type").write_text("CEX7C\n")
    (tree / "devices/ap/card05").symlink_to(secret)
    (tree / "devices/ap/card06").mkdir()
    (tree / "devices/ap/card06/type").symlink_to(secret / "type")
    os.mkfifo(tree / "devices/ap/card06/config")
    machine = imported(tree).stdout
    assert "[adapter 4]" in machine and "[adapter 5]" not in machine and "[adapter 6]" not in machine


def archive(tmp_path, fill):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "sys/devices/ap/card04/type", "CEX7C\n")
        fill(tar)
    return path


def test_archives_are_not_unpacked(tmp_path):
    def fill(tar):
        add(tar, "../../../../../tmp/apus-climbs/sys/devices/ap/card05/type", "CEX8C\n")
        link = tarfile.TarInfo("sys/devices/ap/card06/type")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        link.type, link.name = tarfile.LNKTYPE, "sys/devices/ap/card07/type"
        tar.addfile(link)
    before = set(os.listdir(tmp_path))
    machine = imported(archive(tmp_path, fill), cwd=tmp_path).stdout
    assert set(os.listdir(tmp_path)) - before == {"a.tar"} and not os.path.exists("/tmp/apus-climbs")
    assert machine.count("[adapter ") == 2 and "[adapter 5]" in machine


def test_bombs_are_bounded(tmp_path):
    attribute = archive(tmp_path, lambda tar: add(tar, "sys/devices/ap/card05/type", b"\0" * (17 << 20)))
    assert "card05/type cannot be read, or is larger than 16 MiB" in imported(attribute).stderr
    info = tarfile.TarInfo("big")
    info.size = 1 << 40
    (tmp_path / "b.tgz").write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096))
    got = imported(tmp_path / "b.tgz", check=False)
    assert (got.returncode, got.stdout) == (1, "") and "more than 4 GiB" in got.stderr

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        add(tar, "sys/devices/ap/card09/type", "CEX7C\n")
    for _ in range(4):
        outer = io.BytesIO()
        with tarfile.open(fileobj=outer, mode="w:gz") as tar:
            add(tar, "inner.tgz", data.getvalue())
        data = outer
    (tmp_path / "n.tgz").write_bytes(data.getvalue())
    assert "this deep in archives is not read" in imported(tmp_path / "n.tgz", check=False).stderr


def test_a_damaged_archive_gives_what_came_before(tmp_path):
    path = archive(tmp_path, lambda tar: add(tar, "sys/devices/ap/card05/type", b"CEX8C\n".ljust(4096)))
    path.write_bytes(path.read_bytes()[:1536])
    got = imported(path)
    assert "[adapter 4]" in got.stdout and "; what came before is taken" in got.stderr


def test_what_is_refused_names_the_source(tmp_path):
    (tmp_path / "x").write_text("hello\n")
    (tmp_path / "empty").mkdir()
    for source, words in ((tmp_path / "x", "not recognised; expected a copy of /sys"), (tmp_path / "none", "No such file"),
                          (tmp_path / "empty", "there is nothing of the AP in it")):
        got = imported(source, "-o", tmp_path / "out.ini", check=False)
        assert (got.returncode, got.stdout) == (1, "")
        assert got.stderr.startswith(f"apus: {source}: ") and words in got.stderr
    assert not (tmp_path / "out.ini").exists()
    assert imported(check=False).returncode == 2


def test_the_partition_of_a_cpc(tmp_path):
    cpc = {"adapters": [{"adapter-family": "crypto", "adapter-id": "1b0", "crypto-number": n,
                         "crypto-type": "cca-coprocessor", "detected-card-type": "crypto-express-8s",
                         "object-uri": f"/api/adapters/{n}", "state": "online"} for n in (2, 10)],
           "partitions": [{"name": f"p{n}", "crypto-configuration": {
               "crypto-adapter-uris": [f"/api/adapters/{n}"],
               "crypto-domain-configurations": [{"domain-index": n, "access-mode": "control-usage"}]}} for n in (2, 10)]}
    file = tmp_path / "cpc.json"
    file.write_text(json.dumps(cpc))
    assert '"p2", "p10"' in imported(file, check=False).stderr
    machine = imported(file, "--partition", "p10").stdout
    assert "\ndomains = 0x0a\n" in machine or "\ndomains = 10\n" in machine
    assert machine.count("lpar = yes") == 1 and machine.count("lpar = no") == 1
    (tmp_path / "cmdline").write_text("BOOT_IMAGE=0 ap.apmask=0x0\n")
    assert "no source describes a CPC" in imported(tmp_path / "cmdline", "--partition", "p10", check=False).stderr
    domains = cpc["partitions"][1]["crypto-configuration"]["crypto-domain-configurations"]
    for index, mode in (("7", "control"), (11.0, "control"), (900, "control"), (-1, "control"), (12, "usage"), (13, None)):
        domains.append({"domain-index": index, "access-mode": mode})
    file.write_text(json.dumps(cpc))
    got = imported(file, "--partition", "p10")
    assert got.stdout == machine
    assert [f"entry {n} of the partition's" in got.stderr for n in range(9)] == [False] * 2 + [True] * 6 + [False]


def test_queues_in_use_whose_device_nothing_describes(tmp_path):
    table = tmp_path / "lszcrypt"
    table.write_text("CARD.DOMAIN TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER\n" + "-" * 90 + "\n"
                     "05          CEX7C CCA-Coproc  online            0        0     13     08 S--D--N-F- cex4card\n"
                     "05.0004     CEX7C CCA-Coproc  in use            0        0     13     08 S--D--N-F- vfio_ap\n"
                     "05.0047     CEX7C CCA-Coproc  online            0        0     13     08 S--D--N-F- cex4queue\n")
    got = imported(table)
    assert "missing: a guest uses 05.0004, but no source describes its mediated device" in got.stderr, got


def test_the_output_is_no_source(tmp_path):
    source = tmp_path / "source"
    source.write_text("BOOT_IMAGE=0 ap.apmask=0x0\n")
    got = imported(source, "-o", tmp_path / "." / "source", check=False)
    assert got.returncode == 2 and "is one of the sources" in got.stderr and source.read_text().startswith("BOOT")


def test_notes_are_one_line_each_and_json_says_all(tmp_path):
    """Names in them may have any bytes."""
    source = tmp_path / os.fsdecode(b"list\xff\x1b[31m\nx")
    source.write_text("CARD.DOMAIN TYPE  MODE        STATUS  REQUESTS\n----\n05          CEX7C CCA-Coproc  online         0\n"
                      "05.0004     CEX7C CCA-Coproc  online         0\n")
    got = subprocess.run([APUS, "import", source, "--json"], capture_output=True, timeout=60, check=True)
    answer = json.loads(got.stdout)
    assert "[adapter 5]" in answer["machine"] and answer["notes"]
    got = subprocess.run([APUS, "import", source], capture_output=True, timeout=60, check=True)
    lines = got.stderr.splitlines()
    assert len(lines) == len(answer["notes"]) and all(line.startswith(b"apus: ") for line in lines) and b"\x1b" not in got.stderr


def run_import(*words):
    return subprocess.run([APUS, "import", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def small_copy(folder):
    """A small copy of /sys."""
    for path, value in (("sys/bus/ap/apmask", "0x" + "f" * 64), ("sys/bus/ap/aqmask", "0x" + "f" * 64),
                        ("sys/bus/ap/ap_usage_domain_mask", "0x08" + "0" * 62), ("sys/devices/ap/card04/type", "CEX7C"),
                        ("sys/devices/ap/card04/04.0004/online", "1"), ("sys/devices/pci/card05/type", "CEX7C"),
                        ("sys/kernel/sys/bus/ap/apmask", "no mask")):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n")


@pytest.mark.parametrize("name", ["devices", "power", "bus", "devices/ap", "module/devices", "class"])
def test_a_copy_below_folders_of_any_name(tmp_path, name):
    """What has the name of a part of /sys is one only in a /sys."""
    small_copy(tmp_path / "dump" / name)
    done = run_import(tmp_path / "dump")
    assert done.returncode == 0, done
    assert "[adapter 4]" in done.stdout and "[adapter 5]" not in done.stdout
    assert "missing" not in done.stderr, "the kernel's folder is not looked at"


def test_files_beside_a_copy(tmp_path):
    """In a folder, and in an archive of it; what is not recognised is named."""
    small_copy(tmp_path / "dump")
    mdev = {"mdev_type": "vfio_ap-passthrough", "start": "auto", "attrs": [{"assign_adapter": 9}]}
    (tmp_path / "dump" / "mdevctl.json").write_text(json.dumps([{"matrix": [{UUIDS[1]: mdev}]}]))
    (tmp_path / "dump" / "Guest1.xml").write_text("<domain>\n<name>Guest1</name>\n<nonsense>\n</domain>\n")
    (tmp_path / "dump" / "notes.txt").write_text("hello\n")
    with tarfile.open(tmp_path / "dump.tgz", "w:gz") as tar:
        tar.add(tmp_path / "dump", "dump")
    for source in tmp_path / "dump", tmp_path / "dump.tgz":
        done = run_import(source)
        assert done.returncode == 0, done
        assert f"{UUIDS[1]} runs, since no copy of /sys says otherwise" in done.stderr
        assert "Guest1.xml: not valid XML in line 4: " in done.stderr
        assert "notes.txt: not recognised, and left out" in done.stderr


def test_folders_that_are_too_deep_are_named(tmp_path):
    deep = tmp_path.joinpath("dump", *(str(n) for n in range(25)))
    small_copy(tmp_path / "dump")
    small_copy(deep)
    assert "folders deeper than 20 are not read" in run_import(tmp_path / "dump").stderr


def test_an_empty_name_is_no_output(tmp_path):
    small_copy(tmp_path)
    done = run_import(tmp_path, "-o", "")
    assert done.returncode == 2 and "-o takes the name of a file, and an empty one is none" in done.stderr


def test_a_byte_order_mark_is_no_text(tmp_path):
    table = "CARD.DOM TYPE  MODE        STATUS     REQUESTS\n05 CEX7P EP11-Coproc online 0\n05.0004 CEX7P EP11-Coproc online 0\n"
    plain = imported("-", input=table)
    assert imported("-", input="\ufeff" + table).stdout == plain.stdout
    (tmp_path / "list.json").write_text("\ufeff" + LISTED)
    assert f"[mdev {UUIDS[1]}]" in imported("-", tmp_path / "list.json", input=table).stdout


def test_an_unknown_status_is_named():
    table = "CARD.DOM TYPE  MODE        STATUS     REQUESTS\n05 CEX7P EP11-Coproc lost 0\n05.0004 CEX7P EP11-Coproc found 0\n"
    done = imported("-", input=table)
    assert "missing: adapter 0x05: its status lost is unknown" in done.stderr
    assert "missing: 05.0004: its status found is unknown" in done.stderr


def test_what_is_assumed_of_standby_is_said(world):
    """Card 7 is in standby; the file that says so could not be read."""
    tree = world[2]
    said = "no source gives the state; configured on is assumed, of adapter"
    assert said not in imported(tree).stderr
    (tree / "devices/ap/card07/config").unlink()
    assert f"assumed: {said} 7\n" in imported(tree).stderr


def members(raw):
    return b"".join(gzip.compress(raw[at:at + 5000]) for at in range(0, len(raw), 5000))


@pytest.mark.parametrize("pack", [gzip.compress, members, lambda raw: members(raw) + b"\0" * 512 + b"not gzip",
                                  lambda raw: gzip.compress(raw, 0), lambda raw: gzip.compress(gzip.compress(raw))],
                         ids=["one", "members", "tail", "stored", "twice"])
def test_gzip_in_any_form(tmp_path, pack):
    """Also with many members, as pigz makes them, and something behind the last one."""
    plain = archive(tmp_path, lambda tar: add(tar, "sys/devices/ap/card05/type", "CEX8P\n" + "\0" * 30000))
    packed = tmp_path / "a.tgz"
    packed.write_bytes(pack(plain.read_bytes()))
    expected = imported(plain).stdout
    assert "[adapter 5]" in expected
    assert imported(packed).stdout == expected
    assert imported("-", input=None, stdin=packed.open("rb")).stdout == expected
    outer = tmp_path / "outer.tgz"
    with tarfile.open(outer, "w:gz") as tar:
        tar.add(packed, "DBGINFO/sysfs.tgz")
    assert imported(outer).stdout == expected


def test_cut_gzip_gives_what_came_before(tmp_path):
    plain = archive(tmp_path, lambda tar: add(tar, "sys/devices/ap/card05/x", os.urandom(300000)))
    packed = gzip.compress(plain.read_bytes())
    (tmp_path / "cut.tgz").write_bytes(packed[:len(packed) // 2])
    done = imported(tmp_path / "cut.tgz")
    assert "[adapter 4]" in done.stdout and "the archive is damaged" in done.stderr


def test_what_takes_long_shows_its_progress():
    """As long as the source does not end; then the line is gone."""
    screen, terminal = os.openpty()
    process = subprocess.Popen([APUS, "import", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    seen = ""
    while "apus: reading -, 1 s" not in seen:
        assert select.select([screen], [], [], 120)[0], seen
        seen += os.read(screen, 4096).decode()
    out, _ = process.communicate(b"CARD.DOM TYPE MODE STATUS REQUESTS\n05 CEX7P EP11-Coproc online 0\n", timeout=120)
    assert b"[adapter 5]" in out
    while "assumed: " not in seen:
        assert select.select([screen], [], [], 120)[0], seen
        seen += os.read(screen, 4096).decode()
    assert re.search(r"reading -, \d+ s.*\r +\r.*apus: assumed", seen, re.DOTALL), seen
    os.close(screen)
