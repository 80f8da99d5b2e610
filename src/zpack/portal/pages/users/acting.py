"""What can be done about an account, and which call does it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from zpack.portal.api import Api

ROLES = {"promote": "admin", "demote": "user"}
EXEMPTIONS = {"exempt": True, "charge": False}
HOLDING = ("suspend", "unsuspend")
"""What servers feel."""
ACTIONS = (*HOLDING, *ROLES, *EXEMPTIONS)


async def act(api: Api, user_id: str, action: str, reason: str) -> None:
    """Do one of the actions. Raises Problem."""
    who = quote(user_id, safe="")
    if action in ROLES:
        await api.patch(f"/api/admin/users/{who}", {"role": ROLES[action]})
    elif action in EXEMPTIONS:
        await api.put(f"/api/admin/billing/{who}/exempt", {"exempt": EXEMPTIONS[action]})
    elif action == "suspend":
        await api.post(f"/api/admin/users/{who}/suspend", {"reason": reason})
    else:
        await api.post(f"/api/admin/users/{who}/unsuspend")
