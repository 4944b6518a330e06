# SPDX-License-Identifier: MIT
"""docs/kubernetes.md: its worker node, line by line, on a Docker engine; and its CDI file, with Podman."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from kubelet import Kubelet

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests/containers"))
from engine import ETC, find, image  # noqa: E402

DOCUMENT = (ROOT / "docs/kubernetes.md").read_text()
APUS = pathlib.Path(os.environ["APUS_BIN"])
CCA = "cex.s390.ibm.com/cca"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to share mounts with containers")


def lines(title):
    section = DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^    (.+)$", section, re.M)


class Lab:
    """In place of /run/lab, /dev and /var/lib/kubelet; lines of the document run in one shell."""

    def __init__(self, base):
        self.path, self.dev, self.kubelet = base / "lab", base / "dev", base / "kubelet"
        self.is_bound = False
        self.dev.mkdir()
        self.kubelet.mkdir()
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(self.dev / name, 0o20666, os.makedev(1, minor))
        self.shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, start_new_session=True, cwd=ROOT,
                                      env={**os.environ, "PATH": f"{APUS.parent}:{os.environ['PATH']}",
                                           "ASAN_OPTIONS": "detect_leaks=0"})

    def here(self, line):
        for there, here in (("--dev-links /dev", f"--dev-links {self.dev}"), ("-v /dev:", f"-v {self.dev}:"),
                            ("-e /dev/", f"-e {self.dev}/"), ("/run/lab", self.path),
                            ("/var/lib/kubelet:/var/lib/kubelet", f"{self.kubelet}:{self.kubelet}")):
            line = line.replace(there, str(here))
        return line

    def run(self, line):
        """(exit status, output)"""
        self.is_bound |= line.startswith("mount --bind")
        self.shell.stdin.write(f"{line}\necho =====$?\n")
        self.shell.stdin.flush()
        output = ""
        while True:
            read = self.shell.stdout.readline()
            assert read, f"the shell has ended: {output}"
            if match := re.fullmatch(r"=====(\d+)\n", read):
                return int(match[1]), output
            output += read

    def start_daemon(self):
        """The lines up to the daemon, which is there afterwards."""
        for line in lines("A worker node")[:5]:
            status, output = self.run(self.here(line))
            assert status == 0, output

    def close(self):
        os.killpg(self.shell.pid, signal.SIGTERM)
        self.shell.communicate(timeout=60)
        deadline = time.monotonic() + 60
        while os.path.ismount(self.path / "sys") and time.monotonic() < deadline:
            time.sleep(0.05)
        subprocess.run(["umount", self.path], check=self.is_bound)


@pytest.fixture
def lab():
    base = pathlib.Path(tempfile.mkdtemp(prefix="apus-lab-", dir="/tmp"))
    here = Lab(base)
    yield here
    here.close()
    shutil.rmtree(base)


@pytest.fixture
def engine():
    here = find([os.environ["APUS_BUILD"], str(HERE)])
    yield here
    assert here.close() == []


def test_the_worker_node(lab, engine):
    kubelet = Kubelet(lab.kubelet)
    plugin = f"/usr/bin/python3 {HERE}/plugin.py {lab.kubelet} cca 1 static 1.0"
    words = " ".join(engine.words(["-e", "PYTHONDONTWRITEBYTECODE=1"]))
    name = engine.name.replace(":", "-")
    try:
        ran = 0
        for line in lines("A worker node"):
            line = lab.here(line).replace("IMAGE PLUGIN", f"{words} {plugin}").replace("IMAGE", words)
            line = line.replace("--name plugin", f"--name {name}").replace("rm -f plugin", f"rm -f {name}")
            if "until" in line and "apqn" in line:
                kubelet.wait(CCA, lambda found: found == {"apqn-1-0-0": "Healthy"})
                reply = kubelet.start_pod("pod", CCA, "apqn-1-0-0")
                assert reply.devices[0].host_path == "/dev/zcrypt-apqn-1-0-0"
                assert (lab.dev / "zcrypt-apqn-1-0-0").resolve() == lab.path / "sys/dev/zcrypt-apqn-1-0-0"
            status, output = lab.run(line)
            assert status == 0, output
            ran += 1
            if "card" not in line and "online" in line:
                assert output == "1\n"
            if "apus se" in line:
                kubelet.wait(CCA, lambda found: found == {"apqn-1-0-0": "Unhealthy"})
        assert ran == 10
    finally:
        kubelet.close()


def test_the_reply_in_a_container(lab, engine):
    """As the document says that it is given: the tree first, the reply's directories in it, and the node."""
    kubelet = Kubelet(lab.kubelet)
    client = os.path.join(os.environ["APUS_BUILD"], "tests/crypto/crypto-client")
    try:
        lab.start_daemon()
        mounts = [lab.here(word) for word in ("/run/lab:/run/lab:rslave", "/run/lab/sys:/sys", "-v /dev:/dev",
                                              "/var/lib/kubelet:/var/lib/kubelet")]
        options = [word for mount in mounts for word in ("-v", mount.removeprefix("-v "))]
        container = engine.start([*options, "-e", "PROC_SYSINFO_FILE=/sys/proc/sysinfo", "-e", "PYTHONDONTWRITEBYTECODE=1"],
                                 "/usr/bin/python3", HERE / "plugin.py", lab.kubelet, "cca", "1", "live", "1.0")
        kubelet.wait(CCA, lambda found: found == {"apqn-1-0-0": "Healthy"})
        reply = kubelet.start_pod("pod", CCA, "apqn-1-0-0")
        given = ["-v", f"{lab.path}/sys:/sys:ro"]
        for mount in reply.mounts:
            source = re.sub("^/sys", f"{lab.path}/sys", mount.host_path)
            given += ["-v", f"{source}:{mount.container_path}:ro"]
        [device] = reply.devices
        given += ["-v", f"{lab.path}/sys{device.host_path}:{device.container_path}"]
        result = engine.run([*given, "-u", "1000", "--cap-drop", "ALL"], "sh", "-c",
                            f"ls /sys/devices/ap; cat /sys/bus/ap/ap_domain /sys/devices/ap/card01/01.0000/request_count;"
                            f"{client} latency /dev/z90crypt 3 > /dev/null && cat /sys/bus/ap/devices/01.0000/request_count")
        seen = result.stdout.split()
        assert seen[:3] == ["card01", "0", "0"] and int(seen[3]) > 0, result
    finally:
        kubelet.close()
        engine.close()


