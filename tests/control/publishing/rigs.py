"""Every kind of link with a counterpart that can be looked into: one entry in ``RIGS`` each.

A link joins the fault matrix by its entry: a game that wants it, a counterpart, the settings that point at it, and
what the counterpart holds of ours.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.control.provisioning.counterparts import GameProxy, every_path, serving
from tests.support.faulty_road import FaultyRoad, faulty_road
from tests.support.opnsense import Router, simulated_opnsense

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

CALL_MS = 400
Held = dict[str, str]
Served = tuple[FaultyRoad, "Callable[[], Held]", dict[str, Any]]


@dataclass(frozen=True)
class Rig:
    """One kind of link: ``leads`` is what its counterpart must hold of the server at an address."""

    link: str
    game: str
    serve: Callable[[], AbstractAsyncContextManager[Served]]
    leads: Callable[[str], Held]


NAMES = {"minecraft": "mc-paper-5000", "rust": "rust-5000"}


@asynccontextmanager
async def velocity() -> AsyncIterator[Served]:
    proxy = GameProxy()
    proxy.servers["lobby"] = {"name": "lobby", "address": "10.9.9.9", "port": 1}

    def held() -> Held:
        ours = {name: one for name, one in proxy.servers.items() if name != "lobby"}
        return {name: f"{one['address']}:{one['port']}" for name, one in ours.items()}

    async with (
        serving(every_path(proxy.answer), "127.0.0.1") as port,
        faulty_road(f"http://127.0.0.1:{port}") as road,
    ):
        yield road, held, {"velocity_url": road.url, "velocity_timeout_ms": CALL_MS}
    assert "lobby" in proxy.servers, "a stranger's backend was touched"


@asynccontextmanager
async def opnsense() -> AsyncIterator[Served]:
    async with (
        simulated_opnsense() as router,
        faulty_road(router.url.removesuffix("/api")) as road,
        serving(every_path(GameProxy().answer), "127.0.0.1") as port,
    ):
        theirs = _a_stranger_s(router)
        told = router.settings | {"opnsense_url": f"{road.url}/api", "opnsense_timeout_ms": CALL_MS}
        yield road, router.leads, told | {"velocity_url": f"http://127.0.0.1:{port}"}
        assert theirs in router.firewall.configured["d_nat"], "a stranger's forward was touched"


def _a_stranger_s(router: Router) -> str:
    rule = {"interface": "wan", "target": "10.9.9.9", "descr": "theirs, not zpack's"}
    return router.firewall.add("d_nat", {"rule": rule})["uuid"]


RIGS = (
    Rig("velocity", "minecraft", velocity, lambda ip: {NAMES["minecraft"]: f"{ip}:25565"}),
    Rig("opnsense", "rust", opnsense, lambda ip: {"udp/28015": f"{ip}:28015"}),
)
