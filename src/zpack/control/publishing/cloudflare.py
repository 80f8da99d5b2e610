"""A zone at Cloudflare; what is ours says so in its comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.cloudflare import BATCH, STALE, CloudflareError
from zpack.control.publishing.records import (
    TTL,
    Held,
    Plan,
    Record,
    host_of,
    mark_of,
    owner_of,
    plain,
    plan_of,
    srv,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zpack.control.outside.cloudflare import Cloudflare
    from zpack.control.publishing.names import Outcome

WRITE = "#dns_records:edit"


class CloudflareZone:
    """Publishes with two calls, whether for one server or for dozens: one look, one batch."""

    name = "cloudflare"

    def __init__(self, *, client: Cloudflare, zone: str) -> None:
        self._client = client
        self.zone = plain(zone)

    async def held(self, wanted: Mapping[str, frozenset[Record]]) -> list[Held]:
        """Look for few names one by one, for many in the whole zone: whatever is fewer calls."""
        if len(wanted) > self._client.pages:
            return await self.everything()
        return [_held(row) for fqdn in wanted for row in await self._client.records(ending=fqdn)]

    async def everything(self) -> list[Held]:
        """Return the whole zone."""
        return [_held(row) for row in await self._client.records()]

    async def apply(self, plans: Sequence[Plan]) -> list[Outcome]:
        """Make the changes in as few batches as they fit in."""
        outcomes: dict[str, Outcome] = {}
        for lot in _lots([plan for plan in plans if not plan.idle]):
            outcomes |= await self._together(lot)
        return [outcomes.get(plan.fqdn) for plan in plans]

    def calls(self, plan: Plan) -> list[str]:
        """Return the one batch."""
        return [] if plan.idle else [f"POST /zones/{self.zone}/dns_records/batch {_changes(plan)}"]

    async def check(self) -> None:
        """Look whether the token may read the zone's records, and what the zone says it may do."""
        await self._client.records(ending=self.zone)
        try:
            zone = await self._client.zone()
        except CloudflareError:
            return  # a token for records only may not read their zone
        if plain(str(zone.get("name"))) != self.zone:
            raise ForeignError(f"the zone's id belongs to {zone.get('name')!s:.80}", transient=False)
        allowed = zone.get("permissions")
        if isinstance(allowed, list) and allowed and WRITE not in allowed:
            raise ForeignError(f"the token may not write records of {self.zone}", transient=False)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def _together(self, lot: Sequence[Plan]) -> dict[str, Outcome]:
        """Make one batch. When it is refused each plan is tried alone: one must not spoil the others."""
        try:
            await self._client.batch(**_batch(lot))
        except CloudflareError as failure:
            if failure.transient or failure.status in {401, 403}:
                return {plan.fqdn: failure for plan in lot}
            return {plan.fqdn: await self._alone(plan) for plan in lot}
        except ForeignError as failure:
            return {plan.fqdn: failure for plan in lot}
        return {plan.fqdn: None for plan in lot}

    async def _alone(self, plan: Plan) -> Outcome:
        """Make one plan's changes; what came into being or went since we looked is compared anew, once."""
        try:
            try:
                await self._client.batch(**_batch([plan]))
            except CloudflareError as failure:
                if not failure.codes & STALE:
                    raise
                seen = await self.held({plan.fqdn: plan.wanted})
                below = [one for one in seen if host_of(one.record.name) == plan.fqdn]
                anew = plan_of(plan.fqdn, plan.vmid, plan.wanted, below)
                if anew.strangers:
                    raise
                if not anew.idle:
                    await self._client.batch(**_batch([anew]))
        except ForeignError as failure:
            return failure
        return None


def _lots(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """Yield plans whose changes fit in one batch; a single one that does not is still one."""
    lot: list[Plan] = []
    size = 0
    for plan in plans:
        changes = len(plan.add) + len(plan.remove)
        if lot and size + changes > BATCH:
            yield lot
            lot, size = [], 0
        lot.append(plan)
        size += changes
    if lot:
        yield lot


def _batch(plans: Sequence[Plan]) -> dict[str, list[dict[str, Any]]]:
    """Return the batch; what changes only its content keeps its id."""
    found: dict[str, list[dict[str, Any]]] = {"deletes": [], "patches": [], "posts": []}
    for plan in plans:
        spare = list(plan.remove)
        for record in plan.add:
            body = _body(record, plan.vmid)
            same = next(
                (o for o in spare if (o.record.name, o.record.kind) == (record.name, record.kind)), None
            )
            if same is None:
                found["posts"].append(body)
            else:
                spare.remove(same)
                found["patches"].append({"id": same.ident, **body})
        found["deletes"] += [{"id": one.ident} for one in spare]
    return found


def _changes(plan: Plan) -> str:
    return ", ".join(f"{name}: {rows}" for name, rows in _batch([plan]).items() if rows)


def _body(record: Record, vmid: int) -> dict[str, Any]:
    body: dict[str, Any] = {"type": record.kind, "name": record.name, "ttl": TTL, "comment": mark_of(vmid)}
    if record.kind == "SRV":
        priority, weight, port, target = record.data.split()
        numbers = {"priority": int(priority), "weight": int(weight), "port": int(port)}
        return {**body, "data": {**numbers, "target": target}}
    return {**body, "content": record.data, "proxied": False}


def _held(row: Mapping[str, Any]) -> Held:
    text, data, owner = str(row.get("content") or ""), row.get("data"), owner_of(row.get("comment"))
    if row["type"] == "SRV" and isinstance(data, dict):
        try:
            text = srv(data.get("priority"), data.get("weight"), data.get("port"), str(data.get("target")))
        except (TypeError, ValueError):
            text, owner = str(data), None
    return Held(
        record=Record(plain(row["name"]), row["type"], text),
        owner=owner,
        ident=row["id"],
        odd=row.get("ttl") != TTL or row.get("proxied") is True,
    )
