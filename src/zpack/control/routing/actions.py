"""What Traefik's HTTP provider is given: made from the rows, and made again only when they have changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from zpack.control.outside.traefik_words import closed_config, game_config, ide_config, merged
from zpack.control.routing import store
from zpack.control.routing.models import each_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.db.session import Database
    from zpack.control.outside.traefik_words import IdeHosts, Road
    from zpack.control.routing.models import PortRange

UNREAD = "nothing was read yet"


class Routing:
    """The whole dynamic configuration, IDE hosts and games."""

    def __init__(self, *, database: Database, ide: IdeHosts, ranges: Sequence[PortRange]) -> None:
        self._database = database
        self._ranges = ranges
        self._ide = ide
        self._mark: str | None = UNREAD
        self._made = b""

    async def configuration(self) -> bytes:
        """Return the document as JSON; Traefik asks every second or two, and mostly nothing has changed."""
        async with self._database.reading() as session:
            mark = await store.mark(session)
            if mark == self._mark:
                return self._made
            roads = await store.list_roads(session)
        made = await asyncio.to_thread(self._document, roads)
        # Of what was read, which may be younger than the mark we asked for.
        self._made, self._mark = made, store.mark_of(roads)
        return made

    def _document(self, roads: Sequence[Road]) -> bytes:
        closed = closed_config(roads, each_port(self._ranges))
        return orjson.dumps(merged(ide_config(self._ide), game_config(roads), closed))
