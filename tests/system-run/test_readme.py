# SPDX-License-Identifier: MIT
"""Runs every command of the README and compares the output with what the README shows."""

import fnmatch
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture
def tools():
    """The tools that `apus run` offers, of the release from which `apus linux fetch` gets them."""
    root = pathlib.Path(os.environ["APUS_CLIENTS"]) / "trixie/root"
    if not (root / "usr/sbin/lszcrypt").exists():
        pytest.skip("lszcrypt is missing: make clients")
    return {"APUS_TOOLS": str(root), "PATH": f"{os.environ['PATH']}:/usr/sbin"}


def session():
    """[(command, [lines of output])] of the session at the top, which takes place in a shell of apus run."""
    block = re.search(r"```\n\$ apus run -- bash\n(.*?)```", README, re.S).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("# "):
            steps.append((re.sub(r"\s{2,}#.*", "", line[2:]), []))
        else:
            steps[-1][1].append(re.sub(r"\s{2,}#.*", "", line))
    return steps


def test_the_session_at_the_top(runs, tools):
    steps = session()
    assert len(steps) > 6
    script = "".join(f"{command}\necho =====$?\n" for command, _ in steps)
    result = runs.bash(f"exec 2>&1\n{script}", env=tools)
    shown = re.split(r"=====\d+\n", result.stdout)
    for (command, expected), output in zip(steps, shown):
        lines = [re.sub(r"^bash: line \d+: ", "bash: ", line.rstrip()) for line in output.splitlines()]
        if "..." in expected:
            expected = expected[:expected.index("...")]
            lines = lines[:len(expected)]
        if expected or not command.startswith(("mdevctl", "apus")):
            assert lines == expected, command


def test_the_examples_that_it_names(runs):
    for path in re.findall(r"`apus run -m (\S+) -- bash`", README):
        result = runs.run("cat", "/sys/bus/ap/bindings", options=("-m", ROOT / path))
        assert fnmatch.fnmatch(result.stdout, "*(complete)\n"), path


def test_the_commands_that_it_names(runs):
    known = runs.apus("help").stdout + runs.apus("--help").stdout
    for command in set(re.findall(r"`apus ([a-z]+)[^`]*`", README)):
        assert re.search(rf"^\s+{command}\b", known, re.M) or runs.apus("help", command).returncode == 0, command


def test_the_targets_that_it_names():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^    )make ([a-z-]+)", README, re.M)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_files_that_it_names():
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path
