"""Whatever the world: after some looks findings are healed or observed, and nothing foreign is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from zpack.control.repair.findings import SILENT, find, judged, judges
from zpack.control.repair.models import Container, Edge, Lacking, Running, Server, Snapshot, Source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VMIDS = st.sampled_from([100, 820, 4999, 5000, 5001, 5500, 5999, 6000, 6999, 7000])
SOURCES: tuple[Source, ...] = ("proxmox", "agents", "edge", "database")
containers = st.builds(
    Container,
    vmid=VMIDS,
    node=st.just("local"),
    status=st.sampled_from(["running", "stopped", "unknown"]),
    name=st.just("x"),
    marked=st.booleans(),
)
servers = st.builds(
    Server,
    vmid=VMIDS,
    hostname=VMIDS.map(lambda vmid: f"mc-{vmid}"),
    owner=st.none(),
    ip=st.just("127.0.0.1"),
    suspended=st.booleans(),
)
edges = st.builds(
    Edge,
    lacking=st.lists(
        st.builds(
            Lacking,
            vmid=VMIDS,
            hostname=VMIDS.map(lambda vmid: f"mc-{vmid}"),
            wanted=st.just("x"),
            held=st.none() | st.just("y"),
        ),
        max_size=3,
        unique_by=lambda one: one.hostname,
    ).map(tuple),
    withheld=st.integers(0, 3),
)
operations = st.builds(
    Running,
    id=st.uuids().map(str),
    kind=st.sampled_from(["instance-create", "instance-delete", "host-start"]),
    vmid=VMIDS,
    phase=st.none(),
    deadline=st.sampled_from([NOW - timedelta(hours=1), NOW + timedelta(hours=1)]),
    updated_at=st.sampled_from([NOW - timedelta(hours=1), NOW]),
)


@st.composite
def worlds(draw: st.DrawFn) -> Snapshot:
    found = draw(st.lists(containers, max_size=6))
    return Snapshot(
        at=NOW,
        known=draw(st.frozensets(st.sampled_from(SOURCES))),
        servers=tuple(
            draw(st.lists(servers, max_size=6, unique_by=(lambda one: one.vmid, lambda one: one.hostname)))
        ),
        operations=tuple(draw(st.lists(operations, max_size=4))),
        reserved=draw(st.frozensets(VMIDS, max_size=2)),
        containers={one.vmid: one for one in found},
        heard=draw(st.frozensets(VMIDS)),
        edge=draw(st.dictionaries(st.sampled_from(["velocity", "cloudflare", "opnsense"]), edges)),
    )


@settings(deadline=None)
@given(worlds())
def test_nothing_foreign_is_a_leftover(world: Snapshot) -> None:
    known = {server.vmid for server in world.servers} | world.reserved | {o.vmid for o in world.operations}
    for finding in find(world):
        if finding.kind == "container_without_row":
            assert finding.vmid is not None
            assert 5000 <= finding.vmid < 7000
            assert world.containers[finding.vmid].marked
            assert finding.vmid not in known


@settings(deadline=None)
@given(worlds())
def test_what_cannot_be_judged_is_not_found(world: Snapshot) -> None:
    assert {finding.kind for finding in find(world)} <= judged(world)
    assert all(judges(world, finding.id) for finding in find(world))


@settings(deadline=None)
@given(worlds())
def test_the_same_world_has_the_same_findings_each_once(world: Snapshot) -> None:
    first, second = find(world), find(world)
    assert first == second
    assert len({finding.id for finding in first}) == len(first)


@settings(deadline=None)
@given(worlds())
def test_an_operation_that_is_worked_on_is_never_stuck(world: Snapshot) -> None:
    stuck = {finding.evidence["operation"] for finding in find(world) if finding.kind == "operation_stuck"}
    for one in world.operations:
        if one.deadline >= NOW or NOW - one.updated_at <= SILENT:
            assert one.id not in stuck


@settings(deadline=None)
@given(worlds())
def test_losing_most_is_one_alarm(world: Snapshot) -> None:
    found = find(world)
    lost = sum(finding.kind == "row_without_container" for finding in found)
    alarms = [finding for finding in found if finding.id == "mass_event:cluster"]
    assert len(alarms) == (lost >= 3 and lost * 2 >= len(world.servers))
