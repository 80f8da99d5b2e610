"""Where browsers find the IDEs of this machine: each container under a name, and so an origin, of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN = "ide.localhost"
"""Browsers resolve every name below ``localhost`` to this machine themselves (RFC 6761)."""
OWN = {"127.0.0.1", "localhost"}


def ide_names(host: str, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return control's settings for IDEs by name; none where the operator set some, or others listen too."""
    if host not in OWN or any(name.startswith("DEV_IDE_") for name in environment):
        return {}
    return {"DEV_IDE_HOST_SUFFIX": f"{DOMAIN}:{port}", "DEV_IDE_RETURN_HOSTED_URL": "true"}
