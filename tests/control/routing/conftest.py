"""The world of provisioning with a Traefik, and a game that is reached by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.conftest import api, hint, others, worker, world

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts

__all__ = ["api", "hint", "others", "worker", "world"]

TOKEN = "a provider token for tests"
RANGES = "7777/tcp,30000-30001/tcp+udp"
GAMES: dict[str, Any] = {
    "games": [
        {"id": name, "variants": [{"id": "server", "versions": ["1"]}]} for name in ("terraria", "luanti")
    ]
}


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    others.store.games = GAMES
    return {**others.settings, "port_ranges": RANGES, "traefik_provider_token": TOKEN}
