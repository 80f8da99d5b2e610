"""``/admin/users``: accounts, how they stand, and what an operator does about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from zpack.portal.api import Problem
from zpack.portal.pages.users.acting import ACTIONS, act
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
    fleet = await visit.api.get("/api/admin/fleet")
    logs = await visit.api.get("/api/admin/audit", actor=person["id"], limit=SHOWN)
    servers = [each for each in fleet["containers"] if each["ownerId"] == person["id"]]
    return visit.page("users/user.html", person=person, servers=servers, logs=logs["logs"])


@pages.get(HERE + "/{id}/{action}", Who.ADMIN)
async def ask(visit: Visit) -> Response:
    """Ask whether it shall be done."""
    return visit.page("users/ask.html", person=await _person(visit), action=_action(visit), problem=None)


@pages.post(HERE + "/{id}/{action}", Who.ADMIN)
async def do(visit: Visit) -> Response:
    """Do it; a refusal is told where it was asked."""
    person, action = await _person(visit), _action(visit)
    try:
        await act(visit.api, person["id"], action, visit.form.get("reason", ""))
    except Problem as problem:
        return visit.page(
            "users/ask.html", status=problem.status, person=person, action=action, problem=problem
        )
    return visit.redirect(f"{HERE}/{quote(person['id'], safe='')}", notice=visit.texts("Done."))


async def _person(visit: Visit) -> dict[str, Any]:
    """Return the account that the address names. Raises Problem."""
    return (await visit.api.get(f"/api/admin/users/{quote(visit.path['id'], safe='')}"))["user"]


def _action(visit: Visit) -> str:
    action = str(visit.path["action"])
    if action not in ACTIONS:
        raise Problem(404, {"error": "not_found", "message": visit.texts("There is no such page.")})
    return action
