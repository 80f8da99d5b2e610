"""OPNsense's link against its simulation: what is live, what is left of what failed, whose rules are touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.opnsense import KEY, SECRET, Router, simulated_opnsense
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.opnsense import Opnsense
from zpack.control.publishing.models import Place, endpoints_of
from zpack.control.publishing.opnsense import OpnsenseLink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUST = endpoints_of("rust", {"game": [28015], "public": {"28015": 28100}})
PLACE = Place(5001, "rust-5001", "rust-5001.zl.test", "10.0.0.5", "game", "rust", RUST)
GONE = Place(5001, "rust-5001", "rust-5001.zl.test", "", "game", "", ())
LIVE = {"udp/28100": "10.0.0.5:28015"}


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    async with simulated_opnsense() as found:
        yield found


def link_to(router: Router, *, secret: str = SECRET, publish: bool = True) -> OpnsenseLink:
    http = ForeignHttp(name="OPNsense")
    client = Opnsense(base_url=router.url, key=KEY, secret=secret, seconds=2, http=http)
    return OpnsenseLink(opnsense=client, publish=publish, interface="wan")


@pytest.fixture
async def link(router: Router) -> AsyncIterator[OpnsenseLink]:
    made = link_to(router)
    yield made
    await made.close()


def a_stranger_s(router: Router, **more: Any) -> None:
    rule = {"interface": "wan", "target": "10.9.9.9", "local-port": "1", "descr": "mine", **more}
    assert router.firewall.add("d_nat", {"rule": rule})["result"] == "saved"


async def test_ports_are_forwarded_and_confirmed(link: OpnsenseLink, router: Router) -> None:
    evidence = await link.put(PLACE)
    assert (evidence["ports"], router.leads()) == (["udp/28100"], LIVE)
    assert router.firewall.doomed is None, "the roll-back was cancelled"
    assert await link.listed() == {"rust-5001": link.wanted(PLACE)}


async def test_twice_is_once(link: OpnsenseLink, router: Router) -> None:
    await link.put(PLACE)
    await link.put(PLACE)
    assert len(router.firewall.live["d_nat"]) == len(router.firewall.live["alias"]) == 1


async def test_a_double_is_seen_and_removed(link: OpnsenseLink, router: Router) -> None:
    await link.put(PLACE)
    [rule] = router.firewall.configured["d_nat"].values()
    router.firewall.configured["d_nat"]["another"] = dict(rule)
    assert (await link.listed() or {})["rust-5001"] != link.wanted(PLACE)
    await link.put(PLACE)
    assert len(router.firewall.live["d_nat"]) == 1


@pytest.mark.parametrize("place", [PLACE, GONE])
async def test_all_of_a_name_goes_and_strangers_stay(
    link: OpnsenseLink, router: Router, place: Place
) -> None:
    a_stranger_s(router)
    a_stranger_s(router, descr="zpack rust-50010 udp/1")
    await link.put(PLACE)
    await link.drop(place)
    await link.drop(place)
    assert sorted(one["descr"] for one in router.firewall.live["d_nat"].values()) == [
        "mine",
        "zpack rust-50010 udp/1",
    ]
    assert router.firewall.live["alias"] == {}


async def test_a_vmid_that_was_given_again_keeps_its_alias(link: OpnsenseLink, router: Router) -> None:
    await link.put(PLACE)
    valheim = Place(5001, "valheim-5001", "", "10.0.0.6", "game", "valheim", endpoints_of("valheim", {}))
    await link.put(valheim)
    await link.drop(GONE)
    assert router.leads() == {"udp/2456": "10.0.0.6:2456"}


async def test_a_server_that_moved_is_followed(link: OpnsenseLink, router: Router) -> None:
    await link.put(PLACE)
    moved = Place(5001, "rust-5001", "", "10.0.0.9", "game", "rust", RUST)
    assert (await link.listed() or {})["rust-5001"] != link.wanted(moved)
    await link.put(moved)
    assert router.leads() == {"udp/28100": "10.0.0.9:28015"}


@pytest.mark.parametrize("call", ["POST firewall/d_nat/add_rule", "POST firewall/filter/apply/*"])
async def test_what_fails_half_way_goes_back(link: OpnsenseLink, router: Router, call: str) -> None:
    router.break_(call, "error")
    with pytest.raises(ForeignError, match="500"):
        await link.put(PLACE)
    assert (router.leads(), router.firewall.configured["d_nat"]) == ({}, {})


async def test_an_apply_after_which_nobody_answers_goes_back_by_itself(
    link: OpnsenseLink, router: Router
) -> None:
    router.firewall.rollback_seconds = 0
    router.break_("POST firewall/filter/cancelRollback/*", "error", times=1)
    router.break_("POST firewall/filter/revert/*", "error", times=1)
    with pytest.raises(ForeignError):
        await link.put(PLACE)
    router.firewall.pass_time()
    assert router.leads() == {}


async def test_an_older_one_without_savepoints(link: OpnsenseLink, router: Router) -> None:
    router.break_("POST firewall/filter/savepoint", "missing")
    await link.put(PLACE)
    assert router.leads() == LIVE


@pytest.mark.parametrize(
    ("do", "transient", "text"),
    [
        ("invalid", False, "rule.target: not on purpose"),
        ("forbidden", False, "403"),
        ("error", True, "500"),
        ("garbage", True, "no JSON"),
        ("slow", True, "in time"),
    ],
)
async def test_every_no_says_whether_to_try_again(
    link: OpnsenseLink, router: Router, do: str, transient: bool, text: str
) -> None:
    link._opnsense._seconds = 0.3
    router.break_("POST firewall/d_nat/add_rule", do, seconds=1 if do == "slow" else 0)
    with pytest.raises(ForeignError, match=text) as caught:
        await link.put(PLACE)
    assert caught.value.transient is transient


async def test_the_secret_is_in_no_error(router: Router) -> None:
    link = link_to(router, secret="wrong-secret")
    with pytest.raises(ForeignError, match="Authentication Failed") as caught:
        await link.check()
    assert "wrong-secret" not in caught.value.message
    await link.close()


async def test_only_health_unless_it_is_wanted(router: Router) -> None:
    link = link_to(router, publish=False)
    await link.check()
    assert (link.wants(PLACE), await link.listed()) == (False, None)
    await link.close()


async def test_a_rehearsal_names_the_calls_and_changes_nothing(link: OpnsenseLink, router: Router) -> None:
    calls = await link.rehearse(PLACE, on=True)
    assert "POST firewall/d_nat/add_rule (zpack rust-5001 udp/28100)" in calls
    assert router.firewall.configured["d_nat"] == {}
    await link.put(PLACE)
    assert any("del_rule/" in call for call in await link.rehearse(GONE, on=False))
