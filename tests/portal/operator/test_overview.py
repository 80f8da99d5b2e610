"""``/admin``: what needs an operator first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.portal.operator.conftest import Begin
    from tests.support.visitor import Visitor


async def test_what_is_wrong_leads_to_where_it_is_mended(
    root: Visitor, world: World, ann_id: str, begin: Begin
) -> None:
    assert "Nothing. Record and world agree" in (await root.get("/admin")).text
    failed = await begin(ann_id, error={"code": "x", "message": "<b>no space</b>"})
    await world.created(5000, owner=ann_id)
    world.cluster.cts.remove(world.cluster.ct(5000))
    page = await root.get("/admin", headers={"HX-Request": "true"})
    assert [str(link["href"]) for link in page.all(".alarms a")] == [
        "/admin/fleet?show=trouble#containers",
        "/admin/operations?status=failed",
    ]
    assert "<b>no space</b>" in page.text
    assert (await root.get("/admin/operations?status=failed")).one(f"#{failed}")


async def test_what_does_not_answer_leaves_the_rest(root: Visitor, world: World, ann_id: str) -> None:
    await world.created(5000, owner=ann_id)
    world.cluster.fail("GET", "/cluster/resources", 500, "no quorum")
    page = await root.get("/admin")
    assert "no quorum" in page.one(".alarms li[data-tone=bad] a[href='/admin/health']").text
    assert page.one(".glance a[href='/admin/fleet'] strong").text == "1"


async def test_systems_are_a_part_of_their_own(root: Visitor) -> None:
    page = await root.get("/admin/systems", headers={"HX-Request": "true"})
    assert "database" in page.one("#systems").text
