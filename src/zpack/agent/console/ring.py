"""The last lines of a console, numbered, bounded in lines and bytes: old ones are lost, aloud.

While a workload runs, its keeper numbers the lines, the agent's own notes among them, so that the numbers go
on over the agent's restart.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.wire.agent import ConsoleLog

# CSI, OSC and single-character escape sequences: the ring holds text, a terminal's viewer is another room's.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])?")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
MAX_ANSWER_LINES = 500


def clean_line(text: str) -> str:
    """Return a line without escape sequences and control characters other than the tab."""
    return CONTROLS.sub("", ESCAPES.sub("", text))


class ConsoleRing:
    """Lines with sequence numbers from 1; readers wait for news, writers never wait."""

    def __init__(
        self,
        *,
        max_lines: int = 2000,
        max_bytes: int = 256 * 1024,
        clean: Callable[[str], str] = clean_line,
    ) -> None:
        self._clean = clean
        self._note: Callable[[str], None] | None = None
        self._lines: deque[str] = deque()
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._bytes = 0
        self._last = 0
        self._news = asyncio.Event()
        self._closed = False

    @property
    def last(self) -> int:
        """The newest line's number; 0 before the first."""
        return self._last

    def append(self, line: str) -> None:
        """Add one line, through the keeper while there is one."""
        if self._note is None:
            self._add([line])
        else:
            self._note(line)

    def extend(self, first: int, lines: list[str]) -> None:
        """Add lines that are numbered from ``first`` already; a gap makes everything older lost."""
        if first <= self._last:
            lines = lines[self._last + 1 - first :]
        elif first > self._last + 1:
            self._lines.clear()
            self._bytes = 0
            self._last = first - 1
        self._add(lines)

    def lend(self, note: Callable[[str], None] | None) -> None:
        """Let a keeper number what is appended from now on; with None, do it here again."""
        self._note = note

    def _add(self, lines: list[str]) -> None:
        for line in lines:
            text = self._clean(line)
            self._lines.append(text)
            self._last += 1
            self._bytes += _size(text)
        while len(self._lines) > self._max_lines or self._bytes > self._max_bytes:
            self._bytes -= _size(self._lines.popleft())
        if lines:
            self._wake()

    def after(self, seq: int) -> ConsoleLog:
        """Return lines newer than ``seq``; one beyond our newest is another life's, and starts over."""
        lost = seq > self._last
        seq = 0 if lost else seq
        first = self._last - len(self._lines) + 1
        lost = lost or seq + 1 < first
        begin = max(seq + 1, first)
        end = min(self._last, begin + MAX_ANSWER_LINES - 1)
        window = [self._lines[number - first] for number in range(begin, end + 1)]
        lines = [{"seq": begin + at, "line": text} for at, text in enumerate(window)]
        return {"lines": lines, "next": max(end, seq), "lost": lost}  # pyright: ignore[reportReturnType]

    async def wait_after(self, seq: int, *, seconds: float) -> ConsoleLog:
        """Return lines newer than ``seq`` as soon as there are any, or what there is after ``seconds``."""
        if seconds > 0 and seq == self._last and not self._closed:
            news = self._news
            try:
                async with asyncio.timeout(seconds):
                    await news.wait()
            except TimeoutError:
                pass
        return self.after(seq)

    def tail(self, *, since: int, lines: int, width: int) -> list[str]:
        """Return at most the newest ``lines`` after ``since``, each cut to ``width``."""
        count = min(lines, self._last - since, len(self._lines))
        return [self._lines[-n][:width] for n in range(count, 0, -1)]

    def close(self) -> None:
        """Let every waiting reader go."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _size(text: str) -> int:
    return len(text.encode(errors="replace")) + 1
