#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A device plugin for crypto queues. It makes the calls that a real one makes on a worker node: to the kubelet, and to /sys
and /dev. What it knows it also writes to the file metrics in the kubelet's directory.

plugin.py KUBELET RESOURCE COPIES LIVE APQN..."""

import concurrent.futures
import errno
import os
import pathlib
import queue
import re
import shutil
import sys
import time

from api import PLUGIN, PODS, REGISTRATION, Client, messages, serve

BUS = pathlib.Path("/sys/bus/ap")
DEVICES = pathlib.Path("/sys/devices/ap")
CLASS = pathlib.Path("/sys/class/zcrypt")
NODES = pathlib.Path("/sys/devices/virtual/zcrypt")
MODES = {"A": "accel", "C": "cca", "P": "ep11"}
PREFIX = "cex.s390.ibm.com/"


def machine():
    """Which one this is, or the plugin ends."""
    found = dict(re.findall(r"^(Manufacturer|Type|Sequence Code):\s+(\S+)", pathlib.Path(
        os.environ.get("PROC_SYSINFO_FILE", "/proc/sysinfo")).read_text(), re.M))
    return f"{found['Manufacturer']}-{found['Type']}-{found['Sequence Code']}"


def scan():
    """{(adapter, domain): (generation, mode, online)} of all queues."""
    found = {}
    for card in DEVICES.glob("card[0-9a-f][0-9a-f]"):
        generation, mode = re.fullmatch(r"CEX(\d+)([ACP])", (card / "type").read_text().strip()).groups()
        for each in card.glob("[0-9a-f][0-9a-f].[0-9a-f]*"):
            adapter, domain = (int(part, 16) for part in each.name.split("."))
            found[adapter, domain] = f"cex{generation}", MODES[mode], (each / "online").read_text()[0] == "1"
    return found


def folder_of(adapter, domain):
    return DEVICES / f"card{adapter:02x}" / f"{adapter:02x}.{domain:04x}"


def write(path, text):
    """One write(2), and nothing is created."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def create(node, adapter, domain):
    write(CLASS / "create", node)
    device = pathlib.Path("/dev") / node
    for wait in (0.025 * 2 ** n for n in range(8)):
        if device.exists():
            break
        time.sleep(wait)
    device.chmod(0o666)
    write(NODES / node / "apmask", f"+{adapter}\n")
    write(NODES / node / "aqmask", f"+{domain}\n")
    write(NODES / node / "ioctlmask", ",".join(f"+{number}" for number in range(256)) + "\n")


def copy(source, target, *names):
    for name in names:
        (target / name).write_bytes((source / name).read_bytes())


def link(path, target):
    path.symlink_to(target)


def shadow(base, adapter, domain, live):
    """The directories that a container is to have as /sys/bus/ap and /sys/devices/ap: one card with one queue."""
    shutil.rmtree(base, ignore_errors=True)
    bus, devices, source = base / "bus/ap", base / "devices/ap", folder_of(adapter, domain)
    card = devices / source.parent.name
    own = card / source.name
    for path in (own, bus / "devices", bus / "drivers/cex4card", bus / "drivers/cex4queue"):
        path.mkdir(parents=True)
    copy(BUS, bus, "ap_interrupts", "ap_max_domain_id", "poll_thread", "poll_timeout")
    copy(source.parent, card, "ap_functions", "depth", "hwtype", "raw_hwtype", "type")
    copy(source, own, "interrupt", "reset")
    (bus / "ap_domain").write_text(f"{domain}\n")
    for name in ("online", "request_count", "pendingq_count", "requestq_count", "load"):
        value = "1\n" if name == "online" else "0\n"
        (own / name).write_text(value)
        if live and name != "load":
            link(card / name, f"{source.name}/{name}")
        else:
            (card / name).write_text(value)
    link(card / "driver", "../../../bus/ap/drivers/cex4card")
    link(card / "subsystem", "../../../bus/ap")
    link(own / "driver", "../../../../bus/ap/drivers/cex4queue")
    link(own / "subsystem", "../../../../bus/ap")
    link(bus / "devices" / card.name, f"../../../devices/ap/{card.name}")
    link(bus / "devices" / own.name, f"../../../devices/ap/{card.name}/{own.name}")
    return bus, devices


