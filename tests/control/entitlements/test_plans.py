"""Plans, as administrators make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.wiring import Api

PLANS = "/api/admin/plans"
LIMITS: dict[str, Any] = {
    "gameServers": 2, "devContainers": 0, "memoryMb": 4096, "cpus": 4, "diskMb": None, "backupsPerServer": 5,
}  # fmt: skip
PLAN: dict[str, Any] = {"name": "Club", "priceCents": 700, "limits": LIMITS, "stripePriceId": "price_club"}


async def test_the_plans_there_are(api: Api, root: Caller) -> None:
    everything = (await root.get(PLANS)).body["plans"]
    assert [plan["id"] for plan in everything] == ["free", "starter", "pro", "performance", "unlimited"]
    assert [plan["priceCents"] for plan in everything] == [0, 500, 1000, 2000, 0]
    assert "unlimited" not in {plan["id"] for plan in await api.plans.listed()}


async def test_a_plan_is_made_and_changed(root: Caller) -> None:
    made = await root.post(PLANS, {"id": "club", **PLAN})
    assert (made.status, made.body["plan"]["limits"]) == (201, LIMITS)
    changed = await root.call("PUT", f"{PLANS}/club", {**PLAN, "active": False, "name": "Old club"})
    assert (changed.status, changed.body["plan"]["name"], changed.body["plan"]["active"]) == (
        200,
        "Old club",
        False,
    )


async def test_an_id_and_a_price_belong_to_one_plan(root: Caller) -> None:
    assert (await root.post(PLANS, {"id": "club", **PLAN})).status == 201
    assert (await root.post(PLANS, {"id": "club", **PLAN, "stripePriceId": None})).status == 409
    assert (await root.post(PLANS, {"id": "other", **PLAN})).status == 409
    assert (await root.call("PUT", f"{PLANS}/free", PLAN)).status == 409
    assert (await root.call("PUT", f"{PLANS}/none", PLAN)).status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {**LIMITS, "gameServers": -1}},
        {"limits": {**LIMITS, "gameServers": "2"}},
        {"limits": {**LIMITS, "cpus": 1.5}},
        {"limits": {k: v for k, v in LIMITS.items() if k != "diskMb"}},
        {"limits": {**LIMITS, "gpus": 1}},
        {"priceCents": -1},
        {"priceCents": 10**12},
        {"currency": "dollars"},
        {"id": "../x"},
        {"name": ""},
        {"surprise": 1},
    ],
)
async def test_a_plan_that_is_none_is_refused(root: Caller, wrong: dict[str, Any]) -> None:
    reply = await root.post(PLANS, {"id": "club", **PLAN} | wrong)
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")


async def test_only_administrators_see_and_make_plans(ann: Caller, anyone: Caller) -> None:
    for method, path in (("GET", PLANS), ("POST", PLANS), ("PUT", f"{PLANS}/free")):
        assert (await ann.call(method, path, {"id": "club", **PLAN})).status == 403
        assert (await anyone.call(method, path, {"id": "club", **PLAN})).status == 401
