"""A zone at a DNS server that takes dynamic updates; a register beside each name says what is ours.

The register is a TXT record at ``_zpack.<name>``: our mark, then each of our records in a string of its own.
Records that it does not name are a stranger's, also in the same set. Register and records change in one
message, on the condition that the register is as it was read: two of us cannot undo each other.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.rfc2136 import Update
from zpack.control.publishing.records import (
    OURS,
    REGISTER,
    TTL,
    Held,
    Plan,
    Record,
    host_of,
    mark_of,
    owner_of,
    plain,
    srv,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zpack.control.outside.rfc2136 import Connection, Rfc2136, Row
    from zpack.control.publishing.names import Outcome

CHECK = "_zpack-check"
TOGETHER = 20
"""Names of one message; it may have 64 KiB."""


class Rfc2136Zone:
    """Publishes with one update, whether for one server or for a score."""

    name = "rfc2136"

    def __init__(self, *, client: Rfc2136, zone: str) -> None:
        self._client = client
        self.zone = plain(zone)

    async def held(self, wanted: Mapping[str, frozenset[Record]]) -> list[Held]:
        """Ask for each name's register, and for what it names or what is wanted."""
        rows: list[Row] = []
        async with self._client.connected() as connection:
            for fqdn, records in wanted.items():
                rows += await _below(connection, fqdn, records)
        return _held(rows)

    async def everything(self) -> list[Held] | None:
        """Return the whole zone, if its server gives it to us."""
        rows = await self._client.transfer()
        return None if rows is None else _held(rows)

    async def apply(self, plans: Sequence[Plan]) -> list[Outcome]:
        """Send the changes of several names in one message, and of each alone when that is refused."""
        outcomes: dict[str, Outcome] = {}
        async with self._client.connected() as connection:
            for first in range(0, len(plans), TOGETHER):
                outcomes |= await _together(connection, plans[first : first + TOGETHER])
        return [outcomes[plan.fqdn] for plan in plans]

    def calls(self, plan: Plan) -> list[str]:
        """Return the one message."""
        change = _update(plan)
        if change is None:
            return []
        parts = [f"delete {' '.join(row)}" for row in change.delete]
        parts += [f"add {name} {kind} {text}" for name, kind, _, text in change.add]
        return [f"UPDATE {self.zone}: {', '.join(parts)}"]

    async def check(self) -> None:
        """Ask for the zone's beginning, and delete a record that does not exist."""
        async with self._client.connected() as connection:
            if not await connection.ask(self.zone, "SOA"):
                raise ForeignError(f"the DNS server has no zone {self.zone}", transient=False)
            nothing = (f"{REGISTER}.{CHECK}.{self.zone}", "TXT", f'"{mark_of(0)}"')
            await connection.update(Update(delete=[nothing]))

    async def close(self) -> None:
        """Nothing stays open."""


async def _below(connection: Connection, fqdn: str, wanted: Iterable[Record]) -> list[Row]:
    """Return what stands at and below a name, once we have a register there.

    Without one nothing is asked: what a wildcard answers proves nothing, and the update finds out by itself.
    Where nothing is wanted the register is enough: what it names goes, whether it is there or not.
    """
    rows = await _registers(connection, fqdn)
    if not rows:
        return []
    named = {record for _, _, _, text in rows for record in _register(fqdn, text)[1]}
    if not wanted:
        return [*rows, *((one.name, one.kind, TTL, _wire(one)) for one in sorted(named))]
    sets = {(record.name, record.kind) for record in (*named, *wanted)} | {(fqdn, "A"), (fqdn, "AAAA")}
    for name, kind in sorted(sets):
        rows += await connection.ask(name, kind)
    return sorted(set(rows))


async def _registers(connection: Connection, fqdn: str) -> list[Row]:
    """Return the set with our register; nothing when there is none of ours in it."""
    rows = [row for row in await connection.ask(f"{REGISTER}.{fqdn}", "TXT") if row[1] == "TXT"]
    return rows if any(_register(fqdn, text)[0] is not None for _, _, _, text in rows) else []


