"""``/`` and the other pages for who has not decided yet: what this is, what it costs, what it promises.

What depends on the platform (versions, runtimes, plans) is asked for, so that no page promises what is
not there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
NOT_FOUND = 404
MODDED = {"fabric", "forge", "neoforge", "quilt"}
PLUGGED = {"paper", "purpur"}
"""Engines that load mods, and those that load plugins, of the ones a catalog may have."""


@pages.get("/", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Show what there is, and the plans."""
    offer, engines, runtimes = await asyncio.gather(_offer(visit), _engines(visit), _runtimes(visit))
    return visit.page("landing/landing.html", offer=offer, engines=engines, runtimes=runtimes)


@pages.get("/minecraft-hosting", Who.ANYONE)
async def minecraft(visit: Visit) -> Response:
    """Say what a Minecraft server is here."""
    offer, engines = await asyncio.gather(_offer(visit), _engines(visit))
    return visit.page("landing/minecraft.html", offer=offer, engines=engines)


@pages.get("/modded-minecraft-hosting", Who.ANYONE)
async def modded(visit: Visit) -> Response:
    """Say what mods are here."""
    offer, engines = await asyncio.gather(_offer(visit), _engines(visit))
    fit = {"mods": MODDED, "plugins": PLUGGED}
    found = {name: [each for each in engines if each["id"] in ids] for name, ids in fit.items()}
    return visit.page("landing/modded.html", offer=offer, engines=engines, fit=found)


@pages.get("/browser-dev-environments", Who.ANYONE)
async def dev(visit: Visit) -> Response:
    """Say what a dev environment is here."""
    offer, runtimes = await asyncio.gather(_offer(visit), _runtimes(visit))
    return visit.page("landing/dev.html", offer=offer, runtimes=runtimes)


@pages.get("/features", Who.ANYONE)
async def features(visit: Visit) -> Response:
    """Show what can be done, in full."""
    return visit.page("landing/features.html")


@pages.get("/pricing", Who.ANYONE)
async def pricing(visit: Visit) -> Response:
    """Show the plans and all their limits."""
    return visit.page("landing/pricing.html", offer=await _offer(visit))


@pages.get("/faq", Who.ANYONE)
async def questions(visit: Visit) -> Response:
    """Answer what is asked before anything is bought."""
    offer, runtimes = await asyncio.gather(_offer(visit), _runtimes(visit))
    return visit.page("landing/faq.html", offer=offer, runtimes=runtimes)


@pages.get("/about", Who.ANYONE)
async def about(visit: Visit) -> Response:
    """Say what stands behind it."""
    return visit.page("landing/about.html")


@pages.get("/privacy-policy", Who.ANYONE)
async def privacy(visit: Visit) -> Response:
    """Say which data is kept, why, and for how long."""
    return _legal(visit, "privacy-policy", "landing/privacy.html")


@pages.get("/terms-of-service", Who.ANYONE)
async def terms(visit: Visit) -> Response:
    """Say what both sides may expect."""
    return _legal(visit, "terms-of-service", "landing/terms.html")


@pages.get("/imprint", Who.ANYONE)
async def imprint(visit: Visit) -> Response:
    """Say who runs this, where its operator has told."""
    if "imprint" not in visit.house.legal:
        raise Problem(NOT_FOUND, {"error": "not_found", "message": visit.texts("There is no such page.")})
    return _legal(visit, "imprint", "landing/legal.html")


def _legal(visit: Visit, name: str, ours: str) -> Response:
    """Show the operator's own text, or ours."""
    sections = visit.house.legal.get(name)
    headings = {
        "privacy-policy": visit.texts("Privacy"),
        "terms-of-service": visit.texts("Terms of service"),
        "imprint": visit.texts("Imprint"),
    }
    if sections is None:
        return visit.page(ours)
    return visit.page("landing/legal.html", heading=headings[name], sections=sections)


async def _offer(visit: Visit) -> dict[str, Any]:
    return await visit.api.get("/api/billing/plans")


async def _engines(visit: Visit) -> list[dict[str, Any]]:
    """Return the engines of Minecraft that can be had now; none while that cannot be read."""
    games = (await _catalog(visit, "game")).get("games", [])
    return [engine for game in games if game["id"] == "minecraft" for engine in game["variants"]]


async def _runtimes(visit: Visit) -> list[dict[str, Any]]:
    return (await _catalog(visit, "dev")).get("runtimes", [])


async def _catalog(visit: Visit, kind: str) -> dict[str, Any]:
    try:
        return await visit.api.get(f"/api/catalog/{kind}")
    except Problem:
        return {}
