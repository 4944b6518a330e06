# SPDX-License-Identifier: MIT
"""apus run --uevents: uevents from the kernel, in the run's own network namespace."""

import os
import shutil

import pytest

UUID = "11111111-2222-4333-8444-555555555555"
TYPE = "/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"
OURS = ("/devices/ap", "/devices/vfio_ap", "/devices/virtual/vfio", "/devices/virtual/zcrypt")

# Listens like udev, executes its first argument, and prints the uevents, one a line.
LISTEN = """
import os, socket, subprocess, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind((0, 1))
subprocess.run(["bash", "-c", sys.argv[1]], check=True)
s.settimeout(0.5)
try:
    while True:
        data, ancillary, flags, sender = s.recvmsg(8192, 256)
        uid = int.from_bytes(ancillary[0][2][4:8], "little")
        print(sender, uid, data.decode().rstrip("\\0").replace("\\n", "").replace("\\0", " "))
except TimeoutError:
    pass
"""


@pytest.fixture(params=["root", "user"])
def listen(request):
    """listen(script): the uevents that the script causes, [(title, {key: value})]."""
    runs = request.getfixturevalue("runs" if request.param == "root" else "user_runs")

    def call(script):
        arguments = ["/usr/bin/python3", "-c", LISTEN, script]
        result = runs.run(*arguments, options=["--uevents"]) if request.param == "root" else \
            runs.command_as_user(os.environ["APUS_BIN"], "run", "--uevents", "--", *arguments)
        assert (result.returncode, result.stderr) == (0, "")
        found = []
        for line in result.stdout.splitlines():
            sender, rest = line.split(") ", 1)
            uid, title, *pairs = rest.split(" ")
            assert (sender, uid) == ("(0, 1", "0"), "from the kernel, by root: udev takes no other"
            found.append((title, dict(pair.split("=", 1) for pair in pairs)))
        return found

    return call


def test_a_mediated_device_comes_and_goes(listen):
    events = listen(f"echo {UUID} > {TYPE}/create; echo 1 > /sys/devices/vfio_ap/matrix/{UUID}/remove")
    path = f"/devices/vfio_ap/matrix/{UUID}"
    of_device = [(title, keys) for title, keys in events if title.endswith("@" + path)]
    assert [title.split("@")[0] for title, _ in of_device][0] == "add"
    assert [title.split("@")[0] for title, _ in of_device][-1] == "remove"
    for title, keys in events:
        assert title == f"{keys['ACTION']}@{keys['DEVPATH']}"
    assert of_device[0][1]["SUBSYSTEM"] == "mdev"
    # Only ours are in order: the kernel assigns their numbers when it passes them on. It numbers those
    # of real devices before it sends them, so ours may overtake these.
    numbers = [int(keys["SEQNUM"]) for _, keys in events if keys["DEVPATH"].startswith(OURS)]
    assert len(numbers) > len(of_device) and numbers == sorted(set(numbers)), "the kernel numbers them"


def test_an_adapter_goes_off_and_on(listen):
    events = listen("(apus se adapter 5 off; apus se adapter 5 on) > /dev/null")
    changes = [keys for _, keys in events if keys["DEVPATH"] == "/devices/ap/card05"]
    assert [keys["CONFIG"] for keys in changes] == ["0", "1"]


def test_guests_do_not_tell_the_host(listen):
    """Devices of a guest's bus cause no uevents of the host."""
    events = listen(f"""
        echo -5 > /sys/bus/ap/apmask; echo {UUID} > {TYPE}/create; m=/sys/devices/vfio_ap/matrix/{UUID}
        echo 5 > $m/assign_adapter; echo 4 > $m/assign_domain
        apus guest start G {UUID}; apus guest exec G -- ls /sys/bus/ap/devices > /dev/null; apus guest stop G""")
    assert [title for title, _ in events if title.startswith(("add@/devices/ap/", "remove@/devices/ap/"))] == []


def test_the_namespace_is_its_own(runs):
    result = runs.bash("readlink /proc/self/ns/net; cat /sys/class/net/lo/flags; "
                       "exec 3<> /dev/tcp/127.0.0.1/1", options=["--uevents"])
    namespace, *_ = result.stdout.splitlines()
    assert namespace != os.readlink("/proc/self/ns/net")
    assert "Connection refused" in result.stderr, "the loopback device is up"
    assert runs.bash("readlink /proc/self/ns/net").stdout.strip() == os.readlink("/proc/self/ns/net")


@pytest.mark.skipif(not shutil.which("udevadm"), reason="needs udevadm")
def test_udevadm_monitor(runs):
    result = runs.bash(f"""
        udevadm monitor --kernel --subsystem-match=mdev > $APUS_RUNTIME_DIR/seen & monitor=$!
        # It listens when there is a socket for uevents (15) in the kernel's group.
        for i in {{1..1200}}; do awk '$2 == 15 && $4 == "00000001" {{ found = 1 }} END {{ exit !found }}' /proc/net/netlink && break; sleep 0.05; done
        echo {UUID} > {TYPE}/create
        for i in {{1..1200}}; do grep -q '(mdev)' $APUS_RUNTIME_DIR/seen && break; sleep 0.05; done
        kill -INT $monitor; wait; cat $APUS_RUNTIME_DIR/seen; rm $APUS_RUNTIME_DIR/seen""", options=["--uevents"], timeout=180)
    assert f"/devices/vfio_ap/matrix/{UUID} (mdev)" in result.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a PID namespace")
def test_as_the_first_process_of_a_container(runs):
    """A tool that looks at process 1 must find the machine's network namespace."""
    result = runs.command("unshare", "--pid", "--fork", "--mount-proc", os.environ["APUS_BIN"], "run", "--uevents", "--",
                          "echo", "started")
    assert (result.stdout, result.stderr) == ("started\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a capability away")
def test_without_a_right_to_the_network(runs):
    result = runs.command("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", os.environ["APUS_BIN"], "run",
                          "--uevents", "--", "echo", "started")
    assert result.returncode == 125
    assert "--cap-add NET_ADMIN" in result.stderr
