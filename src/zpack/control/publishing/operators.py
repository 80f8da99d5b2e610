"""The edge as its operators see it: health of every link, and one server put on or taken off by hand."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.instances import store
from zpack.control.instances.models import is_ours
from zpack.control.publishing.actions import UnknownServer
from zpack.control.publishing.links import KNOWN, rehearsed

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.links import Link
    from zpack.control.publishing.models import Place
    from zpack.control.publishing.places import Places
    from zpack.control.publishing.requests import EdgeBody, PublishBody

CHECK_SECONDS = 5.0
REHEARSAL_SECONDS = 15.0


class EdgeMismatch(Refusal):
    """What the caller says of the server is not what we know of it."""

    kind = "conflict"
    code = "edge_mismatch"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class NotForTheEdge(Refusal):
    """Dev containers are reached by the wildcard; nothing is published of them."""

    code = "not_for_the_edge"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class EdgeBroken(Refusal):
    """A door could not be opened or shut; ``details`` is what is recorded of every link."""

    kind = "upstream"
    code = "edge_link_failed"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class Operators:
    """What ``/api/edge`` does."""

    def __init__(
        self, *, database: Database, publishing: Publishing, links: tuple[Link, ...], places: Places
    ) -> None:
        self._database = database
        self._publishing = publishing
        self._links = links
        self._places = places

    async def health(self) -> dict[str, Any]:
        """Ask every link at once; ``ok`` when all that are configured answer."""
        found = dict(await asyncio.gather(*(_checked(link) for link in self._links)))
        words = {name: found.get(name, {"state": "not_configured"})["state"] for name in KNOWN}
        well = all(one["state"] == "reachable" for one in found.values())
        return {"ok": well, **words, "links": found}

    async def publish(self, admin: User, body: PublishBody) -> dict[str, Any]:
        """Publish a server again. Raises UnknownServer, EdgeMismatch, NotForTheEdge, EdgeBroken."""
        place = await self._agreed(body)
        if body.ip is not None and body.ip != place.ip:
            raise EdgeMismatch(f"The server's address is {place.ip or 'not known yet'}.")
        if place.ctype != "game":
            raise NotForTheEdge("Nothing is published of dev containers.")
        if body.dry_run:
            return await self._rehearsed(place, on=True)
        try:
            edge = await self._publishing.publish(vmid=place.vmid, by=admin.id)
        except ForeignError as failure:
            raise await self._broken(place, failure) from failure
        return {"ok": True, "vmid": place.vmid, "hostname": place.hostname, "fqdn": place.fqdn, "edge": edge}

    async def unpublish(self, admin: User, body: EdgeBody) -> dict[str, Any]:
        """Take a server, or what is left of one, off every link.

        Raises UnknownServer, EdgeMismatch, EdgeBroken.
        """
        place = await self._agreed(body, or_gone=True)
        if body.dry_run:
            return await self._rehearsed(place, on=False)
        try:
            links = await self._publishing.unpublish(vmid=place.vmid, hostname=place.hostname, by=admin.id)
        except ForeignError as failure:
            raise await self._broken(place, failure) from failure
        return {"ok": True, "vmid": place.vmid, "hostname": place.hostname, "links": links}

    async def _agreed(self, body: EdgeBody, *, or_gone: bool = False) -> Place:
        """Return the server's place; of one without a row only when its name carries its VMID.

        Raises UnknownServer, EdgeMismatch.
        """
        if not is_ours(body.vmid):
            raise UnknownServer("There is no such server.")
        async with self._database.reading() as session:
            row = await store.find(session, body.vmid)
            archived = None if row else await store.find_archived(session, body.vmid)
        named = (body.hostname or "").lower().removesuffix(f".{self._places.domain.lower()}")
        if row is not None:
            place = self._places.of_row(row)
            if named and named != place.hostname:
                raise EdgeMismatch(f"The server's name is {place.hostname}.")
            if body.game is not None and body.game != place.game:
                raise EdgeMismatch(f"The server's game is {place.game or 'none'}.")
            return place
        gone = named or (archived.hostname if archived else "")
        if not or_gone or not gone.endswith(f"-{body.vmid}"):
            raise UnknownServer("There is no such server.")
        return self._places.of_gone(gone, archived)

    async def _rehearsed(self, place: Place, *, on: bool) -> dict[str, Any]:
        """Return the calls that would be made, by link."""
        calls: dict[str, Any] = {}
        for link in self._links:
            if on and not link.wants(place):
                continue
            try:
                async with asyncio.timeout(REHEARSAL_SECONDS):
                    calls[link.name] = await rehearsed(link, place, on=on)
            except (ForeignError, TimeoutError) as failure:
                calls[link.name] = {"error": _words(failure, link)}
        return {"ok": True, "dryRun": True, "vmid": place.vmid, "hostname": place.hostname, "calls": calls}

    async def _broken(self, place: Place, failure: ForeignError) -> EdgeBroken:
        async with self._database.reading() as session:
            row = await store.find(session, place.vmid)
        return EdgeBroken(failure.message, details={"edge": row.payload.get("edge") if row else None})


async def _checked(link: Link) -> tuple[str, dict[str, Any]]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await link.check()
    except (ForeignError, TimeoutError) as failure:
        return link.name, {"state": "unreachable", "error": _words(failure, link), "ms": _since(began)}
    return link.name, {"state": "reachable", "ms": _since(began)}


def _words(failure: Exception, link: Link) -> str:
    return failure.message if isinstance(failure, ForeignError) else f"{link.name} did not answer in time"


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
