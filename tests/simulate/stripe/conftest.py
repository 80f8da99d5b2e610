"""A simulated account on a free port, Stripe's own client for it, and somebody who receives its webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.simulate.stripe import spec
from tests.support.stripe import official_client, simulated
from tests.support.waiting import eventually
from zpack.simulate.stripe.resources.events import add_destination, add_endpoint
from zpack.simulate.stripe.settings import Settings
from zpack.simulate.stripe.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

KEY = "sk_test_rehearsal"
SECRET = "whsec_rehearsal"
stripe.enable_telemetry = False


class Receiver:
    """Gets webhooks, remembers them raw, and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self.status)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.got]

    async def until(self, kind: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait for events of a type; return them."""
        await eventually(lambda: self.types.count(kind) >= times, what=f"{times} {kind}")
        return [event for body, _ in self.got if (event := json.loads(body))["type"] == kind]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/", made.take)
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/"))
    yield made
    await server.close()


@pytest.fixture
def payload() -> str:
    return "snapshot"


@pytest.fixture
def world(receiver: Receiver, payload: str) -> Iterator[World]:
    """An account. Whatever a test did, every object and event in it is valid for Stripe's own schema."""
    made = World(Settings(delivery_seconds=(0.1, 0.1)))
    if payload == "thin":
        add_destination(made, receiver.url, ["*"], payload="thin", name="tests", secret=SECRET)
    else:
        add_endpoint(made, receiver.url, ["*"], SECRET)
    yield made
    assert [complaint for body in made.store.everything() for complaint in spec.complaints(body)] == []
    events = list(made.store.all("event"))
    assert [f"{e['type']} {c}" for e in events for c in spec.complaints(e["data"]["object"])] == []


@pytest.fixture
async def base(world: World) -> AsyncIterator[str]:
    async with simulated(world) as found:
        yield found


@pytest.fixture
async def client(base: str) -> AsyncIterator[stripe.StripeClient]:
    async with official_client(base, KEY) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody with a browser, or the operator: they carry no key unless they give one."""
    async with aiohttp.ClientSession() as session:
        yield session


class Operator:
    """Uses the operator's door."""

    def __init__(self, base: str, browser: aiohttp.ClientSession) -> None:
        self._base = base
        self._browser = browser

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"{self._base}/_simulate/{path}"
        async with self._browser.request(method, url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest.fixture
def operator(base: str, browser: aiohttp.ClientSession) -> Operator:
    return Operator(base, browser)


@pytest.fixture
async def prices(client: stripe.StripeClient) -> dict[str, str]:
    """Three monthly prices and a yearly one, by name."""
    product = await client.v1.products.create_async({"name": "Plans"})
    made = {}
    for name, amount, interval in (
        ("starter", 500, "month"),
        ("pro", 1000, "month"),
        ("performance", 2000, "month"),
        ("yearly", 10000, "year"),
    ):
        price = await client.v1.prices.create_async(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": interval},
                "lookup_key": name,
            }
        )
        made[name] = price.id
    return made
