"""Delivers what is queued: by the first road that takes it, again later when none does, until it is too late.

A mail is claimed by a lease, so a worker that dies delays it and loses nothing. Before each road is taken its
name is noted: whoever finds a mail that may have been taken goes the same road again, which can tell (Resend,
by the key) or lets the reader's mailbox tell (SMTP, by the Message-ID).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.mail import store
from zpack.control.mail.letters import BadTemplate
from zpack.control.outside.mail import Mail, NotDelivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.db.session import Database
    from zpack.control.mail.letters import Letters
    from zpack.control.mail.models import Outcome, Queued
    from zpack.control.outside.mail import Road

log = logging.getLogger("zpack.mail")
AT_ONCE = 8
ROAD_SECONDS = 45.0
LEASE = timedelta(seconds=120)
"""Longer than all roads together may take."""
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=1)
MEMORY = timedelta(days=400)
"""For so long a key that was used is not used again."""


class Delivery:
    """The outbox' poller; any number of workers may run it."""

    def __init__(
        self,
        *,
        database: Database,
        letters: Letters,
        roads: Sequence[Road],
        sender: str,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._letters = letters
        self._roads = roads
        self._sender = sender
        self._lease = lease

    async def tick(self) -> None:
        """Deliver everything that is due."""
        while True:
            async with self._database.transaction() as session:
                mails = await store.claim(session, most=AT_ONCE, lease=self._lease)
            if not mails:
                return
            async with asyncio.TaskGroup() as group:
                for mail in mails:
                    group.create_task(self._deliver(mail), name=mail.id)

    async def forget(self) -> None:
        """Delete the memory of mails that ended long ago."""
        async with self._database.transaction() as session:
            await store.forget(session, MEMORY)

    async def _deliver(self, queued: Queued) -> None:
        if queued.is_hopeless:
            await self._end(queued, "given_up", "tried for too long")
            return
        try:
            mail = self._written(queued)
        except BadTemplate as failure:
            await self._end(queued, "refused", str(failure))
            return
        await self._carry(queued, mail)

    def _written(self, queued: Queued) -> Mail:
        letter = self._letters.render(queued.template, queued.facts)
        return Mail(
            id=queued.id,
            sender=self._sender,
            recipient=queued.recipient,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            created_at=queued.created_at,
            reply_to=queued.facts.get("reply_to"),
        )

    async def _carry(self, queued: Queued, mail: Mail) -> None:
        """Try one road after the other."""
        complaints: list[str] = []
        for road in sorted(self._roads, key=lambda road: road.name != queued.road):
            async with self._database.transaction() as session:
                if not await store.note_road(session, queued, road.name):
                    return
            try:
                await _send(road, mail)
            except NotDelivered as failure:
                complaints.append(f"{road.name}: {failure.message}")
                if failure.verdict == "never":
                    await self._end(queued, "refused", complaints[-1])
                    return
                if failure.verdict != "elsewhere":
                    kept = road.name if failure.verdict == "unknown" else None
                    await self._put_off(queued, complaints, road=kept)
                    return
            else:
                await self._end(queued, "sent", None)
                return
        await self._put_off(queued, complaints, road=None)

    async def _put_off(self, mail: Queued, complaints: list[str], *, road: str | None) -> None:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(mail.attempts - 1, 16))
        complaint = "; ".join(complaints)
        log.warning("%s waits for %d s: %s", _named(mail), pause.total_seconds(), complaint)
        async with self._database.transaction() as session:
            await store.put_off(session, mail, pause, complaint, road=road)

    async def _end(self, mail: Queued, outcome: Outcome, complaint: str | None) -> None:
        if outcome == "sent":
            log.info("%s was sent", _named(mail))
        else:
            log.error("%s will not be sent (%s): %s", _named(mail), outcome, complaint)
        async with self._database.transaction() as session:
            await store.end(session, mail, outcome, complaint)


async def _send(road: Road, mail: Mail) -> None:
    """Send by one road, in bounded time. Raises NotDelivered, whatever happens."""
    try:
        async with asyncio.timeout(ROAD_SECONDS):
            await road.send(mail)
    except TimeoutError as failure:
        raise NotDelivered("took too long", "unknown") from failure
    except NotDelivered:
        raise
    except Exception as failure:
        log.exception("the road %s is broken", road.name)
        raise NotDelivered(f"{type(failure).__name__}", "unknown") from failure


def _named(mail: Queued) -> str:
    """Return what the log may know about a mail."""
    return f"mail {mail.id} ({mail.template} for {mail.user_id or 'nobody we know'}, try {mail.attempts})"
