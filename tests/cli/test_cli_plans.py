"""Plans and suspensions, as an administrator sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

LIMITS = {"gameServers": 3, "devContainers": None, "memoryMb": 8192, "cpus": 4, "diskMb": 40960,
          "backupsPerServer": 5}  # fmt: skip
PRO: dict[str, Any] = {
    "id": "pro", "name": "Pro", "description": "", "priceCents": 1000, "currency": "usd", "interval": "month",
    "stripePriceId": None, "limits": LIMITS, "position": 2, "active": True,
}  # fmt: skip
PLANS = "/api/admin/plans"
STANDING = {"userId": "usr_1", "suspendedByHand": True, "serverBillingState": "allowed"}


async def test_plans_are_listed_with_their_limits(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PLANS, (200, {"plans": [PRO]}))
    line = (await zpack("plans", "list")).out.splitlines()[1]
    assert line.split() == ["pro", "Pro", "10.00", "usd/month", "yes", "3", "-", "8192", "4", "40960", "5"]


async def test_setting_a_plan_changes_what_is_said_and_nothing_else(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PLANS, (200, {"plans": [PRO]}))
    api.says("PUT", f"{PLANS}/pro", (200, {"plan": PRO}))
    words = ("plans", "set", "pro", "--limit", "gameServers=4", "--limit", "cpus=none", "--withdrawn")
    assert (await zpack(*words)).status == 0
    kept = {term: value for term, value in PRO.items() if term != "id"}
    limits = LIMITS | {"gameServers": 4, "cpus": None}
    assert api.asked[-1][2] == kept | {"active": False, "limits": limits}


async def test_a_plan_that_is_new_is_made_and_gives_nothing_away(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PLANS, (200, {"plans": [PRO]}))
    api.says("POST", PLANS, (201, {"plan": PRO}))
    assert (await zpack("plans", "set", "big", "--price-cents", "9900", "--limit", "cpus=16")).status == 0
    asked = api.asked[-1][2]
    assert (asked["id"], asked["name"], asked["priceCents"]) == ("big", "big", 9900)
    assert asked["limits"] == dict.fromkeys(LIMITS, 0) | {"cpus": 16}


@pytest.mark.parametrize("limit", ["cpu=4", "cpus", "cpus=-1", "cpus=many"])
async def test_a_limit_that_is_none_is_refused_before_anything_is_asked(
    api: Counterpart, zpack: Zpack, limit: str
) -> None:
    ran = await zpack("plans", "set", "pro", "--limit", limit)
    assert (ran.status, api.asked) == (2, [])
    assert ran.err.endswith("(invalid_limit)\n")


async def test_accounts_are_suspended_with_a_reason_and_released(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", "/api/admin/users/usr_1/suspend", (200, {"ok": True, "standing": STANDING}))
    api.says("POST", "/api/admin/users/usr_1/unsuspend", (200, {"ok": True, "standing": STANDING}))
    assert (await zpack("users", "suspend", "usr_1")).status == 2
    assert (await zpack("users", "suspend", "usr_1", "--reason", "spam")).out == "usr_1 is suspended\n"
    assert api.asked[-1][2] == {"reason": "spam"}
    assert (await zpack("users", "unsuspend", "usr_1")).out.endswith("billing: allowed\n")
