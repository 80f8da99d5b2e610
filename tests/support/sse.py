"""A reader of server-sent events (WHATWG HTML §9.2) that shares nothing with the writer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable


class Listener:
    """One open stream. Enter it to connect."""

    def __init__(self, base_url: str, token: str) -> None:
        self._url = f"{base_url}/api/events"
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=None)
        )
        self.heard: list[tuple[str, Any]] = []

    async def __aenter__(self) -> Self:
        self._response = await self._session.get(self._url)
        assert self._response.status == 200, await self._response.text()
        assert self._response.content_type == "text/event-stream"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._response.close()
        await self._session.close()

    async def next(self) -> tuple[str, Any] | None:
        """Return the next event's name and parsed data; None when the stream has ended."""
        name, data = "message", []
        while line := await self._response.content.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif not field and data:
                found = (name, json.loads("\n".join(data)))
                self.heard.append(found)
                return found
        return None

    async def until(self, wanted: Callable[[str, Any], bool], *, seconds: float = 30.0) -> Any:
        """Return the data of the first event that is ``wanted``."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.next()
                assert found is not None, f"the stream ended after {self.heard}"
                if wanted(*found):
                    return found[1]

    async def named(self, name: str, *, seconds: float = 30.0) -> Any:
        """Return the data of the next event of this name."""
        return await self.until(lambda found, _: found == name, seconds=seconds)
