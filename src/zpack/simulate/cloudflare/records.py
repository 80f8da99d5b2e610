"""What a record may be, as Cloudflare checks it, and how it tells of one."""

from __future__ import annotations

import ipaddress
import secrets
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
SHAPED = {"SRV": ("priority", "weight", "port", "target"), "CAA": ("flags", "tag", "value")}
TYPES = frozenset({"A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT", *SHAPED})
AUTOMATIC, TTL_MIN, TTL_MAX = 1, 60, 86_400
COMMENT_MAX = 100
PORT_MAX = 65_535


class Wrong(Exception):
    """A refusal: HTTP status, Cloudflare's code, its words."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message}


def made(body: Any, zone: str, before: Body | None = None) -> Body:
    """Return the record that a body describes, with what ``before`` had where it is silent. Raises Wrong."""
    if not isinstance(body, dict):
        raise Wrong(9207, "Request body is invalid.")
    given = {key: value for key, value in body.items() if value is not None}
    old = before or {}
    kind = given.get("type", old.get("type"))
    if kind not in TYPES:
        raise Wrong(9004, "Invalid type for DNS record.")
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    record: Body = {
        "id": old.get("id") or secrets.token_hex(16),
        "name": _name(given.get("name", old.get("name")), zone),
        "type": kind,
        "content": "",
        "proxiable": False,
        "proxied": given.get("proxied", old.get("proxied", False)) is True,
        "ttl": _ttl(given.get("ttl", old.get("ttl", AUTOMATIC))),
        "settings": {},
        "meta": {},
        "comment": _comment(body.get("comment", old.get("comment"))),
        "tags": given.get("tags", old.get("tags", [])),
        "created_on": old.get("created_on", now),
        "modified_on": now,
    }
    record |= _content(kind, given, old)
    if record["proxied"] and not record["proxiable"]:
        raise Wrong(9004, "This record type cannot be proxied.")
    return record


def _content(kind: str, given: Body, old: Body) -> Body:
    if kind in SHAPED:
        return _shaped(kind, given.get("data", old.get("data")))
    content = given.get("content", old.get("content"))
    if not isinstance(content, str) or not content:
        raise Wrong(9005, f"Content for {kind} record is invalid.")
    found: Body = {"content": content}
    if kind in {"A", "AAAA"}:
        found = _address(kind, content)
    elif kind == "CNAME":
        found["proxiable"] = True
    if kind == "MX":
        found["priority"] = given.get("priority", old.get("priority", 0))
    return found


def _address(kind: str, content: str) -> Body:
    family, word = (ipaddress.IPv4Address, "IPv4") if kind == "A" else (ipaddress.IPv6Address, "IPv6")
    try:
        address = family(content)
    except ValueError:
        raise Wrong(9005, f"Content for {kind} record must be a valid {word} address.") from None
    return {"content": str(address), "proxiable": address.is_global}


def _shaped(kind: str, data: Any) -> Body:
    keys = SHAPED[kind]
    if not isinstance(data, dict) or any(key not in data for key in keys):
        raise Wrong(9101, f"{', '.join(keys)} are required data fields for {kind} records.")
    values: Body = {key: data[key] for key in keys}
    for key in keys:
        if key in {"priority", "weight", "port", "flags"}:
            values[key] = _small(key, data[key])
        elif not isinstance(data[key], str) or not data[key]:
            raise Wrong(9101, f"{key} is invalid.")
    if "target" in values:
        values["target"] = str(values["target"]).rstrip(".") or "."
    found: Body = {"content": " ".join(str(value) for value in values.values()), "data": values}
    return found | ({"priority": values["priority"]} if kind == "SRV" else {})


def _small(key: str, value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdigit() or int(text) > PORT_MAX:
        raise Wrong(9101, f"{key} must be a number between 0 and {PORT_MAX}.")
    return int(text)


def _name(name: Any, zone: str) -> str:
    if not isinstance(name, str) or not name or len(name) > 255:  # noqa: PLR2004 - RFC 1035
        raise Wrong(9000, "DNS name is invalid.")
    lower = name.rstrip(".").lower()
    if lower == "@":
        return zone
    return lower if lower == zone or lower.endswith(f".{zone}") else f"{lower}.{zone}"


def _ttl(value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or (value != AUTOMATIC and not TTL_MIN <= value <= TTL_MAX):
        raise Wrong(9021, "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic.")
    return value


def _comment(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > COMMENT_MAX):
        raise Wrong(9213, f"DNS record comments may have at most {COMMENT_MAX} characters.")
    return value or None
