# SPDX-License-Identifier: MIT
"""apus import: what people have shown in public, rebuilt as sources of our own. Numbers, columns and what was cut or wrapped
are kept; names, prompts and UUIDs are ours."""
import io
import json
import os
import subprocess
import tarfile

import pytest

APUS = os.environ["APUS_BIN"]

# Tables: what was printed, the adapters, the LPAR's domains, the owners of queues, and what is told to be missing.
TABLES = {
    # kata-containers/kata-containers, pull request 578: s390-tools of 2020, in a guest with one queue.
    "kata-578": ("""\
# lszcrypt
CARD.DOMAIN TYPE  MODE        STATUS  REQUESTS
----------------------------------------------
09          CEX6C CCA-Coproc  online         1
09.003d     CEX6C CCA-Coproc  online         1
""", {9: "CEX6C"}, "0x3d", {"09.003d": "zcrypt"}, []),
    # coreos/ignition, pull request 1820 and issue 2013: a root shell's prompt; adapter 0, APQN 00.0047.
    "ignition-1820": ("""\
sh-5.1# lszcrypt -V
CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER     \n\
--------------------------------------------------------------------------------------------
00       CEX6C CCA-Coproc  online            0        0     12     08 S--D--N--  cex4card    \n\
00.0047  CEX6C CCA-Coproc  online            0        0     12     08 S--D--N--  cex4queue   \n\
sh-5.1# 
""", {0: "CEX6C"}, "0x47", {"00.0047": "zcrypt"}, []),
    # The kernel's documentation of vfio_ap: three columns, between the rules of a document.
    "vfio-ap-document": ("""\
=========== ===== ============
CARD.DOMAIN TYPE  MODE
=========== ===== ============
05          CEX5C CCA-Coproc
05.0004     CEX5C CCA-Coproc
05.00ab     CEX5C CCA-Coproc
06          CEX5A Accelerator
06.0004     CEX5A Accelerator
06.00ab     CEX5A Accelerator
=========== ===== ============
""", {5: "CEX5C", 6: "CEX5A"}, "4,0xab", {"05.0004": "zcrypt", "06.00ab": "zcrypt"}, []),
    # A monitor's sample of lszcrypt -VV before 2.15: other titles, functions as a number, no driver.
    "functions-as-a-number": ("""\
CARD.DOMAIN TYPE  MODE        STATUS  REQUEST_CNT PENDINGQ_CNT REQUESTQ_CNT HW_TYPE Q_DEPTH FUNCTIONS 
------------------------------------------------------------------------------------------------------
01          CEX5A Accelerator online       116252            0            0      11      08 0x68800000
01.0011     CEX5A Accelerator online       116252            0            0      11      08 0x68800000
""", {1: "CEX5A"}, "0x11", {"01.0011": "zcrypt"}, []),
    # A Secure Execution guest of Confidential Containers: one more column.
    "secure-execution": ("""\
[container]# lszcrypt -V
CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER      SESTAT     \n\
--------------------------------------------------------------------------------------------------------
03       CEX8P EP11-Coproc online            2        0     14     08 -----XN-F- cex4card    -          \n\
03.0041  CEX8P EP11-Coproc online            2        0     14     08 -----XN-F- cex4queue   usable     \n\
""", {3: "CEX8P"}, "0x41", {"03.0041": "zcrypt"}, []),
    # An LPAR whose one queue a Hyper Protect guest has: no counters.
    "hyper-protect": ("""\
$ lszcrypt -V
CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER     \n\
--------------------------------------------------------------------------------------------
03       CEX8P EP11-Coproc online            0        0     14     08 -----XN-F- cex4card   \n\
03.0011  CEX8P EP11-Coproc in use            -        -     14     08 -----XN-F- vfio_ap
""", {3: "CEX8P"}, "0x11", {"03.0011": "vfio_ap"},
                      ["a guest uses 03.0011, but no source describes its mediated device; a copy of /sys or 'mdevctl list "
                       "--dumpjson' does"]),
    # A mail on linux-block about zcrypt and kmemleak: wrapped and quoted-printable, and the next command.
    "wrapped-by-mail": ("""\
[root@lpar1 ~]# lszcrypt -V
CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH
FUNCTIONS  DRIVER
---------------------------------------------------------------------------=
-----------------
01       CEX7C CCA-Coproc  online            0        0     13     09
---D--N--R cex4card
01.0001  CEX7C CCA-Coproc  online            0        0     13     09
---D--N--R cex4queue
[root@lpar1 ~]# cat /proc/cpuinfo
vendor_id       : IBM/S390
""", {1: "CEX7C"}, "1", {"01.0001": "zcrypt"},
                        [f"a line of lszcrypt that is not understood: {line}" for line in
                         ("FUNCTIONS  DRIVER", "---D--N--R cex4card", "---D--N--R cex4queue", "[root@lpar1 ~]# cat /proc/cpuinfo",
                          "vendor_id       : IBM/S390")]),
}


