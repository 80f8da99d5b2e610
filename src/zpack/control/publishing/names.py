"""A DNS zone as a link: the part that Cloudflare, Technitium and RFC 2136 share.

What many servers ask for at the same time is looked up together and written together: providers count calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.errors import ForeignError
from zpack.control.engine.lots import Lots
from zpack.control.publishing.records import (
    TTL,
    Doors,
    Held,
    Plan,
    Record,
    fingerprint,
    fingerprints,
    host_of,
    plain,
    plan_of,
    told,
    wanted_records,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.publishing.models import Place

Outcome = ForeignError | None
LOT = 80
"""Servers of a lot. Each has at most a handful of records, and Cloudflare takes 200 of them in one call."""


class Zone(Protocol):
    """One zone at one DNS system."""

    name: str
    """The link's name."""
    zone: str

    async def held(self, wanted: Mapping[str, frozenset[Record]]) -> Sequence[Held]:
        """Return at least what it holds at and below these names. Raises ForeignError."""
        ...

    async def everything(self) -> Sequence[Held] | None:
        """Return all it holds, None when it does not tell. Raises ForeignError."""
        ...

    async def apply(self, plans: Sequence[Plan]) -> Sequence[Outcome]:
        """Make the changes; return what went wrong with each plan. Raises ForeignError of all of them."""
        ...

    def calls(self, plan: Plan) -> list[str]:
        """Return the changing calls of a plan, for people."""
        ...

    async def check(self) -> None:
        """Raise ForeignError unless the zone is there and we may write to it."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True)
class Wish:
    """What one server is to have; nothing: it is taken off."""

    fqdn: str
    vmid: int
    wanted: frozenset[Record]


class NamesLink:
    """Publishes servers' names in a zone."""

    def __init__(self, *, zone: Zone, domain: str, doors: Doors) -> None:
        self._zone = zone
        self._domain = plain(domain)
        self._doors = doors
        self._lots: Lots[Wish, Plan] = Lots(self._work, key=lambda wish: wish.fqdn, most=LOT)
        self.name = zone.name

    def wants(self, place: Place) -> bool:
        """Say whether a server has a name of its own; dev containers share a wildcard."""
        return place.ctype == "game"

    async def put(self, place: Place) -> dict[str, Any]:
        """Make the records of a place stand; return them. Raises ForeignError."""
        plan = await self._lots.do(self._wish(place, on=True))
        return {
            "zone": self._zone.zone,
            "ttl": TTL,
            "records": told(plan.wanted),
            "changed": len(plan.add) + len(plan.remove),
        }

    async def drop(self, place: Place) -> dict[str, Any]:
        """Remove every record of ours at and below a name, wherever it leads. Raises ForeignError."""
        plan = await self._lots.do(self._wish(place, on=False))
        return {"zone": self._zone.zone, "records": [], "removed": len(plan.remove)}

    async def listed(self) -> Mapping[str, str] | None:
        """Return what stands of ours. Raises ForeignError."""
        held = await self._zone.everything()
        return None if held is None else fingerprints(held, self._domain)

    def wanted(self, place: Place) -> str:
        """Return the records of a place, compared."""
        return fingerprint(plain(place.fqdn), wanted_records(place, self._doors))

    async def rehearse(self, place: Place, *, on: bool) -> list[str]:
        """Look, and return the calls that would change something. Raises ForeignError."""
        wish = self._wish(place, on=on)
        (plan,) = await self._plans([wish])
        _free(plan)
        return self._zone.calls(plan)

    async def check(self) -> None:
        """Raise ForeignError unless the zone is there and may be written."""
        await self._zone.check()

    async def close(self) -> None:
        """Break off and close connections."""
        await self._lots.close()
        await self._zone.close()

    def _wish(self, place: Place, *, on: bool) -> Wish:
        fqdn = plain(place.fqdn)
        if not fqdn.endswith(f".{self._zone.zone}"):
            raise ForeignError(f"{fqdn} is not in the zone {self._zone.zone}", transient=False)
        return Wish(fqdn, place.vmid, wanted_records(place, self._doors) if on else frozenset())

    async def _plans(self, wishes: Sequence[Wish]) -> list[Plan]:
        below: dict[str, list[Held]] = {wish.fqdn: [] for wish in wishes}
        for one in await self._zone.held({wish.fqdn: wish.wanted for wish in wishes}):
            if (found := below.get(host_of(one.record.name))) is not None:
                found.append(one)
        return [plan_of(wish.fqdn, wish.vmid, wish.wanted, below[wish.fqdn]) for wish in wishes]

    async def _work(self, wishes: Sequence[Wish]) -> Sequence[Plan | Exception]:
        """Plan all together and change what may be changed."""
        plans = await self._plans(wishes)
        outcomes: dict[str, Plan | Exception] = {}
        for plan in plans:
            try:
                _free(plan)
            except ForeignError as failure:
                outcomes[plan.fqdn] = failure
        free = [plan for plan in plans if plan.fqdn not in outcomes]
        failures = await self._zone.apply(free) if free else []
        outcomes |= {plan.fqdn: failure or plan for plan, failure in zip(free, failures, strict=True)}
        return [outcomes[wish.fqdn] for wish in wishes]


def _free(plan: Plan) -> None:
    """Raise ForeignError when the name is somebody else's."""
    if plan.strangers:
        first = told(plan.strangers)[0][:200]
        raise ForeignError(f"the name exists and is not ours: {first}", transient=False)
