"""What a record may be, as Technitium reads it from parameters and tells of it."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES: dict[str, tuple[str, ...]] = {
    "A": ("ipAddress",),
    "AAAA": ("ipAddress",),
    "CAA": ("flags", "tag", "value"),
    "CNAME": ("cname",),
    "MX": ("preference", "exchange"),
    "NS": ("nameServer",),
    "PTR": ("ptrName",),
    "SRV": ("priority", "weight", "port", "target"),
    "TXT": ("text",),
}
NUMBERS = frozenset({"flags", "preference", "priority", "weight", "port"})
NAMES = frozenset({"cname", "exchange", "nameServer", "ptrName", "target"})
NUMBER_MAX = 65_535
DEFAULT_TTL = 3600


class Refused(Exception):
    """What goes into ``errorMessage``."""


@dataclass
class Record:
    """One record of a zone."""

    name: str
    kind: str
    data: dict[str, Any]
    ttl: int = DEFAULT_TTL
    comments: str = ""
    expiry_ttl: int = 0
    disabled: bool = False
    modified: float = field(default_factory=time.time)

    @property
    def over(self) -> bool:
        """Whether it has outlived itself."""
        return self.expiry_ttl > 0 and time.time() > self.modified + self.expiry_ttl

    def told(self) -> dict[str, Any]:
        """Return the record as the API tells of it."""
        return {
            "name": self.name,
            "type": self.kind,
            "ttl": self.ttl,
            "ttlString": f"{self.ttl}s",
            "disabled": self.disabled,
            **({"comments": self.comments} if self.comments else {}),
            "rData": self.data,
            "dnssecStatus": "Unknown",
            "lastUsedOn": "0001-01-01T00:00:00",
            "lastModified": datetime.fromtimestamp(self.modified, UTC).isoformat().replace("+00:00", "Z"),
            "expiryTtl": self.expiry_ttl,
        }


def data_of(kind: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return a record's content from a call's parameters. Raises Refused."""
    found: dict[str, Any] = {}
    for key in SHAPES.get(kind, ()):
        value = given.get(key, given.get("value") if key == "ipAddress" else None)
        if not value:
            msg = f"Parameter '{key}' missing."
            raise Refused(msg)
        found[key] = _read(kind, key, value)
    if not found:
        msg = f"Requested value '{kind}' was not found."
        raise Refused(msg)
    return found


def number(given: Mapping[str, str], key: str, otherwise: int) -> int:
    """Return a whole number among a call's parameters. Raises Refused."""
    text = given.get(key) or str(otherwise)
    if not (text.isascii() and text.isdigit()):
        msg = f"The input string '{text}' was not in a correct format."
        raise Refused(msg)
    return int(text)


def _read(kind: str, key: str, value: str) -> Any:
    if key == "ipAddress":
        family = ipaddress.IPv4Address if kind == "A" else ipaddress.IPv6Address
        try:
            return str(family(value))
        except ValueError:
            raise Refused("An invalid IP address was specified.") from None
    if key in NUMBERS:
        if number({key: value}, key, 0) > NUMBER_MAX:
            raise Refused("Value was either too large or too small for a UInt16.")
        return int(value)
    return value.rstrip(".").lower() if key in NAMES else value
