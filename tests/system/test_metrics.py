# SPDX-License-Identifier: MIT
"""Metrics over HTTP: their format, for Prometheus' own parser, and what a stranger may do. Their values under load are in
tests/crypto/test_metrics.py."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness import apus_binary, resident_kib, uuid, worked_example


def ask(where, request):
    """Everything that comes back."""
    family = socket.AF_UNIX if not isinstance(where, tuple) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(60)
        connection.connect(where)
        connection.sendall(request)
        answer = b""
        while True:
            try:
                block = connection.recv(1 << 20)
            except ConnectionResetError:
                return answer
            if not block:
                return answer
            answer += block


def get(where, path="/metrics"):
    head, _, body = ask(where, f"GET {path} HTTP/1.0\r\n\r\n".encode()).partition(b"\r\n\r\n")
    return head.decode(), body.decode()


def open_files(host):
    return len(os.listdir(f"/proc/{host.process.pid}/fd"))


def samples(where):
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(get(where)[1]) for sample in family.samples}


@pytest.fixture
def host(apus, tmp_path):
    host = apus(worked_example(), arguments=["--metrics", tmp_path / "metrics", "--clock", "virtual"])
    host.metrics = str(tmp_path / "metrics")
    return host


def test_the_page_is_openmetrics(host):
    head, body = get(host.metrics)
    assert head.splitlines()[0].split()[1] == "200"
    assert "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8" in head.lower()
    assert body.endswith("\n# EOF\n")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    assert {"apus_queue_requests": "counter", "apus_queue_pending": "gauge", "apus_guest_requests": "counter",
            "cex_plugin_total_request_counter": "gauge"}.items() <= {n: f.type for n, f in families.items()}.items()
    assert len(families["apus_queue_requests"].samples) == 12
    assert all(family.documentation for family in families.values())
    assert oct(os.stat(host.metrics).st_mode)[-3:] == "600"


def test_plugged_and_withheld(host):
    """Of a device, and of the guest that has it."""
    def queues(guest):
        labels = frozenset({"mdev": uuid(1), "guest": guest}.items())
        now = samples(host.metrics)
        return now["apus_mdev_queues_plugged", labels], now["apus_mdev_queues_withheld", labels]

    assert host.w("bus/ap/apmask", "-5,-6") == "OK"
    host.mdev(1).assign([5, 6], [4])
    assert queues("") == (0, 0)
    host.guest("Guest1").start(uuid(1))
    assert queues("Guest1") == (2, 0)
    assert host.w("bus/ap/drivers/vfio_ap/unbind", "06.0004") == "OK"
    assert queues("Guest1") == (1, 1)


def test_resets_and_zeroizations_only_grow(host):
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.mdev(1).assign([5], [4])
    before = samples(host.metrics)
    queue = frozenset({"queue": "05.0004"}.items())
    host.guest("Guest1").start(uuid(1))
    host.execute("guest-stop", name="Guest1")
    after = samples(host.metrics)
    for name in ("apus_queue_resets_total", "apus_queue_zeroizations_total"):
        assert after[name, queue] > before[name, queue]
    assert not [key for key, value in before.items() if key[0].endswith("_total") and after[key] < value]


@pytest.mark.parametrize(("request_line", "status"), [
    (b"GET / HTTP/1.1", 404), (b"GET /metrics/ HTTP/1.1", 404), (b"GET /../metrics HTTP/1.1", 404), (b"POST / HTTP/1.1", 404),
    (b"POST /metrics HTTP/1.1", 405), (b"PUT /metrics HTTP/1.1", 405), (b"DELETE /metrics HTTP/1.1", 405),
    (b"FROB /metrics HTTP/1.1", 405), (b"GET /metrics?x=y HTTP/1.1", 200), (b"HEAD /metrics HTTP/1.1", 200)])
def test_methods_and_paths(host, request_line, status):
    answer = ask(host.metrics, request_line + b"\r\nHost: x\r\n\r\n").decode()
    assert int(answer.split()[1]) == status
    assert ("allow: get, head" in answer.lower()) == (status == 405)
    if request_line.startswith(b"HEAD"):
        assert answer.endswith("\r\n\r\n")


@pytest.mark.parametrize("rubbish", [
    b"\0" * 5000, b"GET", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"\r\n" * 1000,
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 100], ids=range(11))
def test_rubbish_is_refused_and_the_next_one_is_served(host, rubbish):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(host.metrics)
        try:
            connection.sendall(rubbish)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(20)
            while connection.recv(1 << 20):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert get(host.metrics)[1].endswith("# EOF\n")


def test_who_is_slow_holds_nobody(host):
    """Neither the daemon nor, as long as there are less than sixteen of them, others who ask."""
    slow = []
    for n in range(15):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(host.metrics)
        connection.sendall(b"GET /metrics HTTP/1.1\r\n" if n % 2 else b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.append(connection)
    assert get(host.metrics)[1].endswith("# EOF\n")
    assert host.execute("status")["abi"]
    for connection in slow:
        connection.close()


def test_all_places_become_free_at_once(host):
    """The library, which had no room for more, must look for others again."""
    before, taken = open_files(host), []
    for _ in range(16):
        taken.append(socket.socket(socket.AF_UNIX))
        taken[-1].connect(host.metrics)
    while open_files(host) < before + 16:
        time.sleep(0.01)
    host.process.send_signal(signal.SIGSTOP)
    time.sleep(31)  # the time of all of them is over when it goes on
    host.process.send_signal(signal.SIGCONT)
    assert get(host.metrics)[1].endswith("# EOF\n")
    for connection in taken:
        connection.close()


def test_who_does_not_end_is_cut_off(host):
    """Whoever sends a byte now and then has thirty seconds; who sends nothing ten."""
    begin = time.monotonic()
    with socket.socket(socket.AF_UNIX) as dripping, socket.socket(socket.AF_UNIX) as silent:
        for connection in (dripping, silent):
            connection.connect(host.metrics)
        silent.settimeout(200)
        dripping.settimeout(1)
        dripping.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        for _ in range(200):
            try:
                dripping.sendall(b"x")
                if dripping.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        else:
            raise AssertionError("still served")
        assert time.monotonic() - begin > 25
        assert silent.recv(1000) == b""
    assert get(host.metrics)[1].endswith("# EOF\n")


def test_a_large_machine_is_served_in_pieces(apus, tmp_path):
    """65,536 queues; meanwhile the control socket answers, and memory does not grow with the page."""
    path = str(tmp_path / "metrics")
    host = apus("[machine]\ndomains = 0-255\ncontrol-domains = 0-255\n[adapter 0-255]\ntype = CEX7A\n", arguments=["--metrics", path])
    before = resident_kib(host.process.pid)
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(path)
        reader.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert reader.recv(1000)
        assert host.execute("status")["queues"]["total"] == 65536
        size = 0
        last = b""
        while True:
            block = reader.recv(1 << 20)
            if not block:
                break
            size += len(block)
            last = (last + block)[-10:]
    assert last.endswith(b"# EOF\n") and size > 20_000_000
    assert resident_kib(host.process.pid) - before < 10_000


def test_a_port_of_the_loopback_interface(apus):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    host = apus(worked_example(), arguments=["--metrics", str(port)])
    assert get(("127.0.0.1", port))[1].endswith("# EOF\n")
    with open("/proc/net/tcp", encoding="ascii") as file:
        assert f"0100007F:{port:04X}" in file.read()
    second = subprocess.run([apus_binary(), "daemon", "--no-tree", "--socket", f"{host.socket}2", "--metrics", f"127.0.0.1:{port}"],
                            capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert f"cannot listen at port 127.0.0.1:{port} of this computer: Address already in use; choose another one with --metrics" in second.stderr


@pytest.mark.parametrize("where", ["0", "65536", "0.0.0.0:9100", "localhost:9100", "metrics", "", "[::]:9100", "127.0.0.1:", "9100x"])
def test_only_what_is_near(where, tmp_path):
    result = subprocess.run([apus_binary(), "daemon", "--no-tree", "--socket", tmp_path / "socket", "--metrics", where],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "--metrics takes the path of a socket, with a slash in it (./metrics), or a port" in result.stderr


def test_the_control_command_and_top(host):
    assert host.w("bus/ap/apmask", "-5") == "OK"
    host.mdev(1).assign([5], [4])
    host.guest("Guest1").start(uuid(1))
    metrics = host.execute("metrics")
    assert metrics["queues"] == [] and metrics["next"] is None
    assert metrics["mdevs"] == [{"uuid": uuid(1), "guest": "Guest1", "plugged": 1, "withheld": 0}]
    assert [guest["guest"] for guest in metrics["guests"]] == ["Guest1"]
    assert host.execute("metrics", **{"from": 1 << 40})["queues"] == []
    top = host.cli("top", "--once", "--interval", "0.1")
    assert top.returncode == 0 and "Guest1" in top.stdout and uuid(1) in top.stdout
    printed = json.loads(host.cli("top", "--once", "--json", "--interval", "0.1").stdout)
    assert printed["guests"][0]["requests_per_second"] == 0
    assert host.cli("top").returncode == 2
    assert "takes seconds from 0.1 to 3600, not '0'" in host.cli("top", "--once", "--interval", "0").stderr
    assert host.cli("top", "--once", "--interval", "nan").returncode == 2
