"""What a real node answered, replayed against ours: status, reason phrase, headers and body."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.localpve.conftest import TEMPLATE, TOKEN, settled

if TYPE_CHECKING:
    from zpack.localpve.node import Node

GOLDEN = sorted((Path(__file__).parent.parent / "contracts" / "proxmox").glob("*.json"))


@pytest.fixture
async def cast(node: Node, server: str) -> str:
    """100 runs, 101 is locked, 102 is stopped, 9000 is the template."""
    for vmid in (100, 101, 102):
        node.clone(TEMPLATE, {"newid": str(vmid)})
        await settled(node)
    await node.start(100)
    await settled(node)
    node._locks[101] = "disk"
    return server


def shaped(body: Any) -> Any:
    """Replace the parts of a UPID that differ each time."""
    if isinstance(body, dict) and isinstance(body.get("data"), str):
        return {**body, "data": re.sub(r":[0-9A-F]{8}", ":{HEX}", body["data"])}
    return body


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
async def test_replay(cast: str, path: Path) -> None:
    golden = json.loads(path.read_text())
    asked, wanted = golden["request"], golden["answer"]
    token = asked.get("token", TOKEN)
    headers = {"Authorization": f"PVEAPIToken={token}"} if token else {}
    silent = ["Content-Type"] if "content_type" in asked and asked["content_type"] is None else []
    if asked.get("content_type"):
        headers["Content-Type"] = asked["content_type"]
    data = asked.get("form") or asked.get("raw")
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            asked["method"],
            cast + asked["path"],
            data=data,
            json=asked.get("json"),
            headers=headers,
            skip_auto_headers=silent,
        ) as reply,
    ):
        assert (reply.status, reply.reason) == (wanted["status"], wanted["reason"])
        for name, value in wanted["headers"].items():
            assert reply.headers[name] == value
        assert not [name for name in wanted.get("absent", ()) if name in reply.headers]
        text = await reply.text()
    if "body" in wanted:
        assert shaped(json.loads(text)) == wanted["body"]
    else:
        assert text == wanted.get("text", "")
