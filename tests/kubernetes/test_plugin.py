# SPDX-License-Identifier: MIT
"""A device plugin on a worker node with Apus: from discovery to metrics, and all that it does to the node."""

import time

CCA, EP11 = "cex.s390.ibm.com/cca", "cex.s390.ibm.com/ep11"
ALL = "0x" + "f" * 64


def all_are(health):
    return lambda devices: set(devices.values()) == {health}


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def mask(number):
    return f"0x{1 << 255 - number:064x}"


def test_discovery(node, kubelet):
    """Queues with generation, mode and state: what is in standby is there, and not healthy."""
    apqns = [f"{adapter}.{domain}" for adapter in range(5) for domain in range(4)]
    node.plugin("all", *apqns)
    devices = kubelet.wait("cex.s390.ibm.com/all", lambda found: len(found) == 20)
    assert kubelet.registered["cex.s390.ibm.com/all"].version == "v1beta1"
    assert devices == {f"apqn-{apqn.replace('.', '-')}-0": "Unhealthy" if apqn[0] in "34" else "Healthy" for apqn in apqns}
    wait_for(lambda: (node.folder / "metrics-all").exists())
    for apqn, mode, online in (("0-3", "accel", "1"), ("1-0", "cca", "1"), ("2-1", "ep11", "1"), ("4-2", "cca", "0")):
        assert node.metrics("all")[f'queue{{apqn="{apqn}",generation="cex8",mode="{mode}"}}'] == online


def test_health_follows_the_machine(node, kubelet):
    node.plugin("cca", "1.0", "1.1")
    kubelet.wait(CCA, all_are("Healthy"))
    for worse, better in (
            ("apus se adapter 1 off", "apus se adapter 1 on"),
            ("echo 0 > /sys/devices/ap/card01/online", "echo 1 > /sys/devices/ap/card01/online"),
    ):
        node.do(worse)
        kubelet.wait(CCA, all_are("Unhealthy"))
        node.do(better)
        kubelet.wait(CCA, all_are("Healthy"))
    node.do("echo 0 > /sys/bus/ap/devices/01.0001/online")
    kubelet.wait(CCA, lambda found: found == {"apqn-1-0-0": "Healthy", "apqn-1-1-0": "Unhealthy"})


def test_adapters_come_and_go(node, kubelet):
    node.plugin("some", "2.0", "5.0")
    kubelet.wait("cex.s390.ibm.com/some", lambda found: list(found) == ["apqn-2-0-0"])
    node.do("apus se lpar --force --online add adapter 5")
    kubelet.wait("cex.s390.ibm.com/some", lambda found: found.get("apqn-5-0-0") == "Healthy")
    node.do("apus se lpar --force remove adapter 2")
    kubelet.wait("cex.s390.ibm.com/some", lambda found: list(found) == ["apqn-5-0-0"])


def test_a_node_of_its_own(node, kubelet):
    """It serves one APQN, to everybody, and is gone after its pod; also one that is still open."""
    node.plugin("cca", "1.0", copies=3)
    kubelet.wait(CCA, lambda found: len(found) == 3)
    for copy in range(3):
        kubelet.start_pod(f"pod{copy}", CCA, f"apqn-1-0-{copy}")
    for copy in range(3):
        at = f"/sys/class/zcrypt/zcrypt-apqn-1-0-{copy}"
        assert node.shell(f"cat {at}/apmask {at}/aqmask {at}/ioctlmask").split() == [mask(1), mask(0), ALL]
        assert node.shell(f"stat -Lc %a /dev/zcrypt-apqn-1-0-{copy}") == "666\n"
        assert node.requests(f"/dev/zcrypt-apqn-1-0-{copy}") == ""
    node.do("echo -1 > /sys/class/zcrypt/zcrypt-apqn-1-0-2/apmask; echo +3 > /sys/class/zcrypt/zcrypt-apqn-1-0-2/apmask")
    assert node.requests("/dev/zcrypt-apqn-1-0-2") == "ENODEV", "adapter 3 is in standby"
    node.do("exec 9<> /dev/zcrypt-apqn-1-0-1")
    for copy in range(3):
        kubelet.end_pod(f"pod{copy}")
    left = f"ls /dev /sys/class/zcrypt /sys/devices/virtual/zcrypt {node.folder}/shadow-cca 2> /dev/null | grep apqn"
    wait_for(lambda: node.shell(left) == "")


def test_the_reply(node, kubelet):
    """What a container is to have: nodes and directories that are there."""
    node.plugin("ep11", "2.1", live=True)
    kubelet.wait(EP11, all_are("Healthy"))
    reply = kubelet.start_pod("pod", EP11, "apqn-2-1-0")
    [device] = reply.devices
    assert (device.host_path, device.container_path, device.permissions) == ("/dev/zcrypt-apqn-2-1-0", "/dev/z90crypt", "rw")
    assert [mount.container_path for mount in reply.mounts] == ["/sys/bus/ap", "/sys/devices/ap", "/sys/bus/ap/devices/02.0001"]
    assert all(mount.read_only for mount in reply.mounts)
    bus, devices, live = (mount.host_path for mount in reply.mounts)
    assert node.shell(f"cat {bus}/ap_domain {devices}/card02/type {live}/online") == "1\nCEX8P\n1\n"
    node.do("echo 0 > /sys/devices/ap/card02/online")
    assert node.shell(f"cat {live}/online {devices}/card02/02.0001/online") == "0\n1\n"


def test_metrics(node, kubelet):
    """What is in use, what is there, and what has been computed since the plugin started; counters never go backwards."""
    assert node.requests("/dev/z90crypt") == ""
    node.plugin("cca", "1.0")
    kubelet.wait(CCA, all_are("Healthy"))
    wait_for(lambda: (node.folder / "metrics-cca").exists())
    assert node.metrics("cca")['cex_plugin_request_counter{setname="cca"}'] == "0"
    kubelet.start_pod("pod", CCA, "apqn-1-0-0")
    counts = []

    def counted():
        metrics = node.metrics("cca")
        counts.append(int(metrics['cex_plugin_request_counter{setname="cca"}']))
        return counts[-1]

    assert node.requests("/dev/zcrypt-apqn-1-0-0") == ""
    wait_for(lambda: counted() > 0)
    total = node.shell("cat /sys/bus/ap/devices/01.0000/request_count")
    for event in ("apus se adapter 1 off", "apus se adapter 1 on", "echo -1 > /sys/bus/ap/apmask", "echo +1 > /sys/bus/ap/apmask"):
        node.do(event)
        assert node.shell("cat /sys/bus/ap/devices/01.0000/request_count") in (total, "-\n"), event
    assert node.shell("cat /sys/bus/ap/devices/01.0000/request_count") == total
    assert node.requests("/dev/zcrypt-apqn-1-0-0") == ""
    latest = counts[-1]
    wait_for(lambda: counted() > latest)
    assert counts == sorted(counts)
    assert node.metrics("cca")['cex_plugin_plugindevs_used{setname="cca"}'] == "1"
    assert node.metrics("cca")['cex_plugin_plugindevs_available{setname="cca"}'] == "1"
