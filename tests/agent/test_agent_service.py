"""Under systemd: a mere restart leaves the game running, the system's end stops it properly."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import agent_beside, alive

from zpack.agent.runtime.family import marked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import StoreServer


@pytest.mark.parametrize(("system", "goes_on"), [("running", True), ("degraded", True), ("stopping", False)])
async def test_sigterm_leaves_the_game_unless_the_system_ends(
    tmp_path: Path, store: StoreServer, system: str, goes_on: bool
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").write_text(f"#!/bin/sh\necho {system}\n")
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    changes = {
        "ZLH_AGENT_LEAVE_WORKLOAD": "1",
        "ZLH_AGENT_KEEP_WORKLOAD": "1",
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
    }
    async with agent_beside(tmp_path, store, **changes) as client:
        await client.run()
        before = marked(f"ZPACK_GAME_OF={tmp_path / 'home'}")
        client.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(client.process.wait(), 60) == 0
        assert {alive(pid) for pid in before} == {goes_on}
    if goes_on:
        async with agent_beside(tmp_path, store, **changes | {"ZLH_AGENT_LEAVE_WORKLOAD": "0"}) as client:
            assert (await client.reaches("running"))["crashCount"] == 0
            assert marked(f"ZPACK_GAME_OF={tmp_path / 'home'}") == before
    assert goes_on or not marked(f"ZPACK_GAME_OF={tmp_path / 'home'}")
