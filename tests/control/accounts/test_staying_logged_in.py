"""The command line against the real API: a refresh token is good once, and several commands share it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.cli.conftest import Zpack
from tests.support.http import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.http import Caller


async def test_commands_at_once_renew_once(ann: Caller, tmp_path: Path) -> None:
    zpack, file = Zpack(ann.base, tmp_path), tmp_path / "login.json"
    assert (await zpack("login", "--identifier", "ann", ZPACK_PASSWORD=PASSWORD)).status == 0
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "token": "expired"}))
    ran = await asyncio.gather(*(zpack("servers", "list") for _ in range(3)))
    assert [each.status for each in ran] == [0, 0, 0]
    entries = (await ann.get("/api/audit?action=session.refresh")).body["entries"]
    assert len(entries) == 1
    assert (await zpack("logout")).status == 0
    assert len((await ann.get("/api/auth/sessions")).body["sessions"]) == 1
