"""Proves that a prepared engine really runs: starts it, pings it as a player's client would, stops it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

from mcstatus import JavaServer

if TYPE_CHECKING:
    from pathlib import Path

_READY = re.compile(r" on (\S+):(\d+), world ")
_START_SECONDS = 60
_STOP_SECONDS = 20
_HOST = "127.0.0.1"
_TAIL = 30


class EngineError(Exception):
    """A prepared engine does not start, does not answer, or does not stop."""


async def check_engine(node: Path, engine: Path, version: str, work: Path) -> None:
    """Run one version of an engine for a moment; raises EngineError with the last lines it wrote.

    Args:
        node: The Node.js to run it with.
        engine: The folder with server.js and node_modules.
        version: The Minecraft version.
        work: An empty folder for its world.
    """
    settings = {"host": _HOST, "port": 0, "version": version, "motd": "check", "maxPlayers": 1}
    (work / "settings.json").write_text(json.dumps(settings), "utf-8")
    process = await asyncio.create_subprocess_exec(
        str(node),
        str(engine / "server.js"),
        cwd=work,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    lines: list[str] = []
    try:
        async with asyncio.timeout(_START_SECONDS):
            port = await _ready_port(process, lines)
            status = await (JavaServer(_HOST, port, timeout=10)).async_status()
        if status.version.name != version:
            raise EngineError(f"flying-squid {version} answers as {status.version.name}")
        process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()
        if process.returncode != 0:
            raise EngineError(f"flying-squid {version} stopped with {process.returncode}")
    except (OSError, TimeoutError) as error:
        tail = "\n".join(lines[-_TAIL:])
        raise EngineError(f"flying-squid {version}: {type(error).__name__}: {error}\n{tail}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _ready_port(process: asyncio.subprocess.Process, lines: list[str]) -> int:
    if process.stdout is None:
        raise EngineError("the engine has no output")
    async for raw in process.stdout:
        lines.append(raw.decode("utf-8", "replace").rstrip())
        match = _READY.search(lines[-1])
        if match is not None:
            return int(match[2])
    raise EngineError("the engine ended before it was ready:\n" + "\n".join(lines[-_TAIL:]))
