"""Every way in which a DNS system fails, with publishing and unpublishing: the next try makes it right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.control.publishing.names import sides
from tests.control.publishing.names.sides import DNS_FAULTS, HTTP_FAULTS, expected
from tests.support.waiting import eventually
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.cloudflare import Cloudflare
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.rfc2136 import Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.control.publishing.names.sides import Side
    from tests.support.dns import DnsServer
    from zpack.control.publishing.models import Place

    Make = Callable[..., Place]

NEVER_MENDS = frozenset({"unauthorized", "forbidden"})
HARMLESS = frozenset({"duplicate"})


async def converges(side: Side, one: Place, do: str, *, on: bool) -> None:
    """Try once while the system fails, and once when it does not; there is nothing half-done after that."""
    link = side.link()
    if not on:
        await link.put(one)
    side.spoil(do)
    try:
        await (link.put(one) if on else link.drop(one))
        failure = None
    except ForeignError as raised:
        failure = raised
    side.mend()
    assert failure is not None or do in HARMLESS or side.below(one) == (expected(one) if on else set())
    if failure is not None:
        assert failure.transient == (do not in NEVER_MENDS), failure.message
        assert sides.TOKEN not in failure.message
    await (link.put(one) if on else link.drop(one))
    assert side.below(one) == (expected(one) if on else set())
    assert (await link.listed() or {}).get(one.hostname) == (link.wanted(one) if on else None)


@pytest.mark.parametrize("on", [True, False], ids=["publish", "unpublish"])
@pytest.mark.parametrize("do", HTTP_FAULTS)
async def test_cloudflare(place: Make, do: str, on: bool) -> None:
    async with sides.cloudflare() as side:
        await converges(side, place(), do, on=on)


@pytest.mark.parametrize("on", [True, False], ids=["publish", "unpublish"])
@pytest.mark.parametrize("do", HTTP_FAULTS)
async def test_technitium(place: Make, do: str, on: bool) -> None:
    async with sides.technitium() as side:
        await converges(side, place(), do, on=on)


@pytest.mark.parametrize("on", [True, False], ids=["publish", "unpublish"])
@pytest.mark.parametrize("do", DNS_FAULTS)
async def test_rfc2136(knotd: DnsServer, place: Make, do: str, on: bool) -> None:
    async with sides.rfc2136(knotd) as side:
        await converges(side, place(), do, on=on)


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_technitium_between_two_records(place: Make, at: int) -> None:
    """A crash between A and SRV, on either side of any record."""
    async with sides.technitium() as side:
        one, link = place(), side.link()
        side.end.calls.add("POST /api/zones/records/add", "latency", times=at - 1)
        side.end.calls.add("POST /api/zones/records/add", "error")
        with pytest.raises(ForeignError):
            await link.put(one)
        assert len(side.below(one)) == at - 1
        await link.put(one)
        assert side.below(one) == expected(one)


async def test_who_asks_need_not_wait_for_the_silent(place: Make) -> None:
    async with sides.cloudflare() as side:
        link = side.link()
        side.end.calls.add("*", "latency", seconds=60)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await link.put(place())
        await link.close()


async def test_rfc2136_is_silent(knotd: DnsServer, place: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zpack.control.outside.rfc2136.SECONDS", 0.3)
    async with sides.rfc2136(knotd) as side:
        side.spoil("latency")
        with pytest.raises(ForeignError, match="did not answer in time") as failed:
            await side.link().put(place())
        assert failed.value.timed_out


async def test_a_pause_that_cloudflare_asks_for_is_kept(place: Make) -> None:
    async with sides.cloudflare() as side:
        side.end.calls.add("*", "rate_limit", seconds=30)
        for _ in range(3):
            with pytest.raises(ForeignError) as failed:
                await side.link().put(place())
        assert failed.value.message == "Cloudflare takes no more calls for 30 s"
        assert len(side.end.calls.made) == 1


async def test_one_bad_name_does_not_spoil_the_batch(place: Make) -> None:
    """Cloudflare refuses a batch as a whole; here a stranger made an alias after we had looked."""
    async with sides.cloudflare() as side:
        good, bad, link = [place() for _ in range(3)], place(), side.link()
        plans = await link._plans([link._wish(one, on=True) for one in (*good, bad)])
        side.plant(bad.fqdn, "CNAME", "elsewhere.example")
        *fine, failure = await side.zone.apply(plans)
        assert fine == [None, None, None]
        assert failure is not None
        assert "81053" in failure.message
        assert all(side.below(one) == expected(one) for one in good)


async def test_what_was_made_meanwhile_is_compared(place: Make) -> None:
    """Two of us publish the same: 81058 of the second is success once it has looked."""
    async with sides.cloudflare() as side:
        one = place()
        ours, theirs = side.link(), side.link()
        plans = await ours._plans([ours._wish(one, on=True)])
        await theirs.put(one)
        assert await side.zone.apply(plans) == [None]
        assert side.below(one) == expected(one)


async def test_two_of_us_cannot_undo_each_other(knotd: DnsServer, place: Make) -> None:
    async with sides.rfc2136(knotd) as side:
        one = place()
        ours, theirs = side.link(), side.link(sides.MOVED)
        plans = await ours._plans([ours._wish(one, on=True)])
        await theirs.put(one)
        (failure,) = await side.zone.apply(plans)
        assert failure is not None
        assert (failure.message, failure.transient) == (f"{one.fqdn} changed while we looked", True)
        assert side.below(one) == expected(one, sides.MOVED)


async def test_what_is_unpublished_meanwhile_stays_off(knotd: DnsServer, place: Make) -> None:
    """The register that was read must still be there."""
    async with sides.rfc2136(knotd) as side:
        one, moved = place(), side.link(sides.MOVED)
        await side.link().put(one)
        plans = await moved._plans([moved._wish(one, on=True)])
        await side.link().drop(one)
        (failure,) = await side.zone.apply(plans)
        assert failure is not None
        assert failure.transient
        assert side.below(one) == set()


@pytest.mark.parametrize("make", [sides.cloudflare, sides.technitium])
async def test_a_wrong_token_is_said(place: Make, make: Callable[..., object]) -> None:
    async with make("not-the-token") as side:  # type: ignore[attr-defined]
        for deed in (side.link().put(place()), side.link().check()):
            with pytest.raises(ForeignError) as failed:
                await deed
            assert not failed.value.transient
            assert "token" in failed.value.message or "Authentication" in failed.value.message


async def test_technitium_before_version_15(place: Make) -> None:
    async with sides.technitium(in_body=True) as side:
        one = place()
        await side.link().put(one)
        assert side.below(one) == expected(one)
        assert not any(sides.TOKEN in call for call in side.end.calls.made)


@pytest.mark.parametrize("server", ["knotd", "named"])
async def test_a_wrong_key_is_said(request: pytest.FixtureRequest, server: str, place: Make) -> None:
    async with sides.rfc2136(request.getfixturevalue(server), "d3Jvbmc=") as side:
        for deed in (side.link().put(place()), side.link().check()):
            with pytest.raises(ForeignError, match="does not accept the key") as failed:
                await deed
            assert not failed.value.transient


async def test_a_dead_server_is_said(place: Make) -> None:
    async with sides.rfc2136(sides.DnsServer(1, "a2V5")) as side:
        side.zone._client._port = 1
        with pytest.raises(ForeignError, match="cannot be reached") as failed:
            await side.link().put(place())
        assert failed.value.transient


async def test_an_unsigned_yes_is_not_believed(knotd: DnsServer, place: Make) -> None:
    async with sides.rfc2136(knotd) as side:
        side.spoil("unsigned")
        with pytest.raises(ForeignError):
            await side.link().put(place())


async def test_an_update_that_the_policy_forbids(named: DnsServer) -> None:
    async with sides.rfc2136(named) as side, side.zone._client.connected() as connection:
        with pytest.raises(ForeignError, match="REFUSED") as failed:
            await connection.update(Update(add=[("x.example.org", "CNAME", 60, "y.example.org.")]))
        assert not failed.value.transient


async def test_a_token_that_may_not_write_is_found_by_check() -> None:
    async with sides.cloudflare() as side:
        side.end.permissions = ["#dns_records:read", "#zone:read"]
        with pytest.raises(ForeignError, match="may not write"):
            await side.link().check()
    async with sides.technitium() as side:
        side.end.calls.add("POST */delete", "forbidden")
        with pytest.raises(ForeignError, match="Access was denied"):
            await side.link().check()


async def test_closing_does_not_hang(place: Make) -> None:
    async with sides.cloudflare() as side:
        link = side.link()
        side.end.calls.add("*", "latency", seconds=60)
        waiting = asyncio.create_task(link.put(place()))
        await eventually(lambda: side.end.calls.made)
        await link.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


def test_our_own_count_ends_before_cloudflares() -> None:
    client = Cloudflare(token="t", zone_id="z", http=ForeignHttp(name="x"))
    for _ in range(1000):
        client.pace.take()
    with pytest.raises(ForeignError, match="takes no more calls for 300 s"):
        client.pace.take()
