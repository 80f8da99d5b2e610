"""What is left of a transfer that never ended: the old file or the new one, and nothing beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.files.world import arrange, files_agent, form, get, put, snapshot, temporary, upload
from tests.support.waiting import eventually

from zpack.agent.files.leftovers import Leftovers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client

MIB = 1024 * 1024
FORM_HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.jar"\r\n\r\n'


class Gate:
    """A body that stops in its middle until it is let through, or cut."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.opened = asyncio.Event()

    async def __aiter__(self) -> Any:
        half = len(self._content) // 2
        yield self._content[:half]
        await self.opened.wait()
        yield self._content[half:]


async def begun(agent: Client) -> None:
    """Wait until an unfinished file is there."""
    await eventually(lambda: temporary(agent.root), what="an unfinished file")


@pytest.mark.parametrize(
    ("method", "query", "size"),
    [
        ("PUT", "?path=server.properties", 900_000),
        ("POST", "/upload?path=mods/old.jar&overwrite=true", 3 * MIB),
    ],
)
async def test_a_killed_agent_leaves_the_old_file_and_the_next_one_tidies(
    tmp_path: Path, method: str, query: str, size: int
) -> None:
    before = snapshot(arrange(tmp_path))
    async with files_agent(tmp_path, beside=True) as agent:
        gate = Gate(os.urandom(size))
        body: Any = gate if method == "PUT" else form(gate.__aiter__())
        call = asyncio.create_task(agent.call(method, f"/game/files{query}", data=body))
        await begun(agent)
        agent.process.send_signal(signal.SIGKILL)
        with contextlib.suppress(Exception):
            await call
        await agent.process.wait()
        gate.opened.set()
    assert len(temporary(tmp_path)) == 2  # the file and its note: nobody was left to remove them
    async with files_agent(tmp_path, beside=True) as agent:
        assert temporary(tmp_path) == []
        assert snapshot(agent.folder) == before


async def test_an_agent_killed_at_any_moment_leaves_old_or_new(tmp_path: Path) -> None:
    folder = arrange(tmp_path)
    new = b"motd=new\n" * 50_000
    for moment in range(4):
        (folder / "server.properties").write_text("motd=mine\n")
        async with files_agent(tmp_path, beside=True) as agent:
            call = asyncio.create_task(put(agent, "server.properties", new))
            for _ in range(moment * moment * 3):
                await asyncio.sleep(0.001)
            agent.process.send_signal(signal.SIGKILL)
            with contextlib.suppress(Exception):
                await call
            await agent.process.wait()
        assert (folder / "server.properties").read_bytes() in {b"motd=mine\n", new}
    async with files_agent(tmp_path, beside=True):
        assert temporary(tmp_path) == []


def test_leftovers_follow_no_link_and_no_damaged_note(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "victim").write_text("mine")
    leftovers = Leftovers(folder=tmp_path / "notes")
    leftovers.remove()
    (tmp_path / "root" / "link").symlink_to("..")
    (tmp_path / "notes" / ".zlh-tmp-1").write_text(f'{{"root": "{tmp_path}/root", "path": "link/victim"}}')
    (tmp_path / "notes" / ".zlh-tmp-2").write_text(f'{{"root": "{tmp_path}/root", "path": "../victim"}}')
    (tmp_path / "notes" / ".zlh-tmp-3").write_text("{{{")
    assert leftovers.remove() == 0
    assert (tmp_path / "victim").read_text() == "mine"
    assert list((tmp_path / "notes").iterdir()) == []


