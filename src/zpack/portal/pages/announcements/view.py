"""``/admin/announcements``: what everybody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who
from zpack.portal.texts import read_moment

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/admin/announcements"
API = "/api/admin/announcements"
LEVELS = ("info", "warning", "maintenance")
PAGE = 50


@pages.get("/admin/announcements", Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List all, and offer to write one."""
    return await _listed(visit)


@pages.post("/admin/announcements", Who.ADMIN)
async def add(visit: Visit) -> Response:
    """Tell everybody something."""
    told = _told(visit)
    try:
        await visit.api.post(API, told, key=visit.once(told))
    except Problem as problem:
        return await _listed(visit, problem)
    return visit.redirect(HOME, notice=visit.texts("Everybody is told."))


@pages.get("/admin/announcements/{id}", Who.ADMIN)
async def ask_change(visit: Visit) -> Response:
    """Show one to change it."""
    return await _one(visit, "announcements/edit.html")


@pages.post("/admin/announcements/{id}", Who.ADMIN)
async def change(visit: Visit) -> Response:
    """Tell it otherwise."""
    try:
        await visit.api.put(f"{API}/{visit.path['id']}", _told(visit))
    except Problem as problem:
        return await _one(visit, "announcements/edit.html", problem)
    return visit.redirect(HOME, notice=visit.texts("The announcement is changed."))


@pages.get("/admin/announcements/{id}/delete", Who.ADMIN)
async def ask_remove(visit: Visit) -> Response:
    """Ask whether to take one back."""
    return await _one(visit, "announcements/remove.html")


@pages.post("/admin/announcements/{id}/delete", Who.ADMIN)
async def remove(visit: Visit) -> Response:
    """Take it back."""
    await visit.api.delete(f"{API}/{visit.path['id']}")
    return visit.redirect(HOME, notice=visit.texts("The announcement is gone."))


async def _listed(visit: Visit, problem: Problem | None = None) -> Response:
    found = await visit.api.get(API, limit=PAGE, before=visit.query.get("before") or None)
    current = {each["id"] for each in (await visit.api.get("/api/announcements"))["announcements"]}
    return visit.page(
        "announcements/list.html",
        status=problem.status if problem else 200,
        announcements=found["announcements"],
        next=found["next"],
        current=current,
        problem=problem,
        form=visit.form if problem else {},
        levels=LEVELS,
    )


async def _one(visit: Visit, template: str, problem: Problem | None = None) -> Response:
    told = await _find(visit, visit.path["id"])
    return visit.page(
        template,
        status=problem.status if problem else 200,
        told=told,
        problem=problem,
        form=visit.form if problem else told | {"expiresAt": _minute(told["expiresAt"])},
        levels=LEVELS,
    )


async def _find(visit: Visit, wanted: str) -> dict[str, Any]:
    """Return one of them; the API has only the list, so it is paged through. Raises Problem."""
    before: str | None = None
    while True:
        found = await visit.api.get(API, limit=200, before=before)
        for each in found["announcements"]:
            if each["id"] == wanted:
                return each
        before = found["next"]
        if before is None:
            text = visit.texts("There is no such announcement.")
            raise Problem(404, {"error": "announcement_not_found", "message": text})


def _told(visit: Visit) -> dict[str, Any]:
    """Return what the form says; its time is in UTC, as it says beside the field."""
    form = visit.form
    ends = form.get("expiresAt", "").strip()
    return {
        "title": form.get("title", ""),
        "text": form.get("text", ""),
        "level": form.get("level", "info"),
        "expiresAt": f"{ends}:00Z" if ends else None,
    }


def _minute(moment: str | None) -> str:
    found = read_moment(moment)
    return found.strftime("%Y-%m-%dT%H:%M") if found else ""
