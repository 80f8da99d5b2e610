"""Publish and unpublish a server, and take in what the proxy reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.changes import Change
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.instances import store
from zpack.control.publishing.models import ProxyReport, parse_report, proxy_patch
from zpack.control.publishing.store import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.db.session import Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.engine.changes import Changes
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.velocity import Velocity
    from zpack.control.publishing.store import Registrations

MINECRAFT_PORT = 25565


class Words(Protocol):
    """The last word of each agent, as the heartbeat keeps it."""

    async def get_many(self, vmids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        """Return them by VMID."""
        ...


class BadReport(Refusal):
    """The proxy's callback cannot be understood."""

    code = "invalid_proxy_status"


class UnknownServer(Refusal):
    """The proxy speaks of a server we do not have."""

    kind = "not_found"
    code = "unknown_server"


class Publishing:
    """The only writer of ``payload.edge`` and ``payload.proxy``."""

    def __init__(
        self,
        *,
        database: Database,
        instances: Instances,
        velocity: Velocity,
        words: Words,
        registrations: Registrations,
        changes: Changes,
        domain: str,
    ) -> None:
        self._database = database
        self._instances = instances
        self._velocity = velocity
        self._words = words
        self._registrations = registrations
        self._changes = changes
        self.domain = domain

    def fqdn(self, hostname: str) -> str:
        """Return what a player types."""
        return f"{hostname}.{self.domain}"

    async def publish(self, *, vmid: int, hostname: str, ip: str) -> dict[str, Any]:
        """Register a server with the proxy and verify it; return the stored edge record.

        Raises ForeignError when the proxy cannot be reached, refuses, or then lists others but not this one.
        """
        await self._instances.merge_payload(vmid, "edge", {"state": "pending"})
        await self._velocity.register(name=hostname, address=ip, port=MINECRAFT_PORT)
        listed = await self._velocity.backends()
        verified = bool(listed) and hostname in listed
        if listed and not verified:
            message = f"the game proxy acknowledged {hostname} but does not list it"
            raise ForeignError(message, transient=True)
        edge = {
            "state": "published",
            "hostname": hostname,
            "fqdn": self.fqdn(hostname),
            "dns": {"technitium": "not_configured", "cloudflare": "not_configured"},
            "velocity": {
                "registered": True,
                "verified": verified,
                "serverName": hostname,
                "address": ip,
                "port": MINECRAFT_PORT,
            },
            "publishedAt": datetime.now(UTC).isoformat(),
            "error": None,
        }
        await self._instances.merge_payload(vmid, "edge", edge)
        await self._registrations.put(hostname, place_of(ip, MINECRAFT_PORT))
        await self._tell(vmid)
        return edge

    async def unpublish(self, *, vmid: int, hostname: str) -> None:
        """Take a server off the proxy; the record says so first, so that no reconciler puts it back."""
        await self._instances.merge_payload(vmid, "edge", {"state": "unpublished"})
        await self._velocity.unregister(hostname)
        await self._registrations.put(hostname, None)
        await self._tell(vmid)

    async def suspend(self, *, vmid: int, hostname: str) -> None:
        """Keep a server off the proxy, whatever else its record says; the record says so first."""
        await self._instances.merge_payload(vmid, "edge", {"suspended": True})
        await self._velocity.unregister(hostname)
        await self._registrations.put(hostname, None)
        await self._tell(vmid)

    async def resume(self, *, vmid: int) -> None:
        """Let what the record says hold again; the reconciler puts the server back on the proxy."""
        await self._instances.merge_payload(vmid, "edge", {"suspended": False})
        await self._tell(vmid)

    async def set_asleep(self, vmid: int, *, hostname: str, ip: str, asleep: bool) -> None:
        """Have the edge answer for a server that sleeps, or no longer; the record says so first."""
        await self._instances.merge_payload(vmid, "edge", {"asleep": asleep})
        await self._velocity.register(name=hostname, address=ip, port=MINECRAFT_PORT, asleep=asleep)
        await self._tell(vmid)

    async def sleepers(self) -> frozenset[str] | None:
        """Return the names the edge answers for; None of a bridge, which knows no sleep."""
        return await self._velocity.sleepers()

    async def accept(self, body: Any) -> ProxyReport:
        """Merge a callback into ``payload.proxy``. Raises BadReport, UnknownServer."""
        report = parse_report(body) if isinstance(body, dict) else "the body must be an object"
        if isinstance(report, str):
            raise BadReport(f"This is no proxy status: {report}.")
        name = report.server_name.removesuffix(f".{self.domain.lower()}")
        async with self._database.transaction() as session:
            row = await store.find_by_hostname(session, name)
        if row is None:
            raise UnknownServer("No server has this name.")
        now = datetime.now(UTC).isoformat()
        before = (row.payload.get("proxy") or {}).get("address")
        patch = proxy_patch(report, now, here=row.ip, before=before)
        await self._instances.merge_payload(row.vmid, "proxy", patch)
        await self._changes.tell(Change("server", str(row.vmid), row.customer_id))
        return report

    async def rehydration(self) -> list[dict[str, Any]]:
        """Return the backends a restarted proxy should know: published ones that are ready, or sleep."""
        rows = await self._published()
        words = await self._words.get_many([row.vmid for row in rows])
        found: list[dict[str, Any]] = []
        for row in rows:
            place = {"address": row.ip, "port": MINECRAFT_PORT}
            asleep = row.payload["edge"].get("asleep") is True
            if asleep or (words[row.vmid] or {}).get("ready") is True:
                names = {"name": row.hostname, "server_name": row.hostname}
                found.append({**names, **place, **({"asleep": True} if asleep else {})})
        return found

    async def _tell(self, vmid: int) -> None:
        async with self._database.reading() as session:
            owners = await store.list_owners(session, [vmid])
        await self._changes.tell_all(Change("server", str(n), owner) for n, owner in owners.items())

    async def _published(self) -> list[ContainerInstance]:
        async with self._database.transaction() as session:
            rows = await store.list_all(session)
        return [row for row in rows if row.ip and _is_on(row.payload.get("edge") or {})]


def _is_on(edge: dict[str, Any]) -> bool:
    return edge.get("state") == "published" and edge.get("suspended") is not True
