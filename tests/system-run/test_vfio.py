# SPDX-License-Identifier: MIT
"""VFIO and iommufd for programs inside apus run, as the real driver answers."""

import pytest

from reachable import open_up
from runs import binary

WALK = open_up("system-run") / "system-run" / "vfio_walk.py"


@pytest.fixture(params=["root", "user", "root-no-mount", "user-no-mount"])
def walk(request):
    """The results of a part of vfio_walk.py: {name: answers}."""
    user, _, how = request.param.partition("-")
    runs = request.getfixturevalue("runs" if user == "root" else "user_runs")
    call = runs.command if user == "root" else runs.command_as_user
    options = [f"--{how}"] if how else []

    def answers(part):
        result = call(binary(), "run", "--abi", "upstream", *options, "--", "/usr/bin/python3", WALK, part,
                      env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
        assert result.returncode == 0, result.stderr
        return {what: value.strip() for what, value in ((each + " ").split(" ", 1) for each in result.stdout.splitlines())}
    return answers


def test_container(walk):
    assert walk("container") == {
        "api": "0", "extensions": "1 3 9", "set-without-group": "EINVAL", "info-without-iommu": "EINVAL",
        "other": "EINVAL EINVAL"}


def test_group(walk):
    assert walk("group") == {
        "status": "EINVAL EFAULT", "viable": "0 1", "again": "EBUSY", "unset": "EINVAL",
        "set": "EFAULT EBADF EBADF EBADFD 0 EINVAL", "device-without-iommu": "EINVAL", "iommu": "ENODEV 0 EINVAL",
        "names": "EFAULT EINVAL ENODEV ENODEV ENODEV ENODEV", "device": "True 1", "container": "3",
        "unset-in-use": "EBUSY", "second-device": "True", "other": "ENOTTY ENOTTY", "unset-after": "0 EINVAL EINVAL"}


def test_device(walk):
    assert walk("device") == {
        "info": "EINVAL EFAULT 0 16 33 0 2", "region": "EINVAL", "irq": "EINVAL 0 16 1 1 1", "reset": "0 0",
        "feature": "ENOTTY EINVAL EINVAL EINVAL EINVAL EFAULT", "other": "EOPNOTSUPP EOPNOTSUPP", "read": "EINVAL"}


def test_eventfds(walk):
    assert walk("irqs") == {
        "bad": " ".join(["EINVAL"] * 10), "closed": "EBADF EFAULT", "none": "0", "set": "0 0 0 0", "repeated": "0 0",
        "unassign": "1 0", "assign": "1 0", "after-reset": "0 0", "removed": "0", "silent": "0 0", "full": "[] 0"}


def test_cdev(walk):
    assert walk("cdev") == {
        "node": "True 0o600 0o660", "unbound": "EINVAL EINVAL",
        "bind": "EFAULT EINVAL EINVAL EINVAL EBADF EBADFD", "bound": "0 1", "again": "EINVAL EINVAL", "ioas": "0 2",
        "attach": "EINVAL ENOENT EOPNOTSUPP 0", "busy": "EBUSY EBUSY", "info": "0", "detach": "0 0", "group": "EBUSY",
        "released": "ENOENT 0"}


def test_iommufd_as_a_container(walk):
    """The device is attached to its address space, and does not keep the group open."""
    assert walk("compat") == {
        "set": "0", "device": "True 0 3", "in-use": "EBUSY EBUSY EOPNOTSUPP EINVAL", "group-open": "EBUSY",
        "device-open": "EBADF EINVAL 0", "group-again": "0 1 EINVAL", "released": "0 ENOENT", "cleared": "0 0 ENODEV 0",
        "file": "EBADF EBADF 0"}


def test_a_node_whose_device_is_gone(walk):
    assert walk("stale") == {"same": "True", "status": "ENOTTY", "new": "0"}


def test_life_of_a_device(walk):
    """Closing the last copy of a descriptor, in any way, releases the device."""
    assert walk("life") == {
        "open": "1", "dup": "1", "inherited": "1", "killed": "0", "reopened": "1", "waits": "True ENODEV 0",
        "removed": "False False ENODEV"}


def test_what_is_closed_is_free(walk):
    assert walk("freed") == {"devices": "int", "unset": "(None, 0, 0)"}


def test_reboot(walk):
    assert walk("reboot") == {"gone": "0 False", "anew": "1", "kept": "1", "closed": "True"}


def test_a_thousand_times_leave_nothing_behind(walk):
    """What leaks memory is found by the sanitizer at the end of the daemon."""
    assert walk("churn") == {"closed": "True"}


def test_without_cdev_in_the_proposal(runs):
    script = "ls /dev/vfio /dev/iommu 2>&1; ls /sys/devices/vfio_ap/matrix/*/vfio-dev/*"
    uuid = "69aa1a8a-0000-4000-8000-000000000001"
    result = runs.bash(f"echo {uuid} > /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create; {script}")
    assert "vfio0" not in result.stdout.split("/dev/vfio:")[0]
    assert "devices" not in result.stdout and "dev\n" not in result.stdout.split("device\n", 1)[-1]


def test_run_inside_run(runs):
    """A program can have one seccomp listener only, so an inner run has no VFIO, and says so."""
    result = runs.bash("apus run -- sh -c 'cat /sys/bus/ap/apmask; ls /dev/vfio'")
    assert "0xffff" in result.stdout
    assert "VFIO is not available" in result.stderr
