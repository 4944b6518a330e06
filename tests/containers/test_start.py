# SPDX-License-Identifier: MIT
"""`apus run` in a container: what a container must be given, and what the start says if something lacks."""

import errno
import json
import os
import pathlib
import re

import pytest

APUS = os.environ["APUS_BIN"]
CLIENT = os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client")
FUSE = ("--device", "/dev/fuse")
FREE = ("--security-opt", "seccomp=unconfined")
MAY_MOUNT = (*FUSE, "--cap-add", "SYS_ADMIN")
LEAST = (*FUSE, *FREE, "-u", "1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/containers.md"
# The library that is preloaded comes before the sanitizer's of a test build.
PRELOADED = ("ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0",)
# Reads an attribute, and has three requests computed.
PROGRAM = ("sh", "-c", f"cat /sys/bus/ap/ap_domain && {CLIENT} latency /dev/z90crypt 3 > /dev/null && echo computed")


def documented():
    """The options of each row of the document's first table."""
    return [row.split() for row in re.findall(r"^\| `(--device[^`]*)` \|", DOCUMENT.read_text(), re.MULTILINE)]


def test_the_document_has_rows():
    assert len(documented()) >= 5 and list(MAY_MOUNT) in documented() and sorted(LEAST) in map(sorted, documented())


@pytest.mark.parametrize("options", [
    *documented(),
    [*LEAST, "--read-only", "--tmpfs", "/tmp"],
    [*MAY_MOUNT, "--network", "none"],
], ids=" ".join)
@pytest.mark.parametrize("way", ["fuse", "notify"])
def test_it_runs(engine, options, way):
    result = engine.run(options, APUS, "run", f"--ioctl={way}", "--", *PROGRAM)
    assert (result.returncode, result.stdout.split(), result.stderr) == (0, ["4", "computed"], "")


@pytest.mark.parametrize("options, words", [
    ((), ("user namespace", "seccomp=unconfined")),
    (FUSE, ("user namespace", "seccomp=unconfined")),
    (FREE, ("/dev/fuse is missing", "--device /dev/fuse")),
    (("--cap-add", "SYS_ADMIN"), ("/dev/fuse is missing", "--device /dev/fuse")),
    ((*FUSE, *FREE, "--cap-drop", "ALL"), ("SETFCAP", "-u 1000")),
    ((*FUSE, *FREE, "--read-only"), ("Read-only", "APUS_RUNTIME_DIR")),
])
def test_it_says_what_lacks(engine, options, words):
    result = engine.run(options, APUS, "run", "--ioctl=fuse", "--", "true")
    assert result.returncode == 125 and result.stderr.startswith("apus: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def profile(path, rule):
    """A seccomp profile that forbids these, and nothing else."""
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", **rule}]}))
    return "--security-opt", f"seccomp={path}"


@pytest.mark.parametrize("rule, words", [
    # AppArmor's docker-default, or SELinux, answers mount(2) so.
    ({"names": ["mount"], "errnoRet": errno.EACCES}, ("a security module", "apparmor=unconfined")),
    # An engine whose profile is older than the calls.
    ({"names": ["open_tree", "move_mount"], "errnoRet": errno.EPERM}, ("older than the call", "seccomp=unconfined")),
], ids=["mount", "older"])
def test_it_says_what_an_engine_forbids(engine, tmp_path, rule, words):
    options = (*MAY_MOUNT, *profile(tmp_path / "profile.json", rule))
    refused = engine.run(options, APUS, "run", "--ioctl=fuse", "--", "true")
    assert refused.returncode == 125 and refused.stderr.count("\n") == 1, refused.stderr
    for word in words:
        assert word in refused.stderr
    chosen = engine.run(options, APUS, "run", "--", "cat", "/sys/bus/ap/ap_domain", environment=PRELOADED)
    assert chosen.stdout == "4\n" and "without a mount" in chosen.stderr, chosen.stderr


@pytest.mark.parametrize("options", [("--ulimit", "nofile=64"), ("--cpus", "0.5"), ("-m", "256m")], ids=" ".join)
def test_what_makes_no_difference(engine, options):
    result = engine.run([*MAY_MOUNT, "--cap-add", "SYS_PTRACE", *options], APUS, "run", "--ioctl=fuse", "--", *PROGRAM)
    assert (result.returncode, result.stdout.split(), result.stderr) == (0, ["4", "computed"], "")


def test_a_limit_of_processes(engine):
    """Copies of a caller's memory that get no thread of their own are made, more slowly; nothing waits for ever."""
    done = 0
    for limit in range(6, 12):
        options = (*MAY_MOUNT, "--cap-add", "SYS_PTRACE", "--pids-limit", limit)
        result = engine.run(options, APUS, "run", "--ioctl=fuse", "--", *PROGRAM)
        if result.returncode:
            assert "annot fork" in result.stderr or "pids-limit" in result.stderr, result  # the program's, or ours
        else:
            assert result.stdout.split() == ["4", "computed"]
            done += 1
    assert done >= 2


def test_other_users_programs_need_a_capability(engine):
    """The log names it; root's own programs do without."""
    as_other = "setpriv --reuid=1000 --regid=1000 --clear-groups"
    script = f"{as_other} {CLIENT} latency /dev/z90crypt 1 > /dev/null 2>&1 || {APUS} log"
    result = engine.run(MAY_MOUNT, APUS, "run", "--", "sh", "-c", script)
    assert "fails with EACCES" in result.stdout and "--cap-add SYS_PTRACE" in result.stdout, result.stderr
    assert engine.run((*MAY_MOUNT, "--cap-add", "SYS_PTRACE"), APUS, "run", "--", "sh", "-c", script).stdout == ""


def test_uevents_as_the_first_process(engine):
    """There is no process outside to compare with: a container has a network of its own."""
    run = (APUS, "run", "--uevents", "--", "cat", "/sys/bus/ap/ap_domain")
    privileged = (*MAY_MOUNT, "--cap-add", "SYS_PTRACE", "--cap-add", "NET_ADMIN")
    assert engine.run(privileged, *run).stdout == "4\n"
    refused = engine.run(MAY_MOUNT, *run)
    assert refused.returncode == 125 and "--cap-add NET_ADMIN" in refused.stderr
