"""Comma-separated property lists (``net0``, ``mp0``) and tags, checked with Proxmox's own words."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MISSING = "property is missing and it is not optional"
PATTERN = "value does not match the regex pattern"
NAME = re.compile(r"[-_.\w]+", re.ASCII)
MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.IGNORECASE)
TAG = re.compile(r"[a-z0-9_][a-z0-9_\-+.]*", re.IGNORECASE)


def _any(_: str) -> str | None:
    return None


def _name(value: str) -> str | None:
    return None if NAME.fullmatch(value) else PATTERN


def _veth(value: str) -> str | None:
    return None if value == "veth" else f"value '{value}' does not have a value in the enumeration 'veth'"


def _mac(value: str) -> str | None:
    if MAC.fullmatch(value):
        return None
    return "invalid format - value does not look like a valid unicast MAC address\n"


def _boolean(value: str) -> str | None:
    known = {"0", "1", "on", "off", "yes", "no", "true", "false"}
    return None if value.lower() in known else f"type check ('boolean') failed - got '{value}'"


def _integer(least: int, most: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if not re.fullmatch(r"[+-]?[0-9]{1,15}", value):
            return f"type check ('integer') failed - got '{value}'"
        if int(value) > most:
            return f"value must have a maximum value of {most}"
        return f"value must have a minimum value of {least}" if int(value) < least else None

    return check


def _address(version: int, *words: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            good = value in words or ("/" in value and ipaddress.ip_interface(value).version == version)
        except ValueError:
            good = False
        kind = f"ipv{version} network configuration"
        return None if good else f"invalid format - value does not look like a valid {kind}\n"

    return check


def _gateway(version: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            good = ipaddress.ip_address(value).version == version
        except ValueError:
            good = False
        return None if good else f"invalid format - value does not look like a valid IPv{version} address\n"

    return check


NETWORK: dict[str, Callable[[str], str | None]] = {
    "name": _name,
    "bridge": _name,
    "type": _veth,
    "hwaddr": _mac,
    "mtu": _integer(64, 65535),
    "ip": _address(4, "dhcp", "manual"),
    "gw": _gateway(4),
    "ip6": _address(6, "auto", "dhcp", "manual"),
    "gw6": _gateway(6),
    "firewall": _boolean,
    "tag": _integer(1, 4094),
    "trunks": _any,
    "rate": _any,
    "link_down": _boolean,
    "host-managed": _boolean,
}
MOUNT: dict[str, Callable[[str], str | None]] = {
    "volume": _any,
    "mp": _any,
    "size": _any,
    "acl": _boolean,
    "backup": _boolean,
    "mountoptions": _any,
    "quota": _boolean,
    "ro": _boolean,
    "replicate": _boolean,
    "shared": _boolean,
}


def network_complaint(name: str, value: str) -> str | None:
    """Return what is wrong with a ``netN``, or None."""
    return _complaint(name, value, NETWORK, required=("name",))


def mount_complaint(name: str, value: str) -> str | None:
    """Return what is wrong with an ``mpN``, or None. A word without ``=`` is its volume."""
    return _complaint(name, value, MOUNT, required=("volume", "mp"), default="volume")


def tags_complaint(_: str, value: str) -> str | None:
    """Return what is wrong with a list of tags, or None."""
    tags = [tag for tag in re.split(r"[,;\s]", value) if tag]
    return None if all(TAG.fullmatch(tag) for tag in tags) else "invalid format - invalid characters in tag\n"


def _complaint(
    name: str,
    value: str,
    known: dict[str, Callable[[str], str | None]],
    *,
    required: tuple[str, ...],
    default: str | None = None,
) -> str | None:
    found: dict[str, str] = {}
    for part in filter(str.strip, value.split(",")):
        key, equals, text = part.partition("=")
        if not equals:
            if default is None:
                return "invalid format - value without key, but schema does not define a default key\n"
            key, text = default, part
        if not key or not text:
            return "invalid format - missing key in comma-separated list property\n"
        if key in found:
            return f"invalid format - duplicate key in comma-separated list property: {key}\n"
        if key not in known:
            return f"invalid format - invalid key in comma-separated list property: {key}\n"
        found[key] = text
    wrong = {key: MISSING for key in required if key not in found}
    wrong |= {key: text for key, value in found.items() if (text := known[key](value))}
    lines = "".join(f"{name}.{key}: {text}\n" for key, text in wrong.items())
    return f"invalid format - format error\n{lines}" if wrong else None
