"""Texts that strangers choose, on the pages of the account, of support and of operators: shown, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data.hostile_texts import HOSTILE_TEXTS
from tests.support.hostile_pages import intrusions

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

GROUPS = [HOSTILE_TEXTS[at : at + 12] for at in range(0, len(HOSTILE_TEXTS), 12)]
PUBLIC = ["/", "/dashboard"]
STAFF = ["/admin/announcements", "/admin/support", "/admin/users", "/admin/audit", "/admin/plans"]


async def intruded(visitor: Visitor, paths: list[str]) -> list[str]:
    """Return what is on these pages that none of our templates wrote."""
    return [f"{path}: {found}" for path in paths for found in intrusions(await visitor.get(path))]


@pytest.mark.parametrize("texts", GROUPS, ids=lambda texts: texts[0][:20])
async def test_what_strangers_write_is_shown_and_does_nothing(
    ann: Visitor, root: Visitor, texts: tuple[str, ...]
) -> None:
    assert ann.api is not None
    assert root.api is not None
    for text in texts:
        await root.api.post("/api/admin/announcements", {"title": text[:100], "text": text, "level": "info"})
    told = "\n".join(texts)[:4000]
    asked = {"name": texts[0][:80], "email": "ann@example.org", "subject": texts[1][:100], "message": told}
    await ann.api.post("/api/support/create", asked)
    await ann.api.call("PATCH", "/api/auth/me", {"firstName": texts[2][:60], "displayName": texts[3][:30]})
    await ann.api.post("/api/auth/keys", {"name": texts[4][:60], "scopes": ["account"]})
    limits = dict.fromkeys(("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer"))
    plan = {
        "id": "strange",
        "name": texts[5][:60],
        "description": told[:400],
        "priceCents": 0,
        "limits": limits,
    }
    await root.api.post("/api/admin/plans", plan)
    tickets = (await ann.api.get("/api/support/tickets")).body["tickets"]
    own = [*PUBLIC, "/profile", "/profile/keys", "/profile/activity", "/support/tickets", "/billing"]
    own += [f"/support/tickets/{ticket['id']}" for ticket in tickets]
    assert await intruded(ann, own) == []
    assert await intruded(root, STAFF) == []
