"""``/support``: ask us; and the tickets, one's own or, for administrators, everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
FIELDS = ("name", "email", "subject", "message")
STATUSES = ("open", "answered", "closed")
PAGE = 50


@pages.get("/support", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Show the form, and to who is logged in what was asked lately."""
    return await _asking(visit)


@pages.post("/support", Who.ANYONE)
async def ask(visit: Visit) -> Response:
    """Send a question."""
    asked = {name: visit.form[name] for name in FIELDS if visit.form.get(name)}
    try:
        made = await visit.api.post("/api/support/create", asked, key=visit.once(asked))
    except Problem as problem:
        return await _asking(visit, problem)
    if visit.user is not None:
        notice = visit.texts("We have your question and answer by e-mail and here.")
        return visit.redirect(_page_of(made["ticket"]["id"]), notice=notice)
    return visit.page("support/thanks.html", email=made["ticket"]["email"])


@pages.get("/support/tickets")
async def own(visit: Visit) -> Response:
    """List one's own tickets."""
    found = await visit.api.get("/api/support/tickets", limit=PAGE, before=visit.query.get("before") or None)
    return visit.page("support/tickets.html", tickets=found["tickets"], next=found["next"])


@pages.get("/support/tickets/{id}")
async def one(visit: Visit) -> Response:
    """Show a ticket with its messages, or again the part of the page that moves."""
    if visit.by_htmx:
        found = await visit.api.get(f"/api/support/tickets/{visit.path['id']}")
        return visit.part("support/ticket.html#live", ticket=found["ticket"])
    return await _ticket(visit)


@pages.post("/support/tickets/{id}/messages")
async def write(visit: Visit) -> Response:
    """Add a message."""
    ticket = visit.path["id"]
    try:
        said = {"message": visit.form.get("message", "")}
        await visit.api.post(f"/api/support/tickets/{ticket}/messages", said, key=visit.once([ticket, said]))
    except Problem as problem:
        return await _ticket(visit, problem)
    return visit.redirect(f"{_page_of(ticket)}#last", notice=visit.texts("Your message is sent."))


@pages.post("/support/tickets/{id}/close")
async def close(visit: Visit) -> Response:
    """Close a ticket."""
    ticket = visit.path["id"]
    await visit.api.post(f"/api/support/tickets/{ticket}/close")
    return visit.redirect(_page_of(ticket), notice=visit.texts("The ticket is closed."))


@pages.get("/admin/support", Who.ADMIN)
async def everybodys(visit: Visit) -> Response:
    """List everybody's tickets."""
    told, before = visit.query.get("status", "open"), visit.query.get("before") or None
    wanted = told if told in STATUSES else None
    found = await visit.api.get("/api/admin/support/tickets", limit=PAGE, status=wanted, before=before)
    answer = visit.part if visit.by_htmx else visit.page
    return answer(
        "support/everybodys.html#live" if visit.by_htmx else "support/everybodys.html",
        tickets=found["tickets"],
        next=found["next"],
        wanted=wanted or "",
        statuses=STATUSES,
    )


async def _asking(visit: Visit, problem: Problem | None = None) -> Response:
    recent: list[dict[str, Any]] = []
    if visit.user is not None:
        recent = (await visit.api.get("/api/support/tickets", limit=5))["tickets"]
    return visit.page(
        "support/support.html",
        status=problem.status if problem else 200,
        problem=problem,
        form=visit.form if problem else visit.query,
        recent=recent,
    )


async def _ticket(visit: Visit, problem: Problem | None = None) -> Response:
    found = await visit.api.get(f"/api/support/tickets/{visit.path['id']}")
    return visit.page(
        "support/ticket.html",
        status=problem.status if problem else 200,
        ticket=found["ticket"],
        problem=problem,
        form=visit.form if problem else {},
    )


def _page_of(ticket: str) -> str:
    return f"/support/tickets/{quote(ticket, safe='')}"
