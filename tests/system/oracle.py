# SPDX-License-Identifier: MIT
"""Replays a recorded run of the real driver on a daemon in the upstream profile."""

import gzip
import json
from pathlib import Path

from harness import Guest, Machine

DATA = Path(__file__).resolve().parents[1] / "data" / "oracle"

# Cards that answered every request with an error in the recording; the driver takes their queues
# offline for that now and then, so `online` of these queues says nothing about the model.
ERROR_CARDS = ("03", "06")


def recordings():
    return sorted(DATA.glob("upstream-*.jsonl.gz"))


def steps(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def machine_of(described):
    adapters = {int(number): kind for number, kind in described["adapters"].items()}
    return Machine(adapters, described["domains"], described["control"],
                   max_adapter=described["max_adapter"], max_domain=described["max_domain"])


class Replay:
    """Executes the steps in order; differences are collected as sentences.

    What differs for a reason of the recording, and is therefore not compared:

    - "attach failed" says that the recorder did not wait long enough: the steps after it show the
      queues in use until the detach. So it is an attach like every other. The state that was taken
      with an attach may be older than it: a queue may read as assigned there.
    - The driver notes one change of a queue in a scan. When an adapter leaves standby and
      check-stops in the same scan, config of its queues follows with the next scan. Ours has
      scanned already when the recorded scan comes.
    - A queue without a driver that a mask gives to zcrypt stays without one: Linux reads the driver
      flags of no driver. We bind it [bus-binding].
    """

    def __init__(self, host, recorded, guests=True):
        self.host = host
        self.steps = recorded
        self.guests = guests
        self.wide = any("cards" in (step.get("state") or ()) for step in recorded)
        self.unbound = set()
        self.late_config = set()
        self.differences = []

    def run(self):
        expected = None
        for number, step in enumerate(self.steps):
            operation = step.get("op")
            if operation is None:
                continue
            result = self.execute(operation, step)
            if operation == "write" and result != step["result"]:
                self.differ(number, step, f"result {result}, recorded {step['result']}")
            expected = step["state"] if step.get("state") is not None else expected
            # What follows a change of the machine is recorded before its scan, and we need none.
            settled = not (operation == "config" or self.steps[number - 1].get("op") == "config")
            if settled:
                self.compare(number, step, expected)
            if len(self.differences) > 20:
                break
        return self.differences

    def differ(self, number, step, text):
        shown = {key: value for key, value in step.items() if key != "state"}
        self.differences.append(f"line {number + 1} {shown}: {text}")

    def execute(self, operation, step):
        if operation == "write":
            return self.host.write(step["path"].removeprefix("/sys/"), step["value"])
        if operation == "scan":
            return self.host.write("bus/ap/scans", "1")
        if operation == "config":
            self.change_machine(step["machine"])
        elif operation in ("attach", "detach") and self.guests:
            self.attach_or_detach(operation, step)
        return None

    def attach_or_detach(self, operation, step):
        guest = Guest(self.host, step["mdev"])
        if operation == "attach":
            guest.start(step["mdev"])
        else:
            guest.stop()

    def change_machine(self, machine):
        self.host.execute(
            "machine-set", adapters=machine["adapters"], domains=machine["domains"],
            control=machine["control"], standby=machine.get("standby", []),
            checkstop=machine.get("checkstop", []))

    def compare(self, number, step, recorded):
        seen = self.state()
        expected = flat(recorded, self.guests)
        self.explain(step, seen, recorded)
        for key in sorted(set(seen) | set(expected)):
            pair = seen.get(key), expected.get(key)
            if pair[0] != pair[1] and not self.explained(step, key, pair):
                self.differ(number, step, f"{key} is {pair[0]}, recorded {pair[1]}")

    def explain(self, step, seen, recorded):
        """Note the queues that differ for one of the reasons above."""
        queues = recorded["queues"]
        self.unbound = {name for name, queue in queues.items()
                        if queue["driver"] == "-" and seen.get(f"queue {name} driver") == "cex4queue"}
        if step["op"] == "scan":
            cards = recorded.get("cards", {})
            self.late_config = {name for name, queue in queues.items() if queue.get("chkstop")
                                and queue["config"] != cards[name[:2]]["config"]}

    def explained(self, step, key, pair):
        device = key.split(" ")[1] if key.startswith("queue ") else None
        if step["op"] == "attach" and key.endswith(" status"):
            return pair == ("in use", "assigned")
        if device in self.late_config and key.endswith(" config"):
            return True
        return device in self.unbound

    def state(self):
        host = self.host
        state = {name: host.value(f"bus/ap/{name}") for name in ("apmask", "aqmask")}
        for uuid in host.names("bus/mdev/devices"):
            folder = f"bus/mdev/devices/{uuid}"
            for name in ("matrix", "guest_matrix", "control_domains"):
                state[f"mdev {uuid} {name}"] = tuple(host.r(f"{folder}/{name}").splitlines())
        for name in host.names("bus/ap/devices"):
            folder = f"bus/ap/devices/{name}"
            if name.startswith("card"):
                if self.wide:
                    attributes = {a: self.number(f"{folder}/{a}") for a in ("online", "config", "chkstop")}
                    state |= flat_device(f"card {name[4:]}", attributes)
                continue
            attributes = {"driver": host.drv(name) or "-"}
            if attributes["driver"] == "vfio_ap":
                attributes["status"] = host.value(f"{folder}/status")
            if self.wide:
                if attributes["driver"] == "cex4queue":
                    attributes["online"] = self.number(f"{folder}/online")
                attributes |= {a: self.number(f"{folder}/{a}") for a in ("config", "chkstop")}
            state |= flat_device(f"queue {name}", attributes)
        return state

    def number(self, name):
        return int(self.host.value(name))


def flat_device(device, attributes):
    ignore = device.startswith("queue ") and device[6:8] in ERROR_CARDS
    return {f"{device} {name}": value for name, value in attributes.items()
            if not (ignore and name == "online")}


def flat(state, guests):
    """The recorded state as one dictionary of the same keys as Replay.state."""
    result = {name: state[name] for name in ("apmask", "aqmask")}
    for uuid, attributes in state["mdevs"].items():
        result |= {f"mdev {uuid} {name}": tuple(lines) for name, lines in attributes.items()}
    for name, attributes in state["queues"].items():
        if not guests and attributes.get("status") == "in use":
            attributes = dict(attributes, status="assigned")
        result |= flat_device(f"queue {name}", attributes)
    for name, attributes in state.get("cards", {}).items():
        result |= flat_device(f"card {name}", attributes)
    return result
