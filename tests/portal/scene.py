"""A portal in front of servers, operations and accounts that stand as they are put: nothing works behind it.

What a person sees only for a moment, or only when something is broken, stands still here to be looked at.
"""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web
from fakeredis import FakeAsyncRedis, FakeServer
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from tests.control.billing.conftest import KEY, SECRET
from tests.control.conftest import EDGE_SECRET, served
from tests.control.provisioning.counterparts import counterparts
from tests.control.provisioning.world import build_world
from tests.portal.console.agent import TalkingAgent
from tests.portal.gallery import LIMITS
from tests.support.cdn import Cdn
from tests.support.http import PASSWORD, Caller
from tests.support.modrinth import serving_modrinth
from tests.support.ports import free_port
from tests.support.postgres import fresh_database, migrated_template, postgres
from tests.support.stripe import official_client, simulated
from zpack.control.app import create_app
from zpack.control.db.tables import BillingAccount, BillingSubscription, IdleServer, Operation, Standing
from zpack.control.hosts.store import HostState
from zpack.control.instances import store
from zpack.control.settings import Settings
from zpack.control.wiring import Hint, build_api, build_clients
from zpack.portal.app import build_portal
from zpack.simulate.stripe.settings import Settings as StripeSettings
from zpack.simulate.stripe.world import World as StripeWorld

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from tests.control.provisioning.world import World
    from tests.support.modrinth import ModrinthServer
    from zpack.control.wiring import Api, Clients

ADMIN_PASSWORD = "an admin password"
PLANS = {"starter": 500, "pro": 1000, "performance": 2000}
PEOPLE = ("ann", "payer", "new", "guarded")
KEPT = ("agent:*", "hosts", "edge:backends", "hostop:*")
"""What the pollers renew every few seconds: there are none here, so it never ends."""


