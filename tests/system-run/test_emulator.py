# SPDX-License-Identifier: MIT
"""qemu-system-s390x inside apus run: how our wrapper script translates a command line. QEMU is a script here that
prints its arguments; tests/linux uses the real one."""

import os
import pathlib
import tempfile

import pytest

from runs import AS_OTHER, binary

COMPUTER = pathlib.Path(__file__).with_name("computer")
BUILD = pathlib.Path(os.environ["APUS_BUILD"])
PRINT = "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"\nenv | grep QEMU_MODULE_DIR\n"
HAS_PLUGIN = (BUILD / "qemu" / "apus-ap.so").exists()
PLUGIN = ["-plugin", "/dev/apus/apus-ap.so,sock=/dev/apus/guest"]
VFIO = "vfio-ap,sysfsdev=/sys/devices/vfio_ap/matrix/9c1b3b6a-8f0c-4b1e-9a53-2d1c7e7f0001"

pytestmark = pytest.mark.skipif(not HAS_PLUGIN, reason="the QEMU plugin is not built (libglib2.0-dev)")


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def place():
    """A directory that every user can read."""
    with tempfile.TemporaryDirectory(prefix="apus-cache-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield pathlib.Path(directory)


@pytest.fixture
def fetched(place):
    """A cache like that of `apus linux fetch`."""
    root = place / "linux" / "qemu"
    script(root / "usr/lib64/ld-linux-x86-64.so.2", PRINT)
    script(root / "usr/bin/qemu-system-s390x", "")
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    return place


def words(result, root="/dev/apus/qemu"):
    """QEMU's arguments, without those that are always added."""
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    libraries = f"{root}/usr/lib/x86_64-linux-gnu"
    assert lines[:4] == [f"{root}/usr/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}:{root}/usr/lib",
                         f"{root}/usr/bin/qemu-system-s390x"]
    assert lines[-5:] == ["-L", f"{root}/usr/share/qemu", *PLUGIN, f"QEMU_MODULE_DIR={libraries}/qemu"]
    return lines[4:-5]


@pytest.mark.parametrize("given, passed", [
    ("-cpu host", "-cpu max"),
    ("-cpu host,ap=on,apqci=on,apft=on,apqi=on", "-cpu max,ap=on,apqci=on,apft=on,apqi=on"),
    ("--cpu host,apqi=off", "--cpu max,apqi=off"),
    ("-cpu hostess -name host", "-cpu hostess -name host"),
    ("-accel kvm", "-accel tcg"),
    ("-accel kvm,dirty-ring-size=1024", "-accel tcg"),
    ("-accel tcg,thread=single", "-accel tcg,thread=single"),
    ("-enable-kvm -S", "-accel tcg -S"),
    ("--enable-kvm", "-accel tcg"),
    ("-machine s390-ccw-virtio,accel=kvm,usb=off", "-machine s390-ccw-virtio,accel=tcg,usb=off"),
    ("-M accel=kvm", "-M accel=tcg"),
    ("-M s390-ccw-virtio,accel=kvm:tcg", "-M s390-ccw-virtio,accel=tcg"),
    ("-machine none,accel=kvm:tcg,usb=off", "-machine none,accel=tcg,usb=off"),
    ("-machine s390-ccw-virtio,accel=tcg", "-machine s390-ccw-virtio,accel=tcg"),
    ("-append accel=kvm -device " + VFIO, "-append accel=kvm -device " + VFIO),
    ("-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg -qmp unix:/x,server=on,wait=off -daemonize",
     "-S -no-user-config -nodefaults -nographic -machine none,accel=tcg -qmp unix:/x,server=on,wait=off -daemonize"),
])
def test_what_kvm_has_is_what_tcg_has(runs, fetched, given, passed):
    result = runs.run("qemu-system-s390x", *given.split(), env={"APUS_CACHE": str(fetched)})
    assert words(result) == passed.split()


def test_words_are_passed_on_byte_by_byte(runs, fetched):
    odd = ["-append", "", "a b", "*", "$HOME", "it's", '{"driver":"vfio-ap","id":"hostdev0"}', "\\n", "-", "--"]
    assert words(runs.run("qemu-system-s390x", *odd, env={"APUS_CACHE": str(fetched)})) == odd


def test_it_works_without_any_environment(runs, fetched):
    result = runs.bash("exec env -i /dev/apus/bin/qemu-system-s390x -cpu host", env={"APUS_CACHE": str(fetched)})
    assert words(result) == ["-cpu", "max"]


def test_for_a_user_too(user_runs, fetched):
    result = user_runs.user("qemu-system-s390x", "-cpu", "host", env={"APUS_CACHE": str(fetched)})
    assert words(result) == ["-cpu", "max"]


@pytest.mark.parametrize("names", [{"APUS_CACHE": "cache"}, {"XDG_CACHE_HOME": "/x/y"}, {"HOME": "/x"}, {"HOME": ""}])
def test_where_the_cache_is(runs, tmp_path, names):
    env = {"PATH": os.environ["PATH"], "APUS_RUNTIME_DIR": str(runs.base), **names}
    result = runs.command("env", "-i", *(f"{key}={value}" for key, value in env.items()), binary(), "run", "--",
                          "readlink", "/dev/apus/qemu", cwd=tmp_path)
    expected = {"APUS_CACHE": f"{tmp_path}/cache", "XDG_CACHE_HOME": "/x/y/apus", "HOME": "/x/.cache/apus"}
    assert result.stdout.strip() == (expected[[*names][0]] + "/linux/qemu" if any(names.values()) else "")


def test_nothing_fetched_is_one_line(runs, tmp_path):
    """On a system without a QEMU of its own."""
    result = runs.bash("rm -f /dev/apus/system-qemu 2> /dev/null || umount /dev/apus/system-qemu; exec qemu-system-s390x -S",
                       env={"APUS_CACHE": str(tmp_path)})
    assert result.returncode == 1
    assert result.stderr == "qemu-system-s390x: no QEMU has been fetched: 'apus linux fetch' gets it\n"


def test_fetching_while_it_runs_suffices(runs, fetched):
    result = runs.bash(f"mv {fetched}/linux {fetched}/away; qemu-system-s390x; mv {fetched}/away {fetched}/linux;"
                       "exec qemu-system-s390x -S", env={"APUS_CACHE": str(fetched)})
    assert words(result) == ["-S"]


@pytest.fixture(params=["root", "user"])
def beside_systems(request, place):
    """beside_systems(VERSION, script): runs it in apus run on a computer that has a QEMU of that version."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make a computer of its own")
    as_user = request.param == "user"
    runs = request.getfixturevalue("user_runs" if as_user else "runs")
    bin_dir = place / "bin"

    def call(version, program, cache="/nowhere"):
        system = f"""#!/bin/sh
            [ "$1" != --version ] || echo "QEMU emulator version {version}.2 (Debian 1:{version}.2+dfsg)"
            printf '%s\\n' "system's" "$@"\n"""
        script(bin_dir / "qemu-system-s390x", system)
        user = " ".join(AS_OTHER) if as_user else ""
        return runs.command(COMPUTER, "bash", "-c", f"""
            mount -t overlay -o lowerdir={bin_dir}:/usr/bin overlay /usr/bin || exit 77
            APUS_CACHE={cache} {user} "$0" run -- bash -c "$1"
            status=$?
            cmp {bin_dir}/qemu-system-s390x /usr/bin/qemu-system-s390x || echo THE COMPUTER HAS CHANGED
            exit $status""", binary(), program)

    return call


def test_ours_is_where_libvirt_looks(beside_systems, fetched):
    result = beside_systems("7.2", "exec env -i /usr/bin/qemu-system-s390x -cpu host", cache=fetched)
    if result.returncode == 77:
        pytest.skip("no overlay file system: " + result.stderr)
    assert words(result) == ["-cpu", "max"]


def test_the_systems_qemu_is_taken_if_it_can_do_it(beside_systems):
    result = beside_systems("11.0", "exec /usr/bin/qemu-system-s390x -cpu host -device " + VFIO)
    if result.returncode == 77:
        pytest.skip("no overlay file system: " + result.stderr)
    assert result.stdout.splitlines() == ["system's", "-cpu", "max", "-device", VFIO, *PLUGIN], result.stderr


def test_a_system_qemu_that_is_too_old_does_what_it_can(beside_systems):
    result = beside_systems("7.2", "qemu-system-s390x -m 512; qemu-system-s390x -device " + VFIO)
    if result.returncode == 77:
        pytest.skip("no overlay file system: " + result.stderr)
    assert result.stdout.splitlines() == ["system's", "-m", "512"]
    assert result.returncode == 1
    assert result.stderr == "qemu-system-s390x: QEMU 7.2.2 cannot have AP; 'apus linux fetch' gets one that can\n"


def test_inside_another_machine(runs, fetched):
    result = runs.bash("exec apus run -- qemu-system-s390x -S", env={"APUS_CACHE": str(fetched)})
    assert words(result) == ["-S"]
