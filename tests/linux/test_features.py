# SPDX-License-Identifier: MIT
"""QEMU's CPU model with our plugin: AP features have the same effect as on IBM Z, and the server is told which ones
the CPUs have. No kernel is booted."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

import server as protocol
from conftest import BUILD, wait_until

AP, APFT, APQCI, APQI = protocol.AP, protocol.APFT, protocol.APQCI, protocol.APQI
ALL = AP | APFT | APQCI | APQI


@pytest.fixture(scope="module")
def root(cache):
    """The directory of the fetched QEMU."""
    script = f'. {BUILD}/linux/common.sh; cache_dir'
    return pathlib.Path(subprocess.check_output(["bash", "-c", script], text=True).strip()) / "qemu"


class Qemu:
    """A stopped machine, and its monitor."""

    def __init__(self, root, directory, *words, plugin="", binary=None, machine="s390-ccw-virtio"):
        number = len(list(directory.glob("output*")))
        monitor = directory / f"monitor{number}"
        libraries = next((root / "usr/lib").glob("*-linux-gnu*"))
        loader = next(root.glob("usr/lib*/ld-linux*"))
        self.output = directory / f"output{number}"
        self.process = subprocess.Popen(
            [loader, "--library-path", f"{libraries}:{root}/usr/lib", binary or root / "usr/bin/qemu-system-s390x",
             "-L", root / "usr/share/qemu", "-machine", machine, "-accel", "tcg", "-nodefaults", "-display", "none",
             "-S", "-qmp", f"unix:{monitor},server=on,wait=off",
             "-plugin", f"{BUILD}/qemu/apus-ap.so,sock={directory}/ap{plugin}", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.output, "wb"))
        end = time.monotonic() + 60
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        while self.process.poll() is None:
            try:
                self.socket.connect(str(monitor))
                break
            except OSError:
                assert time.monotonic() < end, self.said()
                time.sleep(0.02)
        else:
            self.socket = None
            return
        self.answers = self.socket.makefile()
        try:
            self.answers.readline()
            self.ask("qmp_capabilities")
        except (ConnectionError, EOFError):
            pass  # it has ended; the test checks why

    def ask(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        for line in self.answers:
            answer = json.loads(line)
            if "event" not in answer:
                return answer["return"]
        raise EOFError(self.said())

    def said(self):
        """The output of QEMU and the plugin."""
        return self.output.read_text()

    def has_ap_bus(self):
        return "ap-bus" in self.ask("human-monitor-command", **{"command-line": "info qtree"})

    def end(self):
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def directory(place, request):
    path = place / f"features-{abs(hash(request.node.name)) % 10 ** 6}"
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(root, directory):
    running = []

    def call(*words, **more):
        running.append(Qemu(root, directory, *words, **more))
        return running[-1]

    yield call
    for qemu in running:
        qemu.end()


@pytest.fixture
def serve(directory):
    """serve(features): a server that grants these features to any guest."""
    servers = []

    def call(grant=ALL):
        class Any(dict):
            def get(self, name):
                return protocol.Machine({5: "A"}, {4})

        servers.append(protocol.Server(directory / "ap", Any(), grant))
        servers[0].start()
        return servers[0]

    yield call
    for server in servers:
        server.stop()
        assert server.errors == []


@pytest.mark.parametrize("cpu, features", [
    ("max", ALL),
    ("max,ap=on,apqci=on,apft=on,apqi=on", ALL),
    ("max,apqi=off", AP | APFT | APQCI),
    ("max,apft=off", AP | APQCI | APQI),
    ("max,apqci=off,apqi=off", AP | APFT),
    ("qemu,ap=on,apft=on", AP | APFT),
])
def test_the_server_hears_what_the_cpus_have(start, serve, cpu, features):
    server = serve()
    qemu = start("-cpu", cpu, "-name", "guest=Guest1,debug-threads=on")
    wait_until(lambda: server.hellos)
    assert server.hellos == [("Guest1", protocol.ROLE_GUEST, features, bytes(16))]
    assert qemu.has_ap_bus()
    assert qemu.said() == ""


@pytest.mark.parametrize("cpu", ["max,ap=off,apqci=off,apft=off,apqi=off", "qemu"])
def test_a_machine_without_ap_is_no_guest(start, serve, cpu):
    server = serve()
    qemu = start("-cpu", cpu)
    assert not qemu.has_ap_bus()
    assert server.hellos == [] and qemu.said() == ""


def test_features_that_the_server_does_not_have_are_not_there(start, serve):
    server = serve(AP | APFT | APQCI)
    start("-cpu", "max")
    wait_until(lambda: server.hellos)
    assert server.hellos[0][2] == AP | APFT | APQCI
    refused = start("-cpu", "max,apqi=on")
    assert refused.process.wait(60) == 1
    assert "not available in the current configuration: apqi" in refused.said()


def test_a_server_that_comes_later_and_lacks_a_feature_is_not_used(start, serve):
    qemu = start("-cpu", "max")
    assert "ap: No such file or directory" in qemu.said()
    server = serve(AP | APFT | APQCI)
    wait_until(lambda: "no AP interrupts: start QEMU with apqi=off in -cpu" in qemu.said())
    wait_until(lambda: not server.connections)


def test_a_server_that_comes_later_is_used(start, serve):
    qemu = start("-cpu", "max")
    server = serve()
    wait_until(lambda: server.connections)
    wait_until(lambda: qemu.said().splitlines()[-1] == "apus: connected")


@pytest.mark.parametrize("plugin, features", [(",apqi=off", AP | APFT | APQCI), (",apft=off,apqci=off", AP | APQI)])
def test_the_plugin_takes_features_from_all_models(start, serve, plugin, features):
    server = serve()
    start("-cpu", "max", plugin=plugin)
    wait_until(lambda: server.hellos)
    assert server.hellos[0][2] == features


@pytest.mark.parametrize("limits", ["", "c0000000", "c0000000:256:0", "c0000000:1:2:3", "c0000000:1:2x", "high:1:1"])
def test_wrong_limits_are_refused(start, limits):
    qemu = start("-cpu", "max", plugin=f",limits={limits}")
    assert qemu.process.wait(60) != 0
    assert f"plugin argument not understood: limits={limits}\n" in qemu.said()


@pytest.mark.parametrize("words, plugin, name, said", [
    (["-name", "a.b_c-1"], "", "a.b_c-1", ""),
    ([], "", "", ""),
    (["-name", "of QEMU"], ",name=of-plugin", "of-plugin", ""),
    (["-name", "two words"], "", "two_words", "apus: the guest is called two_words: a name has 63 letters, digits and . _ -\n"),
    (["-name", "x" * 64], "", "x" * 63, f"apus: the guest is called {'x' * 63}: a name has 63 letters, digits and . _ -\n"),
])
def test_the_guest_is_called_as_the_machine(start, serve, words, plugin, name, said):
    server = serve()
    qemu = start("-cpu", "max", *words, plugin=plugin)
    wait_until(lambda: server.hellos)
    assert server.hellos[0][0] == name and qemu.said() == said


def test_all_cpus_are_one_guest(start, serve):
    server = serve()
    start("-cpu", "max", "-smp", "4")
    wait_until(lambda: server.hellos)
    time.sleep(0.3)
    assert len(server.hellos) == 1


def test_libvirts_probing_sees_the_features(start, serve):
    """A machine without CPUs does not become a guest."""
    server = serve()
    qemu = start(machine="none")
    model = qemu.ask("query-cpu-model-expansion", type="full", model={"name": "max"})["model"]
    assert [model["props"][name] for name in ("ap", "apqci", "apft", "apqi")] == [True] * 4
    assert server.hellos == [] and qemu.said() == ""


def test_a_machine_in_the_background_is_a_guest(root, directory, serve):
    server = serve()
    qemu = Qemu(root, directory, "-cpu", "max", "-daemonize", "-pidfile", directory / "pid")
    try:
        wait_until(lambda: server.connections)
        assert qemu.process.wait(60) == 0
    finally:
        os.kill(int((directory / "pid").read_text()), 9)
    wait_until(lambda: not server.connections)


@pytest.fixture(scope="module")
def without(root, place):
    """without(SYMBOL): a QEMU that does not export it."""

    def make(symbol):
        path = place / f"qemu-without-{symbol}"
        text = (root / "usr/bin/qemu-system-s390x").read_bytes()
        assert text.count(b"\0" + symbol + b"\0") == 1
        path.write_bytes(text.replace(b"\0" + symbol + b"\0", b"\0" + symbol[:-1] + b"?\0"))
        path.chmod(0o755)
        return path

    return make


@pytest.mark.parametrize("symbol", [b"s390_feat_by_type_and_bit", b"s390_io_interrupt"])
def test_a_qemu_that_exports_too_little_does_as_before(start, serve, without, symbol):
    server = serve()
    qemu = start("-cpu", "max", binary=without(symbol))
    wait_until(lambda: server.hellos)
    assert server.hellos == [("", protocol.ROLE_GUEST, AP | APFT | APQCI, bytes(16))]
    assert qemu.said() == (f"apus: this QEMU does not export {symbol.decode()}: the guest has no AP interrupts, "
                           "and -cpu no AP features\n")
    assert not qemu.has_ap_bus()
