"""The plans: what administrators may make of them, and what everybody may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.entitlements import store
from zpack.control.entitlements.models import Limits

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.db.tables import Plan
    from zpack.control.entitlements.models import NewPlan, PlanBody


class PlanMissing(Refusal):
    """No such plan."""

    kind = "not_found"
    code = "plan_not_found"


class PlanTaken(Refusal):
    """The id, or the Stripe price, belongs to another plan."""

    kind = "conflict"
    code = "plan_exists"


class Plans:
    """Every plan. None is ever deleted: accounts may have it; it can be taken off the offer."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def listed(self, *, all_of_them: bool = False) -> list[dict[str, Any]]:
        """Return the plans that are offered, or all."""
        async with self._database.reading() as session:
            return [plan_view(row) for row in await store.list_plans(session, all_of_them=all_of_them)]

    async def exists(self, plan_id: str) -> bool:
        """Say whether there is such a plan."""
        async with self._database.reading() as session:
            return await store.find_plan(session, plan_id) is not None

    async def add(self, admin: User, body: NewPlan) -> dict[str, Any]:
        """Make a plan. Raises PlanTaken."""
        values = body.columns()
        async with self._database.transaction() as session:
            if not await store.insert_plan(session, **values):
                raise PlanTaken("Another plan has this id or this Stripe price.")
            record(session, "plan.add", actor=admin.id, plan=body.id, limits=values["limits"])
            row = await store.find_plan(session, body.id)
        return plan_view(_there(row))

    async def change(self, admin: User, plan_id: str, body: PlanBody) -> dict[str, Any]:
        """Change a plan for everybody who has it. Raises PlanMissing, PlanTaken.

        What exists already and no longer fits stays; only more of it is refused.
        """
        values = body.columns()
        async with self._database.transaction() as session:
            _there(await store.find_plan(session, plan_id))
            price = values["stripe_price_id"]
            holder = await store.find_plan_by_price(session, price) if price else None
            if holder is not None and holder.id != plan_id:
                raise PlanTaken("Another plan has this Stripe price.")
            await store.update_plan(session, plan_id, values)
            record(session, "plan.change", actor=admin.id, plan=plan_id, limits=values["limits"])
            row = await store.find_plan(session, plan_id)
        return plan_view(_there(row))


def plan_view(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON."""
    return {
        "id": plan.id,
        "name": plan.name,
        "description": plan.description,
        "priceCents": plan.price_cents,
        "currency": plan.currency,
        "interval": plan.interval,
        "stripePriceId": plan.stripe_price_id,
        "limits": Limits.of(plan.limits).wire(),
        "idle": plan.idle,
        "position": plan.position,
        "active": plan.active,
    }


def _there(plan: Plan | None) -> Plan:
    if plan is None:
        raise PlanMissing("There is no such plan.")
    return plan
