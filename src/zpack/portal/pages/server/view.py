"""``/servers/{id}``: one server: overview, power, activity, settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.pages.server.figures import RANGES, charts_of
from zpack.portal.pages.server.timeline import days_of
from zpack.portal.progress import under_way
from zpack.portal.routes import Pages
from zpack.portal.server import answered, fragment, framed, server_of
from zpack.portal.visit import local

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.server import Server
    from zpack.portal.visit import Visit

pages = Pages()
ACTIONS = {(target, action) for target in ("game", "host") for action in ("start", "stop", "restart")}


@pages.get("/servers/{id}")
async def overview(visit: Visit) -> Response:
    """Show how a server is."""
    server = await server_of(visit)
    if server.is_dev:
        return visit.redirect(f"{server.base}/dev")
    known, charts = await asyncio.gather(_condition(visit, server), _charts(visit, server))
    return framed(visit, server, "server/overview.html", tab="overview", **known, **charts)


@pages.get("/servers/{id}/condition")
async def condition(visit: Visit) -> Response:
    """Show the part of the overview that changes with the server."""
    server = await server_of(visit)
    return fragment(visit, server, "server/condition.html", **await _condition(visit, server))


@pages.get("/servers/{id}/charts")
async def charts(visit: Visit) -> Response:
    """Show the charts alone, as they are asked for again while one looks."""
    server = await server_of(visit)
    return fragment(visit, server, "server/charts.html", **await _charts(visit, server))


@pages.get("/servers/{id}/name")
async def name(visit: Visit) -> Response:
    """Show what it is called, in the head."""
    return fragment(visit, await server_of(visit), "server-name.html")


@pages.get("/servers/{id}/state")
async def state(visit: Visit) -> Response:
    """Show the line of the head that tells how a server is."""
    return fragment(visit, await server_of(visit), "server-state.html")


@pages.get("/servers/{id}/buttons")
async def buttons(visit: Visit) -> Response:
    """Show what can be done with it now."""
    return fragment(visit, await server_of(visit), "server-power.html")


@pages.get("/servers/{id}/power")
async def ask_power(visit: Visit) -> Response:
    """Ask before a host is stopped; other actions need no question, and lead back."""
    server, texts = await server_of(visit), visit.texts
    if (visit.query.get("target"), visit.query.get("action")) != ("host", "stop"):
        return visit.redirect(server.base)
    return framed(
        *(visit, server, "server-ask.html"),
        tab="settings",
        title=texts("Stop the host?"),
        text=texts("Everything on it stops with it, and everybody who is connected is disconnected."),
        yes=texts("Stop host"),
        fields={"target": "host", "action": "stop"},
        back=server.base,
    )


@pages.post("/servers/{id}/power")
async def power(visit: Visit) -> Response:
    """Start, stop or restart the game or its host."""
    server, asked = await server_of(visit), (visit.form.get("target", ""), visit.form.get("action", ""))
    if asked not in ACTIONS:
        raise Problem(400, {"error": "bad_request", "message": visit.texts("There is no such action.")})
    await visit.api.post(f"/api/servers/{server.id}/{asked[0]}/{asked[1]}")
    notice = visit.texts("Begun. It shows here how far it is.")
    if visit.by_htmx:
        return visit.notify(fragment(visit, await server_of(visit), "server-power.html"), notice)
    return visit.redirect(local(visit.form.get("back"), server.base), notice=notice)


@pages.get("/servers/{id}/activity")
async def activity(visit: Visit) -> Response:
    """Show what happened to a server."""
    server, before = await server_of(visit), visit.query.get("before")
    found = await visit.api.get(f"/api/servers/{server.id}/activity", before=before, limit=50)
    days = days_of(visit.texts, found["entries"])
    return framed(
        visit, server, "server/activity.html", tab="activity", days=days, older=found["next"], before=before
    )


@pages.get("/servers/{id}/settings")
async def settings(visit: Visit) -> Response:
    """Show what its owner decides."""
    return await _settings(visit, await server_of(visit))


@pages.post("/servers/{id}/name")
async def rename(visit: Visit) -> Response:
    """Call it something else; nothing typed takes its name away."""
    server, wanted = await server_of(visit), visit.form.get("displayName", "").strip() or None
    try:
        await visit.api.patch(f"/api/servers/{server.id}", {"displayName": wanted})
    except Problem as problem:
        return await _settings(visit, server, unnamed=problem)
    return visit.redirect(f"{server.base}/settings", notice=visit.texts("Saved."))


@pages.post("/servers/{id}/idle")
async def set_idle(visit: Visit) -> Response:
    """Say whether it stops when nobody uses it."""
    server = await server_of(visit)
    body = {"enabled": "enabled" in visit.form, "wake": "wake" in visit.form}
    minutes = visit.form.get("minutes", "").strip()
    try:
        await visit.api.put(f"/api/servers/{server.id}/idle", body | {"minutes": _number(minutes)})
    except Problem as problem:
        return await _settings(visit, server, problem=problem)
    return visit.redirect(f"{server.base}/settings", notice=visit.texts("Saved."))


@pages.post("/servers/{id}/keep-alive")
async def keep_alive(visit: Visit) -> Response:
    """Keep it running for some hours, whoever uses it."""
    server = await server_of(visit)
    hours = _number(visit.form.get("hours", "1"))
    minutes = hours * 60 if isinstance(hours, float) else hours
    await visit.api.post(f"/api/servers/{server.id}/keep-alive", {"minutes": minutes})
    back = local(visit.form.get("back"), f"{server.base}/settings")
    return visit.redirect(back, notice=visit.texts("It keeps running."))


@pages.post("/servers/{id}/delete")
async def delete(visit: Visit) -> Response:
    """Delete it for good, when its name was typed."""
    server, texts = await server_of(visit), visit.texts
    if visit.form.get("name", "").strip() != server.view["name"]:
        told = {"field": "name", "message": texts("This is not the host name of the server.")}
        wrong = Problem(422, {"message": texts("Nothing was deleted."), "details": [told]})
        return await _settings(visit, server, unsure=wrong)
    try:
        answer = await visit.api.delete(f"/api/containers/{server.id}")
    except Problem as problem:
        return await _settings(visit, server, unsure=problem)
    if "operation" in answer:
        return visit.redirect(f"/servers/create/{answer['operation']['id']}")
    return visit.redirect("/servers", notice=texts("%(name)s is deleted.", name=server.name))


async def _condition(visit: Visit, server: Server) -> dict[str, Any]:
    api, at = visit.api, f"/api/servers/{server.id}"
    players, update, progress = await asyncio.gather(
        answered(api.get(f"{at}/players")),
        answered(api.get(f"{at}/update-status")),
        under_way(visit, server.view),
    )
    return {"players": players, "update": update, "progress": progress}


async def _charts(visit: Visit, server: Server) -> dict[str, Any]:
    length = visit.query.get("range", RANGES[0])
    length = length if length in RANGES else RANGES[0]
    found = await answered(visit.api.get(f"/api/servers/{server.id}/metrics", range=length))
    drawn = charts_of(visit.texts, found.value) if found.value else []
    return {"charts": drawn, "chart_problem": found.problem, "range": length, "ranges": RANGES}


async def _settings(
    visit: Visit,
    server: Server,
    *,
    problem: Problem | None = None,
    unsure: Problem | None = None,
    unnamed: Problem | None = None,
) -> Response:
    at = f"/api/servers/{server.id}/idle"
    idle, billing = await asyncio.gather(answered(visit.api.get(at)), answered(visit.api.get("/api/billing")))
    refused = problem or unsure or unnamed
    return framed(
        *(visit, server, "server/settings.html"),
        tab="settings",
        status=refused.status if refused else 200,
        idle=idle,
        problem=problem,
        unsure=unsure,
        unnamed=unnamed,
        called=visit.form.get("displayName", server.view["displayName"] or ""),
        allowed=(billing.value or {}).get("limits"),
    )


def _number(text: str) -> float | str | None:
    """Return what the API is to judge: a number, nothing, or the text that is neither."""
    try:
        return float(text) if text else None
    except ValueError:
        return text
