"""Any form for any call is answered in Stripe's shape: never a 500, whatever is known by then."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.simulate.stripe.conftest import KEY
from tests.simulate.stripe.test_flow import someone
from zpack.simulate.stripe.forms import Fields, Flag, Many, Metadata, Whole
from zpack.simulate.stripe.resources.routes import ROUTES

if TYPE_CHECKING:
    from tests.simulate.stripe.test_flow import Subscriber
    from zpack.simulate.stripe.world import World

__all__ = ["someone"]
ODD = ["", "0", "-1", "99999999999999", "true", "now", "pm_card_visa", "\x00", "☃", "usd", "../x", "cus_x"]
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}


class Stranger:
    """Fills in forms so that most pass their checks, with ids that exist and words that do not fit."""

    def __init__(self, seed: int, world: World) -> None:
        self.random = random.Random(seed)
        self.idents = [body["id"] for body in world.store.everything()]

    def value(self, kind: Any) -> Any:
        if isinstance(kind, Fields):
            names = [n for n in kind.members if n in kind.required or self.random.random() < 0.2]
            return {name: self.value(kind.members[name]) for name in names}
        if isinstance(kind, Many):
            return [self.value(kind.item) for _ in range(self.random.randrange(3))]
        if isinstance(kind, Metadata):
            return {"a": self.random.choice(ODD)}
        if isinstance(kind, Flag):
            return self.random.choice(["true", "false"])
        if isinstance(kind, Whole):
            return self.random.choice(["1", "2", "1900000000", *kind.words])
        return self.random.choice(kind.choices or [*self.idents, *ODD, "https://127.0.0.1/"])

    def path(self, pattern: str, kind: str) -> str:
        fitting = [ident for ident in self.idents if ident.startswith(kind)] or self.idents
        parts = [self.random.choice(fitting) if part.startswith("{") else part for part in pattern.split("/")]
        return "/".join(parts)


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for k, v in value.items() for row in flat(v, f"{name}[{k}]" if name else k)]
    if isinstance(value, list):
        return [row for number, v in enumerate(value) for row in flat(v, f"{name}[{number}]")]
    return [(name, value)]


KINDS = {
    "customers": "cus_", "subscriptions": "sub_", "invoices": "in_", "prices": "price_", "products": "prod_",
    "payment_intents": "pi_", "payment_methods": "pm_", "sessions": "cs_", "test_clocks": "clock_",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_no_form_breaks_a_call(
    seed: int, base: str, someone: Subscriber, prices: dict[str, str], world: World
) -> None:
    await someone.subscribe(prices["starter"])
    stranger = Stranger(seed, world)
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        for route in [r for r in ROUTES if not r.path.endswith("/advance") and r.method != "DELETE"] * 3:
            kind = next((kind for word, kind in KINDS.items() if word in route.path), "")
            url = base + stranger.path(route.path, kind)
            pairs = flat(stranger.value(route.form))
            sent = {"params": pairs} if route.method == "GET" else {"data": pairs}
            async with session.request(route.method, url, **sent) as answer:
                assert answer.status < 500, (route, pairs, await answer.text())
                assert (await answer.json()).get("error", {}).get("message", "x")
    await someone.wait(40 * 86_400)
