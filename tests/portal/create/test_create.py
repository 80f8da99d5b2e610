"""Creating without a script: from the first question to the address, and every way that it does not come to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.support.waiting import eventually
from zpack.control.entitlements import store as entitlements
from zpack.portal.pages.create.room import Room

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.visitor import Shown, Visitor
    from zpack.control.worker import Worker

CHOSEN = "/servers/create?kind=game&game=minecraft&variant=flying-squid&version=1.21.4"
FORM = 'form[action="/servers/create"]'
SMALL = {"memoryMiB": "512", "cpuCores": "1"}


async def change(world: World, statement: str) -> None:
    async with world.clients.database.transaction() as session:
        await session.execute(text(statement))


async def begun(ann: Visitor, **fields: str) -> Shown:
    await ann.get(CHOSEN)
    return await ann.submit(FORM, **SMALL | fields)


async def test_links_lead_from_the_kind_to_the_form(ann: Visitor) -> None:
    page = await ann.get("/servers/create")
    for _ in range(3):
        page = await ann.get(str(page.all("a.pick")[0]["href"]))
    assert page.one(f"{FORM} input[name=version]")["value"] == "1.21.4"
    assert page.one("input[name=memoryMiB]")["max"] == "1024"


async def test_a_server_is_made_and_followed_to_its_address(
    world: World, worker: Worker, ann: Visitor
) -> None:
    assert worker.alive
    page = await begun(ann)
    assert (page.status, page.path.startswith("/servers/create/op_")) == (200, True)

    async def done() -> bool:
        return (await ann.get(page.path)).one("section.progress")["data-status"] == "succeeded"

    await eventually(done)
    assert ann.page is not None
    assert ann.page.one(".join-address code").text.startswith("mc-flying-squid-5000.")
    assert "version 1.21.4" in ann.page.one(".join").text
    assert len(ann.page.all('.steps li[data-state="done"]')) == len(world.create)
    assert not ann.page.all("noscript meta")


async def test_a_server_is_named_and_the_name_is_kept_on_the_way_back(ann: Visitor) -> None:
    page = await ann.get(CHOSEN)
    assert page.all(f"{FORM} .field input")[0]["name"] == "displayName"
    assert len(page.all(str(page.one("#displayName")["data-kept"]))) == 3
    page = await ann.submit(FORM, displayName="Friday Night", back="")
    assert (page.status, page.one(".trail [aria-current] .label").text) == (200, "Version")
    page = await ann.get(str(page.all("a.pick")[0]["href"]))
    assert page.one("#displayName")["value"] == "Friday Night"
    page = await ann.submit(FORM, **SMALL, displayName="a\u200bb")
    assert (page.status, page.one("#displayName-about")["class"]) == (400, ["wrong"])
    page = await ann.submit(FORM, **SMALL, displayName="Friday <Night>")
    assert page.one(".progress h2 bdi").text == "Friday <Night>"
    assert (await ann.get("/servers")).one("#pending bdi").text == "Friday <Night>"


async def test_a_quick_start_makes_the_newest_version_of_what_most_begin_with(ann: Visitor) -> None:
    await ann.get("/servers/create")
    page = await ann.submit('form[action="/servers/create/quick"]')
    assert (page.status, page.path.startswith("/servers/create/op_")) == (200, True)
    assert ann.api is not None
    [begun] = (await ann.api.get("/api/operations")).body["operations"]
    assert begun["hostname"].startswith("mc-flying-squid-")
    page = await ann.get("/servers/create")
    assert not page.all('form[action="/servers/create/quick"]')


async def test_a_quick_start_that_cannot_be_leads_to_the_reason(others: Counterparts, ann: Visitor) -> None:
    await ann.get("/servers/create")
    others.store.games = {"games": []}
    form = ann.page
    await begun(ann)
    ann.page = form
    page = await ann.submit('form[action="/servers/create/quick"]')
    assert (page.path, page.one(".empty h2").text) == ("/servers/create?kind=game", "Your plan is full")


@pytest.mark.parametrize(
    ("servers", "memory", "cores", "usual"),
    [
        (1, 1024, 2, ("1024", "2")), (2, 3072, 2, ("1536", "1")), (10, 2048, 4, ("512", "1")),
        (4, 100_000, 64, ("2048", "2")), (None, None, None, ("2048", "2")),
    ],
)  # fmt: skip
def test_the_form_begins_with_a_share_of_the_plan(
    servers: int | None, memory: int | None, cores: int | None, usual: tuple[str, str]
) -> None:
    found = Room({"limits": {"gameServers": servers, "memoryMb": memory, "cpus": cores}}).usual
    assert (found["memoryMiB"], found["cpuCores"]) == usual


@pytest.mark.parametrize(
    ("memory", "over"), [("512", False), ("2048", True), ("-1", False), ("<b>", False), ("9" * 30, False)]
)
async def test_what_is_typed_is_weighed_against_the_plan(ann: Visitor, memory: str, over: bool) -> None:
    page = await ann.get(f"/servers/create/asks?memoryMiB={memory}&cpuCores=1")
    assert page.status == 200
    assert bool(page.all("[data-over]")) is over


async def test_a_second_click_leads_to_the_same_operation(ann: Visitor) -> None:
    form = await ann.get(CHOSEN)
    first = await ann.submit(FORM, **SMALL)
    ann.page = form
    assert (await ann.submit(FORM, **SMALL)).path == first.path
    assert ann.api is not None
    assert len((await ann.api.get("/api/operations")).body["operations"]) == 1


async def test_a_page_without_scripts_loads_itself_again_while_it_runs(ann: Visitor) -> None:
    page = await begun(ann)
    assert page.one("noscript meta")["http-equiv"] == "refresh"
    assert page.one("section.progress")["data-status"] == "queued"


async def test_an_operation_is_called_off_and_tried_again(world: World, ann: Visitor) -> None:
    page = await begun(ann)
    await ann.submit('form[action$="/cancel"]')
    await change(
        world,
        "update operations set status = 'failed', phase = 'undo clone-container', progress = 0.1,"
        ' error = \'{"code": "upstream_failed", "message": "<script>alert(1)</script>"}\'',
    )
    page = await ann.get(page.path)
    assert page.one("[role=alert] strong").text == "<script>alert(1)</script>"
    assert "upstream_failed" in page.text
    assert page.one('li[data-state="failed"]')
    page = await ann.submit('form[action$="/retry"]')
    assert page.one("section.progress")["data-status"] == "queued"


async def test_what_the_plan_does_not_hold_is_told_with_its_reason(ann: Visitor) -> None:
    page = await begun(ann, memoryMiB="4096")
    assert page.status == 402
    assert "The plan allows 1024 MiB of memory" in page.one("[role=alert]").text
    assert page.one("input[name=memoryMiB]")["value"] == "4096"


async def test_a_full_plan_leads_to_the_plans(ann: Visitor) -> None:
    await begun(ann)
    page = await ann.get(CHOSEN)
    assert page.one(".empty h2").text == "Your plan is full"
    assert not page.all(FORM)


@pytest.mark.parametrize(
    ("state", "title", "to"),
    [
        ("suspended_shutdown", "Your account is suspended", "/account-suspended"),
        ("backup_blocked", "A payment is overdue", "/billing"),
    ],
)
async def test_who_may_create_nothing_is_told_why(
    world: World, ann: Visitor, state: str, title: str, to: str
) -> None:
    async with world.clients.database.transaction() as session:
        user = (await session.scalars(text("select id from users"))).one()
        await entitlements.grant(session, user, billing_status="past_due", server_state=state)
    page = await ann.get(CHOSEN)
    assert page.one(".empty h2").text == title
    assert page.one(".empty a")["href"] == to


async def test_a_field_that_is_wrong_is_told_beside_it(ann: Visitor) -> None:
    page = await begun(ann, world="../..", memoryMiB="a lot")
    assert page.status in {400, 422}
    assert {found["id"] for found in page.all("p.wrong")} >= {"memoryMiB-about", "world-about"}


async def test_an_empty_catalog_is_told(others: Counterparts, ann: Visitor) -> None:
    others.store.games = {"games": []}
    page = await ann.get("/servers/create?kind=game")
    assert page.one(".empty h2").text == "There is nothing to choose from yet"


async def test_a_catalog_that_cannot_be_read_is_told(others: Counterparts, ann: Visitor) -> None:
    others.store.games = None  # type: ignore[assignment]
    page = await ann.get("/servers/create?kind=game")
    assert page.one(".empty h2").text == "The catalog cannot be read just now"


@pytest.mark.parametrize(
    "query",
    ["kind=x", "kind=game&variant=..%2F..", "kind=dev&variant=<script>", "kind=game&version=1&version=2"],
)
async def test_what_no_catalog_has_is_asked_again(ann: Visitor, query: str) -> None:
    page = await ann.get(f"/servers/create?{query}")
    assert page.status == 200
    assert not page.all("main script")


@pytest.mark.parametrize("path", ["", "/progress"])
async def test_other_people_s_operations_are_not_there(ann: Visitor, root: Visitor, path: str) -> None:
    await root.get(CHOSEN)
    page = await root.submit(FORM, **SMALL)
    assert (await ann.get(page.path + path)).status == 404
