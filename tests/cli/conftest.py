"""The command line as a process, against a small API with the documented shapes."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STATUS_URL = "/api/operations/op_1"


@dataclass
class Counterpart:
    """Answers what a test puts into ``answers`` (the last one stays), and remembers what was asked."""

    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    base: str = ""

    def says(self, method: str, path: str, *answers: tuple[int, Any]) -> None:
        self.answers[method, path] = list(answers)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if await request.read() else None
        self.asked.append((request.method, request.path, body, dict(request.headers)))
        queue = self.answers.get((request.method, request.path))
        missing = (404, {"error": "server_not_found", "message": "There is no such server."})
        status, found = missing if queue is None else queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(found, str):
            return web.Response(status=status, text=found)
        return web.json_response(found, status=status)


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


class Zpack:
    """``zpack`` in a shell of its own."""

    def __init__(self, api: str, config: Path) -> None:
        self.config = config
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": str(config), "ZPACK_API": api,
            "ZPACK_CONFIG_DIR": str(config), "COLUMNS": "200",
        }  # fmt: skip

    async def __call__(self, *words: str, **environment: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "zpack", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=self._environment | environment,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 120)
        return Ran(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def api() -> AsyncIterator[Counterpart]:
    """Run the counterpart."""
    counterpart = Counterpart()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", counterpart.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    counterpart.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield counterpart
    await runner.cleanup()


@pytest.fixture
def zpack(api: Counterpart, tmp_path: Path) -> Zpack:
    """Return the command."""
    return Zpack(api.base, tmp_path)