@dataclass
class Scene:
    """What stands behind the portal; ``names`` stand for themselves in the addresses of pictures."""

    world: World
    api: Api
    base: str
    modrinth: ModrinthServer
    callers: dict[str, Caller] = field(default_factory=dict[str, Caller])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    names: dict[str, str] = field(default_factory=dict[str, str])
    console: TalkingAgent = field(default_factory=TalkingAgent)
    deaf: set[int] = field(default_factory=set[int])
    """Servers whose console nobody reaches."""
    _said: dict[tuple[int, str], tuple[int, Any]] = field(
        default_factory=dict[tuple[int, str], tuple[int, Any]]
    )

    @property
    def people(self) -> Mapping[str, tuple[str, str]]:
        """How each person logs in."""
        return {name: (name, PASSWORD) for name in self.callers} | {"admin": ("admin", ADMIN_PASSWORD)}

    async def game(self, vmid: int, owner: str = "ann", **word: Any) -> None:
        """Put a game server that players can join, but for what its agent says otherwise."""
        await self.world.created(vmid, owner=self.ids[owner])
        await self.word(vmid, **word)

    async def dev(self, vmid: int, owner: str = "ann", **word: Any) -> None:
        """Put a dev environment."""
        async with self.world.clients.database.transaction() as session:
            await store.insert_instance(
                session, vmid=vmid, customer_id=self.ids[owner], ctype="dev", hostname=f"dev-node-{vmid}",
                ip=f"127.82.{vmid >> 8}.{vmid & 255}", allocated_ports={}, agent_state="running",
                payload={"runtime": "node", "version": "24"},
            )  # fmt: skip
        await self.power(vmid, "running")
        await self.word(vmid, **word)

    async def look(self) -> None:
        """Look at everything once, as the pollers do."""
        await self.world.look()
        await self._hold()

    async def word(self, vmid: int, **more: Any) -> None:
        """Let an agent have said this."""
        heard = {
            "hostOnline": True, "state": "running", "ready": True, "readySource": "minecraft_ping",
            "agentVersion": "v1.4.0", "lastSeen": int(time.time() * 1000),
            "players": {"online": 2, "max": 20, "players": ["Ada", "Grace"]},
        }  # fmt: skip
        await self.world.words.put(vmid, heard | more)
        await self._hold()

    async def power(self, vmid: int, power: str) -> None:
        """Let the cluster have said this of a host."""
        await self.world.stores.hosts.put(vmid, HostState(power, "local"))
        await self._hold()

    def says(self, vmid: int, path: str, body: Any, status: int = 200) -> None:
        """Let one agent answer this from now on; ``path`` may have a query."""
        self._said[vmid, path] = (status, body)
        self.world.scripts.special[path.partition("?")[0]] = self._answer

    async def operation(self, name: str, kind: str, phase: str | None, progress: float, **more: Any) -> None:
        """Put an operation of Ann's; as a host's, it is the one that is under way there."""
        now = datetime.now(UTC)
        values = {
            "id": name, "kind": kind, "status": "running", "phase": phase, "progress": progress,
            "customer_id": self.ids["ann"], "vmid": None, "hostname": None, "request_id": f"req_{name}",
            "input": {}, "deadline": now + timedelta(minutes=10), "started_at": now - timedelta(seconds=17),
        } | more  # fmt: skip
        async with self.world.clients.database.transaction() as session:
            await session.execute(insert(Operation).values(**values).on_conflict_do_nothing())
        if kind.startswith("host-"):
            held = {
                "id": name, "vmid": values["vmid"], "type": kind.removeprefix("host-"), "status": "running",
                "startedAt": now.isoformat(), "updatedAt": now.isoformat(),
            }  # fmt: skip
            await self.world.clients.redis.set(f"hostop:{values['vmid']}", json.dumps(held))

    async def stands(self, who: str, *, account: dict[str, Any] | None = None, **standing: Any) -> None:
        """Let somebody's account stand so."""
        columns = {column.name: None for column in Standing.__table__.columns if column.nullable}
        told = columns | {"billing_status": "none", "server_billing_state": "allowed"} | standing
        await self._put(Standing, told | {"user_id": self.ids[who]})
        blank = {column.name: None for column in BillingAccount.__table__.columns if column.nullable}
        await self._put(BillingAccount, blank | {"user_id": self.ids[who], "exempt": False} | (account or {}))

    async def subscribes(self, who: str, plan: str, **changes: Any) -> None:
        """Let somebody have a subscription as Stripe was last seen to describe it."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "id": f"sub_{who}", "user_id": self.ids[who], "status": "active", "price_id": None, "plan": plan,
            "item_id": None, "created_at": now - timedelta(days=12), "period_end": now + timedelta(days=18),
            "cancel_at_period_end": False, "cancel_at": None, "trial_end": None, "pending_update": False,
            "schedule_id": None, "next_plan": None, "next_at": None,
        } | changes  # fmt: skip
        await self._put(BillingSubscription, values)

    async def idles(self, vmid: int, **values: Any) -> None:
        """Let a server's idle timer be so."""
        await self._put(IdleServer, {"vmid": vmid, "updated_at": datetime.now(UTC)} | values)

    async def execute(self, statement: str, **values: Any) -> None:
        """Change the database as nobody but a test does."""
        async with self.world.clients.database.transaction() as session:
            await session.execute(text(statement), values)

    async def _put(self, table: Any, values: dict[str, Any]) -> None:
        keys = [column.name for column in table.__table__.primary_key]
        async with self.world.clients.database.transaction() as session:
            made = insert(table).values(**values)
            await session.execute(made.on_conflict_do_update(index_elements=keys, set_=values))

    async def _hold(self) -> None:
        redis = self.world.clients.redis
        for pattern in KEPT:
            for key in await redis.keys(pattern):
                await redis.persist(key)

    async def _listens(self, request: web.Request) -> web.StreamResponse:
        if _asked(request) in self.deaf:
            return web.Response(status=503)
        return await self.console._stream(request)  # pyright: ignore[reportPrivateUsage]

    async def _tells(self, request: web.Request) -> web.StreamResponse:
        return await self.console._log(request)  # pyright: ignore[reportPrivateUsage]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        vmid, asked = _asked(request), request.query.get("path")
        for path in (f"{request.path}?{asked}" if asked is not None else "", request.path):
            if (vmid, path) in self._said:
                status, body = self._said[vmid, path]
                return web.json_response(body, status=status)
        return web.json_response({"error": "not_found", "message": "not found"}, status=404)


