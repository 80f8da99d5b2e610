"""OPNsense as a link: one port forward for each public port of a game that has no proxy, and one alias.

A forward leads to the alias ``zpack_<vmid>``, which holds the container's address. Both are ours by their
names: the description's first word and the alias' prefix. Changes go in batches, one after the other, each
from a savepoint to an apply that is confirmed only when OPNsense still answers; otherwise it goes back, by
our hand or by itself.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.batches import Batches
from zpack.control.publishing.places import vmid_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zpack.control.outside.opnsense import Alias, Forward, Opnsense
    from zpack.control.publishing.models import Endpoint, Place

TAG = "zpack "
PREFIX = "zpack_"


class OpnsenseLink:
    """Forwards ports. With ``publish`` off it wants and lists nothing; its health is asked all the same."""

    name = "opnsense"

    def __init__(self, *, opnsense: Opnsense, publish: bool, interface: str) -> None:
        self._opnsense = opnsense
        self._publish = publish
        self._interface = interface
        self._batches = Batches(_Confirmed(opnsense))

    def wants(self, place: Place) -> bool:
        """Say whether players come by a port of their own."""
        return self._publish and place.ctype == "game" and bool(place.game) and not place.minecraft

    async def put(self, place: Place) -> dict[str, Any]:
        """Forward the ports to the place."""

        async def work() -> dict[str, Any]:
            await self._put_alias(place)
            held = await self._opnsense.forwards(_tag(place.hostname))
            for endpoint in place.endpoints:
                await self._put_forward(place, endpoint, held)
            wanted = {_description(place, endpoint) for endpoint in place.endpoints}
            for forward in _surplus(held, wanted):
                await self._opnsense.drop_forward(forward.uuid)
            ports = [f"{one.protocol}/{one.number}" for one in place.endpoints]
            return {"alias": _alias(place.vmid), "address": place.ip, "ports": ports}

        return await self._batches.run(work)

    async def drop(self, place: Place) -> dict[str, Any]:
        """Remove all forwards of this name and its alias; nothing is applied when there was nothing."""

        async def work() -> dict[str, Any] | None:
            held = await self._opnsense.forwards(_tag(place.hostname))
            aliases = await self._aliases(place.vmid)
            if not held and not aliases:
                return None
            for forward in held:
                await self._opnsense.drop_forward(forward.uuid)
            for alias in aliases if not await self._is_shared(place) else ():
                await self._opnsense.drop_alias(alias.uuid)
            return {"ports": []}

        return await self._batches.run(work)

    async def listed(self) -> Mapping[str, str] | None:
        """Return what leads where, by host name: aliases resolved, disabled forwards and doubles seen."""
        if not self._publish:
            return None
        addresses = {one.name: one.content.strip() for one in await self._opnsense.aliases(PREFIX)}
        found: dict[str, list[str]] = {}
        for one in await self._opnsense.forwards(TAG):
            words = one.description.split()
            if len(words) < 2 or vmid_in(words[1]) is None:  # noqa: PLR2004 - tag and name
                continue
            at = addresses.get(one.target, one.target)
            off = "" if one.enabled and one.interface == self._interface else " off"
            found.setdefault(words[1], []).append(f"{one.protocol}/{one.port}>{at}:{one.local_port}{off}")
        return {name: " ".join(sorted(leads)) for name, leads in found.items()}

    def wanted(self, place: Place) -> str:
        """Return what must lead where."""
        return " ".join(
            sorted(f"{one.protocol}/{one.number}>{place.ip}:{one.target}" for one in place.endpoints)
        )

    async def check(self) -> None:
        """Ask for what we would have to see."""
        await self._opnsense.ping()

    async def close(self) -> None:
        """Close the session."""
        await self._opnsense.close()

    async def rehearse(self, place: Place, *, on: bool) -> list[str]:
        """Return the changing calls; it looks at what is there."""
        held = await self._opnsense.forwards(_tag(place.hostname))
        aliases = await self._aliases(place.vmid)
        if on:
            return self._rehearsed_put(place, held, aliases)
        calls = [f"POST firewall/d_nat/del_rule/{one.uuid} ({one.description})" for one in held]
        calls += [f"POST firewall/alias/del_item/{one.uuid} ({one.name})" for one in aliases]
        return _applied(calls) if calls else []

    def _rehearsed_put(self, place: Place, held: Iterable[Forward], aliases: Iterable[Alias]) -> list[str]:
        known = {one.description: one.uuid for one in held}
        alias = next((one.uuid for one in aliases), None)
        calls = [f"POST firewall/alias/{_verb('item', alias)} ({_alias(place.vmid)} = {place.ip})"]
        for one in place.endpoints:
            description = _description(place, one)
            calls.append(f"POST firewall/d_nat/{_verb('rule', known.get(description))} ({description})")
        return _applied(calls)

    async def _put_alias(self, place: Place) -> None:
        held = next(iter(await self._aliases(place.vmid)), None)
        if held is None or held.content.strip() != place.ip:
            uuid = held.uuid if held else None
            await self._opnsense.put_alias(uuid, name=_alias(place.vmid), address=place.ip)

    async def _aliases(self, vmid: int) -> list[Alias]:
        if not vmid:
            return []
        return [one for one in await self._opnsense.aliases(_alias(vmid)) if one.name == _alias(vmid)]

    async def _put_forward(self, place: Place, endpoint: Endpoint, held: Iterable[Forward]) -> None:
        description = _description(place, endpoint)
        same = next((one for one in held if one.description == description), None)
        rule = {
            "disabled": "0",
            "interface": self._interface,
            "ipprotocol": "inet",
            "protocol": endpoint.protocol,
            "source": {"network": "any"},
            "destination": {"network": f"{self._interface}ip", "port": str(endpoint.number)},
            "target": _alias(place.vmid),
            "local-port": str(endpoint.target),
            "pass": "pass",
            "descr": description,
        }
        await self._opnsense.put_forward(same.uuid if same else None, rule)

    async def _is_shared(self, place: Place) -> bool:
        """Say whether forwards of another name lead to the same alias: the VMID has been given again."""
        leading = await self._opnsense.forwards_to(_alias(place.vmid))
        return any(not one.description.startswith(_tag(place.hostname)) for one in leading)


class _Confirmed:
    """From a savepoint to an apply that is confirmed by another look.

    When nobody answers that look, OPNsense goes back by itself.
    """

    def __init__(self, opnsense: Opnsense) -> None:
        self._opnsense = opnsense

    async def begin(self) -> str | None:
        return await self._opnsense.savepoint()

    async def commit(self, mark: str | None) -> None:
        await self._opnsense.apply(mark)
        if mark is not None:
            await self._opnsense.ping()
            await self._opnsense.cancel_rollback(mark)

    async def abort(self, mark: str | None) -> None:
        if mark is not None:
            with contextlib.suppress(ForeignError):
                await self._opnsense.revert(mark)


def _tag(hostname: str) -> str:
    return f"{TAG}{hostname} "


def _alias(vmid: int) -> str:
    return f"{PREFIX}{vmid}"


def _description(place: Place, endpoint: Endpoint) -> str:
    return f"{_tag(place.hostname)}{endpoint.protocol}/{endpoint.number}"


def _surplus(held: Iterable[Forward], wanted: set[str]) -> list[Forward]:
    """Return the forwards of a name that are not wanted, and all but the first of each that is."""
    seen: set[str] = set()
    surplus: list[Forward] = []
    for one in held:
        if one.description not in wanted or one.description in seen:
            surplus.append(one)
        seen.add(one.description)
    return surplus


def _verb(kind: str, uuid: str | None) -> str:
    return f"set_{kind}/{uuid}" if uuid else f"add_{kind}"


def _applied(calls: list[str]) -> list[str]:
    before = "POST firewall/filter/savepoint"
    after = ("POST firewall/alias/reconfigure", "POST firewall/filter/apply/<revision>")
    return [before, *calls, *after, "POST firewall/filter/cancelRollback/<revision>"]
