"""``zpack up --billing``: the simulated Stripe has the plans' prices, and the API its keys."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.support.http import Caller
from tests.support.platform import Platform
from tests.support.ports import free_port
from tests.support.waiting import eventually

from zpack.allinone.billing import PLANS, RehearsedBilling
from zpack.allinone.child import Child, ChildFailed
from zpack.control.settings import names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SUBNET = "127.90.0.0/16"
UNAUTHORIZED = 401
API = "http://127.0.0.1:9"


@pytest.fixture
def billing(tmp_path: Path) -> RehearsedBilling:
    for name in ("log", "run"):
        (tmp_path / name).mkdir()
    return RehearsedBilling(
        secret="a home's secret", folder=tmp_path, host="127.0.0.1", port=free_port(), api=API
    )


@asynccontextmanager
async def simulated(billing: RehearsedBilling, home: Path) -> AsyncIterator[None]:
    argv = [sys.executable, *billing.words()]
    child = Child(name="stripe", argv=argv, environment=billing.keys(), home=home)
    await child.start()
    try:
        yield
    finally:
        await child.stop()


async def answers(stripe: Caller) -> bool:
    try:
        return (await stripe.get("/v1/prices")).status == UNAUTHORIZED
    except OSError:
        return False


async def asked(billing: RehearsedBilling, path: str) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {billing.keys()['STRIPE_SECRET_KEY']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(billing.base + path) as answer,
    ):
        return (await answer.json())["data"]


async def test_a_second_start_keeps_prices_and_endpoint(billing: RehearsedBilling, tmp_path: Path) -> None:
    async with simulated(billing, tmp_path):
        await billing.offer()
    first = billing.environment()
    async with simulated(billing, tmp_path):
        await billing.offer()
        prices = await asked(billing, "/v1/prices")
        endpoints = await asked(billing, "/v1/webhook_endpoints")
    assert billing.environment() == first
    assert [endpoint["url"] for endpoint in endpoints] == [f"{API}/api/billing/webhook"]
    assert {price["lookup_key"]: price["unit_amount"] for price in prices} == PLANS
    assert {price["id"] for price in prices} == {first[f"STRIPE_PRICE_{plan.upper()}"] for plan in PLANS}


def test_secrets_are_on_no_command_line(billing: RehearsedBilling) -> None:
    assert not {secret for secret in billing.keys().values() if secret in " ".join(billing.words())}


def test_keys_are_the_homes_own(billing: RehearsedBilling, tmp_path: Path) -> None:
    other = RehearsedBilling(secret="another", folder=tmp_path, host="127.0.0.1", port=1, api=API)
    assert set(other.keys().values()).isdisjoint(billing.keys().values())


def test_the_api_knows_the_key(billing: RehearsedBilling) -> None:
    assert "STRIPE_SECRET_KEY" in billing.environment().keys() & names().keys()


async def test_a_simulation_that_is_away_fails_the_start(billing: RehearsedBilling) -> None:
    with pytest.raises(ChildFailed, match="does not answer"):
        await billing.offer()


async def test_a_foreign_simulation_fails_the_start(billing: RehearsedBilling, tmp_path: Path) -> None:
    async with simulated(billing, tmp_path):
        stranger = RehearsedBilling(
            secret="another",
            folder=tmp_path,
            host="127.0.0.1",
            port=int(billing.base.rpartition(":")[2]),
            api=API,
        )
        with pytest.raises(ChildFailed, match="answered 401"):
            await stranger.offer()


@pytest.mark.journey
async def test_the_platform_rehearses_billing_and_heals_it(tmp_path: Path) -> None:
    words = ("--billing", "--stripe-port", "0")
    platform = Platform(tmp_path / "home", subnet=SUBNET, isolation="sim", words=words)
    async with platform, Caller(platform.said["stripe"]) as stripe:
        assert await answers(stripe)
        before = platform.pid("stripe")
        assert await platform.kill("stripe") != before
        await eventually(lambda: answers(stripe), timeout=30, what="the simulated Stripe again")
        assert "nobody pays" in platform.errors.read_text()
    await eventually(lambda: not platform.leftovers(), timeout=30, what="an empty machine")
