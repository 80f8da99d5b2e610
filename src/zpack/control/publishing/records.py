"""Which DNS records a place needs, and what is to change when a zone holds others: pure (contract §6.1).

A record is ours only if something in the zone itself says so: a comment where the system has comments, a
register where it has none. Records of the same name that nobody marked are a stranger's: they are never
changed, and in their presence the name is not published.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.publishing.models import MINECRAFT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zpack.control.publishing.models import Place

TTL = 60
MARK = re.compile(r"zpack ([0-9]{1,9})")
SERVICE = re.compile(r"(_[a-z0-9-]+\._(?:tcp|udp))\.(.+)")
REGISTER = "_zpack"
"""Label, below a server's name, of the register where a system has no comments."""
OURS = frozenset({"A", "AAAA", "SRV"})
"""The types that we make; a mark on any other is not ours."""
ADDRESSES = frozenset({"A", "AAAA", "CNAME"})
"""What decides where a name leads; the others may stand beside ours."""


@dataclass(frozen=True, order=True)
class Record:
    """One record: its full name in lower case without the last dot, its type and its text."""

    name: str
    kind: str
    data: str


@dataclass(frozen=True)
class Held:
    """A record that the zone holds. ``owner`` is the VMID of its mark; None: it is not ours.

    ``odd`` says that it does not work as ours do: another TTL, proxied, switched off.
    """

    record: Record
    owner: int | None
    ident: Any = None
    odd: bool = False


@dataclass(frozen=True)
class Target:
    """The addresses of one door."""

    v4: str | None = None
    v6: str | None = None


@dataclass(frozen=True)
class Doors:
    """Where names lead: Minecraft's to the game proxy, other games' to the port proxy.

    A door without any address is the other one: both may be one machine.
    """

    minecraft: Target
    others: Target
    minecraft_port: int = MINECRAFT_PORT
    """Where the game proxy listens: of all servers behind it alike."""

    def of(self, place: Place) -> Target:
        """Return the door of a place."""
        own, other = (self.minecraft, self.others) if place.minecraft else (self.others, self.minecraft)
        return own if own.v4 or own.v6 else other

    def port_of(self, place: Place, number: int) -> int:
        """Return where players of a place find its port of this number."""
        return self.minecraft_port if place.minecraft else number


@dataclass(frozen=True)
class Plan:
    """What is to change below one name, in a zone that held ``seen`` there."""

    fqdn: str
    vmid: int
    wanted: frozenset[Record]
    add: tuple[Record, ...]
    remove: tuple[Held, ...]
    seen: tuple[Held, ...]
    strangers: tuple[Record, ...]
    """What is in the way. With any of them nothing may be changed."""

    @property
    def idle(self) -> bool:
        """Whether nothing is to change."""
        return not self.add and not self.remove


def mark_of(vmid: int) -> str:
    """Return the comment of a server's records."""
    return f"zpack {vmid}"


def owner_of(text: Any) -> int | None:
    """Return the VMID in a comment, None when it is no mark of ours."""
    found = MARK.fullmatch(text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def plain(name: str) -> str:
    """Return a name as we compare it."""
    return name.rstrip(".").lower()


def srv(priority: Any, weight: Any, port: Any, target: str) -> str:
    """Return the text of an SRV record."""
    return f"{int(priority)} {int(weight)} {int(port)} {plain(target)}"


def wanted_records(place: Place, doors: Doors) -> frozenset[Record]:
    """Return what a place needs: its addresses, and where each of its services is found.

    Of several ports of one service only the first is told: the records of one name are alternatives.
    """
    fqdn, door = plain(place.fqdn), doors.of(place)
    found = {Record(fqdn, kind, data) for kind, data in (("A", door.v4), ("AAAA", door.v6)) if data}
    for each in reversed(place.endpoints):
        name = f"_{each.name}._{each.protocol}.{fqdn}"
        found = {one for one in found if one.name != name} | {
            Record(name, "SRV", srv(0, 0, doors.port_of(place, each.number), fqdn))
        }
    return frozenset(found)


def host_of(name: str) -> str:
    """Return the name of the server that a record belongs to."""
    found = SERVICE.fullmatch(name)
    return (found[2] if found else name).removeprefix(f"{REGISTER}.")


def plan_of(fqdn: str, vmid: int, wanted: frozenset[Record], seen: Sequence[Held]) -> Plan:
    """Return what must change so that of ours exactly ``wanted`` stands at and below a name."""
    ours = [one for one in seen if one.owner is not None and one.record.kind in OURS]
    right = {one.record for one in ours if not one.odd} & wanted
    kept: set[Record] = set()
    remove: list[Held] = []
    for one in ours:
        if one.odd or one.record not in wanted or one.record in kept:
            remove.append(one)
        else:
            kept.add(one.record)
    services = {record.name for record in wanted}
    strangers = [one.record for one in seen if one.owner is None and _in_the_way(one.record, fqdn, services)]
    return Plan(
        fqdn=fqdn,
        vmid=vmid,
        wanted=wanted,
        add=tuple(sorted(wanted - right)),
        remove=tuple(remove),
        seen=tuple(seen),
        strangers=tuple(strangers) if wanted else (),
    )


def _in_the_way(record: Record, fqdn: str, wanted: set[str]) -> bool:
    if record.name == fqdn:
        return record.kind in ADDRESSES
    return record.name in wanted or record.name == f"{REGISTER}.{fqdn}"


def fingerprint(fqdn: str, records: Iterable[Record]) -> str:
    """Return how a set of records is compared."""
    return "; ".join(sorted(_line(fqdn, record) for record in records))


def fingerprints(held: Iterable[Held], domain: str) -> Mapping[str, str]:
    """Return what a zone holds of ours: short host name → fingerprint. Odd records spoil theirs."""
    found: dict[str, list[str]] = {}
    for one in held:
        fqdn = host_of(one.record.name)
        label = fqdn.removesuffix(f".{domain}")
        if one.owner is None or label == fqdn or "." in label:
            continue
        lines = found.setdefault(label, [])
        if one.record.kind in OURS:
            lines.append(_line(fqdn, one.record) + (" (odd)" if one.odd else ""))
    return {label: "; ".join(sorted(lines)) for label, lines in found.items()}


def told(records: Iterable[Record]) -> list[str]:
    """Return records for people and for the evidence."""
    return [f"{one.name} {one.kind} {one.data}" for one in sorted(records)]


def _line(fqdn: str, record: Record) -> str:
    service = record.name.removesuffix(fqdn).rstrip(".")
    return " ".join(part for part in (service, record.kind, record.data) if part)
