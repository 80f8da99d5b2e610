"""``/admin/fleet``: nodes, containers, and what is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.portal.operator.conftest import Begin
    from tests.support.visitor import Shown, Visitor

FLEET = "/admin/fleet"
HOSTILE = "<script>alert(1)</script>"


def numbers(page: Shown) -> list[str]:
    return [str(row["id"]).removeprefix("ct-") for row in page.all("tr[id^=ct-]")]


@pytest.fixture
async def populated(world: World, ann_id: str) -> World:
    """Ann's server, and two containers that are nobody's."""
    await world.created(5000, owner=ann_id)
    world.cluster.add_ct(100, "router", node="local")
    world.cluster.add_ct(101, HOSTILE, node="local")
    return world


@pytest.mark.usefixtures("populated")
async def test_an_operator_sees_nodes_and_containers(root: Visitor) -> None:
    page = await root.get(FLEET)
    assert [tile.h3.text for tile in page.all("[id^=node-]") if tile.h3] == ["local", "pve1"]
    assert {"100", "101", "5000"} <= set(numbers(page))
    assert "not ours" in page.one("#ct-100").text
    assert "ann" in page.one("#ct-5000").text
    assert HOSTILE in page.one("#ct-101").text
    assert not page.one("#ct-101").select("script")


@pytest.mark.usefixtures("populated")
@pytest.mark.parametrize(
    ("query", "found"),
    [("q=ROUTER", ["100"]), ("q=ann", ["5000"]), ("kind=game", ["5000"]), ("q=nothing-like-it", [])],
)
async def test_the_fleet_is_narrowed_without_scripts(root: Visitor, query: str, found: list[str]) -> None:
    assert numbers(await root.get(f"{FLEET}?{query}")) == found


@pytest.mark.usefixtures("populated")
async def test_a_column_sorts_both_ways(root: Visitor) -> None:
    page = await root.get(f"{FLEET}?sort=name")
    up, link = numbers(page), page.one("th[aria-sort=ascending] a")
    assert numbers(await root.get(str(link["href"]))) == up[::-1]


async def test_ours_are_shown_while_the_cluster_is_away(root: Visitor, populated: World) -> None:
    populated.cluster.fail("GET", "/cluster/resources", 500, "no quorum")
    page = await root.get(FLEET)
    assert "proxmox does not answer in full" in page.one("[role=alert]").text
    assert numbers(page) == ["5000"]


@pytest.mark.usefixtures("populated")
async def test_what_moves_comes_alone(root: Visitor) -> None:
    page = await root.get(FLEET, headers={"HX-Request": "true"})
    assert page.html.lstrip().startswith('<div class="stack" id="fleet"')


@pytest.mark.usefixtures("populated")
async def test_one_container_leads_to_its_owner_server_and_past(
    root: Visitor, ann_id: str, begin: Begin
) -> None:
    operation = await begin(ann_id)
    page = await root.get(f"{FLEET}/5000")
    links = {str(link["href"]) for link in page.all("main a")}
    assert {f"/admin/users/{ann_id}", "/servers/5000", "/admin/audit?vmid=5000"} <= links
    assert page.one(f"#{operation}")


async def test_of_one_that_is_gone_the_past_is_shown(root: Visitor, ann_id: str, begin: Begin) -> None:
    operation = await begin(ann_id, vmid=5999)
    page = await root.get(f"{FLEET}/5999")
    assert (page.status, "There is no such container now" in page.text) == (200, True)
    assert page.one(f"#{operation}")
