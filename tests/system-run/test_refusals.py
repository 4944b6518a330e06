# SPDX-License-Identifier: MIT
"""If apus run is not possible: one sentence with the remedy, exit status 125, and nothing is started."""

import os

import pytest

from runs import USER, binary

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to take things away")


def refused(result, *words, status=125):
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("apus: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def in_namespace(runs, script):
    """Runs a script, whose last command is apus run, in a mount namespace in which it may remove things."""
    return runs.command("unshare", "-m", "bash", "-c", script, binary())


AS_USER = f"setpriv --reuid={USER} --regid={USER} --clear-groups env -u APUS_RUNTIME_DIR TMPDIR=/tmp "


def test_no_dev_fuse(runs):
    result = in_namespace(runs, """
        mkdir -p /tmp/d.$$ && mount -t tmpfs none /tmp/d.$$ && touch /tmp/d.$$/null && mount --bind /dev/null /tmp/d.$$/null &&
        mount --move /tmp/d.$$ /dev; rmdir /tmp/d.$$; exec "$0" run --ioctl=fuse -- echo started""")
    refused(result, "/dev/fuse is missing", "modprobe fuse")


def test_no_permission_for_dev_fuse(user_runs):
    result = in_namespace(user_runs, f"""
        touch $APUS_RUNTIME_DIR/f && chmod 600 $APUS_RUNTIME_DIR/f && mount --bind $APUS_RUNTIME_DIR/f /dev/fuse &&
        rm -f $APUS_RUNTIME_DIR/f; exec setpriv --reuid={USER} --regid={USER} --clear-groups "$0" run --ioctl=fuse -- echo started""")
    refused(result, "no permission to open /dev/fuse", "chmod 666 /dev/fuse")


def test_not_a_fuse_device(runs):
    refused(in_namespace(runs, 'mount --bind /dev/null /dev/fuse && exec "$0" run --ioctl=fuse -- echo started'),
            "cannot mount a FUSE file system")


NO_CAPABILITIES = "exec setpriv --inh-caps=-all --bounding-set=-all "


def test_no_user_namespaces(runs):
    result = runs.command("unshare", "-U", "-r", "bash", "-c",
                          "echo 0 > /proc/sys/user/max_user_namespaces && " + NO_CAPABILITIES +
                          '"$0" run --ioctl=fuse -- echo started', binary())
    refused(result, "cannot create a user namespace", "max_user_namespaces")


def test_little_memory(runs):
    if "libasan" in runs.command("ldd", binary()).stdout:
        pytest.skip("AddressSanitizer takes much more than any limit here")
    results = [runs.command("bash", "-c", f'ulimit -v {limit} && exec "$0" run -- echo', binary())
               for limit in range(8000, 60000, 2000)]
    assert results[-1].returncode == 0
    for result in results:
        if result.returncode not in (0, 127):  # 127: the dynamic linker gave up
            refused(result, "ulimit -v")


def test_full_disk(runs):
    result = in_namespace(runs, """
        mkdir $APUS_RUNTIME_DIR/full && mount -t tmpfs -o nr_inodes=3,mode=700 none $APUS_RUNTIME_DIR/full &&
        rmdir $APUS_RUNTIME_DIR/full 2> /dev/null
        APUS_RUNTIME_DIR=$APUS_RUNTIME_DIR/full exec "$0" run -- echo started""")
    os.rmdir(f"{runs.base}/full")
    refused(result, "No space left on device", "APUS_RUNTIME_DIR")


def test_full_disk_for_the_socket(runs):
    result = in_namespace(runs, """
        mkdir $APUS_RUNTIME_DIR/full && mount -t tmpfs -o nr_inodes=4,mode=700 none $APUS_RUNTIME_DIR/full
        APUS_RUNTIME_DIR=$APUS_RUNTIME_DIR/full exec "$0" run -- echo started""")
    os.rmdir(f"{runs.base}/full")
    refused(result)


def test_a_refused_start_leaves_recordings_alone(runs):
    """A new one is not left behind, and an old one not replaced."""
    result = in_namespace(runs, """
        mkdir $APUS_RUNTIME_DIR/full && mount -t tmpfs -o size=4k,mode=700 none $APUS_RUNTIME_DIR/full
        cd $APUS_RUNTIME_DIR/full; : > pid; head -c 4096 /dev/zero > fill
        mkdir ../records; "$0" run --record ../records/old -- true; sum=$(md5sum < ../records/old)
        for how in new 'old --force'; do
            "$0" daemon --no-tree --socket ../records/s --pid-file pid --record ../records/$how && exit 9
        done
        ls ../records; test "$sum" = "$(md5sum < ../records/old)" && echo same; rm -r ../records""")
    os.rmdir(f"{runs.base}/full")
    assert result.stdout == "old\nsame\n", result
    assert result.stderr.count("pid: No space left on device") == 2


def test_full_disk_while_recording(runs):
    """The run goes on, and reports that the recording has stopped."""
    result = in_namespace(runs, """
        mkdir $APUS_RUNTIME_DIR/full && mount -t tmpfs -o size=16k,mode=700 none $APUS_RUNTIME_DIR/full
        "$0" run --record $APUS_RUNTIME_DIR/full/it -- bash -c '
            for i in {1..100}; do echo -5 > /sys/bus/ap/apmask; echo +5 > /sys/bus/ap/apmask; done; echo done'
        "$0" replay $APUS_RUNTIME_DIR/full/it""")
    os.rmdir(f"{runs.base}/full")
    assert result.returncode == 0
    assert result.stdout.startswith("done\n") and result.stdout.endswith("the same\n")
    assert "No space left on device" in result.stderr.splitlines()[0]


@pytest.mark.parametrize("how", ["ln -s /tmp x", "mkdir -m 755 x", "touch x", f"mkdir -m 700 x; chown {USER} x"])
def test_a_runtime_directory_that_is_not_ours(runs, how, tmp_path):
    runs.command("bash", "-c", how, cwd=tmp_path)
    refused(runs.run("echo", "started", env={"APUS_RUNTIME_DIR": str(tmp_path / "x")}), "mode 0700")


def test_a_runtime_directory_that_cannot_be_made(runs):
    refused(runs.run("echo", env={"APUS_RUNTIME_DIR": "/proc/x"}), "/proc/x", "APUS_RUNTIME_DIR")
    refused(runs.run("echo", env={"APUS_RUNTIME_DIR": "/tmp/" + "x" * 100}), "too long", "APUS_RUNTIME_DIR")


def test_a_machine_file_with_a_mistake(runs, tmp_path):
    file = tmp_path / "lab.ini"
    file.write_text("[machine]\ndomains = 9\n[adapter 12]\ntype = CEX9Z\n")
    refused(runs.run("echo", "started", options=["-m", file]), f"{file}:4:")
    refused(runs.run("echo", "started", options=["-m", tmp_path / "none.ini"]), "none.ini")
    refused(runs.run("echo", "started", options=["-m", tmp_path]), str(tmp_path))


def test_wrong_usage(runs):
    for options, word in [(["--abi", "x"], "proposal"), (["--nonsense"], "--nonsense"), (["-m"], "-m"),
                          (["--ioctl=x"], "'fuse' or 'notify'")]:
        result = runs.apus("run", *options, "true")if options != ["-m"] else runs.apus("run", "-m")
        assert result.returncode == 2
        assert word in result.stderr and result.stderr.endswith("\nTry 'apus run --help'.\n")
        assert result.stderr.count("\n") == 2


def test_root_without_capabilities(runs):
    """As in docker run --cap-drop ALL --security-opt seccomp=unconfined."""
    refused(runs.command("bash", "-c", NO_CAPABILITIES + '"$0" run --ioctl=fuse -- echo started', binary()), "--cap-add SETFCAP")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="forbid.py knows the calls of x86_64")
@pytest.mark.parametrize("call, words", [
    ("unshare", ["the seccomp filter", "seccomp=unconfined"]),
    ("mount", ["cannot make the mount namespace private", "seccomp=unconfined"]),
    ("open_tree", ["/sys", "a newer container engine"]),
], ids=["unshare", "mount", "open_tree"])
def test_a_call_that_a_filter_forbids(runs, call, words):
    forbid = os.path.join(os.path.dirname(__file__), "..", "crypto", "forbid.py")
    refused(runs.command("/usr/bin/python3", forbid, call, "--", binary(), "run", "--ioctl=fuse", "--", "echo", "started"), *words)
