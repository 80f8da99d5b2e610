"""A connection to Redis that packs its commands in C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hiredis
from redis.asyncio.connection import Connection

if TYPE_CHECKING:
    from redis.typing import EncodableT


class PackingConnection(Connection):
    """redis-py's TCP connection, which packs with hiredis only when it is not asyncio's.

    A list of 1,000 servers sends 4,000 arguments; packed in Python they cost as much as all else of it.
    """

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Pack one command in the Redis serialization protocol. Raises TypeError for what is not text."""
        name = args[0].encode() if isinstance(args[0], str) else bytes(args[0])  # pyright: ignore[reportArgumentType]
        return [hiredis.pack_command((*name.split(), *args[1:]))]  # pyright: ignore[reportArgumentType]
