# SPDX-License-Identifier: MIT
"""What bench/ says of runs: no time is measured here."""

import json
import os
import pathlib
import re
import subprocess

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
ABOUT = {"run": "2026-01-01T00:00:00", "build": "/build", "buildtype": "release", "commit": "abc", "quiet": True, "busy": 0.01,
         "machine": {"host": "here", "cpu": "a CPU", "cpus": 2, "kernel": "6"}}


def bench(name, *arguments):
    return subprocess.run([BENCH / name, *map(str, arguments)], capture_output=True, text=True, check=False,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))


@pytest.fixture
def store(tmp_path):
    def write(name, *lines, **about):
        path = tmp_path / name
        path.write_text("".join(json.dumps(line) + "\n" for line in [dict(ABOUT, **about), *lines]))
        return path
    return write


def start(ratio):
    return {"bench": "run", "ratio": ratio, "unshare_ms": 2.2}


def crt(*ratios):
    return {"what": "crt", "bits": 2048, "clients": 2, "openssl": 1000.0, "ratios": list(ratios)}


def test_a_build_with_sanitizers_is_not_measured():
    build = os.environ["APUS_BUILD"]
    known = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", build], check=True, capture_output=True, text=True).stdout)
    sanitizers = next(option["value"] for option in known if option["name"] == "b_sanitize")
    if sanitizers == "none":
        pytest.skip("this build has no sanitizers")
    done = bench("begin", build, 0)
    assert done.returncode == 1 and done.stdout == ""
    assert f"has sanitizers ({sanitizers}); measure a release" in done.stderr


def test_a_report_has_median_spread_target_and_counterpart(store):
    done = bench("report", store("run", start(3.0), start(5.0), start(4.5), crt(0.85, 0.95, 0.92)))
    assert done.returncode == 0, done.stderr
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert re.search(r" 4\.5 +3 to 5 +at most 4 +2\.2 unshare ms +<<$", lines["apus run -- true, to unshare"])
    assert re.search(r" 0\.92 +0\.85 to 0\.95 +at least 0\.9 +1000 OpenSSL/s$", lines["RSA CRT 2048, 2 clients, to OpenSSL"])
    assert done.stdout.endswith("/build (release, abc) on here: 1 of 2 fall short\n")


def test_a_report_says_that_the_machine_was_busy(store):
    done = bench("report", store("run", start(3.0), quiet=False, busy=0.6))
    assert done.stdout.endswith("0 of 1 fall short; NOT QUIET, 60% busy: only ratios mean anything\n")


def test_runs_are_compared(store):
    old = store("old", start(4.0), start(4.2), crt(0.8, 0.82))
    new = store("new", start(6.0), start(6.2), crt(0.9, 0.92))
    lines = bench("compare", old, new).stdout.splitlines()
    assert any(re.search(r"apus run .* 4\.1 +6\.1 +\+49% WORSE$", line) for line in lines), lines
    assert any(re.search(r"RSA CRT 2048, 2 .* 0\.81 +0\.91 +\+12% better$", line) for line in lines), lines
    lines = bench("compare", old, store("other", start(3.9), start(6.0))).stdout.splitlines()
    assert any(re.search(r"apus run .* 4\.1 +4\.95 +\+21%$", line) for line in lines), "within the spread"
    assert any(line.endswith("not in the new run") for line in lines)
    lines = bench("compare", store("nothing", start(0)), new).stdout.splitlines()
    assert any(re.search(r"apus run .* 0 +6\.1 +WORSE$", line) for line in lines), lines


def test_other_machines_are_not_compared(store):
    old, new = store("old", start(4.0)), store("new", start(4.0), machine=dict(ABOUT["machine"], cpus=4))
    done = bench("compare", old, new)
    assert done.returncode == 1 and done.stdout == "" and "runs of different machines" in done.stderr


@pytest.mark.parametrize("text, message", [("", "does not say of which machine"), ("half a li", ":1: not a JSON line of a run")])
def test_what_is_no_run_is_refused(tmp_path, text, message):
    (tmp_path / "run").write_text(text)
    done = bench("report", tmp_path / "run")
    assert done.returncode == 1 and message in done.stderr
