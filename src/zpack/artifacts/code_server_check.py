"""Proves that a prepared IDE really runs: starts it, asks its health, stops it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from pathlib import Path

_HOST = "127.0.0.1"
_START_SECONDS = 120
_STOP_SECONDS = 30
_PAUSE_SECONDS = 0.1
_TAIL = 2000


class IdeError(Exception):
    """A prepared IDE does not start, does not answer, or does not stop."""


async def check_code_server(release: Path, work: Path) -> None:
    """Run an IDE for a moment with `work` as its home; raises IdeError with the last it wrote."""
    work.mkdir()
    config = work / "config.yaml"
    config.write_text("auth: none\n", "utf-8")
    port = _free_port()
    said = work / "said.log"
    with said.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(str(release / "bin" / "code-server"), "--config", str(config), "--auth", "none"),
            *("--bind-addr", f"{_HOST}:{port}", "--disable-telemetry", "--disable-update-check", str(work)),
            cwd=work,
            env={"HOME": str(work), "PATH": "/usr/bin:/bin"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        async with asyncio.timeout(_START_SECONDS):
            await _answers(process, port)
        process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except (OSError, TimeoutError, IdeError) as error:
        tail = said.read_text("utf-8", "replace")[-_TAIL:]
        raise IdeError(f"code-server: {type(error).__name__}: {error}\n{tail}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(process: asyncio.subprocess.Process, port: int) -> None:
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"http://{_HOST}:{port}/healthz") as answer:
                    if answer.ok and "status" in await answer.json(content_type=None):
                        return
            except (aiohttp.ClientError, ValueError):
                pass
            await asyncio.sleep(_PAUSE_SECONDS)
    raise IdeError(f"it ended with {process.returncode}")


def _free_port() -> int:
    with socket.socket() as holder:
        holder.bind((_HOST, 0))
        return holder.getsockname()[1]
