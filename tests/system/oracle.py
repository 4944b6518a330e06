# SPDX-License-Identifier: MIT
"""Replays a recorded run of the real driver on a daemon in the upstream profile."""

import gzip
import json
from collections import Counter
from pathlib import Path

from harness import Machine

DATA = Path(__file__).resolve().parents[1] / "data" / "oracle"

# What is compared, and where it is read. Runs up to 14 have recorded no cards, and neither
# standby nor check-stop.
BUS = {"bindings": "bindings", "complete_count": "bindings_complete_count", "ap_domain": "ap_domain",
       "config_time": "config_time", "poll_thread": "poll_thread"}


def recordings():
    return sorted(DATA.glob("upstream-*.jsonl.gz"))


def steps(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def machine_of(described):
    adapters = {int(number): kind for number, kind in described["adapters"].items()}
    return Machine(adapters, described["domains"], control_domains=described["control"],
                   max_adapter=described["max_adapter"], max_domain=described["max_domain"],
                   interrupts="no")


class Replay:
    """Executes the steps in order; each difference is a sentence in a list.

    The machine changes without an event, and the recorded scan notices. Three peculiarities of the
    recordings are taken into account:

    - Without uevents (runs up to 52) coprocessors answered every request with an error; the driver
      takes their queues offline for that now and then. `online` of these queues is left out there.
    - The recorder did not wait for an attach, and now and then called it "failed" for that: the steps
      after it show the queues in use. The state with it is the one before the attach or after it.
    - The thread of the hardware random numbers scans when it finds no CCA queue. Only a scan finds
      that bindings are complete, so a step that announces it had one beside it: before what the
      step bound, which has to be announced again, or else after it.
    """

    def __init__(self, host, recorded):
        self.host = host
        self.steps = recorded
        self.wide = any("cards" in (step.get("state") or ()) for step in recorded)
        self.heard = any("uevents" in step for step in recorded)
        self.errors = set() if self.heard else error_cards(recorded[0]["machine"])
        self.expected = {}
        self.differences = []
        if self.heard:
            host.execute("subscribe", events=["uevent", "guest-notify"])
            host.control.events.clear()

    def run(self):
        for number, step in enumerate(self.steps):
            if step.get("op"):
                self.step(number, step)
            if len(self.differences) > 20:
                break
        return self.differences

    def step(self, number, step):
        before = self.state() if step["op"] == "attach" else None
        by_thread = self.scan_of_the_thread(step)
        if by_thread == "before":
            self.host.write("bus/ap/scans", "1")
        result = self.execute(step)
        if by_thread == "after":
            self.host.write("bus/ap/scans", "1")
        if step["op"] == "write" and result != step["result"]:
            self.differ(number, step, f"result {result}, recorded {step['result']}")
        if self.heard:
            self.compare_events(number, step)
        for part in ("state", "extra"):
            if step.get(part) is not None:
                self.expected |= {part: step[part]}
        if "state" in step and before != self.flat(self.expected):
            self.compare_state(number, step)

    def differ(self, number, step, text):
        shown = {key: value for key, value in step.items() if key not in ("state", "uevents", "extra")}
        self.differences.append(f"line {number + 1} {shown}: {text}")

    def execute(self, step):
        operation = step["op"]
        if operation == "write":
            return self.host.write(step["path"].removeprefix("/sys/"), step["value"])
        if operation == "scan":
            self.host.write("bus/ap/scans", "1")
        elif operation == "config":
            self.change_machine(step["machine"])
        elif operation == "attach":
            self.host.guest(step["mdev"]).start(step["mdev"])
        elif operation == "detach":
            self.host.guest(step["mdev"]).stop()
        return None

    def change_machine(self, machine):
        self.host.execute(
            "machine-set", adapters=machine["adapters"], domains=machine["domains"],
            control=machine["control"], standby=machine.get("standby", []),
            checkstop=machine.get("checkstop", []), silent=True)

    # Uevents, and what guests are told

    @staticmethod
    def scan_of_the_thread(step):
        events = step.get("uevents") or []
        at = [n for n, event in enumerate(events) if is_complete(event)]
        if not at or step["op"] == "scan" or step.get("path", "").endswith("/scans"):
            return None
        return "before" if any(event.startswith("bind@/devices/ap/") for event in events[at[0]:]) else "after"

    def events(self):
        """The uevents since the last step, which arrive before the reply to any command."""
        self.host.execute("se-show")
        events, self.host.control.events = self.host.control.events, []
        return events

    def compare_events(self, number, step):
        events = self.events()
        uevents = [uevent_text(e["data"]) for e in events if e["event"] == "uevent"]
        told = Counter((e["data"]["guest"], e["data"]["reason"]) for e in events if e["event"] == "guest-notify")
        recorded = {(mdev, kind): count for mdev, counts in (step.get("eventfds") or {}).items()
                    for kind, count in (("config", counts["cfg_chg"]), ("release", counts["req"])) if count}
        wanted = step.get("uevents") or []
        if step["op"] == "write" and any(map(is_complete, wanted)):
            # The uevent of the other thread may be anywhere.
            uevents, wanted = sorted(uevents, key=is_complete), sorted(wanted, key=is_complete)
        if uevents != wanted:
            self.differ(number, step, "\n  ".join(["uevents", *uevents]) + "\n " + "\n  ".join(["recorded", *wanted]))
        if step["op"] != "attach" and told != Counter(recorded):
            self.differ(number, step, f"told {dict(told)}, recorded {recorded}")

    # States

    def compare_state(self, number, step):
        seen, expected = self.state(), self.flat(self.expected)
        for key in sorted(set(seen) | set(expected)):
            if seen.get(key) != expected.get(key):
                self.differ(number, step, f"{key} is {seen.get(key)}, recorded {expected.get(key)}")

    def state(self):
        host = self.host
        state = {name: host.value(f"bus/ap/{name}") for name in ("apmask", "aqmask")}
        for uuid in host.names("bus/mdev/devices"):
            folder = f"bus/mdev/devices/{uuid}"
            for name in ("matrix", "guest_matrix", "control_domains"):
                state[f"mdev {uuid} {name}"] = tuple(host.r(f"{folder}/{name}").splitlines())
        for name in host.names("bus/ap/devices"):
            if name.startswith("card"):
                state |= self.card(name)
            else:
                state |= self.queue(name)
        if self.heard:
            state |= {name: host.value(f"bus/ap/{file}") for name, file in BUS.items()}
        return state

    def card(self, name):
        folder = f"bus/ap/devices/{name}"
        attributes = ("online", "config", "chkstop") if self.wide else ()
        return {f"card {name[4:]} {a}": self.host.value(f"{folder}/{a}") for a in attributes
                if self.host.exists(f"{folder}/{a}")}

    def queue(self, name):
        host = self.host
        folder = f"bus/ap/devices/{name}"
        attributes = {"driver": host.drv(name) or "-"}
        if attributes["driver"] == "vfio_ap":
            attributes["status"] = host.value(f"{folder}/status")
        if self.wide:
            if attributes["driver"] == "cex4queue" and name[:2] not in self.errors:
                attributes["online"] = host.value(f"{folder}/online")
            attributes |= {a: host.value(f"{folder}/{a}") for a in ("config", "chkstop")}
        if self.heard and host.value(f"{folder}/driver_override"):
            attributes["override"] = host.value(f"{folder}/driver_override")
        return {f"queue {name} {key}": value for key, value in attributes.items()}

    def flat(self, recorded):
        """A recorded state as one dictionary of the same keys as state()."""
        state = recorded["state"]
        extra = recorded.get("extra") or {}
        result = {name: state[name] for name in ("apmask", "aqmask")}
        for uuid, attributes in state["mdevs"].items():
            result |= {f"mdev {uuid} {name}": tuple(lines) for name, lines in attributes.items()}
        for kind in ("queues", "cards"):
            for name, attributes in state.get(kind, {}).items():
                result |= {f"{kind[:-1]} {name} {key}": str(value) for key, value in attributes.items()
                           if not (kind == "queues" and key == "online" and name[:2] in self.errors)}
        result |= {f"queue {name} override": value for name, value in extra.get("override", {}).items()}
        return result | {name: str(extra[name]) for name in BUS if name in extra}


def is_complete(event):
    return "BINDINGS=complete" in event


def error_cards(machine):
    return {f"{int(number):02x}" for number, kind in machine["adapters"].items() if not kind.endswith("A")}


def uevent_text(data):
    variables = " ".join(f"{name}={value}" for name, value in data.items() if name != "SEQNUM")
    return f"{data['ACTION']}@{data['DEVPATH']} {variables}"
