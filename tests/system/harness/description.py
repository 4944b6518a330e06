# SPDX-License-Identifier: MIT
"""Descriptions of machines, for apus.Machine."""

ABSENT = {"type": "CEX5C", "lpar": False, "configured": False}  # installed and in standby, but not in the LPAR


class Machine(dict):
    """adapters: {number: type or description}; every option is a key of [machine]."""

    def __init__(self, adapters, domains, **options):
        super().__init__(adapters=dict(adapters), domains=list(domains), **options)

    def queues(self):
        """Names of the queues of the adapters that are in the LPAR."""
        absent = {a for a, described in self["adapters"].items() if isinstance(described, dict) and described.get("lpar") is False}
        return [f"{a:02x}.{d:04x}" for a in sorted(set(self["adapters"]) - absent) for d in sorted(self["domains"])]


def worked_example(**options):
    """The machine of the worked example."""
    return Machine({4: "CEX5C", 5: "CEX5C", 6: "CEX5A"}, [4, 0x47, 0xAB, 0xFF], **options)
