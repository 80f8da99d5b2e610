"""``/admin/drift``: what differs, the plan that mends it, and what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.control.instances.store import update_instance

if TYPE_CHECKING:
    from tests.control.repair.mender import Mender
    from tests.support.visitor import Visitor

DRIFT = "/admin/drift"
ORPHAN = f"{DRIFT}/container_without_row%3A5001"


async def orphaned(mender: Mender) -> None:
    await mender.forget_row(5001)
    await mender.look(2)


async def test_nothing_wrong_is_said_in_so_many_words(root: Visitor) -> None:
    assert "Everything is as it should be" in (await root.get(DRIFT)).text
    assert "Nothing happened" in (await root.get(f"{DRIFT}/history")).text


async def test_a_finding_comes_with_evidence_and_answers(root: Visitor, mender: Mender) -> None:
    await orphaned(mender)
    page = await root.get(DRIFT)
    assert "mc-flying-squid-5001" in page.one("[id^=finding-container_without_row]").text
    assert [str(link["href"]) for link in page.all("a[href*=container_without_row]")] == [
        f"{ORPHAN}/adopt",
        f"{ORPHAN}/delete",
    ]


async def test_a_server_is_shown_as_people_call_it(root: Visitor, mender: Mender) -> None:
    async with mender.world.clients.database.transaction() as session:
        await update_instance(session, 5000, display_name="<b>Our base")
    mender.lose(5000)
    await mender.look(2)
    for page in ("", "/history", "/edge"):
        assert "<b>Our base" in [name.text for name in (await root.get(DRIFT + page)).all("main bdi")], page


async def test_what_was_listed_is_what_is_done(root: Visitor, mender: Mender) -> None:
    await orphaned(mender)
    mender.forget_calls()
    plan = (await root.get(f"{ORPHAN}/delete")).one("ol.calls").text
    assert mender.changes() == []
    page = await root.submit("form[action$=delete]")
    assert page.path == f"{DRIFT}/history"
    assert page.one("td ol.calls").text == plan
    await mender.carry_out()
    assert all(f"{method} {path}" in plan for _, method, path in mender.changes())
    assert mender.changes()


async def test_a_container_is_adopted_in_two_steps(root: Visitor, ann_id: str, mender: Mender) -> None:
    await orphaned(mender)
    page = await root.get(f"{ORPHAN}/adopt")
    assert not page.all("form[method=post][action$=adopt]")
    told = {"ownerId": ann_id, "game": "minecraft", "variant": "flying-squid", "version": "1.21.4"}
    page = await root.submit("form.form[action$=adopt]", **told)
    assert page.one("ol.calls")
    await root.submit("form[method=post][action$=adopt]")
    assert "mc-flying-squid-5001" in (await root.get(f"/admin/users/{ann_id}")).text


async def test_what_nobody_knows_is_asked_for(root: Visitor, ann_id: str, mender: Mender) -> None:
    await orphaned(mender)
    page = await root.get(f"{ORPHAN}/adopt?ownerId={ann_id}")
    assert (page.status, len(page.all("[role=alert]"))) == (400, 1)
    assert page.one("#ownerId")["value"] == ann_id


async def test_what_changed_meanwhile_is_refused_with_the_number_for_support(
    root: Visitor, mender: Mender
) -> None:
    await orphaned(mender)
    mender.lose(5001)
    page = await root.get(f"{ORPHAN}/delete")
    assert page.status == 409
    assert "Request" in page.one("[role=alert]").text
    assert not page.all("form[action$=delete]")


async def test_while_much_is_wrong_the_brake_is_told(root: Visitor, mender: Mender) -> None:
    await mender.world.created(5002)
    for vmid in (5000, 5001, 5002):
        mender.lose(vmid)
    await mender.look(2)
    page = await root.get(DRIFT)
    assert "The brake is on" in page.text
    assert page.all("main h2")[0]["id"] == "kind-mass_event"


async def test_the_edge_is_compared_and_mended(root: Visitor, mender: Mender) -> None:
    mender.world.edge.servers.clear()
    mender.world.edge.servers["mc-paper-5077"] = {"name": "mc-paper-5077", "address": "10.0.0.1", "port": 1}
    page = await root.get(f"{DRIFT}/edge")
    assert "mc-flying-squid-5000" in page.one("section:has(#link-velocity)").text
    page = await root.submit(f'form[action="{DRIFT}/edge"]')
    assert "Now it is as the record says." in page.text
    assert "It says what the record says." in (await root.get(f"{DRIFT}/edge")).text
    told = (await root.get(f"{DRIFT}/history")).one("tbody").text
    assert all(
        words in told for words in ("Names without a server", "mc-paper-5077", "10.0.0.1:1", "never was")
    )


async def test_a_page_does_not_wait_for_the_slowest_link(root: Visitor, mender: Mender) -> None:
    held = asyncio.Event()

    async def late(_request: Any, answer: Any) -> Any:
        await held.wait()
        return await answer()

    mender.world.cluster.trouble = late
    page = await root.get(f"{DRIFT}/edge")
    assert "Still looking" in page.one("#edge [role=status]").text
    assert page.one("noscript meta[http-equiv=refresh]")
    held.set()
    page = await root.get(f"{DRIFT}/edge", headers={"HX-Request": "true"})
    assert page.one("#edge section:has(#link-velocity)")