def imported(*sources, **how):
    done = subprocess.run([APUS, "import", "--json", *map(str, sources)], capture_output=True, text=True, timeout=60, check=False, **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def owners(tmp_path, machine):
    """The map: who owns each queue, a mediated device by its UUID, with the guest that uses it."""
    (tmp_path / "m.ini").write_text(machine)
    done = subprocess.run([APUS, "map", "--json", "--from", tmp_path / "m.ini"], capture_output=True, text=True, timeout=60, check=True)
    return {q["apqn"]: (q["mdev"] or q["owner"]) + (f" {q['guest']}" if q["in_use"] else "")
            for q in json.loads(done.stdout)["queues"] if q["device"]}


def told(answer, kind):
    return [note["text"] for note in answer["notes"] if note["kind"] == kind]


@pytest.mark.parametrize("report", TABLES)
def test_a_table(tmp_path, report):
    text, adapters, domains, queues, missing = TABLES[report]
    got = imported("-", input=text)
    for adapter, name in adapters.items():
        assert f"[adapter {adapter}]\ntype = {name}\n" in got["machine"]
    assert got["machine"].count("[adapter ") == len(adapters)
    assert f"\ndomains = {domains}\n" in got["machine"]
    assert queues.items() <= owners(tmp_path, got["machine"]).items()
    assert told(got, "missing") == missing and not told(got, "contradiction")
    assert [text for text in told(got, "assumed") if "functions, depth and message size" in text]


# Dumps of whole systems.

def uuid(n):
    return f"69aa1a8a-0000-4000-8000-{n:012x}"


def ones_without(ids):
    return f"0x{(1 << 256) - 1 - sum(1 << (255 - i) for i in ids):064x}"


def ones(ids):
    return f"0x{sum(1 << (255 - i) for i in ids):064x}"


# What each report gives: adapters with their types, the LPAR's domains, ids without a bit in apmask and aqmask, mediated devices
# with adapters, domains and control domains, and the guest that has it.
DUMPS = {
    # The worked example of the kernel's documentation: masks -5,-6 and -4,-0x47,-0xab,-0xff, three guests.
    "three-guests": ({4: "CEX5C", 5: "CEX5C", 6: "CEX5A"}, [4, 0x47, 0xab, 0xff], [5, 6], [4, 0x47, 0xab, 0xff],
                     [([5, 6], [4, 0xab], [4], "Guest1"), ([5], [0x47, 0xff], [], "Guest2"), ([6], [0x47, 0xff], [], "Guest3")]),
    # Kata's guide to vfio_ap: card 6, domain 0x32.
    "kata-guide": ({6: "CEX7C"}, [0x32], [6], [0x32], [([6], [0x32], [], "kata")]),
    # mdevctl's README: two adapters, two domains that are control domains, too. No guest has it.
    "mdevctl-guide": ({5: "CEX6C", 6: "CEX6C"}, [4, 0xab], [5, 6], [], [([5, 6], [4, 0xab], [4, 0xab], None)]),
    # The test environment of the Kubernetes plugin: CCA and EP11, two domains, all with zcrypt.
    "plugin": ({0: "CEX8C", 4: "CEX8P"}, [0x29, 0x2a], [], [], []),
}


def is_default(report, adapter, domain):
    _, _, no_adapters, no_domains, _ = DUMPS[report]
    return adapter not in no_adapters and domain not in no_domains


def expected(report):
    adapters, domains, _, _, devices = DUMPS[report]
    got = {f"{a:02x}.{d:04x}": "zcrypt" if is_default(report, a, d) else "vfio_ap" for a in adapters for d in domains}
    for n, (apids, apqis, _, guest) in enumerate(devices):
        got.update({f"{a:02x}.{d:04x}": uuid(n) + (f" {guest}" if guest else "") for a in apids for d in apqis})
    return got


def add(tar, name, data, padded=0):
    data = (data.encode() if isinstance(data, str) else data).ljust(padded, b"\0")
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def link(tar, name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def sysfs(report, padded):
    """/sys/bus/ap and its devices as tar writes them, or GNU tar, to which each attribute has a page."""
    adapters, domains, no_adapters, no_domains, devices = DUMPS[report]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name, value in {"apmask": ones_without(no_adapters), "aqmask": ones_without(no_domains), "ap_adapter_mask": ones(adapters),
                            "ap_usage_domain_mask": ones(domains), "ap_control_domain_mask": ones(domains), "ap_domain": "-1",
                            "ap_interrupts": "1", "ap_max_domain_id": "255", "features": "APSC APXA QACT RC8A"}.items():
            add(tar, f"sys/bus/ap/{name}", value + "\n", padded)
        for adapter, name in adapters.items():
            card = f"sys/devices/ap/card{adapter:02x}"
            for attribute, value in {"type": name, "config": "1", "chkstop": "0", "online": "1", "depth": "8",
                                     "request_count": "17"}.items():
                add(tar, f"{card}/{attribute}", value + "\n", padded)
            link(tar, f"{card}/driver", "../../../bus/ap/drivers/cex4card")
            for domain in domains:
                queue = f"{card}/{adapter:02x}.{domain:04x}"
                driver = "cex4queue" if is_default(report, adapter, domain) else "vfio_ap"
                add(tar, f"{queue}/uevent", f"DEV_TYPE=000C\nMODALIAS=ap:t0C\nDRIVER={driver}\n", padded)
                link(tar, f"{queue}/driver", f"../../../../bus/ap/drivers/{driver}")
        for n, (apids, apqis, control, _) in enumerate(devices):
            device = f"sys/devices/vfio_ap/matrix/{uuid(n)}"
            matrix = "".join(f"{a:02x}.{d:04x}\n" for a in apids for d in apqis)
            add(tar, f"{device}/matrix", matrix, padded)
            add(tar, f"{device}/guest_matrix", matrix, padded)
            add(tar, f"{device}/control_domains", "".join(f"{d:04x}\n" for d in control), padded)
    return data.getvalue()


def guests(report):
    for n, (_, _, _, guest) in enumerate(DUMPS[report][4]):
        if guest:
            yield guest, (f"<domain type='kvm'>\n<name>{guest}</name>\n<devices><hostdev mode='subsystem' type='mdev' "
                          f"model='vfio-ap'>\n<source><address uuid='{uuid(n)}'/></source></hostdev></devices></domain>\n")


@pytest.mark.parametrize("padded", [0, 4096])
@pytest.mark.parametrize("report", DUMPS)
def test_a_dump_of_dbginfo(tmp_path, report, padded):
    top = "DBGINFO-2026-01-01-00-00-00-lpar1-8561"
    running = "".join(f" {n}    {guest}   running\n" for n, (guest, _) in enumerate(guests(report), 1))
    with tarfile.open(tmp_path / "dump.tgz", "w:gz") as tar:
        add(tar, f"{top}/sysfs.tgz", sysfs(report, padded))
        add(tar, f"{top}/proc/cmdline", "root=/dev/dasda1\n")
        add(tar, f"{top}/kvm_runtime.out", "#" * 40 + "\nlpar1> virsh list --all\n Id   Name     State\n---\n" + running + "\n")
        for guest, xml in guests(report):
            add(tar, f"{top}/etc/libvirt/qemu/{guest}.xml", xml)
    got = imported(tmp_path / "dump.tgz")
    assert owners(tmp_path, got["machine"]) == expected(report)
    assert not told(got, "contradiction") and not told(got, "missing")


def table(report):
    """What lszcrypt -VV prints there."""
    adapters, domains, _, _, _ = DUMPS[report]
    modes = {"C": "CCA-Coproc ", "P": "EP11-Coproc", "A": "Accelerator"}
    rows = ["CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER", "-" * 92]
    for adapter, name in adapters.items():
        rest = "       17        0     13     08 S--D--N-F- "
        rows.append(f"{adapter:02x}       {name} {modes[name[-1]]} online     {rest}cex4card")
        for domain in domains:
            queue = f"{adapter:02x}.{domain:04x}"
            owner = expected(report)[queue]
            status, driver = {"zcrypt": ("online    ", "cex4queue"), "vfio_ap": ("unassigned", "vfio_ap")}.get(
                owner, ("in use    " if " " in owner else "assigned  ", "vfio_ap"))
            rows.append(f"{queue}  {name} {modes[name[-1]]} {status} {rest}{driver}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("report", DUMPS)
def test_a_sosreport(tmp_path, report):
    """It has no /sys: whose a queue is, is in what lszcrypt, mdevctl and libvirt say."""
    top = "sosreport-lpar1-2026-01-01-abcdefg"
    with tarfile.open(tmp_path / "sos.tar.xz", "w:xz") as tar:
        add(tar, f"{top}/sos_commands/s390/lszcrypt_-VV", table(report))
        add(tar, f"{top}/proc/cmdline", "root=/dev/dasda1\n")
        for n, (apids, apqis, control, _) in enumerate(DUMPS[report][4]):
            attrs = [{"assign_adapter": str(a)} for a in apids] + [{"assign_domain": hex(d)} for d in apqis]
            attrs += [{"assign_control_domain": f"{d}"} for d in control]
            add(tar, f"{top}/etc/mdevctl.d/matrix/{uuid(n)}",
                json.dumps({"mdev_type": "vfio_ap-passthrough", "start": "auto", "attrs": attrs}))
        for guest, xml in guests(report):
            add(tar, f"{top}/etc/libvirt/qemu/{guest}.xml", xml)
    got = imported(tmp_path / "sos.tar.xz")
    assert owners(tmp_path, got["machine"]) == expected(report)
    assert not told(got, "contradiction") and not told(got, "missing")