class Plugin:
    def __init__(self, folder, name, copies, live, apqns):
        self.folder, self.name, self.copies, self.live, self.apqns = folder, name, copies, live, apqns
        self.machine = machine()
        self.shadows = folder / f"shadow-{name}"
        self.found, self.first, self.counts, self.seen = None, {}, {}, {}
        self.streams = []
        self.pods = Client(PODS, folder / "pod-resources/kubelet.sock")
        self.refresh()
        plugins = folder / "device-plugins"
        self.server = serve(PLUGIN, self, plugins / f"{name}.sock", concurrent.futures.ThreadPoolExecutor(8))
        Client(REGISTRATION, plugins / "kubelet.sock").Register(messages.RegisterRequest(
            version="v1beta1", endpoint=f"{name}.sock", resource_name=PREFIX + name))

    def GetDevicePluginOptions(self, *_):
        return messages.DevicePluginOptions()

    def ListAndWatch(self, *_):
        stream = queue.SimpleQueue()
        stream.put(self.devices())
        self.streams.append(stream)
        while True:
            yield stream.get()

    def Allocate(self, request, _):
        answer = messages.AllocateResponse()
        for wanted in request.container_requests:
            device = wanted.device_ids[0]
            adapter, domain, _number = map(int, re.fullmatch(r"apqn-(\d+)-(\d+)-(\d+)", device).groups())
            node, base = f"zcrypt-{device}", self.shadows / device
            if not (NODES / node).exists():
                create(node, adapter, domain)
            bus, devices = shadow(base, adapter, domain, self.live)
            self.seen[device] = False
            container = answer.container_responses.add()
            container.devices.add(container_path="/dev/z90crypt", host_path=f"/dev/{node}", permissions="rw")
            container.mounts.add(container_path=str(BUS), host_path=str(bus), read_only=True)
            container.mounts.add(container_path=str(DEVICES), host_path=str(devices), read_only=True)
            if self.live:
                queue_at = folder_of(adapter, domain)
                container.mounts.add(container_path=str(BUS / "devices" / queue_at.name), host_path=str(queue_at), read_only=True)
        return answer

    def devices(self):
        answer = messages.ListAndWatchResponse()
        for (adapter, domain), (_, _, online) in sorted(self.found.items()):
            for number in range(self.copies):
                answer.devices.add(id=f"apqn-{adapter}-{domain}-{number}", health="Healthy" if online else "Unhealthy")
        return answer

    def refresh(self):
        found = {apqn: what for apqn, what in scan().items() if apqn in self.apqns}
        if found != self.found:
            self.found = found
            for stream in self.streams:
                stream.put(self.devices())

    def tidy_up(self):
        """What a pod has had, which has gone."""
        used = {device for pod in self.pods.List(messages.ListPodResourcesRequest()).pod_resources
                for container in pod.containers for held in container.devices for device in held.device_ids}
        for device, was_used in list(self.seen.items()):
            if device in used:
                self.seen[device] = True
            elif was_used:
                write(CLASS / "destroy", f"zcrypt-{device}")
                shutil.rmtree(self.shadows / device)
                del self.seen[device]

    def report(self):
        """In words that Prometheus reads; a queue counts from what it had at first."""
        for apqn in self.found:
            text = (folder_of(*apqn) / "request_count").read_text()
            if text != "-\n":
                self.counts[apqn] = int(text)
        total = sum(count - self.first.setdefault(apqn, count) for apqn, count in self.counts.items())
        healthy = sum(self.copies for _, _, online in self.found.values() if online)
        label = f'{{setname="{self.name}"}}'
        text = (f"cex_plugin_plugindevs_available{label} {healthy}\n"
                f"cex_plugin_plugindevs_used{label} {len(self.seen)}\n"
                f"cex_plugin_request_counter{label} {total}\n"
                f'machine{{id="{self.machine}"}} 1\n'
                + "".join(f'queue{{apqn="{adapter}-{domain}",generation="{generation}",mode="{mode}"}} {int(online)}\n'
                          for (adapter, domain), (generation, mode, online) in sorted(self.found.items())))
        new = self.folder / f"metrics-{self.name}.new"
        new.write_text(text)
        new.rename(self.folder / f"metrics-{self.name}")

    def run(self):
        while True:
            try:
                self.refresh()
                self.report()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise
                # A queue without a zcrypt driver, or an adapter that is just going: next time.
            self.tidy_up()
            time.sleep(0.1)


def main():
    folder, name, copies, live, *apqns = sys.argv[1:]
    wanted = {tuple(map(int, text.split("."))) for text in apqns}
    Plugin(pathlib.Path(folder), name, int(copies), live == "live", wanted).run()


if __name__ == "__main__":
    main()
