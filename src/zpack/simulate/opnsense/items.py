"""What a port forward, a filter rule and an alias are made of, how they are checked and how they are shown.

OPNsense answers a wrong value with 200 and a text per field; it shows a choice as a map of all its options.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
INTERFACES = ("wan", "lan", "opt1")
PORT_MAX = 65535
Item = dict[str, str]


@dataclass(frozen=True)
class Field:
    """One field: its default, the options it is chosen from, and what its text must be."""

    default: str = ""
    options: tuple[str, ...] = ()
    kind: str = "text"
    required: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of item. ``key`` is the wrapper of its body; ``unique`` a field that no two may share."""

    key: str
    fields: dict[str, Field] = field(default_factory=dict[str, Field])
    unique: str = ""
    tree: tuple[str, ...] = ()
    """Where the whole tree of ``get`` keeps the items."""


FLAG = Field("0", ("0", "1"))
PROTOCOLS = ("any", "tcp", "udp", "tcp/udp", "icmp")
FAMILIES = ("inet", "inet6", "inet46")
FORWARD = Kind(
    "rule",
    {
        "disabled": FLAG,
        "interface": Field("", INTERFACES, required=True),
        "ipprotocol": Field("inet", FAMILIES),
        "protocol": Field("tcp", PROTOCOLS),
        "source.network": Field("any", kind="network"),
        "source.port": Field("", kind="port"),
        "source.not": FLAG,
        "destination.network": Field("any", kind="network"),
        "destination.port": Field("", kind="port"),
        "destination.not": FLAG,
        "target": Field("", kind="network", required=True),
        "local-port": Field("", kind="port"),
        "natreflection": Field("", ("", "purenat", "disable")),
        "pass": Field("", ("", "pass", "rule")),
        "descr": Field(),
    },
    tree=("dnat", "rule"),
)
RULE = Kind(
    "rule",
    {
        "enabled": Field("1", ("0", "1")),
        "action": Field("pass", ("pass", "block", "reject")),
        "interface": Field("lan", INTERFACES),
        "direction": Field("in", ("in", "out")),
        "ipprotocol": Field("inet", FAMILIES),
        "protocol": Field("any", PROTOCOLS),
        "source_net": Field("any", kind="network"),
        "destination_net": Field("any", kind="network"),
        "destination_port": Field("", kind="port"),
        "description": Field(),
    },
    tree=("filter", "rules", "rule"),
)
ALIAS = Kind(
    "alias",
    {
        "enabled": Field("1", ("0", "1")),
        "name": Field("", kind="name", required=True),
        "type": Field("", ("host", "network", "port"), required=True),
        "content": Field(),
        "description": Field(),
        "updatefreq": Field(),
        "interface": Field("", ("", *INTERFACES)),
        "path_expression": Field(),
        "authtype": Field("", ("", "Basic")),
        "username": Field(),
        "password": Field(),
    },
    unique="name",
    tree=("alias", "aliases", "alias"),
)


def flat(body: dict[str, Any], prefix: str = "") -> Item:
    """Return a body's fields under dotted names. Raises ValueError for what is no text, number or object."""
    found: Item = {}
    for name, value in body.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int) and not isinstance(value, bool):
            found[prefix + name] = str(value)
        else:
            msg = f"{prefix}{name} is no text"
            raise ValueError(msg)  # noqa: TRY004 - it is a value of the caller's
    return found


def complaints(kind: Kind, item: Item, aliases: set[str]) -> dict[str, str | list[str]]:
    """Return what is wrong with an item, by field as the API names it."""
    found: dict[str, str | list[str]] = {}
    for name, spec in kind.fields.items():
        value = item.get(name, spec.default)
        said = _complaint(spec, value, aliases)
        if said:
            found[f"{kind.key}.{name}"] = said
    return found


def _complaint(spec: Field, value: str, aliases: set[str]) -> str | list[str] | None:
    if not value:
        return "A value is required." if spec.required else None
    if spec.options and value not in spec.options:
        return "Option not in list."
    if spec.kind == "network" and not _is_network(value, aliases):
        return f"{value} is not a valid source IP address or alias."
    if spec.kind == "port" and not _is_port(value):
        text = f"{value} is not a valid port number or range."
        return [text, "Please specify a valid port number, name or alias."]
    if spec.kind == "name" and not NAME.fullmatch(value):
        return "The name must be at most 32 letters, digits and underscores, and begin with no digit."
    return None


def _is_network(value: str, aliases: set[str]) -> bool:
    if value in {"any", "(self)", *aliases, *INTERFACES, *(f"{name}ip" for name in INTERFACES)}:
        return True
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    ends = value.split("-")
    return len(ends) <= 2 and all(part.isdecimal() and 0 < int(part) <= PORT_MAX for part in ends)  # noqa: PLR2004


def shown(kind: Kind, item: Item) -> dict[str, Any]:
    """Return an item as ``get`` shows it: nested, each choice as the map of its options."""
    found: dict[str, Any] = {}
    for name, spec in kind.fields.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        value = item.get(name, spec.default)
        place[last] = _choice(spec, value) if spec.options and spec.options != ("0", "1") else value
    if kind is ALIAS:
        lines = [line for line in item.get("content", "").splitlines() if line]
        found["content"] = {line: {"value": line, "selected": 1} for line in lines}
    return found


def _choice(spec: Field, value: str) -> dict[str, Any]:
    return {one: {"value": one or "none", "selected": int(one == value)} for one in spec.options}


def row(kind: Kind, uuid: str, item: Item) -> dict[str, str]:
    """Return an item as ``search`` shows it: dotted names and plain values."""
    return {"uuid": uuid} | {name: item.get(name, spec.default) for name, spec in kind.fields.items()}
