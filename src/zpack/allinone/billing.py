"""Billing of ``zpack up --billing``: plans are sold through the simulated Stripe, and nobody pays."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.allinone.child import ChildFailed

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 20.0
OK = 200
PLANS = {"starter": 500, "pro": 1000, "performance": 2000}
"""What a new database sells, in cents a month."""


class RehearsedBilling:
    """What Stripe's simulation and the API must agree on. Keys follow from a secret of the home."""

    def __init__(self, *, secret: str, folder: Path, host: str, port: int, api: str) -> None:
        self._secret = secret.encode()
        self._folder = folder
        self._host = host
        self._port = port
        self._api = api
        self._prices: dict[str, str] = {}

    @property
    def base(self) -> str:
        """Return the base URL of the simulation."""
        return f"http://{self._host}:{self._port}"

    def words(self) -> list[str]:
        """Return the simulation's command line; secrets are not in it."""
        words = ["-m", "zpack.simulate.command", "stripe", "--host", self._host, "--port", str(self._port)]
        webhook = f"{self._api}/api/billing/webhook"
        return [*words, "--webhook", webhook, "--state", str(self._folder / "state.sqlite")]

    def keys(self) -> dict[str, str]:
        """Return what both programs are told."""
        return {
            "STRIPE_SECRET_KEY": f"sk_test_{self._derived('key')}",
            "STRIPE_WEBHOOK_SECRET": f"whsec_{self._derived('webhook')}",
        }

    def environment(self) -> dict[str, str]:
        """Return what the API is told."""
        prices = {f"STRIPE_PRICE_{plan.upper()}": price for plan, price in self._prices.items()}
        return {**self.keys(), "STRIPE_API_BASE": self.base, **prices}

    async def offer(self) -> None:
        """Give every plan its price; a price that was made at an earlier start stays. Raises ChildFailed."""
        headers = {"Authorization": f"Bearer {self.keys()['STRIPE_SECRET_KEY']}"}
        patience = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with aiohttp.ClientSession(headers=headers, timeout=patience) as session:
                for plan, cents in PLANS.items():
                    self._prices[plan] = await self._price(session, plan, cents)
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise ChildFailed(f"the simulated Stripe does not answer: {type(failure).__name__}") from failure

    async def _price(self, session: aiohttp.ClientSession, plan: str, cents: int) -> str:
        async with session.get(f"{self.base}/v1/prices", params={"lookup_keys[]": plan}) as answer:
            found = (await _checked(answer))["data"]
        if found:
            return str(found[0]["id"])
        wanted = {
            "currency": "usd",
            "unit_amount": str(cents),
            "recurring[interval]": "month",
            "lookup_key": plan,
            "product_data[name]": plan.capitalize(),
        }
        async with session.post(f"{self.base}/v1/prices", data=wanted) as answer:
            return str((await _checked(answer))["id"])

    def _derived(self, use: str) -> str:
        return hmac.new(self._secret, f"simulated stripe: {use}".encode(), hashlib.sha256).hexdigest()[:40]


async def _checked(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if answer.status != OK:
        raise ChildFailed(f"the simulated Stripe answered {answer.status} when it was given prices")
    return await answer.json()
