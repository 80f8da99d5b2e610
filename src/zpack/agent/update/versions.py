"""Which releases a store offers this agent. Pure.

A release is ``agent/<version>/zlh-agent-<version>-<python>-<machine>.tar.gz`` in the artifact store, listed
in its SHA256SUMS like everything else: there is no second index that could disagree.
"""

from __future__ import annotations

import re
import sys
from platform import machine
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
PLATFORM = f"{sys.implementation.cache_tag}-{machine()}"
"""What a release's compiled parts were made for."""


def order(version: str) -> tuple[int, ...]:
    """Return what versions are compared by; of what is no version, less than any."""
    found = VERSION.fullmatch(version)
    return tuple(int(part) for part in found.groups()) if found else ()


def path_of(version: str, platform: str = PLATFORM) -> str:
    """Return where the store has a release."""
    return f"agent/{version}/zlh-agent-{version}-{platform}.tar.gz"


def offered(sums: Mapping[str, str], platform: str = PLATFORM) -> list[str]:
    """Return the versions that the store has for this platform, oldest first."""
    named = {path.split("/")[1] for path in sums if path.startswith("agent/") and path.count("/") == 2}  # noqa: PLR2004
    return sorted((v for v in named if order(v) and path_of(v, platform) in sums), key=order)
