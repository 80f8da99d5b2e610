"""What every DNS link promises, over Cloudflare, Technitium and RFC 2136 alike (contract §6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.control.publishing.names.sides import MOVED, expected
from tests.support.dns import ZONE
from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.control.publishing.names.sides import Side
    from zpack.control.publishing.models import Place

    Make = Callable[..., Place]

STRANGER = "198.51.100.7"


@pytest.mark.seed("S29", "S30")
@pytest.mark.parametrize(
    ("game", "ports"), [("minecraft", ()), ("valheim", (2456, 2457)), ("terraria", (31007,))]
)
async def test_a_server_gets_its_names(side: Side, place: Make, game: str, ports: tuple[int, ...]) -> None:
    one = place(game, *ports)
    evidence = await side.link().put(one)
    assert side.below(one) == expected(one)
    assert len(evidence["records"]) == len(expected(one))


async def test_publishing_again_changes_nothing(side: Side, place: Make) -> None:
    one, link = place(), side.link()
    await link.put(one)
    assert (await link.put(one))["changed"] == 0
    assert await link.rehearse(one, on=True) == []


async def test_a_new_edge_address_replaces_the_old(side: Side, place: Make) -> None:
    one = place()
    await side.link().put(one)
    await side.link(MOVED).put(one)
    assert side.below(one) == expected(one, MOVED)


async def test_an_address_that_is_no_more_goes(side: Side, place: Make) -> None:
    one = place()
    await side.link().put(one)
    only = replace(MOVED, minecraft=replace(MOVED.minecraft, v6=None))
    await side.link(only).put(one)
    assert side.below(one) == expected(one, only)


async def test_unpublish_removes_whatever_it_was(side: Side, place: Make) -> None:
    """Contract §6.4 (c) and (d): any address, any service, and only the name is known."""
    one = place("valheim")
    await side.link(MOVED).put(one)
    gone = Places(domain=ZONE).of_gone(one.hostname, None)
    await side.link().drop(gone)
    assert side.below(one) == set()
    assert (await side.link().drop(gone))["removed"] == 0


async def test_another_game_under_the_same_name(side: Side, place: Make) -> None:
    one = place("valheim")
    await side.link().put(one)
    other = replace(one, game="minecraft", endpoints=place("minecraft").endpoints)
    await side.link().put(other)
    assert side.below(one) == expected(other)


async def test_a_strangers_address_is_left_alone(side: Side, place: Make) -> None:
    one, link = place(), side.link()
    side.plant(one.fqdn, "A", STRANGER)
    with pytest.raises(ForeignError, match="the name exists and is not ours") as failed:
        await link.put(one)
    assert not failed.value.transient
    await link.drop(one)
    assert side.below(one) == {(one.fqdn, "A", STRANGER)}
    assert one.hostname not in (await link.listed() or {})


async def test_a_stranger_stops_nobody_else(side: Side, place: Make) -> None:
    ours, taken, link = [place() for _ in range(4)], place(), side.link()
    side.plant(taken.fqdn, "A", STRANGER)
    outcomes = await asyncio.gather(*(link.put(one) for one in (*ours, taken)), return_exceptions=True)
    assert [isinstance(one, ForeignError) for one in outcomes] == [False] * 4 + [True]
    assert all(side.below(one) == expected(one) for one in ours)


async def test_a_stranger_beside_ours_is_left_alone(side: Side, place: Make) -> None:
    one, link = place(), side.link()
    await link.put(one)
    side.plant(one.fqdn, "A", STRANGER)
    with pytest.raises(ForeignError, match="the name exists and is not ours"):
        await link.put(one)
    await link.drop(one)
    assert side.below(one) == {(one.fqdn, "A", STRANGER)}


async def test_a_strangers_service_may_stand_beside_ours(side: Side, place: Make) -> None:
    one, link = place(), side.link()
    strange = (f"_voice._udp.{one.fqdn}", "SRV", f"0 0 9987 {one.fqdn}")
    side.plant(*strange)
    await link.put(one)
    assert side.below(one) == expected(one) | {strange}
    await link.drop(one)
    assert side.below(one) == {strange}


async def test_a_strangers_service_of_the_same_name_stops_us(side: Side, place: Make) -> None:
    one = place()
    strange = (f"_minecraft._tcp.{one.fqdn}", "SRV", f"0 0 9987 {one.fqdn}")
    side.plant(*strange)
    with pytest.raises(ForeignError, match="the name exists and is not ours"):
        await side.link().put(one)
    assert side.below(one) == {strange}


async def test_what_is_listed_is_what_was_wanted(side: Side, place: Make) -> None:
    one, two, link = place(), place("terraria"), side.link()
    await asyncio.gather(link.put(one), link.put(two))
    listed = await link.listed() or {}
    assert [listed[each.hostname] for each in (one, two)] == [link.wanted(one), link.wanted(two)]
    assert side.link(MOVED).wanted(one) != link.wanted(one)


@pytest.mark.parametrize("kind", ["A", "AAAA", "SRV"])
async def test_what_a_crash_left_out_is_seen_and_put(side: Side, place: Make, kind: str) -> None:
    one, link = place(), side.link()
    await link.put(one)
    side.pluck(f"_minecraft._tcp.{one.fqdn}" if kind == "SRV" else one.fqdn, kind)
    listed = await link.listed() or {}
    assert listed[one.hostname] != link.wanted(one)
    await link.put(one)
    assert side.below(one) == expected(one)
    assert (await link.listed() or {})[one.hostname] == link.wanted(one)


async def test_a_name_elsewhere_is_refused(side: Side, place: Make) -> None:
    with pytest.raises(ForeignError, match="is not in the zone"):
        await side.link().put(replace(place(), fqdn="mc.example.net"))


async def test_rehearsing_changes_nothing(side: Side, place: Make) -> None:
    one, link = place(), side.link()
    (*_, last) = await link.rehearse(one, on=True)
    assert f"_minecraft._tcp.{one.fqdn}" in last or one.fqdn in last
    assert side.below(one) == set()
    await link.put(one)
    assert await link.rehearse(one, on=False)
    assert side.below(one) == expected(one)


async def test_it_is_well(side: Side) -> None:
    await side.link().check()
    assert "_zpack-check" not in str(side.rows())


async def test_many_at_once_share_their_calls(side: Side, place: Make) -> None:
    many, link = [place() for _ in range(30)], side.link()
    await asyncio.gather(*(link.put(one) for one in many))
    assert side.rows() >= {row for one in many for row in expected(one)}
    await asyncio.gather(*(link.drop(one) for one in many))
    assert not side.rows() & {row for one in many for row in expected(one)}
