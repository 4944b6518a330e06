# SPDX-License-Identifier: MIT
"""tests/run on a small meson project, whose tests say how often they ran."""

import pathlib
import subprocess

import pytest

RUN = pathlib.Path(__file__).resolve().parents[1] / "run"
GOOD = "true"
BAD = "false"
# Fails the first time.
ONCE = 'test -e "$0.ran" || { touch "$0.ran"; false; }'
SKIPPED = "echo 'SKIPPED [2] there.py:1: no engine'"


@pytest.fixture
def play(tmp_path):
    """Runs a project with these tests, given as (suite, name, what it does)."""
    def build(*tests):
        lines = ["project('apus')"]
        for suite, name, does in tests:
            script = tmp_path / name
            script.write_text(f'#!/bin/sh\necho x >> "$0.times"\n{does}\n')
            script.chmod(0o755)
            lines.append(f"test('{name}', find_program('{name}'), suite: '{suite}')")
        (tmp_path / "meson.build").write_text("\n".join(lines) + "\n")
        subprocess.run(["meson", "setup", tmp_path / "b", tmp_path], check=True, capture_output=True)
        return subprocess.run([RUN, tmp_path / "b", "2"], capture_output=True, text=True, check=False)
    return build


def times(tmp_path, name):
    return len((tmp_path / f"{name}.times").read_text().splitlines())


def last(done):
    return done.stdout.splitlines()[-1]


def test_all_pass_and_what_was_left_out_is_counted(play, tmp_path):
    done = play(("unit", "good", GOOD), ("linux", "left", SKIPPED))
    assert done.returncode == 0
    assert "left out, 2 times: no engine" in done.stdout
    assert last(done) == "2 passed, 0 failed, 0 skipped"
    assert times(tmp_path, "good") == 1


def test_what_failed_beside_others_runs_once_more_and_is_named(play, tmp_path):
    done = play(("unit", "good", GOOD), ("linux", "once", ONCE))
    assert done.returncode == 0
    assert "once passed only alone" in done.stdout
    assert last(done) == "2 passed, 0 failed, 0 skipped"
    assert (times(tmp_path, "good"), times(tmp_path, "once")) == (1, 2)


def test_what_fails_twice_has_failed(play, tmp_path):
    done = play(("unit", "good", GOOD), ("linux", "bad", BAD))
    assert done.returncode != 0
    assert last(done) == "1 passed, 1 failed, 0 skipped"
    assert times(tmp_path, "bad") == 2


@pytest.mark.parametrize("suite", ["check", "cross", "fuzz", "model", "unit"])
def test_what_depends_on_the_source_alone_has_one_run(play, tmp_path, suite):
    done = play((suite, "certain", ONCE), ("linux", "once", ONCE))
    assert done.returncode != 0
    assert last(done) == "0 passed, 2 failed, 0 skipped"
    assert (times(tmp_path, "certain"), times(tmp_path, "once")) == (1, 1)


def test_four_failures_are_no_chance(play, tmp_path):
    done = play(("unit", "good", GOOD), *(("linux", f"once{number}", ONCE) for number in range(4)))
    assert done.returncode != 0
    assert last(done) == "1 passed, 4 failed, 0 skipped"
    assert times(tmp_path, "once0") == 1


def test_no_test_at_all_is_a_failure(tmp_path):
    (tmp_path / "meson.build").write_text("project('apus')\n")
    subprocess.run(["meson", "setup", tmp_path / "b", tmp_path], check=True, capture_output=True)
    assert subprocess.run([RUN, tmp_path / "b", "2"], capture_output=True, check=False).returncode != 0
