"""Our client against Stripes that we did not write, as far as they go: `emulate` has a checkout, `localstripe` signs."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from tests.support.ports import free_port
from tests.support.waiting import eventually
from zpack.artifacts.node import node_of_wheel
from zpack.control.outside.stripe import BadSignature, Stripe, StripeAway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EMULATE = Path(__file__).parents[2] / "node" / "emulate" / "node_modules" / "emulate" / "dist" / "index.js"
LOCALSTRIPE = """
import asyncio, sys
from aiohttp import web
from localstripe.server import app
async def main():
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""
AUTHORIZED = {"Authorization": "Bearer sk_test_strangers"}


@asynccontextmanager
async def running(*command: str, port: int) -> AsyncIterator[str]:
    """Run a stranger's server until the end."""
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)

    async def open_for_us() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    try:
        await eventually(open_for_us, timeout=20)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def client(base: str, secret: str = "whsec_strangers") -> AsyncIterator[Stripe]:
    made = Stripe(key="sk_test_strangers", base_url=base, webhook_secrets=(secret,))
    yield made
    await made.close()


@pytest.mark.node
@pytest.mark.seed("S86")
async def test_a_checkout_of_ours_is_paid_on_a_stranger_s_page() -> None:
    port = free_port()
    command = (str(node_of_wheel().node), str(EMULATE), "start", "--service", "stripe", "--port", str(port))
    async with (
        running(*command, port=port) as base,
        client(base) as stripe,
        aiohttp.ClientSession(headers=AUTHORIZED) as http,
    ):
        customer = await stripe.create_customer(user_id="u1", email="ann@example.org", key="k1")
        product = await (await http.post(f"{base}/v1/products", data={"name": "Starter"})).json()
        priced = {"product": product["id"], "currency": "usd", "unit_amount": "500"}
        price = await (await http.post(f"{base}/v1/prices", data=priced)).json()
        opened = await stripe.create_checkout(
            customer=customer, price=price["id"], user_id="u1", plan="starter",
            success="http://localhost/paid", cancel="http://localhost/", key="k2",
        )  # fmt: skip
        assert (opened.status, opened.customer) == ("open", customer)
        assert opened.url is not None
        address = opened.url.replace("localhost", "127.0.0.1", 1)
        assert (await http.get(address)).status == 200
        paid = await http.post(f"{address}/complete", allow_redirects=False)
        assert paid.headers["location"].startswith("http://localhost/paid")
        assert (await stripe.checkout(opened.id)).status == "complete"


@pytest.mark.seed("S87")
async def test_what_a_stranger_signs_is_taken_and_a_changed_copy_is_not() -> None:
    port, heard = free_port(), list[tuple[bytes, str]]()

    async def hook(request: web.Request) -> web.Response:
        heard.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        async with (
            running(sys.executable, "-c", LOCALSTRIPE, str(port), port=port) as base,
            client(base) as stripe,
            aiohttp.ClientSession() as http,
        ):
            wanted = {"url": ours, "secret": "whsec_strangers", "events": ["customer.created"]}
            assert (await http.post(f"{base}/_config/webhooks/ours", data=json.dumps(wanted))).status == 200
            customer = await stripe.create_customer(user_id="u1", email="ann@example.org", key="k1")
            await eventually(lambda: heard)
            notice = stripe.notice(*heard[0])
            assert (notice.type, notice.customer) == ("customer.created", customer)
            with pytest.raises(BadSignature):
                stripe.notice(heard[0][0].replace(b"ann@", b"eve@"), heard[0][1])
            with pytest.raises(StripeAway):  # it knows no status of invoices, and answers 500
                await stripe.facts(customer)
    finally:
        await runner.cleanup()
