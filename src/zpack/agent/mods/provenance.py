"""What the record of a server's files says of a mod (contract §4.5), as far as it can still be true. Pure.

The game can write there too: nothing is believed further than its type, and what was written of a mod counts
only as long as the file is the one it was written of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.agent.mods.orders import Order

TEXTS = ("source", "name", "project_id", "version_id")
MAX_TEXT = 128


def known_of(entry: object, sha512: str | None) -> dict[str, str]:
    """Return ``source, name, project_id, version_id`` where they are known."""
    if not isinstance(entry, dict) or ("sha512" in entry and entry["sha512"] != sha512):
        return {}
    fields: Mapping[str, Any] = entry
    return {key: value for key in TEXTS if isinstance(value := fields.get(key), str) and _fit(value)}


def entry_of(order: Order, *, sha512: str, at: str) -> dict[str, Any]:
    """Return what is written of a mod that was installed."""
    about = {"name": order.name, "project_id": order.project_id, "version_id": order.version_id}
    known = {key: value for key, value in about.items() if value}
    return {"source": "modrinth", "installed_at": at, "sha512": sha512, **known}


def _fit(value: str) -> bool:
    return len(value) <= MAX_TEXT and value.isprintable()