async def _together(connection: Connection, plans: Sequence[Plan]) -> dict[str, Outcome]:
    changes = [change for plan in plans if (change := _update(plan)) is not None]
    whole = Update(
        absent=[row for change in changes for row in change.absent],
        present=[row for change in changes for row in change.present],
        delete=[row for change in changes for row in change.delete],
        add=[row for change in changes for row in change.add],
    )
    try:
        if not changes or await connection.update(whole):
            return {plan.fqdn: None for plan in plans}
    except ForeignError as failure:
        if failure.transient:
            return {plan.fqdn: failure for plan in plans}
    return {plan.fqdn: await _one(connection, plan) for plan in plans}


async def _one(connection: Connection, plan: Plan) -> Outcome:
    change = _update(plan)
    if change is None:
        return None
    try:
        if await connection.update(change):
            return None
        if change.absent and not await _registers(connection, plan.fqdn):
            return ForeignError(f"the name exists and is not ours: {plan.fqdn}", transient=False)
    except ForeignError as failure:
        return failure
    return ForeignError(f"{plan.fqdn} changed while we looked", transient=True)


def _update(plan: Plan) -> Update | None:
    """Return the message, None when the zone is as it should be."""
    register = f"{REGISTER}.{plan.fqdn}"
    before = [one for one in plan.seen if one.record.name == register]
    ours = [one.record.data for one in before if one.owner is not None]
    after = [_entry(plan)] if plan.wanted else []
    if plan.idle and ours == after:
        return None
    fresh = [(record.name, record.kind) for record in sorted(plan.wanted)]
    absent = [(register, "TXT"), (plan.fqdn, "CNAME"), *fresh] if not before else []
    removed = [(one.record.name, one.record.kind, _wire(one.record)) for one in plan.remove]
    return Update(
        absent=absent,
        present=[(register, "TXT", one.record.data) for one in before],
        delete=[*removed, *((register, "TXT", text) for text in ours)],
        add=[
            *((record.name, record.kind, TTL, _wire(record)) for record in plan.add),
            *((register, "TXT", TTL, text) for text in after),
        ],
    )


def _held(rows: Sequence[Row]) -> list[Held]:
    """Tell what the registers name from what they do not."""
    named: dict[str, dict[Record, int]] = {}
    owners: dict[str, int | None] = {}
    for name, kind, _, text in rows:
        if kind == "TXT" and name.startswith(f"{REGISTER}."):
            owner, records = _register(host_of(name), text)
            owners[text] = owner
            named.setdefault(host_of(name), {}).update(dict.fromkeys(records, owner or 0))
    found: list[Held] = []
    for name, kind, ttl, text in rows:
        record = Record(name, kind, _text(kind, text))
        register = kind == "TXT" and name.startswith(f"{REGISTER}.")
        owner = owners.get(text) if register else named.get(host_of(name), {}).get(record)
        found.append(Held(record=record, owner=owner, odd=kind in OURS and ttl != TTL))
    return found


def _entry(plan: Plan) -> str:
    """Return the register's text, as DNS writes it."""
    lines = [
        f"{record.kind} {record.name.removesuffix(plan.fqdn).rstrip('.') or '@'} {record.data}"
        for record in sorted(plan.wanted)
    ]
    return " ".join(f'"{line}"' for line in (mark_of(plan.vmid), *lines))


def _register(fqdn: str, text: str) -> tuple[int | None, frozenset[Record]]:
    """Return whose a register is, and what it names."""
    try:
        mark, *lines = shlex.split(text)
        rows = [line.split(" ", 2) for line in lines]
        named = [Record(fqdn if at == "@" else f"{at}.{fqdn}", kind, data) for kind, at, data in rows]
    except ValueError:
        return None, frozenset()
    owner = owner_of(mark)
    return owner, frozenset(named if owner is not None else ())


def _wire(record: Record) -> str:
    return f"{record.data}." if record.kind == "SRV" else record.data


def _text(kind: str, text: str) -> str:
    return srv(*text.split()) if kind == "SRV" else text
