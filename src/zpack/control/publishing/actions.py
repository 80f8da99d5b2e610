"""Publish and unpublish a server, and take in what the proxy reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.audit import store as audit
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import Refusal
from zpack.control.instances import store
from zpack.control.instances.models import ON, is_held
from zpack.control.publishing import outcomes
from zpack.control.publishing.fanout import ask_all
from zpack.control.publishing.links import DOORS, KNOWN, Answering
from zpack.control.publishing.models import MINECRAFT_PORT, ProxyReport, parse_report, proxy_patch
from zpack.control.publishing.store import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.changes import Changes
    from zpack.control.instances.actions import Instances
    from zpack.control.publishing.fanout import Outcome
    from zpack.control.publishing.links import Link
    from zpack.control.publishing.models import Place
    from zpack.control.publishing.outcomes import Entry
    from zpack.control.publishing.places import Places
    from zpack.control.publishing.store import Registrations


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
        links: tuple[Link, ...],
        places: Places,
        words: Words,
        registrations: Registrations,
        changes: Changes,
    ) -> None:
        self._database = database
        self._instances = instances
        self._links = links
        self._answering = [link for link in links if isinstance(link, Answering)]
        self._places = places
        self._words = words
        self._registrations = registrations
        self._changes = changes

    async def publish(self, *, vmid: int, by: str | None = None) -> dict[str, Any]:
        """Put a server into every system that wants it; return the stored record.

        ``by`` names the person who asked, for the audit.

        The record says first that this is under way, so that a crash is found. Raises UnknownServer, and
        ForeignError when a door is broken: names alone may come later, by the reconciler.
        """
        place = await self._place(vmid)
        begun = {"state": "pending", "begunAt": _now(), "hostname": place.hostname, "fqdn": place.fqdn}
        also = _audited("edge.publish", place, by)
        before = await self._instances.change_edge(vmid, lambda _: begun, also=also)
        asked = [link for link in self._wanting(place) if not (is_held(before or {}) and link.name in DOORS)]
        found = await ask_all(asked, place, on=True)
        edge = await self._record(place, found, on=True)
        if edge is None or edge["state"] == "unpublished":  # somebody took it off while we put it on
            await self._take_off(place, asked)
        _raise_for_doors(found)
        return edge or {}

    async def unpublish(self, *, vmid: int, hostname: str, by: str | None = None) -> dict[str, Any]:
        """Take a server off every system; the record says so first, so that no reconciler puts it back.

        Return what each link said. Raises ForeignError when a door is still open; names that are left are
        taken off by the reconciler.
        """
        place = await self._place_or_gone(vmid, hostname)
        also = _audited("edge.unpublish", place, by)
        off = {"state": "unpublished", "error": None}
        edge = await self._instances.change_edge(vmid, lambda _: off, also=also)
        found = await self._take_off(place, self._concerned(place, edge))
        _raise_for_doors(found)
        return {name: dict(outcome.evidence) for name, outcome in found.items() if not outcome.failure}

    async def suspend(self, *, vmid: int, hostname: str) -> None:
        """Keep the doors to a server shut, whatever else its record says; the record says so first."""
        await self._instances.change_edge(vmid, lambda _: {"suspended": True})
        place = await self._place_or_gone(vmid, hostname)
        doors = [link for link in self._wanting(place) if link.name in DOORS]
        _raise_for_doors(await self._take_off(place, doors))

    async def resume(self, *, vmid: int) -> None:
        """Let what the record says hold again; the reconciler opens the doors."""

        def change(edge: dict[str, Any]) -> dict[str, Any]:
            opened = edge | {"suspended": False}
            return {"suspended": False} | (
                outcomes.settled(opened, {}, on=True) if edge.get("state") in ON else {}
            )

        await self._instances.change_edge(vmid, change)
        await self._tell(vmid)

    async def note(self, place: Place, found: Mapping[str, Outcome], *, on: bool) -> dict[str, Any] | None:
        """Record what a reconciler's calls came to."""
        return await self._record(place, found, on=on)

    async def set_asleep(self, vmid: int, *, hostname: str, ip: str, asleep: bool) -> None:
        """Have the edge answer for a server that sleeps, or no longer; the record says so first."""
        await self._instances.change_edge(vmid, lambda _: {"asleep": asleep})
        for link in self._answering:
            await link.set_asleep(hostname=hostname, ip=ip, asleep=asleep)
        await self._tell(vmid)

    async def sleepers(self) -> frozenset[str] | None:
        """Return the names the edge answers for; None of a bridge, which knows no sleep."""
        told = [await link.sleepers() for link in self._answering]
        return told[0] if told else None

    async def accept(self, body: Any) -> ProxyReport:
        """Merge a callback into ``payload.proxy``. Raises BadReport, UnknownServer."""
        report = parse_report(body) if isinstance(body, dict) else "the body must be an object"
        if isinstance(report, str):
            raise BadReport(f"This is no proxy status: {report}.")
        name = report.server_name.removesuffix(f".{self._places.domain.lower()}")
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
        async with self._database.reading() as session:
            intents = await store.list_edge_intents(session)
        rows = [row for row in intents if row.published and self._places.of_intent(row).minecraft]
        words = await self._words.get_many([row.vmid for row in rows])
        found: list[dict[str, Any]] = []
        for row in rows:
            place = {"address": row.ip, "port": MINECRAFT_PORT}
            asleep = row.asleep
            if asleep or (words[row.vmid] or {}).get("ready") is True:
                names = {"name": row.hostname, "server_name": row.hostname}
                found.append({**names, **place, **({"asleep": True} if asleep else {})})
        return found

    def _wanting(self, place: Place) -> list[Link]:
        return [link for link in self._links if link.wants(place)]

    async def _place(self, vmid: int) -> Place:
        async with self._database.reading() as session:
            row = await store.find(session, vmid)
        if row is None:
            raise UnknownServer("There is no such server.")
        return self._places.of_row(row)

    async def _place_or_gone(self, vmid: int, hostname: str) -> Place:
        async with self._database.reading() as session:
            row = await store.find(session, vmid)
            archived = None if row else await store.find_archived(session, vmid)
        return self._places.of_row(row) if row else self._places.of_gone(hostname, archived)

    async def _take_off(self, place: Place, links: Iterable[Link]) -> dict[str, Outcome]:
        found = await ask_all(links, place, on=False)
        await self._record(place, found, on=False)
        return found

    async def _record(self, place: Place, found: Mapping[str, Outcome], *, on: bool) -> dict[str, Any] | None:
        """Write what came of it, and of links that were not asked why; tell those who look."""
        now = _now()

        def change(edge: dict[str, Any]) -> dict[str, Any]:
            if on and edge.get("state") == "unpublished":
                return {}
            before = outcomes.entries_of(edge)
            entries = self._idle(place, before) | _entries(before, found, on=on, now=now)
            patch = outcomes.settled(edge, entries, on=on)
            first = patch.get("state") == "published" and edge.get("state") != "published"
            return patch | ({"publishedAt": now} if first else {})

        edge = await self._instances.change_edge(place.vmid, change)
        door = found.get("velocity")
        if door is not None and door.failure is None:
            at = place_of(place.ip, MINECRAFT_PORT) if on else None
            await self._registrations.put(place.hostname, at)
        await self._tell(place.vmid)
        return edge

    def _idle(self, place: Place, before: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return the entries of the links that have nothing to do with this server, or no longer."""
        wanting = {link.name for link in self._wanting(place)}
        configured = {link.name for link in self._links}
        found = {name: outcomes.idle("not_configured") for name in KNOWN if name not in configured}
        for name in configured - wanting:
            if before.get(name, {}).get("state", "unpublished") in {*outcomes.IDLE, "unpublished"}:
                found[name] = outcomes.idle("not_wanted")
        return found

    def _concerned(self, place: Place, edge: Mapping[str, Any] | None) -> list[Link]:
        """Return the links that may hold something of a server: when nothing is known of it, all."""
        known = outcomes.entries_of(edge or {})
        return [
            link
            for link in self._links
            if not place.endpoints
            or link.wants(place)
            or known.get(link.name, {}).get("state", "unpublished") not in {*outcomes.IDLE, "unpublished"}
        ]

    async def _tell(self, vmid: int) -> None:
        async with self._database.reading() as session:
            owners = await store.list_owners(session, [vmid])
        await self._changes.tell_all(Change("server", str(n), owner) for n, owner in owners.items())


def _entries(
    before: Mapping[str, Entry], found: Mapping[str, Outcome], *, on: bool, now: str
) -> dict[str, Entry]:
    """Return the entries that outcomes become. What did not stay on a link that failed is not said."""
    return {
        name: outcomes.failed(outcome.failure, before.get(name), now=now)
        if outcome.failure
        else outcomes.succeeded(outcome.evidence, on=on, now=now)
        for name, outcome in found.items()
    }


def _audited(action: str, place: Place, by: str | None) -> Callable[[AsyncSession], None] | None:
    """Return what writes the audit row; a workflow's steps have one of their operation's."""
    if by is None:
        return None

    def write(session: AsyncSession) -> None:
        audit.record(session, action, actor=by, vmid=place.vmid, hostname=place.hostname)

    return write


def _raise_for_doors(found: Mapping[str, Outcome]) -> None:
    """Raise the failure of a door, first one that no other try will mend."""
    broken = [one.failure for name, one in found.items() if name in DOORS and one.failure]
    for failure in sorted(broken, key=lambda one: one.transient):
        raise failure


def _now() -> str:
    return datetime.now(UTC).isoformat()
