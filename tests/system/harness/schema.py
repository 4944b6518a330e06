# SPDX-License-Identifier: MIT
"""Checks what a daemon says against docs/control-protocol.json: types, and that no member is undocumented."""

import json
import re
from pathlib import Path

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/control-protocol.json").read_text(encoding="utf-8"))
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
         "null": type(None)}
FORMATS = {"uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and (not isinstance(value, bool) or name == "boolean")


def check_object(value, schema, where):
    properties = schema.get("properties")
    others = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        assert name in value, f"{where} lacks {name}: {value}"
    for name, member in value.items():
        if properties and name in properties:
            check(member, properties[name], f"{where}.{name}")
        elif others:
            check(member, others, f"{where}.{name}")
        else:
            assert properties is None, f"{where} has an undocumented member {name}: {value}"


def check(value, schema, where):
    """Fails unless value is what the schema says, as far as our schemas go."""
    if "$ref" in schema:
        check(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], where)
        return
    if "anyOf" in schema:
        if value is not None:
            check(value, schema["anyOf"][0], where)
        return
    assert is_type(value, schema["type"]), f"{where} is no {schema['type']}: {value!r}"
    if schema["type"] == "object":
        check_object(value, schema, where)
    elif schema["type"] == "array":
        for number, item in enumerate(value):
            check(item, schema["items"], f"{where}[{number}]")
    assert value in schema.get("enum", [value]), f"{where}: {value!r}"
    assert schema.get("minimum", 0) <= value <= schema.get("maximum", value) if "minimum" in schema else True, where
    assert re.search(schema.get("pattern", ""), value) if "pattern" in schema else True, f"{where}: {value!r}"
    assert re.fullmatch(FORMATS[schema["format"]], value) if "format" in schema else True, f"{where}: {value!r}"


def check_return(command, value):
    check(value, SCHEMA["commands"][command]["returns"], command)


def check_event(message):
    check(message["data"], SCHEMA["events"][message["event"]]["data"], message["event"])
    check(message, SCHEMA["$defs"]["event"], "event")
