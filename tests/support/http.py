"""A small HTTP caller for tests: status and body, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Caller:
    """Someone who calls the API, with or without a token."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base = base
        self.token = token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = aiohttp.ClientSession(headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> Reply:
        async with self._session.request(method, self.base + path, json=json, **more) as response:
            body = await response.json(content_type=None) if await response.read() else None
            return Reply(response.status, body, response.headers)

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> Reply:
        return await self.call("POST", path, json, **more)

    async def put(self, path: str, json: Any = None, **more: Any) -> Reply:
        return await self.call("PUT", path, json, **more)

    async def registered(self, name: str) -> Caller:
        """Register someone and return a caller with their token."""
        body = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
        reply = await self.post("/api/auth/register", body)
        assert reply.status == 201, reply
        return Caller(self.base, reply.body["token"])

    async def logged_in(self, name: str, password: str) -> Caller:
        """Log someone in and return a caller with their token."""
        reply = await self.post("/api/auth/login", {"identifier": name, "password": password})
        assert reply.status == 200, reply
        return Caller(self.base, reply.body["token"])
