"""A console in the terminal: lines come by long poll, what is typed goes line by line."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from zpack.cli.output import emit
from zpack.client import servers

if TYPE_CHECKING:
    from zpack.client.http import Connection

WAIT_SECONDS = 20.0
ANSWER_SECONDS = 2.0


async def converse(connection: Connection, server: str, *, command: str | None, as_json: bool) -> None:
    """Show the console until the input ends; with ``command`` type one line and show what follows."""
    if command is not None:
        before = await servers.console(connection, server, after=0, wait=0)
        await servers.command(connection, server, command)
        found = await servers.console(connection, server, after=before["next"], wait=ANSWER_SECONDS)
        emit(found) if as_json else _show(found["lines"])
        return
    reading = asyncio.create_task(_read(connection, server))
    typing = asyncio.create_task(_type(connection, server))
    done, pending = await asyncio.wait({reading, typing}, return_when=asyncio.FIRST_COMPLETED)
    if reading in pending and not sys.stdin.isatty():  # a pipe ends before its answers have come
        await asyncio.wait({reading}, timeout=ANSWER_SECONDS)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _read(connection: Connection, server: str) -> None:
    after = 0
    while True:
        found = await servers.console(connection, server, after=after, wait=WAIT_SECONDS)
        if found["lost"] and after:
            sys.stdout.write("… lines were lost …\n")
        _show(found["lines"])
        after = found["next"]


async def _type(connection: Connection, server: str) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        text = line.decode(errors="replace").strip()
        if text:
            await servers.command(connection, server, text)


def _show(lines: list[dict[str, object]]) -> None:
    """Print lines without the control characters a game may send."""
    for line in lines:
        text = "".join(c for c in str(line["line"]) if c.isprintable() or c == "\t")
        sys.stdout.write(text + "\n")
    sys.stdout.flush()
