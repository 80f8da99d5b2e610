"""A console in the terminal: a game's line by line, a dev container's shell key by key."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import shutil
import signal
import stat
import sys
import termios
import tty
from typing import TYPE_CHECKING

from zpack.cli.output import emit
from zpack.client import servers
from zpack.client.console import Console

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from zpack.client.http import Connection
    from zpack.wire.console import Said

ANSWER_SECONDS = 2.0
LEAVE = b"\x1d"
"""Ctrl-], as in telnet: a shell needs every other key itself."""
KEYS_AT_ONCE = 4096


async def converse(connection: Connection, server: str, *, command: str | None, as_json: bool) -> None:
    """Show the console until the input ends; with ``command`` type one line and show what follows."""
    if command is not None:
        before = await servers.console(connection, server, after=0, wait=0)
        await servers.command(connection, server, command)
        found = await servers.console(connection, server, after=before["next"], wait=ANSWER_SECONDS)
        emit(found) if as_json else _show_all(found["lines"])
        return
    shell = (await servers.status(connection, server)).get("category") == "DEV"
    console = Console(connection, server)
    if shell and sys.stdin.isatty():
        sys.stderr.write("Ctrl-] leaves.\r\n")
        with _raw_terminal(), _resizes(console):
            await _together(_show_until_end(console, _write), _type_keys(console))
        return
    show = _write if shell else _show
    await _together(_show_until_end(console, show), _type_lines(console))


async def _together(reading: Awaitable[None], typing: Awaitable[None]) -> None:
    """Read and type until either ends."""
    terminal = sys.stdin.isatty()  # asked now: reading to its end closes it
    reader, typist = asyncio.ensure_future(reading), asyncio.ensure_future(typing)
    done, pending = await asyncio.wait({reader, typist}, return_when=asyncio.FIRST_COMPLETED)
    if reader in pending and not terminal:  # a pipe ends before its answers have come
        await asyncio.wait({reader}, timeout=ANSWER_SECONDS)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _show_until_end(console: Console, show: Callable[[str], None]) -> None:
    async for said in console.said():
        _show_one(said, show)


def _show_one(said: Said, show: Callable[[str], None]) -> None:
    if said.get("lost"):
        sys.stderr.write("… lines were lost …\r\n")
    if "error" in said:
        sys.stderr.write(f"{said.get('message') or said['error']}\r\n")
    if "line" in said:
        show(said["line"])


async def _type_lines(console: Console) -> None:
    reader = await _stdin()
    while line := await reader.readline():
        text = line.decode(errors="replace").strip()
        if text:
            await console.ask({"input": text + "\n"})


async def _type_keys(console: Console) -> None:
    reader, text = await _stdin(), codecs.getincrementaldecoder("utf-8")("replace")
    while keys := await reader.read(KEYS_AT_ONCE):
        before, left, _ = keys.partition(LEAVE)
        if typed := text.decode(before):
            await console.ask({"input": typed})
        if left:
            return


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):  # which no event loop waits for
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
        return reader
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


@contextlib.contextmanager
def _raw_terminal() -> Generator[None]:
    """Have every key reach the shell, and the terminal as before afterwards."""
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resizes(console: Console) -> Generator[None]:
    """Tell the shell the terminal's size, now and whenever it changes."""
    loop = asyncio.get_running_loop()
    telling: set[asyncio.Task[None]] = set()

    def tell() -> None:
        size = shutil.get_terminal_size()
        task = loop.create_task(console.ask({"resize": {"cols": size.columns, "rows": size.lines}}))
        telling.add(task)
        task.add_done_callback(telling.discard)

    tell()
    loop.add_signal_handler(signal.SIGWINCH, tell)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        for task in telling:
            task.cancel()


def _write(text: str) -> None:
    """Print what a shell writes: its terminal is this one."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _show(line: str) -> None:
    """Print a line without the control characters a game may send."""
    sys.stdout.write("".join(c for c in line if c.isprintable() or c == "\t") + "\n")
    sys.stdout.flush()


def _show_all(lines: list[dict[str, object]]) -> None:
    for line in lines:
        _show(str(line["line"]))
