"""``/admin/drift``: where the world and its record differ, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.portal.api import Problem
from zpack.portal.pages.drift.grouping import BRAKE, REMEDIES, SAID, grouped
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/drift"
AT_ONCE_SECONDS, LONGER_SECONDS = 1, 10
"""How long the edge is waited for: by who opens the page, and by the part of it that asks again."""


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """Show what is wrong now, or again the part of the page that moves."""
    found = await visit.api.get("/api/admin/drift")
    braked = any(one["kind"] == BRAKE for one in found["drift"])
    values: dict[str, Any] = {
        "groups": grouped(found["drift"]),
        "more": found["more"],
        "braked": braked,
        "tab": "findings",
    }
    if visit.by_htmx:
        return visit.part("drift/drift.html#live", **values)
    return visit.page("drift/drift.html", **values)


@pages.get(HERE + "/edge", Who.ADMIN)
async def edge(visit: Visit) -> Response:
    """Compare rows, cluster and the edge's links; change nothing. What takes long is asked for again."""
    patience = LONGER_SECONDS if visit.by_htmx else AT_ONCE_SECONDS
    found = await visit.api.get("/api/edge/drift", wait=patience)
    if visit.by_htmx:
        return visit.part("drift/edge.html#compared", found=found)
    return visit.page("drift/edge.html", found=found, tab="edge")


@pages.post(HERE + "/edge", Who.ADMIN)
async def mend_edge(visit: Visit) -> Response:
    """Make the edge say what the record says; show what came of it."""
    return visit.page(
        "drift/edge.html", found=await visit.api.post("/api/edge/drift", {"apply": True}), tab="edge"
    )


@pages.get(HERE + "/history", Who.ADMIN)
async def history(visit: Visit) -> Response:
    """Show what was found and mended."""
    found = await visit.api.get("/api/admin/repairs", before=visit.query.get("before"))
    return visit.page("drift/history.html", found=found, tab="history")


@pages.get(HERE + "/{id}/{action}", Who.ADMIN)
async def ask(visit: Visit) -> Response:
    """Show which calls an answer to a finding makes, and ask whether it shall be done."""
    finding, action = await _finding(visit), _action(visit)
    said, plan, problem = _said(visit.query), None, None
    if action != "adopt" or said:
        try:
            plan = await _answer(visit, said, dry_run=True)
        except Problem as refusal:
            problem = refusal
    status = problem.status if problem else 200
    return _asked(visit, finding, action, status=status, said=said, plan=plan, problem=problem)


@pages.post(HERE + "/{id}/{action}", Who.ADMIN)
async def do(visit: Visit) -> Response:
    """Do it; a refusal is told where it was asked."""
    finding, action, said = await _finding(visit), _action(visit), _said(visit.form)
    try:
        await _answer(visit, said, dry_run=False)
    except Problem as problem:
        return _asked(visit, finding, action, status=problem.status, said=said, plan=None, problem=problem)
    return visit.redirect(HERE + "/history", notice=visit.texts("Begun. What comes of it is told here."))


async def _answer(visit: Visit, said: dict[str, str], *, dry_run: bool) -> Any:
    """Ask the API to act on the finding, or only to say how. Raises Problem."""
    action = _action(visit)
    path = f"/api/admin/drift/{visit.path['id']}/{action}"
    return await visit.api.call(
        "POST", path, query={"dryRun": dry_run}, body=said if action == "adopt" else None
    )


async def _finding(visit: Visit) -> dict[str, Any]:
    """Return the finding that the address names. Raises Problem."""
    for one in (await visit.api.get("/api/admin/drift"))["drift"]:
        if one["id"] == visit.path["id"]:
            return one
    message = visit.texts("There is no such drift any more.")
    raise Problem(404, {"error": "drift_not_found", "message": message})


def _action(visit: Visit) -> str:
    """Return the answer that the address names. Raises Problem."""
    action = str(visit.path["action"])
    if all(action not in remedies for remedies in REMEDIES.values()):
        raise Problem(404, {"error": "not_found", "message": visit.texts("There is no such page.")})
    return action


def _said(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name].strip() for name in SAID if given.get(name, "").strip()}


def _asked(visit: Visit, finding: dict[str, Any], action: str, *, status: int, **values: Any) -> Response:
    base = f"{HERE}/{quote(finding['id'], safe='')}/{action}"
    return visit.page("drift/ask.html", status=status, finding=finding, action=action, base=base, **values)
