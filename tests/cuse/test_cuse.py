# SPDX-License-Identifier: MIT
"""Nodes that are devices of the kernel, in a kernel that has CUSE: it is booted with an initramfs of ours, once for the checks of
inside.sh, and with APUS_ENGINE=1 once for those of docker.sh, with a Docker engine in it. What is lacking for that is named."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 1700  # 3 minutes on a computer that has nothing else to do
ENGINE = ["dockerd", "docker", "containerd", "containerd-shim-runc-v2", "runc", "docker-init"]


def checks(script):
    return re.findall(r"^check_(\w+)\(", (HERE / script).read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def kernel():
    """The directory of the unpacked kernel."""
    if platform.machine() != "x86_64":
        pytest.skip("these tests boot an amd64 kernel")
    for program in ["qemu-system-x86_64", "busybox", "cpio"]:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    where = Path(os.environ["APUS_BUILD"]) / "cuse"
    fetched = subprocess.run([HERE / "setup", where], text=True, capture_output=True)
    if fetched.returncode:
        pytest.skip(f"no kernel with CUSE: {fetched.stderr.strip().splitlines()[-1]}")
    return where / "kernel"


def boot(kernel, image, script, programs, megabytes):
    """What the booted system says."""
    programs = [os.environ["APUS_BIN"], os.environ["CRYPTO_CLIENT"], *programs]
    subprocess.run([HERE / "image", kernel, image, script, *programs], check=True)
    # Not KVM: where a computer is a virtual machine itself it may abort QEMU, or never get beyond the firmware.
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(megabytes), "-smp", "2", "-nographic",
               "-no-reboot", "-nic", "none", "-kernel", next(kernel.rglob("vmlinuz*")), "-initrd", image,
               "-append", "console=ttyS0 quiet panic=-1 no_timer_check"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=SECONDS)
        text = done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode(errors="replace") + f"\nnot done after {SECONDS} s"
    image.unlink()
    return text.replace("\r", "")


def judge(console, name):
    said = re.search(rf"((?:^(?!CHECK ).*\n)*)^CHECK {name}\b(.*)$", console, re.MULTILINE)
    assert said, console[-3000:]
    assert "FAILED" not in said.group(2), said.group(1)
    assert "AddressSanitizer" not in said.group(1) and "runtime error" not in said.group(1), said.group(1)


@pytest.fixture(scope="module")
def console(kernel, tmp_path_factory):
    return boot(kernel, tmp_path_factory.mktemp("cuse") / "image", "inside.sh", [], 1024)


@pytest.mark.parametrize("name", [*checks("inside.sh"), "kernel"])
def test_in_a_kernel_with_cuse(console, name):
    judge(console, name)


@pytest.fixture(scope="module")
def engine_console(kernel, tmp_path_factory):
    if not os.environ.get("APUS_ENGINE"):
        pytest.skip("an engine in a system without KVM takes minutes, and gives up on a busy computer: APUS_ENGINE=1")
    programs = [shutil.which(name) for name in ENGINE]
    if not all(programs):
        pytest.skip(f"{ENGINE[programs.index(None)]} is not installed")
    if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 4 << 30:
        pytest.skip("less than 4 GiB of memory are free")
    return boot(kernel, tmp_path_factory.mktemp("engine") / "image", "docker.sh", programs, 3072)


@pytest.mark.parametrize("name", checks("docker.sh"))
def test_with_a_docker_engine(engine_console, name):
    judge(engine_console, name)
