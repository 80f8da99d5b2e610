"""``/servers/create``: a new server, and its phases."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.pages.create.choices import NAME, choose, choose_quickly, read_shelves
from zpack.portal.pages.create.room import asked_of, read_room
from zpack.portal.progress import followed
from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
FIELDS = ("memoryMiB", "cpuCores", "world")
SERVER_ERROR = 500


@pages.get("/servers/create")
async def show(visit: Visit) -> Response:
    """Show what is to be chosen next."""
    return await _shown(visit, visit.query)


@pages.post("/servers/create")
async def create(visit: Visit) -> Response:
    """Begin to create what was chosen; the key in the form makes one server of it, however often it comes."""
    words = visit.form
    choice = choose(await read_shelves(visit.api), words)
    if "back" in words:
        return visit.redirect(choice.at("version"))
    if not choice.body:
        return await _shown(visit, words)
    asked: dict[str, Any] = choice.body | {name: words[name] for name in FIELDS if name in words}
    asked |= {NAME: words[NAME]} if words.get(NAME, "").strip() else {}
    asked |= {"enable_code_server": True} if "enable_code_server" in words else {}
    return await _begun(visit, asked, words)


@pages.post("/servers/create/quick")
async def quick(visit: Visit) -> Response:
    """Begin to create what most people begin with; what stands against it is told where one chooses."""
    shelves, room = await asyncio.gather(read_shelves(visit.api), read_room(visit.api))
    choice = choose_quickly(shelves)
    if choice.version is None or room.closed or room.full("game"):
        return visit.redirect(choice.at("variant"))
    return await _begun(visit, choice.body | room.usual, choice.words | room.usual)


@pages.get("/servers/create/asks")
async def asks(visit: Visit) -> Response:
    """Show what the sizes that are being typed take of the plan."""
    room = await read_room(visit.api)
    return visit.part("create/asks.html", room=room, asked=asked_of(visit.query))


@pages.get("/servers/create/{id}")
async def follow(visit: Visit) -> Response:
    """Show an operation until it is over; a page without scripts loads itself again."""
    return visit.page("create/follow.html", progress=await followed(visit, visit.path["id"]))


@pages.get("/servers/create/{id}/progress")
async def progress(visit: Visit) -> Response:
    """Show the operation alone, as any page may have it on it."""
    return visit.part("progress.html", progress=await followed(visit, visit.path["id"]))


@pages.post("/servers/create/{id}/cancel")
async def cancel(visit: Visit) -> Response:
    """Call the operation off."""
    return await _told(visit, "cancel", visit.texts("It is being called off."))


@pages.post("/servers/create/{id}/retry")
async def retry(visit: Visit) -> Response:
    """Run it again."""
    return await _told(visit, "retry", visit.texts("It begins again."))


async def _begun(visit: Visit, asked: dict[str, Any], words: dict[str, str]) -> Response:
    try:
        answer = await visit.api.post("/api/instances", asked, key=visit.form.get("key") or None)
    except Problem as problem:
        return await _shown(visit, words, problem)
    return visit.redirect(f"/servers/create/{answer['operationId']}")


async def _shown(visit: Visit, words: dict[str, str], problem: Problem | None = None) -> Response:
    shelves, room = await asyncio.gather(read_shelves(visit.api), read_room(visit.api))
    form = room.usual | {name: words[name] for name in (NAME, *FIELDS) if name in words}
    return visit.page(
        "create/create.html",
        status=problem.status if problem else 200,
        shelves=shelves,
        choice=choose(shelves, words),
        quick=choose_quickly(shelves),
        room=room,
        form=form,
        asked=asked_of(form),
        ide="enable_code_server" in words or not visit.form,
        key=_key(visit.form, problem),
        problem=problem,
    )


def _key(form: dict[str, Any], problem: Problem | None) -> str:
    """Return the key of the form: the same while nobody knows whether it began something."""
    unknown = problem is not None and problem.status >= SERVER_ERROR
    return form["key"] if unknown and form.get("key") else secrets.token_urlsafe(16)


async def _told(visit: Visit, word: str, notice: str) -> Response:
    operation_id = visit.path["id"]
    await visit.api.post(f"/api/operations/{operation_id}/{word}")
    if not visit.by_htmx:
        return visit.redirect(f"/servers/create/{operation_id}", notice=notice)
    return visit.notify(visit.part("progress.html", progress=await followed(visit, operation_id)), notice)