async def raw(agent: Client, head: str, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = agent.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n".encode())
    writer.write(body)
    await writer.drain()
    return reader, writer


POST = "POST /game/files/upload?path=mods/x.jar HTTP/1.1"


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
async def test_a_client_that_goes_away_leaves_nothing(agent: Client, framing: str) -> None:
    body = FORM_HEAD + b"x" * 1000
    sent = body if "Length" in framing else b"%x\r\n%s\r\n" % (len(body), body)
    _, writer = await raw(agent, POST, f"{framing}\r\n\r\n".encode() + sent)
    await begun(agent)
    writer.close()
    await eventually(lambda: not temporary(agent.home.parent), what="the end of the unfinished file")
    assert not (agent.folder / "mods" / "x.jar").exists()


@pytest.mark.parametrize(
    "tail", [b"", b"\r\n", b"\r\n--b", b"\r\n--b\r\n"], ids=["cut", "newline", "no-end", "another"]
)
async def test_a_body_that_ends_too_early_is_not_stored(agent: Client, tail: bytes) -> None:
    body = FORM_HEAD + b"content" + tail
    reader, writer = await raw(agent, POST, b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert b" 400 " in await reader.readline()
    writer.close()
    assert not (agent.folder / "mods" / "x.jar").exists()
    assert temporary(agent.home.parent) == []


async def test_a_length_that_lies_short_stores_what_it_says_or_nothing(agent: Client) -> None:
    body = FORM_HEAD + b"content\r\n--b--\r\n"
    reader, writer = await raw(agent, POST, b"Content-Length: %d\r\n\r\n" % (len(body) - 9) + body)
    assert b" 400 " in await reader.readline()
    writer.close()
    assert not (agent.folder / "mods" / "x.jar").exists()


@pytest.mark.parametrize("limits", [{"IDLE_SECONDS": "0.3"}, {"SECONDS": "0.6"}], ids=["idle", "whole"])
async def test_a_body_that_drips_is_given_up(tmp_path: Path, limits: dict[str, str]) -> None:
    changes = {f"ZLH_AGENT_TRANSFER_{name}": value for name, value in limits.items()}

    async def drip() -> Any:
        yield b"x"
        while "SECONDS" in limits:
            await asyncio.sleep(0.05)
            yield b"x"
        await asyncio.Event().wait()

    async with files_agent(tmp_path, **changes) as agent:
        code, body = await agent.call("POST", "/game/files/upload?path=mods/x.jar", data=form(drip()))
        assert (code, body["error"]) == (408, "body_too_slow")
        assert temporary(tmp_path) == []


async def test_a_quota_holds_while_bytes_flow(tmp_path: Path) -> None:
    async with files_agent(tmp_path, payload={"disk_mb": 4}) as agent:
        assert (await upload(agent, "mods/a.jar", b"x" * (2 * MIB)))[0] == 201
        code, body = await upload(agent, "mods/b.jar", b"x" * (3 * MIB))
        assert (code, body["error"]) == (507, "quota_exceeded")
        assert not (agent.folder / "mods" / "b.jar").exists()
        assert temporary(tmp_path) == []
        assert (await upload(agent, "mods/a.jar", b"x" * MIB, overwrite="true"))[0] == 200
        assert (await upload(agent, "mods/b.jar", b"x" * (2 * MIB)))[0] == 201


async def test_two_uploads_cannot_both_take_the_last_of_a_quota(tmp_path: Path) -> None:
    async with files_agent(tmp_path, ZLH_AGENT_DISK_QUOTA_MIB="5") as agent:
        answers = await asyncio.gather(*(upload(agent, f"mods/{n}.jar", b"x" * (2 * MIB)) for n in range(4)))
        assert sorted(code for code, _ in answers) in ([201, 201, 507, 507], [201, 507, 507, 507], [507] * 4)
        assert sum(f.stat().st_size for f in (agent.folder / "mods").iterdir()) <= 5 * MIB


async def test_a_full_quota_still_lets_people_read_and_remove(tmp_path: Path) -> None:
    async with files_agent(tmp_path, payload={"disk_mb": 1}) as agent:
        (agent.folder / "logs" / "big.log").write_bytes(b"x" * (2 * MIB))
        assert (await put(agent, "server.properties"))[1]["error"] == "quota_exceeded"
        assert (await get(agent, "read", "server.properties"))[0] == 200
        assert (await agent.call("DELETE", "/game/files?path=logs/big.log"))[0] == 200
        assert (await put(agent, "server.properties"))[0] == 200
