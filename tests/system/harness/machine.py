# SPDX-License-Identifier: MIT
"""Machine files for the tests."""

from dataclasses import dataclass, field


@dataclass
class Adapter:
    """An adapter; options are further keys of its section, such as lpar="no"."""

    type: str = "CEX5C"
    options: dict = field(default_factory=dict)

    @classmethod
    def absent(cls, kind="CEX5C"):
        """Installed and in standby, but not yet in the LPAR."""
        return cls(kind, {"lpar": "no", "configured": "no"})


class Machine:
    """adapters: {number: type or Adapter}; every other option is a key of [machine]."""

    def __init__(self, adapters, domains, control=None, **options):
        self.adapters = {
            number: kind if isinstance(kind, Adapter) else Adapter(kind)
            for number, kind in adapters.items()
        }
        self.domains = list(domains)
        self.control = list(domains if control is None else control)
        self.options = options

    def text(self):
        lines = ["[machine]"]
        lines.append("domains = " + ",".join(f"{d:#x}" for d in self.domains))
        lines.append("control-domains = " + ",".join(f"{d:#x}" for d in self.control))
        for key, value in self.options.items():
            lines.append(f"{key.replace('_', '-')} = {value}")
        for number, adapter in sorted(self.adapters.items()):
            lines += ["", f"[adapter {number}]", f"type = {adapter.type}"]
            lines += [f"{key.replace('_', '-')} = {value}" for key, value in adapter.options.items()]
        return "\n".join(lines) + "\n"

    def queues(self):
        """Names of the queues of the adapters that are in the LPAR."""
        return [
            f"{a:02x}.{d:04x}"
            for a in sorted(self.adapters)
            if self.adapters[a].options.get("lpar", "yes") == "yes"
            for d in sorted(self.domains)
        ]


def worked_example(**options):
    """The machine of the worked example."""
    adapters = {4: "CEX5C", 5: "CEX5C", 6: "CEX5A"}
    return Machine(adapters, [4, 0x47, 0xAB, 0xFF], **options)
