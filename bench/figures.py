# SPDX-License-Identifier: MIT
"""The figures that are wanted: where they are in the JSON lines of a run, their target, and what was measured beside them."""

import json
import statistics
import sys
from dataclasses import dataclass, field


@dataclass
class Figure:
    name: str
    unit: str
    key: str
    where: dict  # what the line has
    target: float = None
    more_is_better: bool = False
    beside: tuple = ()  # (name, key) of its counterpart in the same line
    values: list = field(default_factory=list)
    counterparts: list = field(default_factory=list)

    def take(self, line):
        if any(line.get(key) != value for key, value in self.where.items()) or self.key not in line:
            return
        value = line[self.key]
        self.values += value if isinstance(value, list) else [value]
        if self.beside:
            self.counterparts.append(line[self.beside[1]])

    @property
    def median(self):
        return statistics.median(self.values)

    def falls_short(self):
        return self.target is not None and (self.median < self.target if self.more_is_better else self.median > self.target)


def crt(bits, clients, target):
    """To OpenSSL on as many cores as there are clients. With None there are eight clients for each core."""
    name = "8 clients a core" if clients is None else "1 client" if clients == 1 else f"{clients} clients"
    where = {"what": "crt", "bits": bits, "full": True} if clients is None else {"what": "crt", "bits": bits, "clients": clients}
    return Figure(f"RSA CRT {bits}, {name}, to OpenSSL", "", "ratios", where, target, True, ("OpenSSL/s", "openssl"))


def attribute(op, placement, target):
    return Figure(f"open+{op}+close, {placement}, to a no-op FUSE", "", "ratios",
                  {"bench": "attribute", "op": f"open+{op}+close", "placement": placement, "target": "no-op FUSE"}, target,
                  beside=("no-op us", "p50_us"))


def ioctl(way, target):
    return Figure(f"ME of 512 bits by {way}, one CPU", "us", "me512_us", {"ioctl": way}, target, beside=("no-op ioctl us", "noop_us"))


def without_mount(what, name, beside, target):
    return Figure(f"without a mount: {name}", "", "ratio", {"bench": "nomount", "what": what}, target, beside=beside)


def figures():
    """New ones, without values. Ratios are of the same run."""
    return [
        Figure("CPU of apus --version, to unshare", "", "ratio", {"bench": "version"}, 1, beside=("unshare ms", "unshare_ms")),
        Figure("apus run -- true, to unshare", "", "ratio", {"bench": "run"}, 4, beside=("unshare ms", "unshare_ms")),
        Figure("20 machines at once, to one", "", "ratio", {"bench": "machines"}, 10, beside=("one ms", "one_ms")),
        Figure("start of the daemon, default machine", "ms", "start_ms", {"bench": "daemon", "machine": "default"}),
        Figure("start of the daemon, 256 x 256", "ms", "start_ms", {"bench": "daemon", "machine": "full"}),
        attribute("read", "apart", 0.4), attribute("read", "one CPU", 1.05),
        attribute("write", "apart", 0.4), attribute("write", "one CPU", 1.05),
        without_mount("attribute", "open+read+close, to FUSE", ("FUSE us", "fuse_us"), 2),
        without_mount("gcc", "gcc -c, to bare", ("bare ms", "bare_ms"), 1.5),
        without_mount("find", "find, to bare", ("bare ms", "bare_ms"), 3),
        Figure("walk, names", "us/name", "us_per_name", {"bench": "walk", "what": "names only"}),
        Figure("walk, lstat", "us/name", "us_per_name", {"bench": "walk", "what": "lstat"}, 25),
        Figure("mask write, 65,536 queues, --uevents", "s", "seconds", {"bench": "mask", "uevents": True}, 0.25,
               beside=("without s", "without_seconds")),
        Figure("the same in the core", "ms", "cpu_ms", {"bench": "rebind", "uevents": True}),
        crt(1024, None, 0.9), crt(2048, None, 1.0), crt(4096, None, 1.0), crt(2048, 2, 0.9), crt(2048, 1, 0.9),
        ioctl("fuse", 13), ioctl("notify", 15),
        Figure("a write to assign, --state to none", "", "ratio", {"bench": "state-assign"}, 1.1),
        Figure("10,000 devices are back", "ms", "ms", {"bench": "state-recovery"}, 150, beside=("new ms", "new_ms")),
        Figure("GET_DEVICE_FD", "us", "get_device_fd_us", {"vfio": "open"}, 1000, beside=("no-op ioctl us", "unknown_ioctl_us")),
        Figure("filter: find, inside to outside", "", "ratio", {"filter": "find"}, 1.02, beside=("empty filter", "empty")),
        Figure("filter: processes, inside to outside", "", "ratio", {"filter": "processes"}, 1.02, beside=("empty filter", "empty")),
        Figure("real guest: start and a command", "s", "copy_s", {"linux": "boot"}, 0.6, beside=("boot s", "with_s")),
        Figure("real guest: one more command", "s", "again_s", {"linux": "boot"}, 0.1),
        Figure("20 real guests at once", "s", "s", {"linux": "many"}, 12),
        Figure("20 real guests, memory", "MiB", "mib", {"linux": "many"}, 700),
        Figure("real guest: assign to its queue", "ms", "ms", {"linux": "assign"}, 200),
        Figure("real guest: ME 2048, interruptions", "ms", "ms", {"linux": "rsa2048", "way": "interruptions"}, 0.5),
        Figure("real guest: ME 2048, polling", "ms", "ms", {"linux": "rsa2048", "way": "polling"}, 0.7),
    ]


def say(**line):
    """A line of a run."""
    print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in line.items()}), flush=True)


def read(path):
    """(what the run says of itself, the figures that it has)"""
    about, known = {}, figures()
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
            except ValueError:
                sys.exit(f"bench: {path}:{number}: not a JSON line of a run")
            about = line if "run" in line else about
            for figure in known:
                figure.take(line)
    if not about:
        sys.exit(f"bench: {path} does not say of which machine it is; bench/run writes that first")
    return about, [figure for figure in known if figure.values]


def short(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
