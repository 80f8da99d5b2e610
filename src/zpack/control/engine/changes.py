"""Says that something changed, to every process that listens: Redis publish and subscribe.

A change carries no state, only what to look at again. So a lost or repeated one does no harm beyond a delay:
whoever listens reads the truth from the stores, and reads everything again after a gap.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from redis.exceptions import RedisError

from zpack.control.engine.backoff import pauses

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from redis.asyncio import Redis

log = logging.getLogger("zpack.changes")
CHANNEL = "zpack:changes"
Subject = Literal["server", "server-deleted", "operation", "ticket"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something of ``owner``'s changed. ``key`` is a VMID, or the id of an operation or a ticket."""

    subject: Subject
    key: str
    owner: str | None


class Changes:
    """Tells changes and listens to them."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def tell(self, *changes: Change) -> None:
        """Tell every listener. A store that is away loses them; its listeners read all again later."""
        await self.tell_all(changes)

    async def tell_all(self, changes: Iterable[Change]) -> None:
        """Tell many changes in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for change in changes:
            pipeline.publish(CHANNEL, json.dumps(asdict(change)))
        if not len(pipeline):
            return
        try:
            await pipeline.execute()
        except (RedisError, OSError) as failure:
            log.warning("changes were not told: %s", type(failure).__name__)

    async def listen(self) -> AsyncGenerator[Change | None]:
        """Yield changes for ever; None after every gap in which some may have been missed."""
        for pause in pauses(first=0.2, cap=3.0):
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(CHANNEL)
                    yield None
                    while True:
                        message = await subscription.get_message(timeout=5.0)
                        if message is not None and (change := _parsed(message.get("data"))) is not None:
                            yield change
            except (RedisError, OSError) as failure:
                log.warning("changes cannot be heard: %s", type(failure).__name__)
            await asyncio.sleep(pause)


def _parsed(data: object) -> Change | None:
    try:
        body = json.loads(str(data))
        change = Change(**body)
    except (ValueError, TypeError):
        return None
    return change if change.subject in get_args(Subject) else None
