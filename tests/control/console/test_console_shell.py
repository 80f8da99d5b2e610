"""A dev container's shell through the API: a real shell behind the agent's own socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.control.console.test_console_rights import look
from zpack.agent.console.shell import Account, Shells
from zpack.agent.console.stream import Stream
from zpack.agent.console.talks import ShellTalk
from zpack.agent.runtime.family import Orphans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from tests.control.provisioning.world import World
    from tests.support.http import Caller


@pytest.fixture
async def hers(world: World, ann: Caller, tmp_path: Path) -> AsyncIterator[World]:
    """Ann has a dev container."""
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    async with world.clients.database.transaction() as session:
        await session.execute(text("update instances set ctype = 'dev'"))
    around = {"PATH": os.environ["PATH"], "SHELL": "/bin/bash", "TERM": "xterm-256color"}
    account = Account(None, tmp_path, around)
    shells = Shells(orphans=Orphans(), account=lambda: account, linger_seconds=10)

    async def serve(request: web.Request) -> web.StreamResponse:
        async with shells.attached() as shell:
            after = int(request.query["after"])
            return await Stream(talk=ShellTalk(shell), after=after).serve(request)

    world.scripts.console = serve
    yield world
    await shells.close()


async def test_keys_reach_the_shell_and_it_is_there_after_a_break(hers: World, ann: Caller) -> None:
    path = "/api/servers/5000/console/stream"
    async with look(ann, path) as viewer:
        await viewer.ask(resize={"cols": 99, "rows": 22})
        await viewer.ask(input="word=kept; stty si")
        await viewer.ask(input="ze; echo fir''st\n")
        await viewer.until("first")
    assert "22 99" in "".join(viewer.lines)
    async with look(ann, f"{path}?after={viewer.last}") as again:
        await again.ask(input="echo it was $word\n")
        await again.until("it was kept")
    assert again.seqs[0] == viewer.last + 1
    async with hers.clients.database.transaction() as session:
        actions = list(await session.scalars(text("select action from audit_log order by id")))
    assert actions.count("console.open") == 2
    assert "console.command" not in actions


async def test_its_end_is_told_through_the_api(hers: World, ann: Caller) -> None:
    assert hers
    async with look(ann) as viewer:
        await viewer.ask(input="exit\n")
        assert await viewer.end() == (1000, "console_ended")
