"""Shows a server's time line to its owner; of staff the owner learns that it was staff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.activity import store
from zpack.control.activity.models import place_of, shown
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.accounts.models import User
    from zpack.control.activity.models import ActivityQuery, Entry
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.instances.actions import Instances

AHEAD = timedelta(days=1)
"""The first page begins here: a clock that is ahead hides nothing."""
STAFF = {"id": "staff", "name": "Staff"}
PLATFORM = "system:"


class BadPlace(Refusal):
    """``before`` is not the ``next`` of any page."""

    code = "invalid_cursor"


class Activity:
    """The time lines."""

    def __init__(self, *, database: Database, instances: Instances) -> None:
        self._database = database
        self._instances = instances

    async def of(self, user: User, server_id: str, query: ActivityQuery) -> dict[str, Any]:
        """Return a page of a server's time line, the newest first. Raises ServerMissing, BadPlace."""
        row = await self._instances.owned(user, server_id)
        place = (datetime.now(UTC) + AHEAD, "") if query.before is None else place_of(query.before)
        if place is None:
            raise BadPlace("before must be the next of the page before.")
        async with self._database.reading() as session:
            birth = await store.find_birth(session, row.vmid) or (None, row.created_at)
            found = await store.page(session, row.vmid, birth=birth, before=place, limit=query.limit)
            beginners = await _beginners(session, row.vmid, found)
            names = await accounts.names_of(session, {name for name in beginners.values() if name})
        more = found[-1].place if len(found) == query.limit else None
        entries = [_view(entry, _actor(user, beginners[entry.key], names)) for entry in found]
        return {"entries": entries, "next": more}


async def _beginners(session: AsyncSession, vmid: int, found: Sequence[Entry]) -> dict[str, str | None]:
    """Return who is behind each entry."""
    operations = {entry.key: str(entry.detail["operation"]) for entry in found if entry.kind == "operation"}
    begun = await store.find_beginners(session, vmid, operations.values())
    return {entry.key: entry.actor or begun.get(operations.get(entry.key, "")) for entry in found}


def _actor(viewer: User, actor: str | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    if actor is None:
        return None
    if actor.startswith(PLATFORM):
        return {"id": actor, "name": "zpack"}
    if viewer.is_admin or actor == viewer.id:
        return {"id": actor, "name": names.get(actor)}
    return STAFF


def _view(entry: Entry, actor: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": entry.key,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "action": entry.action,
        "text": entry.text,
        "actor": actor,
        "status": entry.status,
        "detail": shown(entry.detail),
    }
