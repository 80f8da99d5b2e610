"""What the fleet's facts are judged to mean, and what an operator is told first."""

from __future__ import annotations

from typing import Any

import pytest

from zpack.portal.fleet import glance_at, judged
from zpack.portal.pages.fleet.choosing import Wish, chosen, grouped
from zpack.portal.pages.overview.alarms import alarms

GIB = 1 << 30


def container(vmid: int = 5000, **more: Any) -> dict[str, Any]:
    return {
        "vmid": vmid, "node": "pve1", "name": f"mc-{vmid}", "hostname": f"mc-{vmid}", "displayName": None, "status": "running",
        "template": False, "type": "game", "ours": True, "serverId": str(vmid), "ownerId": "usr_1",
        "ownerName": "ann", "state": "running", "heard": True, "complaint": None, "suspended": False,
        "memory": 0, "maxMemory": GIB, "cpu": 0.0, "uptime": 3600,
    } | more  # fmt: skip


def node(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "status": "online", "memory": GIB, "maxMemory": 8 * GIB} | more


@pytest.mark.parametrize(
    ("facts", "trouble", "tone"),
    [
        ({}, "", "ok"),
        ({"state": "starting"}, "", "busy"),
        ({"status": "stopped", "state": "idle", "heard": False}, "", ""),
        ({"status": "missing", "node": None}, "missing", "bad"),
        ({"status": "unknown"}, "unseen", "bad"),
        ({"state": "crashed"}, "crashed", "bad"),
        ({"heard": False}, "silent", "warn"),
        ({"heard": False, "uptime": 30}, "", "ok"),
        ({"suspended": True}, "suspended_running", "warn"),
        ({"suspended": True, "status": "stopped"}, "", ""),
        ({"serverId": None}, "unclaimed", "warn"),
        ({"serverId": None, "ours": False, "heard": None}, "", "ok"),
    ],
)
def test_a_container_is_judged_by_who_says_what(facts: dict[str, Any], trouble: str, tone: str) -> None:
    one = judged(container(**facts))
    assert (one["trouble"], one["tone"]) == (trouble, tone)


def test_room_is_where_memory_is_free_and_the_node_is_there() -> None:
    nodes = [node("pve1"), node("pve2", memory=2 * GIB), node("pve3", status="offline")]
    glance = glance_at({"nodes": nodes, "containers": [container(), container(5001, status="stopped")]})
    assert glance.roomiest is not None
    assert (glance.free, glance.roomiest.facts["name"]) == (13 * GIB, "pve1")
    assert [one.promised for one in glance.nodes] == [GIB, 0, 0]


def test_groups_keep_the_order_and_nobodys_come_last() -> None:
    found = [judged(container(1, ownerId=None, ownerName=None)), judged(container(3)), judged(container(2))]
    groups = grouped(chosen(found, Wish(sort="-vmid")), "owner")
    assert [(one.name, [each["vmid"] for each in one.containers]) for one in groups] == [
        ("ann", [3, 2]), (None, [1]),
    ]  # fmt: skip


def test_the_worst_is_told_first_and_what_was_not_asked_says_nothing() -> None:
    fleet = {
        "nodes": [node("pve1", memory=7.5 * GIB), node("pve2", status="offline")],
        "containers": [container(heard=False), container(5001, state="crashed")],
        "errors": [],
    }
    numbers = {"operations": {"failed": 2}, "tickets": 0}
    told = alarms({"fleet": fleet, "glance": glance_at(fleet), "numbers": numbers, "drift": {"drift": []}})
    assert [(one.kind, one.tone) for one in told] == [
        ("node", "bad"), ("crashed", "bad"), ("full", "warn"), ("silent", "warn"), ("failed", "warn"),
    ]  # fmt: skip
    assert alarms({"fleet": None, "glance": None, "numbers": None, "drift": None}) == []
