"""``/admin/users``: accounts, how they stand, and what an operator does about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from zpack.portal.api import Problem
from zpack.portal.fleet import glance_at
from zpack.portal.pages.users.acting import ACTIONS, HOLDING, act
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/users"
SHOWN = 20


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List accounts, or those whose name or address holds some words."""
    words = visit.query.get("q", "")[:100]
    found = await visit.api.get("/api/admin/users", q=words, after=visit.query.get("after"))
    base = f"{HERE}?{urlencode({'q': words})}&after="
    return visit.page("users/users.html", words=words, found=found, base=base)


@pages.get(HERE + "/{id}", Who.ADMIN)
async def one(visit: Visit) -> Response:
    """Show one account with its servers and what it did."""
    person = await _person(visit)
    logs = await visit.api.get("/api/admin/audit", actor=person["id"], limit=SHOWN)
    return visit.page(
        "users/user.html", person=person, servers=await _servers(visit, person), logs=logs["logs"]
    )


@pages.get(HERE + "/{id}/{action}", Who.ADMIN)
async def ask(visit: Visit) -> Response:
    """Say what follows from it, and ask whether it shall be done."""
    return await _asked(visit, await _person(visit))


@pages.post(HERE + "/{id}/{action}", Who.ADMIN)
async def do(visit: Visit) -> Response:
    """Do it; a refusal is told where it was asked."""
    person, action = await _person(visit), _action(visit)
    try:
        await act(visit.api, person["id"], action, visit.form.get("reason", ""))
    except Problem as problem:
        return await _asked(visit, person, problem)
    return visit.redirect(f"{HERE}/{quote(person['id'], safe='')}", notice=visit.texts("Done."))


async def _asked(visit: Visit, person: dict[str, Any], problem: Problem | None = None) -> Response:
    action = _action(visit)
    return visit.page(
        "users/ask.html",
        status=problem.status if problem else 200,
        person=person,
        action=action,
        servers=await _servers(visit, person) if action in HOLDING else [],
        problem=problem,
    )


async def _servers(visit: Visit, person: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the account's servers, judged. Raises Problem."""
    fleet = glance_at(await visit.api.get("/api/admin/fleet"))
    return [one for one in fleet.containers if one["ownerId"] == person["id"]]


async def _person(visit: Visit) -> dict[str, Any]:
    """Return the account that the address names. Raises Problem."""
    return (await visit.api.get(f"/api/admin/users/{quote(visit.path['id'], safe='')}"))["user"]


def _action(visit: Visit) -> str:
    action = str(visit.path["action"])
    if action not in ACTIONS:
        raise Problem(404, {"error": "not_found", "message": visit.texts("There is no such page.")})
    return action
