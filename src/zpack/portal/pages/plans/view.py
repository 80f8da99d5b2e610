"""``/admin/plans``: the plans on offer, their limits, and the books beside the machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.pages.plans.form import EMPTY, body_of, changes, filled, form_of
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/plans"


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List every plan, also those that are not offered."""
    plans = (await visit.api.get("/api/admin/plans"))["plans"]
    return visit.page("plans/plans.html", plans=plans, tab="plans")


@pages.get(HERE + "/ledger", Who.ADMIN)
async def ledger(visit: Visit) -> Response:
    """Show who pays without servers, who has servers without paying, and which events wait."""
    books = await visit.api.get("/api/admin/billing/ledger")
    events = (await visit.api.get("/api/admin/billing/events"))["events"]
    return visit.page("plans/ledger.html", books=books, events=events, tab="ledger")


@pages.get(HERE + "/new", Who.ADMIN)
async def ask(visit: Visit) -> Response:
    """Ask for a new plan."""
    return visit.page("plans/edit.html", plan=None, form=EMPTY, problem=None)


@pages.post(HERE + "/new", Who.ADMIN)
async def add(visit: Visit) -> Response:
    """Make a plan; a refusal is told beside its fields."""
    try:
        await visit.api.post("/api/admin/plans", body_of(visit.form, new=True))
    except Problem as problem:
        return visit.page(
            "plans/edit.html", status=problem.status, plan=None, form=filled(visit.form), problem=problem
        )
    return visit.redirect(HERE, notice=visit.texts("The plan is made."))


@pages.get(HERE + "/{id}", Who.ADMIN)
async def one(visit: Visit) -> Response:
    """Show a plan's terms, to be changed."""
    plan = await _plan(visit)
    return visit.page("plans/edit.html", plan=plan, form=form_of(plan), problem=None)


@pages.post(HERE + "/{id}", Who.ADMIN)
async def change(visit: Visit) -> Response:
    """Replace a plan's terms, for everybody who has it; what changes is shown before it does."""
    plan = await _plan(visit)
    if "sure" not in visit.form:
        return visit.page("plans/sure.html", plan=plan, changes=changes(plan, visit.form), form=visit.form)
    try:
        await visit.api.put(f"/api/admin/plans/{plan['id']}", body_of(visit.form, new=False))
    except Problem as problem:
        form = filled(visit.form)
        return visit.page("plans/edit.html", status=problem.status, plan=plan, form=form, problem=problem)
    return visit.redirect(HERE, notice=visit.texts("The plan is changed."))


async def _plan(visit: Visit) -> dict[str, Any]:
    """Return the plan that the address names. Raises Problem."""
    for one in (await visit.api.get("/api/admin/plans"))["plans"]:
        if one["id"] == visit.path["id"]:
            return one
    raise Problem(404, {"error": "plan_not_found", "message": visit.texts("There is no such plan.")})
