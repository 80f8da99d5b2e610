"""Takes a body into a file: written beside its target as it flows, in place when it is whole."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from zpack.agent.files.conditions import Condition
from zpack.agent.files.multipart import FilePart, boundary_of
from zpack.agent.files.quota import BLOCK
from zpack.agent.files.transfers import Transfers, to_end
from zpack.agent.problems import TooLarge
from zpack.agent.rooted.paths import Exists

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from zpack.agent.files.actions import Files
    from zpack.agent.files.beside import Beside
    from zpack.agent.files.place import Place
    from zpack.wire.agent import FileFacts


class Incoming:
    """Overwriting and uploading."""

    def __init__(self, *, files: Files, transfers: Transfers) -> None:
        self._files = files
        self._transfers = transfers
        self.changing = asyncio.Lock()
        """Held while something is changed: what was checked before is still so."""

    async def write(self, place: Place, path: str, request: web.Request) -> tuple[FileFacts, bool]:
        """Overwrite a file with the body; return it and whether it is new. Raises refusals.

        ``If-Match`` and ``If-None-Match`` are compared before the body is taken, and just before it counts.
        """
        place.policy.writable(path)
        limit, data = place.policy.write_bytes, self._transfers.pieces(request)
        condition = Condition.of(request.headers)
        return await self._receive(place, path, request, limit=limit, data=data, condition=condition)

    async def upload(
        self, place: Place, path: str, request: web.Request, *, overwrite: bool
    ) -> tuple[FileFacts, bool]:
        """Take the file of a multipart body; return it and whether it is new. Raises refusals."""
        limit = place.policy.upload_limit(path)
        part = FilePart(boundary_of(request.headers.get("Content-Type", "")))
        data = _only_file(part, self._transfers.pieces(request))
        return await self._receive(
            place, path, request, limit=limit, data=data, replace=overwrite, uploaded=True
        )

    async def _receive(
        self,
        place: Place,
        path: str,
        request: web.Request,
        *,
        limit: int,
        data: AsyncIterator[bytes],
        replace: bool = True,
        uploaded: bool = False,
        condition: Condition = Condition(),  # noqa: B008 - it is frozen
    ) -> tuple[FileFacts, bool]:
        with self._transfers.one(), contextlib.ExitStack() as held:
            if request.content_length is not None and not uploaded:
                _check(request.content_length, limit)
            root = held.enter_context(place.open())
            beside = held.enter_context(self._files.beside(place, root, path))
            old = beside.target()
            if old and not replace:
                raise Exists("it exists already")
            condition.check(old)
            await place.quota.measure(place.folder, limit=place.quota_bytes)
            spent = held.enter_context(_Spent(place))
            async for piece in data:
                _check(beside.size + len(piece), limit)
                spent.take(len(piece))
                await to_end(beside.write, piece)
            async with self.changing:
                condition.check(beside.target())
                await to_end(self._finish, place, path, beside, replace=replace, uploaded=uploaded)
                spent.keep(replaced=old.st_blocks * BLOCK if old else 0)
                return await to_end(self._files.facts, place, root, path), old is None

    def _finish(self, place: Place, path: str, beside: Beside, *, replace: bool, uploaded: bool) -> None:
        if not uploaded:
            self._files.keep_shadow(place, beside.root, path)
        beside.commit(replace=replace)
        if uploaded:
            self._files.uploaded(place, beside.root, path)


class _Spent:
    """What one transfer took of the quota; given back unless it is kept."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._taken = 0

    def take(self, size: int) -> None:
        self._place.quota.take(size, limit=self._place.quota_bytes)
        self._taken += size

    def keep(self, *, replaced: int) -> None:
        self._taken = replaced

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._place.quota.give_back(self._taken)


def _check(size: int, limit: int) -> None:
    if size > limit:
        msg = f"at most {limit} bytes are taken for this file"
        raise TooLarge(msg)


async def _only_file(part: FilePart, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        for data in part.feed(piece):
            yield data
    part.finish()
