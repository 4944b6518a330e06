# SPDX-License-Identifier: MIT
"""Machine files, apus-machine(5), from dictionaries."""

from __future__ import annotations

from typing import Any, Mapping


def value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return ",".join(str(item) for item in value)
    return str(value)


def section(name: str, keys: Mapping[str, Any]) -> str:
    lines = [f"{key.replace('_', '-')} = {value_text(value)}" for key, value in keys.items()]
    return "\n".join([f"[{name}]", *lines]) + "\n"


def machine_file(description: Mapping[str, Any]) -> str:
    """The text of a machine file.

    adapters maps numbers to types ("CEX7C") or to the keys of their sections; mdevs maps UUIDs to keys, guests names to keys.
    All else are keys of [machine]; underscores stand for hyphens, lists are written with commas. A usage domain is a control
    domain, too, unless control_domains is given.
    """
    keys = dict(description)
    adapters = keys.pop("adapters", {})
    objects = {"mdev": keys.pop("mdevs", {}), "guest": keys.pop("guests", {})}
    if "domains" in keys:
        keys.setdefault("control_domains", keys["domains"])
    parts = [section("machine", keys)]
    for number, adapter in adapters.items():
        parts.append(section(f"adapter {number}", {"type": adapter} if isinstance(adapter, str) else adapter))
    for kind, named in objects.items():
        parts += [section(f"{kind} {name}", entries) for name, entries in named.items()]
    return "\n".join(parts)
