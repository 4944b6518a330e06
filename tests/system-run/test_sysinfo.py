# SPDX-License-Identifier: MIT
"""/proc/sysinfo of a machine of Z: at its place without a mount, in /dev/apus with one, in the tree of a daemon."""

import os

import pytest

MACHINE = "[machine]\ndomains = 4\nmachine-type = 9175\nsequence-code = 0000000000012345\nlpar-name = LP37\ncpus = 4\n[adapter 5]\ntype = CEX8C\n"


@pytest.mark.skipif(os.path.exists("/proc/sysinfo"), reason="this is a machine of Z")
@pytest.mark.parametrize("options, path, other", [
    ((), "/dev/apus/sysinfo", "/proc/sysinfo"),
    (("--no-mount",), "/proc/sysinfo", "/dev/apus/sysinfo"),
])
def test_where_programs_find_it(runs, tmp_path, options, path, other):
    file = tmp_path / "machine.ini"
    file.write_text(MACHINE)
    script = f"cat {path} && cd ${{0%/*}} && head -1 sysinfo; stat -c '%F %a' {path}; echo x > {path}; test -e {other} || echo only here"
    result = runs.run("bash", "-c", script, path, options=["-m", file, *options])
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    for line in ("Type:                 9175", "Sequence Code:        0000000000012345", "LPAR Name:            LP37",
                 "LPAR CPUs Total:      4"):
        assert line in lines, result
    assert lines[-3:] == ["Manufacturer:         IBM", "regular file 444", "only here"]
    assert result.stderr.count("\n") == 1 and "ermission denied" in result.stderr or "Read-only" in result.stderr


def test_what_the_computer_has_stays(runs):
    """/proc is not covered: containers inside may have a /proc of their own."""
    result = runs.bash("unshare -Urpf --mount-proc cat /proc/self/status | grep -c ^Pid")
    assert result.stdout == "1\n", result.stderr
