"""What a link lost is found by the repair, whichever link it is, and put again as a dry run said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from tests.control.publishing.ground import HERE, ground
from tests.control.publishing.rigs import FILES, RIGS
from zpack.control.db.tables import DeletedInstance, RepairEvent
from zpack.control.operations.actions import Operations
from zpack.control.publishing.rounds import Gap
from zpack.control.wiring.repair import build_reconciler
from zpack.control.wiring.rooms import build_repair_plans

if TYPE_CHECKING:
    from tests.control.publishing.ground import Ground

__all__ = ["ground"]
LOSING = [one for one in RIGS if one.link != "traefik"] + [FILES]
"""What Traefik fetches from us it cannot lose."""
every_link = pytest.mark.parametrize("ground", LOSING, ids=lambda rig: rig.id, indirect=True)


async def look(ground: Ground, **settings: Any) -> None:
    """Look for drift once, with nothing that hurries to mend it."""
    told = ground.settings.model_copy(update=settings)
    operations = Operations(database=ground.clients.database, hint=lambda: None)
    plans = build_repair_plans(told, ground.clients, operations)
    await build_reconciler(told, ground.clients, plans, lambda: True).tick()


async def events(ground: Ground) -> list[Any]:
    """Return what was told of links; the server has no container, which is another matter."""
    kinds = "kind like '%_missing' or kind = 'edge_mass_event'"
    query = f"select event, finding_id, details from repair_events where {kinds} order by id"
    async with ground.clients.database.reading() as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def removed(ground: Ground) -> list[Any]:
    """Return what was told of names without a server."""
    query = select(RepairEvent).where(RepairEvent.kind == "name_without_server").order_by(RepairEvent.id)
    async with ground.clients.database.reading() as session:
        return list(await session.scalars(query))


async def lost(ground: Ground) -> str:
    """Take the server off its link past the record; return the finding that this makes."""
    await ground.attempt(on=True)
    row = (await ground.mine.rows())[ground.hostname]
    await ground.mine.link.drop(ground.mine._places.of_intent(row))
    assert ground.held() == {}
    kind = "registration_missing" if ground.rig.is_door else "record_missing"
    return f"{kind}:{ground.rig.link}:{ground.hostname}"


@every_link
async def test_what_a_link_lost_is_put_again_and_written_down(ground: Ground) -> None:
    finding = await lost(ground)
    await look(ground)
    assert ground.held() == {}, "one look is not enough"
    for _ in range(2):
        await look(ground)
    assert ground.held() == ground.rig.leads(HERE)
    told = await events(ground)
    assert [(one[0], one[1]) for one in told] == [
        (event, finding) for event in ("found", "repair_began", "repaired", "healed")
    ]
    assert {call["system"] for call in told[1][2]["calls"]} == {ground.rig.link}
    async with ground.clients.database.reading() as session:
        query = "select action from audit_log where actor = 'system:repair' order by id"
        assert list(await session.scalars(text(query))) == ["repair.repair_began", "repair.repaired"]


@every_link
async def test_a_dry_run_only_says_what_it_would_call(ground: Ground) -> None:
    await lost(ground)
    for _ in range(2):
        await look(ground, repair_dry_run=True)
    assert ground.held() == {}
    [(_, _, details)] = [one for one in await events(ground) if one[0] == "would_repair"]
    assert details["calls"] != []


async def strangers(ground: Ground, count: int) -> list[str]:
    """Put servers on the link whose rows then vanish, as after the restore of an old record."""
    names = [f"mc-paper-{vmid}" for vmid in range(5100, 5100 + count)]
    for name in names:
        await ground.mine.link.put(ground.mine._places.of_gone(name, None))
    return names


two = [one for one in RIGS if one.link in {"velocity", "cloudflare"}]


@pytest.mark.parametrize("ground", two, ids=lambda rig: rig.id, indirect=True)
async def test_many_names_without_a_server_are_left_alone_and_alarm(ground: Ground) -> None:
    names = await strangers(ground, 4)
    await ground.settle()
    assert all(name in str(ground.held()) for name in names)
    for _ in range(2):
        await look(ground)
    assert [one[:2] for one in await events(ground)] == [("found", f"edge_mass_event:{ground.rig.link}")]


@pytest.mark.parametrize("ground", two, ids=lambda rig: rig.id, indirect=True)
async def test_many_names_of_servers_that_were_deleted_go(ground: Ground) -> None:
    async with ground.clients.database.transaction() as session:
        for name in await strangers(ground, 4):
            session.add(DeletedInstance(vmid=int(name[-4:]), hostname=name, ports={}))
    await ground.settle()
    assert "mc-paper-51" not in str(ground.held())
    removals = await removed(ground)
    ids = {f"name_without_server:{ground.rig.link}:mc-paper-{vmid}" for vmid in range(5100, 5104)}
    assert {one.finding_id for one in removals} == ids
    assert sorted(one.event for one in removals) == ["repair_began"] * 4 + ["repaired"] * 4
    assert {(one.actor, one.details["evidence"]["why"]) for one in removals} == {
        ("system:publishing", "its server is deleted")
    }
    async with ground.clients.database.reading() as session:
        query = "select count(*) from audit_log where actor = 'system:publishing' and action like 'repair.%'"
        assert await session.scalar(text(query)) == len(removals)


@pytest.mark.parametrize("ground", two[:1], ids=lambda rig: rig.id, indirect=True)
async def test_a_name_that_will_not_go_is_told_once_and_when_it_has_gone(ground: Ground) -> None:
    (name,) = await strangers(ground, 1)
    ground.road.break_("refused")
    for _ in range(3):
        await ground.mine.close(Gap(drop=[(name, None)]), {name: "10.0.0.1:25565"})
    ground.road.mend()
    await ground.settle()
    removals = await removed(ground)
    assert [one.event for one in removals] == ["repair_began", "repair_failed", "repaired"]
    assert removals[0].details["evidence"] == {
        "link": "velocity", "name": name, "held": "10.0.0.1:25565",
        "why": "there is no server of this name, and never was",
    }  # fmt: skip
    assert removals[1].details["error"]
    assert (await events(ground)) == []
