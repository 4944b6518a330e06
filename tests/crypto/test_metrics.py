# SPDX-License-Identifier: MIT
"""Metrics under load: of queues of zcrypt and of vfio_ap, which nothing else shows. Read with the parser of Prometheus' client."""

import http.client
import os
import signal
import socket

import pytest
from conftest import MACHINE, Crypto
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CLIENT = os.environ["CRYPTO_CLIENT"]
QUEUE = {"queue": "05.0047"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("apus", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Metered(Crypto):
    def __init__(self, folder, *arguments):
        self.metrics = folder / "metrics"
        super().__init__(folder, MACHINE, arguments=["--metrics", self.metrics, *arguments])

    def samples(self):
        """By name and labels."""
        connection = UnixConnection(self.metrics)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return {(sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text) for sample in family.samples}

    def sample(self, name, labels=None):
        return self.samples().get((name, frozenset((labels or {}).items())))

    def guest_on(self, adapters, domains):
        assert self.w("bus/ap/aqmask", "-0x47") == "OK"
        return self.guest("g").start(self.mdev(1).assign(adapters, domains))


def keys(guest, count):
    for _ in range(count):
        guest.run(CLIENT, "keygen", "/dev/z90crypt", "5", str(0x47))


@pytest.fixture
def host(tmp_path):
    daemon = Metered(tmp_path)
    yield daemon
    daemon.stop()


def test_load_of_a_queue_of_vfio_ap_is_visible(host):
    guest = host.guest_on([5], [0x47])
    before = host.samples()
    keys(guest, 3)
    after = host.samples()
    for name, labels in (("apus_queue_requests_total", QUEUE), ("apus_queue_replies_total", QUEUE),
                         ("apus_guest_requests_total", {"guest": "g"}), ("apus_guest_replies_total", {"guest": "g"}),
                         ("cex_plugin_total_request_counter", {})):
        key = (name, frozenset(labels.items()))
        assert after[key] - before[key] >= 3, (name, before[key], after[key])
    assert host.count("card05") == 0
    assert host.sample("apus_queue_info", {**QUEUE, "driver": "vfio_ap", "mdev": host.names("bus/mdev/devices")[0], "guest": "g"}) == 1
    assert host.sample("apus_queue_pending", QUEUE) == 0
    top = host.cli("top", "--once", "--interval", "0.1").stdout
    assert "05.0047" in top and "DEVICE" in top


def test_errors_and_response_codes(host):
    host.only(6)
    host.write("bus/ap/aqmask", "0x08")
    host.execute("fault-add", rule="06.0004 1 bad-reply code=0x44")
    host.execute("fault-add", rule="06.0004 1 checkstop")
    queue = {"queue": "06.0004"}
    for _ in range(3):
        host.ask("me", 512)
    assert host.sample("apus_queue_errors_total", queue) == 1
    assert host.sample("apus_queue_responses_total", {**queue, "code": "04"}) == 1
    assert host.sample("apus_queue_responses_total", {**queue, "code": "03"}) is None


def test_lost_requests_are_told_and_counted(host):
    """A request that waits for its reply when the adapter goes is lost to its queue."""
    host.only(6)
    host.write("bus/ap/aqmask", "0x08")
    host.execute("fault-add", rule="06.* always delay 600s")
    first = host.execute("events")["next"]
    client = host.start("me", 512)
    assert host.execute("wait", condition="event fault", since=first)
    assert host.sample("apus_queue_pending", {"queue": "06.0004"}) == 1
    host.se_adapter(6, "off")
    client.communicate(timeout=60)
    told = [event["data"] for event in host.execute("events", since=first)["events"] if event["event"] == "requests-lost"]
    assert told == [{"queue": "06.0004", "requests": 1}]
    assert host.sample("apus_queue_lost_total", {"queue": "06.0004"}) == 1
    assert host.cli("events", "--since", first).stdout.count("queue 06.0004: 1 requests lost") == 1
    assert host.cli("wait", "event requests-lost queue=06.0004", "--since", first).returncode == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_counters_go_on_after_a_restart_with_a_state(tmp_path, end):
    """What a page has shown is not forgotten, even if the daemon is killed."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    daemon = Metered(first, "--state", tmp_path / "state")
    guest = daemon.guest_on([5], [0x47])
    keys(guest, 2)
    shown = daemon.samples()
    if end == signal.SIGTERM:
        daemon.stop()
    else:
        daemon.process.kill()
        daemon.process.wait()
        daemon.wait_tidy()
        daemon.abandon()
    daemon = Metered(second, "--state", tmp_path / "state")
    try:
        again = daemon.samples()
        less = [key for key, value in shown.items() if key[0].endswith("_total") and again.get(key, -1) < value]
        assert not less
        assert again[("apus_queue_requests_total", frozenset(QUEUE.items()))] >= 2
    finally:
        daemon.stop()
