"""The plans where billing is on: prices, and the way to buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.visitor import Shown, Visitor


@pytest.fixture
def extra(extra: dict[str, Any]) -> dict[str, Any]:
    return extra | {
        "stripe_secret_key": "sk_test_1",
        "stripe_webhook_secret": "whsec_1",
    }


async def with_plan(visitor: Visitor, root: Visitor, price: str | None) -> Shown:
    assert root.api is not None
    limits = dict.fromkeys(
        ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer"), 2048
    )
    body = {"name": "Big", "priceCents": 1250, "currency": "eur", "limits": limits, "stripePriceId": price}
    assert (await root.api.put("/api/admin/plans/pro", body)).status == 200
    return await visitor.get("/pricing")


async def test_a_plan_for_sale_has_its_price_and_a_way_to_it(visitor: Visitor, root: Visitor) -> None:
    page = await with_plan(visitor, root, "price_big")
    assert "€12.50 a month" in page.text
    assert page.one('.plan a[href="/register?next=/billing"]')


async def test_one_without_a_price_cannot_be_chosen(visitor: Visitor, root: Visitor) -> None:
    page = await with_plan(visitor, root, None)
    assert "Not for sale" in page.text
    assert not page.all('.plan a[href="/register?next=/billing"]')
