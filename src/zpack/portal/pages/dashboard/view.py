"""``/dashboard``: awareness only; nothing is done here (contract §12.2)."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.progress import progress_of
from zpack.portal.routes import Pages
from zpack.portal.standing import standings, totals_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
ACTIVITIES = 5
RUNNING = 10
KEY_BYTES = 16
"""Of what makes one server of a quick start, however often it is pressed."""


@pages.get("/dashboard")
async def show(visit: Visit) -> Response:
    """Show how things stand."""
    state, more = await asyncio.gather(_state(visit), _more(visit))
    return visit.page("dashboard/dashboard.html", **state, **more, key=secrets.token_urlsafe(KEY_BYTES))


@pages.get("/dashboard/state")
async def state(visit: Visit) -> Response:
    """Show again what is live of it."""
    return visit.part("dashboard/state.html", **await _state(visit))


async def _state(visit: Visit) -> dict[str, Any]:
    """Return what changes by itself. A part that cannot be had is None."""
    ready, listed, operations, activity = await asyncio.gather(
        _asked(visit, "/api/ready"),
        _asked(visit, "/api/servers"),
        _asked(visit, "/api/operations", active=True, limit=RUNNING),
        _asked(visit, "/api/audit", limit=ACTIVITIES),
    )
    servers = standings(visit.texts, listed["servers"]) if listed else []
    return {
        "ready": ready,
        "known": listed is not None,
        "totals": totals_of(servers),
        "names": {server.id: server.name for server in servers},
        "spotlight": max(servers, key=lambda server: (server.rank, server.online), default=None),
        "running": [
            progress_of(visit.texts, each) for each in (operations or {"operations": []})["operations"]
        ],
        "activity": None if activity is None else activity["entries"],
    }


async def _more(visit: Visit) -> dict[str, Any]:
    """Return what rarely changes."""
    billing, told = await asyncio.gather(_asked(visit, "/api/billing"), _asked(visit, "/api/announcements"))
    return {"billing": billing, "announcements": told["announcements"] if told else []}


async def _asked(visit: Visit, path: str, **query: Any) -> Any:
    """Return an answer, or None: one part that is away takes no other with it."""
    try:
        return await visit.api.get(path, **query)
    except Problem:
        return None
