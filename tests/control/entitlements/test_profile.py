"""The portal's older question: which plan, what it costs, how it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from zpack.control.entitlements import store
from zpack.control.entitlements.actions import PROFILE_WORDS
from zpack.control.entitlements.models import BillingStatus

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database

PROFILE = "/api/users/profile"
WORDS = {"active", "inactive", "past_due", "canceled", "suspended"}


def test_every_status_has_one_of_the_portals_words() -> None:
    assert PROFILE_WORDS.keys() == set(get_args(BillingStatus))
    assert set(PROFILE_WORDS.values()) == WORDS


async def test_an_account_and_its_plan(ann: Caller, root: Caller) -> None:
    assert (await ann.get(PROFILE)).body == {
        "billing_status": "inactive",
        "plan_name": "Unlimited",
        "plan_price": 0,
    }
    assert (await root.get(PROFILE)).body == {"billing_status": "active", "plan_name": None, "plan_price": 0}


@pytest.mark.parametrize(("status", "word"), [("overdue_warning", "past_due"), ("canceled", "canceled")])
async def test_how_it_is_paid(ann: Caller, database: Database, status: BillingStatus, word: str) -> None:
    user = (await ann.get("/api/auth/me")).body["user"]["id"]
    async with database.transaction() as session:
        await store.grant(session, user, billing_status=status)
    assert (await ann.get(PROFILE)).body["billing_status"] == word


async def test_suspended_by_hand_is_suspended(ann: Caller, database: Database) -> None:
    async with database.transaction() as session:
        await store.hold(session, (await ann.get("/api/auth/me")).body["user"]["id"], "spam")
    assert (await ann.get(PROFILE)).body["billing_status"] == "suspended"
