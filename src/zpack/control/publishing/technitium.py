"""A zone at Technitium; what is ours says so in its comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.records import TTL, Held, Plan, Record, mark_of, owner_of, plain, srv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from zpack.control.outside.technitium import Technitium
    from zpack.control.publishing.names import Outcome

PROBE_ADDRESS = "192.0.2.1"
"""Of no network: an address that documentation may use."""


class TechnitiumZone:
    """Publishes record by record; an address is replaced in one step."""

    name = "technitium"

    def __init__(self, *, client: Technitium, zone: str) -> None:
        self._client = client
        self.zone = plain(zone)

    async def held(self, wanted: Mapping[str, frozenset[Record]]) -> list[Held]:
        """Return the whole zone: only so are services found that we no longer know of."""
        del wanted
        return await self.everything()

    async def everything(self) -> list[Held]:
        """Return the whole zone."""
        return [_held(row) for row in await self._client.records()]

    async def apply(self, plans: Sequence[Plan]) -> list[Outcome]:
        """Change one server after another; the first that nobody answers ends it for all that follow."""
        outcomes: list[Outcome] = []
        for plan in plans:
            lost = next((one for one in outcomes if one is not None and one.transient), None)
            outcomes.append(lost or await self._one(plan))
        return outcomes

    def calls(self, plan: Plan) -> list[str]:
        """Return the additions, then the removals."""
        put = [f"POST zones/records/add {one.name} {one.kind} {one.data} overwrite" for one in plan.add]
        gone = [one.record for one in _leftovers(plan)]
        return put + [f"POST zones/records/delete {one.name} {one.kind} {one.data}" for one in gone]

    async def check(self) -> None:
        """Try the token, the zone and the right to write, and change nothing."""
        await self._client.records(self.zone)
        await self._client.may_write(domain=f"_zpack-check.{self.zone}", data={"ipAddress": PROBE_ADDRESS})

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def _one(self, plan: Plan) -> Outcome:
        try:
            for record in plan.add:
                await self._client.replace(
                    domain=record.name,
                    kind=record.kind,
                    ttl=TTL,
                    comment=mark_of(plan.vmid),
                    data=_data(record),
                )
            for one in _leftovers(plan):
                await self._client.remove(
                    domain=one.record.name, kind=one.record.kind, data=_data(one.record)
                )
        except ForeignError as failure:
            return failure
        return None


def _leftovers(plan: Plan) -> list[Held]:
    """Return what a replacement of its whole set has not removed already."""
    replaced = {(one.name, one.kind) for one in plan.add}
    return [one for one in plan.remove if (one.record.name, one.record.kind) not in replaced]


def _data(record: Record) -> dict[str, str]:
    if record.kind == "SRV":
        return dict(zip(("priority", "weight", "port", "target"), record.data.split(), strict=True))
    return {"ipAddress": record.data}


def _held(row: Mapping[str, Any]) -> Held:
    data, owner = row["rData"], owner_of(row.get("comments"))
    if row["type"] == "SRV":
        try:
            text = srv(data["priority"], data["weight"], data["port"], str(data["target"]))
        except (KeyError, TypeError, ValueError):
            text, owner = str(data), None
    else:
        text = str(data.get("ipAddress") or data)
    return Held(
        record=Record(plain(row["name"]), row["type"], text),
        owner=owner,
        odd=row.get("ttl") != TTL or row.get("disabled") is True,
    )
