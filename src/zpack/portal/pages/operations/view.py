"""``/admin/operations``: what the platform is doing and has done, for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/operations"
FILTERS = ("status", "kind", "vmid")
ACTIONS = ("cancel", "retry")


def wished(visit: Visit) -> dict[str, str]:
    """Return the filters of the address that say something."""
    return {name: visit.query[name] for name in FILTERS if visit.query.get(name)}


def again(visit: Visit) -> str:
    """Return the query that leads to the same page of the list again."""
    before = visit.query.get("before")
    return urlencode(wished(visit) | ({"before": before} if before else {}))


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List operations, the newest first, or again the part of the page that moves."""
    wish = wished(visit)
    found = await visit.api.get("/api/admin/operations", **wish, before=visit.query.get("before"))
    values: dict[str, Any] = {
        "wish": wish,
        "found": found,
        "kinds": sorted({*found["kinds"], *filter(None, [wish.get("kind")])}),
        "base": f"{HERE}?{urlencode(wish)}&before=",
        "again": again(visit),
    }
    if visit.by_htmx:
        return visit.part("operations/operations.html#live", **values)
    return visit.page("operations/operations.html", **values)


@pages.get(HERE + "/{id}/{action}", Who.ADMIN)
async def ask(visit: Visit) -> Response:
    """Say what would happen, and ask whether it shall."""
    return await _asked(visit)


@pages.post(HERE + "/{id}/{action}", Who.ADMIN)
async def do(visit: Visit) -> Response:
    """Do it, and lead back to where the operator was; a refusal is told where it was asked."""
    try:
        await visit.api.post(f"{_path(visit)}/{_action(visit)}")
    except Problem as problem:
        return await _asked(visit, problem)
    texts = visit.texts
    said = {"cancel": texts("The operation is being cancelled."), "retry": texts("The operation runs again.")}
    return visit.redirect(f"{HERE}?{again(visit)}".rstrip("?"), notice=said[_action(visit)])


async def _asked(visit: Visit, problem: Problem | None = None) -> Response:
    action = _action(visit)
    operation = (await visit.api.get(_path(visit)))["operation"]
    return visit.page(
        "operations/ask.html",
        status=problem.status if problem else 200,
        operation=operation,
        action=action,
        problem=problem,
        again=again(visit),
        back=f"{HERE}?{again(visit)}".rstrip("?"),
    )


def _path(visit: Visit) -> str:
    return f"/api/operations/{quote(visit.path['id'], safe='')}"


def _action(visit: Visit) -> str:
    """Return what the address names. Raises Problem."""
    action = str(visit.path["action"])
    if action not in ACTIONS:
        raise Problem(404, {"error": "not_found", "message": visit.texts("There is no such page.")})
    return action