def podman(base, *words):
    return ["podman", f"--root={base}/storage", f"--runroot={base}/run", "--storage-driver=vfs", "--cgroup-manager=cgroupfs",
            "--events-backend=file", *words]


def test_a_container_of_podman(lab):
    """With the CDI file in its own /etc; limits are named, since a container here may not raise them."""
    if not shutil.which("podman"):
        pytest.skip("needs podman")
    base = lab.path.parent
    etc = base / "etc"
    etc.mkdir()
    text = (ROOT / "examples/containers/cdi.json").read_text()
    (base / "apus.json").write_text(lab.here(text))
    lab.start_daemon()
    subprocess.run(podman(base, "import", "-", "apus-test:1"), input=image(), capture_output=True, check=True, timeout=300)
    [line] = [line for line in lines("Pods without a plugin") if line.startswith("podman run")]
    seen = " ".join(f"-v {path}:{path}:ro" for path in ("/usr", *(f"/etc/{name}" for name in ETC if os.path.exists(f"/etc/{name}"))))
    limits = "--rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000"
    storage = " ".join(podman(base, "run"))
    more = "sh -c 'cat /sys/bus/ap/devices/card01/type; grep -c ^Type: $PROC_SYSINFO_FILE; test -e /dev/z90crypt && echo node; $0 $@'"
    line = line.replace("podman run", f"{storage} {limits} {seen}").replace("IMAGE", f"apus-test:1 {more}")
    script = f"""
        mount -t tmpfs apus-test {etc}
        mkdir -p {etc}/upper/cdi {etc}/work
        cp {base}/apus.json {etc}/upper/cdi
        mount -t overlay -o lowerdir=/etc,upperdir={etc}/upper,workdir={etc}/work apus-test /etc
        {line}"""
    result = subprocess.run(["unshare", "-m", "sh", "-ec", script], capture_output=True, text=True, check=False, timeout=300)
    subprocess.run(podman(base, "rmi", "-f", "apus-test:1"), capture_output=True, check=False, timeout=300)
    assert (result.returncode, result.stdout) == (0, "CEX8C\n1\nnode\n0\n"), result.stderr
