"""The name that a person gives a server, for people only: host names, DNS and the edge know nothing of it."""

from __future__ import annotations

import re
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


PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3"
    "\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705"
    "\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757"
    "\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f"
    "\U0001f18e\U0001f191-\U0001f19a\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a"
    "\U0001f249-\U0001f3fa\U0001f400-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f7d5-\U0001f7ff"
    "\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001faff]"
)
"""Unicode's Extended_Pictographic, of which Python knows nothing."""
ELEMENT = f"{PICTOGRAPH}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?"
JOINED = re.compile(f"{ELEMENT}(?:\u200d{ELEMENT})+")
"""Emoji made of several, such as a family (UTS #51, ED-16): the one place where a joiner is seen."""


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
    if any(unicodedata.category(char) in HIDDEN or char in BLANK for char in JOINED.sub("", name)):
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
