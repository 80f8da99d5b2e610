"""``zpack servers console``: over the socket, across lost ways, and as a terminal for a dev container's shell."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import WSMsgType, web
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TICKETS = "/api/servers/5000/console/ticket"


class Consoles:
    """An API with one console: says what each visit is to say, then closes as it is told."""

    def __init__(self, category: str = "GAME") -> None:
        self.category = category
        self.visits: deque[tuple[list[dict[str, Any]], int, str]] = deque()
        self.after: list[str] = []
        self.typed: list[dict[str, Any]] = []
        self.tickets = 0
        self.base = ""

    async def status(self, _: web.Request) -> web.Response:
        return web.json_response({"id": "5000", "category": self.category})

    async def ticket(self, _: web.Request) -> web.Response:
        self.tickets += 1
        return web.json_response({"ticket": f"t{self.tickets}", "expiresIn": 30})

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        assert request.query["ticket"] == f"t{self.tickets}"
        self.after.append(request.query["after"])
        socket = web.WebSocketResponse(protocols=("zpack.console.v1",))
        await socket.prepare(request)
        said, code, reason = self.visits.popleft()
        await socket.send_str("\n".join(json.dumps(each) for each in said))
        if not code:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.typed.append(json.loads(message.data))
        await socket.close(code=code or 1000, message=reason.encode())
        return socket


@pytest.fixture
async def consoles() -> AsyncIterator[Consoles]:
    made = Consoles()
    app = web.Application()
    app.router.add_get("/api/servers/5000/status", made.status)
    app.router.add_post(TICKETS, made.ticket)
    app.router.add_get("/api/servers/5000/console/stream", made.stream)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def command(consoles: Consoles, folder: Path) -> tuple[list[str], dict[str, str]]:
    words = [sys.executable, "-m", "zpack", "servers", "console", "5000", "--token", "t"]
    environment = {"PATH": os.environ["PATH"], "ZPACK_API": consoles.base, "ZPACK_CONFIG_DIR": str(folder)}
    return words, environment | {"COLUMNS": "100", "LINES": "30"}


async def ran(consoles: Consoles, folder: Path, *, typed: bytes | None = None) -> tuple[int, str, str]:
    """Run the command until it ends, its input left open unless ``typed`` is all of it."""
    words, environment = command(consoles, folder)
    process = await asyncio.create_subprocess_exec(
        *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    if typed is not None:
        process.stdin.write(typed)
        process.stdin.close()
    async with asyncio.timeout(60):
        out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
        return await process.wait(), out.decode(), err.decode()


def lines(first: int, last: int) -> list[dict[str, Any]]:
    return [{"seq": n, "line": f"line {n}"} for n in range(first, last + 1)]


async def test_lines_are_shown_until_the_console_ends(consoles: Consoles, tmp_path: Path) -> None:
    consoles.visits.append((lines(1, 3), 1000, "console_ended"))
    status, out, _ = await ran(consoles, tmp_path)
    assert (status, out.split("\n")) == (0, ["line 1", "line 2", "line 3", ""])


async def test_a_lost_way_loses_and_doubles_no_line(consoles: Consoles, tmp_path: Path) -> None:
    consoles.visits.append((lines(1, 2), 1012, "agent_restarting"))
    consoles.visits.append((lines(3, 4), 1011, "agent_lost"))
    consoles.visits.append((lines(5, 5), 1000, "console_ended"))
    _, out, _ = await ran(consoles, tmp_path)
    assert [int(word) for word in out.replace("line", "").split()] == [1, 2, 3, 4, 5]
    assert consoles.after == ["0", "2", "4"]
    assert consoles.tickets == 3


async def test_a_right_that_ended_is_said_and_not_asked_again(consoles: Consoles, tmp_path: Path) -> None:
    consoles.visits.append(([], 4403, "access_revoked"))
    status, _, err = await ran(consoles, tmp_path)
    assert status != 0
    assert "access_revoked" in err
    assert consoles.tickets == 1


async def test_what_is_piped_in_is_typed_line_by_line(consoles: Consoles, tmp_path: Path) -> None:
    consoles.visits.append(([], 0, ""))
    status, _, err = await ran(consoles, tmp_path, typed=b"say one\n\n  say two\n")
    assert status == 0, err
    assert consoles.typed == [{"input": "say one\n"}, {"input": "say two\n"}]


async def test_a_file_is_typed_too(consoles: Consoles, tmp_path: Path) -> None:
    consoles.visits.append(([], 0, ""))
    (tmp_path / "commands.txt").write_text("say from a file")
    words, environment = command(consoles, tmp_path)
    with (tmp_path / "commands.txt").open("rb") as file:
        process = await asyncio.create_subprocess_exec(*words, stdin=file, env=environment)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert consoles.typed == [{"input": "say from a file\n"}]


async def test_a_games_control_characters_do_not_reach_the_terminal(
    consoles: Consoles, tmp_path: Path
) -> None:
    hostile = "\x1b]0;owned\x07hello\x1b[2J\x9b1m"
    consoles.visits.append(([{"seq": 1, "line": hostile}], 1000, "console_ended"))
    _, out, _ = await ran(consoles, tmp_path)
    assert out == "]0;ownedhello[2J1m\n"


async def test_a_shell_gets_keys_and_the_terminals_size(consoles: Consoles, tmp_path: Path) -> None:
    consoles.category = "DEV"
    consoles.visits.append(([{"seq": 1, "line": "\x1b[32mdev\x1b[0m$ "}], 0, ""))
    words, environment = command(consoles, tmp_path)
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *words, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdout
    try:
        assert await process.stdout.readexactly(14) == b"\x1b[32mdev\x1b[0m$ "
        await eventually(lambda: {"resize": {"cols": 100, "rows": 30}} in consoles.typed)
        os.write(ours, b"\x03")
        await eventually(lambda: {"input": "\x03"} in consoles.typed)
        os.write(ours, b"\x1d")
        assert await asyncio.wait_for(process.wait(), 120) == 0
    finally:
        os.close(ours)
        os.close(theirs)