@asynccontextmanager
async def standing(folder: Path) -> AsyncGenerator[Scene]:
    """Build an empty scene: people, and nothing of theirs."""
    port = free_port()
    async with AsyncExitStack() as kept:
        server = kept.enter_context(postgres(folder))
        url = kept.enter_context(fresh_database(server, migrated_template(server)))
        others = await kept.enter_async_context(counterparts())
        modrinth = await kept.enter_async_context(serving_modrinth("127.82.0.9", Cdn()))
        stripe = await kept.enter_async_context(simulated(StripeWorld(StripeSettings(key=KEY))))
        values: dict[str, Any] = others.settings | {
            "database_url": url,
            "auth_secret": "an access secret for tests, long enough",
            "agent_secret": "an agent secret for tests, long enough",
            "edge_secret": EDGE_SECRET,
            "proxmox_node": "local",
            "password_memory_kib": 1024,
            "password_passes": 1,
            "portal_url": f"http://localhost:{port}",
            "ide_suffix": "ide.example.org",
            "ide_return_hosted": True,
            "modrinth_api_base": modrinth.url,
            "modrinth_user_agent": "zpack tests (tests@example.org)",
            "stripe_secret_key": KEY,
            "stripe_webhook_secret": SECRET,
            "stripe_api_base": stripe,
        }
        settings = Settings(**(values | await _prices(stripe)))
        clients: Clients = build_clients(settings, FakeAsyncRedis(server=FakeServer(), decode_responses=True))
        kept.push_async_callback(clients.close)
        api = build_api(settings, clients, Hint())
        await api.accounts.ensure_admin(email="admin@localhost", password=ADMIN_PASSWORD)
        site = build_portal(f"http://localhost:{port}")
        app = create_app(api, ready=_ready, cors_origins=(), site=site)
        base = await kept.enter_async_context(served(app, port=port))
        scene = Scene(build_world(settings, clients, others), api, f"http://localhost:{port}", modrinth)
        others.scripts.special["/console/log"] = scene._tells  # pyright: ignore[reportPrivateUsage]
        others.scripts.console = scene._listens  # pyright: ignore[reportPrivateUsage]
        anyone = await kept.enter_async_context(Caller(base))
        for name in PEOPLE:
            caller = await kept.enter_async_context(await anyone.registered(name))
            scene.callers[name] = caller
            scene.ids[name] = (await caller.get("/api/auth/me")).body["user"]["id"]
        scene.callers["admin"] = await kept.enter_async_context(
            await anyone.logged_in("admin", ADMIN_PASSWORD)
        )
        free = {"name": "Free", "priceCents": 0, "limits": dict.fromkeys(LIMITS)}
        assert (await scene.callers["admin"].put("/api/admin/plans/free", free)).status == 200
        yield scene
        await scene.console.hang_up()


def _asked(request: web.Request) -> int:
    """Return whose agent is asked: its address says it."""
    assert request.transport is not None
    octets = str(request.transport.get_extra_info("sockname")[0]).split(".")
    return int(octets[2]) << 8 | int(octets[3])


async def _ready() -> dict[str, str]:
    return {}


async def _prices(stripe: str) -> dict[str, Any]:
    """Sell the plans; return the settings that say for which price."""
    made: dict[str, Any] = {}
    async with official_client(stripe, KEY) as client:
        product = await client.v1.products.create_async({"name": "Plans"})
        for plan, cents in PLANS.items():
            recurring: Any = {"interval": "month"}
            price = await client.v1.prices.create_async(
                {"product": product.id, "currency": "usd", "unit_amount": cents, "recurring": recurring}
            )
            made[f"stripe_price_{plan}"] = price.id
    return made
