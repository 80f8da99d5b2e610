"""Ownership, the VMID guard, and the one way to write a payload section."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import Refusal
from zpack.control.instances import store
from zpack.control.instances.models import Reached, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.instances.models import ContainerType, ServerFacts
    from zpack.control.instances.store import Section


class ServerMissing(Refusal):
    """No such server, or not the caller's: the same answer."""

    kind = "not_found"
    code = "server_not_found"


class InvalidVmid(Refusal):
    """The id in the path is no VMID of ours."""

    code = "Invalid VMID"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class NoAddress(Refusal):
    """The server has no address yet (contract §2.4)."""

    code = "Server does not have an IP address yet"


class WrongType(Refusal):
    """What is asked for exists for the other type of container only."""

    code = "wrong_container_type"


class Instances:
    """Servers and who owns them. ``token_for`` derives the bearer of an agent from a VMID and its seed."""

    def __init__(self, *, database: Database, token_for: Callable[[int, str], str]) -> None:
        self._database = database
        self._token_for = token_for

    async def owned(self, user: User, server_id: str | int) -> ContainerInstance:
        """Return the caller's server (an admin owns all). Raises ServerMissing."""
        vmid = parse_vmid(server_id)
        row = None
        if vmid is not None:
            async with self._database.transaction() as session:
                row = await store.find(session, vmid)
        if row is None or not (user.is_admin or row.customer_id == user.id):
            raise ServerMissing("There is no such server.")
        return row

    async def reach(self, user: User, server_id: str | int, *, ctype: ContainerType | None = None) -> Reached:
        """Return how to ask the agent of the caller's server, before anything foreign is asked.

        Raises ServerMissing, WrongType when it is not a ``ctype`` container, NoAddress.
        """
        row = await self.owned(user, server_id)
        if ctype is not None and row.ctype != ctype:
            raise WrongType(f"This is for {ctype} containers only.")
        if not row.ip:
            raise NoAddress("The server does not have an address yet.")
        token = self._token_for(row.vmid, str(row.payload.get("agent_seed", "")))
        return Reached(row.vmid, row.customer_id, row.ctype, row.ip, token, row.payload)

    async def owned_facts(self, user: User, server_id: str | int) -> ServerFacts:
        """Return what is shown of the caller's server, in one round trip. Raises ServerMissing."""
        vmid = parse_vmid(server_id)
        found: list[ServerFacts] = []
        if vmid is not None:
            async with self._database.reading() as session:
                found = await store.read_facts(session, [vmid])
        if not found or not (user.is_admin or found[0].customer_id == user.id):
            raise ServerMissing("There is no such server.")
        return found[0]

    async def owners(self, vmids: Collection[int]) -> dict[int, str | None]:
        """Return who owns these servers; those that are gone are left out."""
        async with self._database.reading() as session:
            return await store.list_owners(session, vmids)

    async def visible(self, user: User, *, newest_first: bool = False) -> Sequence[ContainerInstance]:
        """Return the caller's servers; an admin's are all."""
        owner = None if user.is_admin else user.id
        async with self._database.transaction() as session:
            return await store.list_all(session, customer_id=owner, newest_first=newest_first)

    async def merge_payload(self, vmid: int, section: Section, patch: dict[str, Any]) -> None:
        """Merge a patch into ``payload.edge`` or ``payload.proxy``; only ``publishing`` calls this."""
        async with self._database.transaction() as session:
            await store.merge_payload(session, vmid, section, json.dumps(patch))

    async def change_edge(
        self,
        vmid: int,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        also: Callable[[AsyncSession], None] | None = None,
    ) -> dict[str, Any] | None:
        """Merge what ``change`` makes of ``payload.edge`` into it, while nobody else can; return the whole.

        ``also`` writes in the same transaction. None: there is no such row. Only ``publishing`` calls this.
        """
        async with self._database.transaction() as session:
            if also is not None:
                also(session)
            edge = await store.lock_section(session, vmid, "edge")
            if edge is None:
                return None
            patch = change(edge)
            if patch:
                await store.merge_payload(session, vmid, "edge", json.dumps(patch))
        return edge | patch


def parse_vmid(text: str | int) -> int | None:
    """Return the VMID a path names when it lies in our ranges, else None."""
    word = str(text)
    if not (word.isascii() and word.isdigit() and len(word) <= 9):  # noqa: PLR2004 - Proxmox's limit
        return None
    vmid = int(word)
    return vmid if is_ours(vmid) else None
