"""The name that a person gives a server, for people only: host names, DNS and the edge know nothing of it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from zpack.control.audit.store import record
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import Refusal
from zpack.control.instances import store
from zpack.control.instances.actions import ServerMissing

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.instances.actions import Instances

LONGEST = 50
"""In code points, as they are kept."""
RAW_LONGEST = 4 * LONGEST
"""What is longer before it is normalised is not looked at: normalising takes time."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what cannot be seen, or turns what is seen around."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What Unicode counts as letters, marks and signs, and shows as nothing."""


class BadName(Refusal):
    """The name is empty, too long, or has something in it that cannot be seen."""

    code = "invalid_display_name"

    def __init__(self, message: str) -> None:
        super().__init__(message, details={"field": "displayName"})


def checked_name(text: str) -> str:
    """Return a name as it is kept: trimmed, and composed (NFC). Raises BadName."""
    trimmed = text.strip()
    name = unicodedata.normalize("NFC", trimmed[: RAW_LONGEST + 1]).strip()
    if len(trimmed) > RAW_LONGEST or len(name) > LONGEST:
        raise BadName(f"A name has at most {LONGEST} characters.")
    if any(unicodedata.category(char) in HIDDEN or char in BLANK for char in name):
        raise BadName("A name must not have characters in it that cannot be seen.")
    if not any(unicodedata.category(char)[0] in "LNPS" for char in name):
        raise BadName("A name must have something in it that can be seen.")
    return name


class Naming:
    """Gives servers their names."""

    def __init__(self, *, database: Database, instances: Instances, changes: Changes) -> None:
        self._database = database
        self._instances = instances
        self._changes = changes

    async def rename(self, user: User, server_id: str, wanted: str | None) -> None:
        """Give a server a name, or take it away. Raises ServerMissing, BadName."""
        vmid = (await self._instances.owned(user, server_id)).vmid
        name = None if wanted is None else checked_name(wanted)
        async with self._database.transaction() as session:
            row = await store.find(session, vmid, lock=True)
            if row is None:
                raise ServerMissing("There is no such server.")
            before, owner = row.display_name, row.customer_id
            if name == before:
                return
            await store.update_instance(session, vmid, display_name=name)
            record(session, "instance.rename", actor=user.id, vmid=vmid, displayName=name, before=before)
        await self._changes.tell(Change("server", str(vmid), owner))
