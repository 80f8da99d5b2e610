"""Webhooks: every event to every endpoint that wants it, signed, at least once, again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import logging
import random
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from zpack.simulate.stripe.resources.events import DESTINATION, ENDPOINT
from zpack.simulate.stripe.signature import signature
from zpack.simulate.stripe.store import new_id
from zpack.simulate.stripe.thin import thin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

log = logging.getLogger("zpack.simulate.stripe")
KIND = "_delivery"
HISTORY = 5000
MOST_OPEN = 20_000
LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Target:
    """Where events go, and in which form."""

    id: str
    url: str
    wanted: list[str]
    thin: bool

    def wants(self, kind: str) -> bool:
        """Say whether it is subscribed to a type of event."""
        name = f"v1.{kind}" if self.thin else kind
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.wanted)


class Deliveries:
    """Hands events to their endpoints in order, until ``close``; the store keeps what is left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = random.Random(0)  # noqa: S311 - mischief, not secrets
        self._wake = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._open: dict[str, Body] = {}
        self._by_event: dict[str, list[Body]] = {}
        for row in world.store.all(KIND):
            self._remember(row)
        world.listeners.append(self.take)

    def start(self) -> None:
        """Begin to deliver."""
        timeout = aiohttp.ClientTimeout(total=self._world.settings.delivery_timeout)
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "Stripe/1.0"})
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End. What is left is delivered after the next start, when the state is kept."""
        if self._task:
            for task in (self._task, *self._busy.values()):
                task.cancel()
            await asyncio.gather(self._task, *self._busy.values(), return_exceptions=True)
        if self._session:
            await self._session.close()

    def take(self, event: Body) -> None:
        """Note who is to get an event."""
        for target in self._targets():
            if target.wants(event["type"]):
                self._note(event, target)
        self._count(event)
        self._wake.set()

    def release(self) -> int:
        """Deliver what is held, and try again at once what failed. Return how many that is."""
        failed = [row for row in self._world.store.all(KIND) if row["state"] == "failed"]
        rows = [*failed, *self._open.values()]
        shuffled = [row for row in rows if row["shuffled"]]
        self._random.shuffle(shuffled)
        self._open.clear()
        for row in [*shuffled, *(row for row in rows if not row["shuffled"])]:
            row["state"], row["at"], row["attempts"] = "waiting", 0.0, 0
            self._open[row["id"]] = self._world.store.put(row, kind=KIND)
        self._wake.set()
        return len(rows)

    def again(self, event: Body) -> None:
        """Deliver an event once more to everybody who wants it."""
        self.take(event)

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        return len(self._open)

    def rows(self) -> list[Body]:
        """Return every delivery that is known, oldest first, without bodies or secrets."""
        return list(self._world.store.all(KIND))

    def _note(self, event: Body, target: Target) -> None:
        faults = self._world.faults
        if faults.take(event["type"], target="delivery", acts=("drop",)):
            self._put(event, target, state="dropped")
            return
        hold = faults.take(event["type"], target="delivery", acts=("hold", "shuffle"))
        again = faults.take(event["type"], target="delivery", acts=("duplicate",))
        for _ in range(2 if again else 1):
            shuffled = bool(hold and hold.do == "shuffle")
            self._put(event, target, state="held" if hold else "waiting", shuffled=shuffled)

    def _put(self, event: Body, target: Target, *, state: str, shuffled: bool = False) -> None:
        row: Body = {
            "id": new_id("dl"),
            "event": event["id"],
            "type": event["type"],
            "endpoint": target.id,
            "state": state,
            "shuffled": shuffled,
            "attempts": 0,
            "status": None,
            "at": 0.0,
        }
        self._remember(self._world.store.put(row, kind=KIND))

    def _remember(self, row: Body) -> None:
        self._by_event.setdefault(row["event"], []).append(row)
        if row["state"] in {"waiting", "held"}:
            self._open[row["id"]] = row
        while len(self._open) > MOST_OPEN:
            self._close_row(next(iter(self._open.values())), "failed")

    def _targets(self) -> Iterator[Target]:
        for row in self._world.store.all(ENDPOINT):
            if row["status"] == "enabled":
                yield Target(row["id"], row["url"], row["enabled_events"], thin=False)
        for row in self._world.store.all(DESTINATION):
            if row["status"] == "enabled":
                url = row["webhook_endpoint"]["url"]
                yield Target(row["id"], url, row["enabled_events"], thin=row["event_payload"] == "thin")

    async def _run(self) -> None:
        """Give each endpoint that has something due a task of its own: none waits for another."""
        while True:
            self._wake.clear()
            try:
                self._forget()
                self._world.store.flush()
            except sqlite3.Error:
                log.exception("the state could not be kept")
            targets = {target.id: target for target in self._targets()}
            for ident, rows in self._due().items():
                if ident not in self._busy:
                    self._busy[ident] = asyncio.create_task(self._hand_over(targets.get(ident), rows))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wake.wait()

    def _due(self) -> dict[str, list[Body]]:
        now = time.time()
        due: dict[str, list[Body]] = {}
        for row in self._open.values():
            if row["state"] == "waiting" and row["at"] <= now:
                due.setdefault(row["endpoint"], []).append(row)
        return due

    def _pause(self) -> float:
        rows = (row for row in self._open.values() if row["endpoint"] not in self._busy)
        ahead = (row["at"] - time.time() for row in rows if row["state"] == "waiting")
        return max(0.01, min([LONGEST_PAUSE, *ahead]))

    async def _hand_over(self, target: Target | None, rows: list[Body]) -> None:
        """Hand an endpoint its events one after another."""
        try:
            for row in rows:
                event = self._world.store.find("event", row["event"])
                if target is None or event is None:
                    self._close_row(row, "dropped")
                    continue
                row["status"] = await self._post(target, event)
                row["attempts"] += 1
                self._settle(row)
                self._count(event)
        except Exception:
            log.exception("deliveries to one endpoint broke off")
        finally:
            self._busy.pop(rows[0]["endpoint"], None)
            self._wake.set()

    async def _post(self, target: Target, event: Body) -> int | None:
        """Send one event; return the status of the answer, or None when there was none."""
        if self._session is None:
            return None
        body = json.dumps(thin(event) if target.thin else event, indent=2).encode()
        secrets = self._world.store.peek(target.id).get("secrets", [])
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, secrets, int(time.time())),
        }
        try:
            async with self._session.post(
                target.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as failure:
            log.warning("%s to %s: %s", event["type"], target.id, type(failure).__name__)
            return None

    def _settle(self, row: Body) -> None:
        pauses = self._world.settings.delivery_seconds
        if row["status"] is not None and 200 <= row["status"] < 300:  # noqa: PLR2004 - HTTP
            self._close_row(row, "delivered")
        elif row["attempts"] > len(pauses):
            self._close_row(row, "failed")
        else:
            row["at"] = time.time() + pauses[row["attempts"] - 1]
            self._world.store.put(row, kind=KIND)

    def _close_row(self, row: Body, state: str) -> None:
        row["state"] = state
        self._open.pop(row["id"], None)
        self._world.store.put(row, kind=KIND)

    def _count(self, event: Body) -> None:
        mine = self._by_event.get(event["id"], [])
        event["pending_webhooks"] = sum(row["state"] != "delivered" for row in mine)
        self._world.store.put(event)

    def _forget(self) -> None:
        """Forget the oldest deliveries that are done."""
        if self._world.store.size(KIND) <= HISTORY + len(self._open):
            return
        rows = list(self._world.store.all(KIND))
        done = [row for row in rows if row["id"] not in self._open]
        for row in done[: max(0, len(done) - HISTORY)]:
            self._world.store.drop(KIND, row["id"])
            self._by_event.pop(row["event"], None)
