"""A platform on which everything that somebody else may word is worded to hurt: what people, agents and mods say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from sqlalchemy import text, update

from tests.data.hostile_texts import ALL_AT_ONCE, HOSTILE_TEXTS, as_file_name
from tests.portal.operator.conftest import begin
from tests.portal.server.conftest import api, extra, hers, hint, modrinth, others, world
from zpack.control.audit.store import record
from zpack.control.db.tables import LoginSession, User
from zpack.wire.console import PROTOCOLS

if TYPE_CHECKING:
    from tests.portal.operator.conftest import Begin
    from tests.portal.server.conftest import Hers
    from tests.support.modrinth import ModrinthServer
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database

__all__ = ["api", "begin", "extra", "hers", "hint", "modrinth", "others", "world"]
NAMES = sorted({name for words in HOSTILE_TEXTS if (name := as_file_name(words))})
NOW = "2026-11-25T20:00:00Z"
ID = "20261125T200000Z-0a1b2c3d"
LIMITS = dict.fromkeys(("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer"))
SHORT = '"><svg/onload=alert(1)>\u202e'
REFUSED = {"error": "path_rejected", "message": ALL_AT_ONCE}


@dataclass(frozen=True)
class Stage:
    """Names for addresses: what was made of each kind."""

    ann: str
    ticket: str
    announcement: str
    key: str
    failed: str
    running: str


def hostile_agent(hers: Hers) -> None:
    """Let every agent say nothing that is not hostile."""
    entries = [
        {"name": name, "path": f"mods/{name}", "type": "file", "size": 7, "modified": NOW} for name in NAMES
    ]
    facts = {
        "path": "mods/x",
        "type": "file",
        "size": 7,
        "modified": NOW,
        "source": "user",
        "hasShadow": True,
    }
    mods = [
        {"id": name, "name": words, "enabled": True, "sizeBytes": 7}
        for name, words in zip(NAMES, HOSTILE_TEXTS, strict=False)
    ]
    one = {"createdAt": NOW, "sizeBytes": 7, "type": "manual", "version": ALL_AT_ONCE}
    backups = [one | {"id": f"{ID}{n:03}", "label": words} for n, words in enumerate(HOSTILE_TEXTS)]
    failed = {
        "type": "restore",
        "state": "failed",
        "startedAt": NOW,
        "error": {"code": SHORT, "message": ALL_AT_ONCE},
    }
    content = "\n".join(HOSTILE_TEXTS)
    hers.says("/game/files/list", {"path": "mods", "entries": entries, "truncated": False})
    hers.says("/game/files/stat", facts)
    hers.says("/game/files/read", {"path": "mods/x", "content": content, "size": 7, "modified": NOW})
    hers.says("/game/files/upload", REFUSED, 403)
    hers.says("/game/mods", {"mods": mods})
    hers.says("/game/backups", {"backups": backups, "operation": failed})
    hers.says("/console/log", {"lines": [{"seq": 1, "line": content}], "next": 1, "lost": False})
    hers.says("/game/players", {"online": 3, "max": 9, "players": [*HOSTILE_TEXTS], "motd": ALL_AT_ONCE})
    hers.says("/status", {"state": "running", "ready": True, "readyError": ALL_AT_ONCE, "error": ALL_AT_ONCE})
    hers.says("/version", {"version": SHORT})
    hers.world.scripts.console = _console


async def _console(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    await socket.prepare(request)
    for seq, words in enumerate((*HOSTILE_TEXTS, "the last line"), 1):
        await socket.send_str(json.dumps({"seq": seq, "line": words}))
    async for _ in socket:
        pass
    return socket


@pytest.fixture
async def stage(
    ann: Visitor, root: Visitor, hers: Hers, *, modrinth: ModrinthServer, database: Database, begin: Begin
) -> Stage:
    """Everything that is stored, hostile."""
    assert ann.api is not None
    assert root.api is not None
    hostile_agent(hers)
    for n, words in enumerate(HOSTILE_TEXTS):
        modrinth.add(f"mod-{n}", title=words, description=words, author=words, icon_url=words)
    me = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    told = {"title": ALL_AT_ONCE, "text": f"{ALL_AT_ONCE}\n\n" + "\n\n".join(HOSTILE_TEXTS), "level": "info"}
    announced = await root.api.post("/api/admin/announcements", told)
    asked = {"subject": ALL_AT_ONCE, "message": "\n".join(HOSTILE_TEXTS)}
    ticket = await ann.api.post("/api/support/create", asked)
    key = await ann.api.post("/api/auth/keys", {"name": ALL_AT_ONCE, "scopes": ["account"]})
    plan = {
        "name": ALL_AT_ONCE,
        "description": "\n".join(HOSTILE_TEXTS)[:400],
        "priceCents": 0,
        "limits": LIMITS,
    }
    assert (await root.api.post("/api/admin/plans", {"id": "strange"} | plan)).status == 201
    failed = await begin(me, error={"code": SHORT, "message": ALL_AT_ONCE})
    running = await begin(me, vmid=5001)
    async with database.transaction() as session:
        await session.execute(
            update(User)
            .where(User.id == me)
            .values(display_name=SHORT, first_name=ALL_AT_ONCE, last_name=ALL_AT_ONCE)
        )
        await session.execute(update(LoginSession).values(user_agent=ALL_AT_ONCE, address=SHORT))
        await session.execute(text('update instances set payload = payload || \'{"variant": "fabric"}\''))
        for words in HOSTILE_TEXTS:
            record(
                session, "game.start", actor=me, vmid=5000, label=words.replace("\0", ""), **{SHORT: words}
            )
    await hers.world.look()
    return Stage(
        me,
        ticket.body["ticket"]["id"],
        str(announced.body["announcement"]["id"]),
        key.body["id"],
        failed,
        running,
    )
