"""Reads what a request about mods says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.agent.mods.names import check_filename
from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGESTS = {"sha512": 128, "sha256": 64, "sha1": 40}
"""Kinds of hash and their hexadecimal digits, the strongest first; it is the one that counts."""
HEX = re.compile(r"[0-9a-fA-F]+")
WORD = re.compile(r"[A-Za-z0-9]{1,32}")
MAX_NAME = 128


@dataclass(frozen=True)
class Order:
    """A mod to be installed."""

    url: object
    filename: str
    algorithm: str
    digest: str
    project_id: str | None
    version_id: str | None
    name: str | None


def parse_order(body: Any) -> Order:
    """Check the body of an install (contract §4.7). Raises :class:`Invalid`."""
    fields = _object(body)
    if fields.get("source") != "modrinth":
        raise Invalid("source must be 'modrinth'", code="unsupported_source")
    algorithm, digest = _digest(fields)
    return Order(
        url=fields.get("download_url"),
        filename=check_filename(fields.get("filename")),
        algorithm=algorithm,
        digest=digest,
        project_id=_word(fields, "project_id"),
        version_id=_word(fields, "version_id"),
        name=_name(fields),
    )


def parse_enabled(body: Any) -> bool:
    """Check ``{enabled}``. Raises :class:`Invalid`."""
    enabled = _object(body).get("enabled")
    if not isinstance(enabled, bool):
        raise Invalid("enabled must be true or false")
    return enabled


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    return body


def _digest(fields: Mapping[str, Any]) -> tuple[str, str]:
    for algorithm, digits in DIGESTS.items():
        value = fields.get(algorithm)
        if value is None:
            continue
        if not isinstance(value, str) or len(value) != digits or not HEX.fullmatch(value):
            raise Invalid(f"{algorithm} must be {digits} hexadecimal digits", code="invalid_hash")
        return algorithm, value.lower()
    raise Invalid("sha512, sha256 or sha1 of the file is needed", code="hash_required")


def _word(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise Invalid(f"{name} must be letters and digits")
    return value


def _name(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("name")
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_NAME:
        raise Invalid(f"name must be up to {MAX_NAME} printable characters")
    return value
