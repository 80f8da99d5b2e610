"""The connection verdict, rule by rule (contract §2.4.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zpack.control.status.merge import Observed, host_status, merge_connection

READY = {"ready": True, "state": "running", "readySource": "minecraft_ping"}
PUBLISHED = {"state": "published", "velocity": {"registered": True}}
UP = Observed(agent=READY, edge=PUBLISHED, registered=True, power="running")

CASES: list[tuple[Observed, str]] = [
    (UP, "connectable"),
    (replace(UP, proxy={"status": "proxy_ping_ok", "pingOkAt": "2026-01-01T00:00:00Z"}), "connectable"),
    (
        replace(UP, proxy={"status": "proxy_ping_failed", "pingFailedAt": "2026-01-01T00:00:00Z"}),
        "ping_failed",
    ),
    (replace(UP, agent={**READY, "readySource": "process"}), "starting"),
    (replace(UP, agent=None), "offline"),
    (replace(UP, agent={"ready": False, "state": "starting"}), "starting"),
    (replace(UP, agent={"ready": False, "state": "idle"}), "offline"),
    (replace(UP, agent={"ready": False, "state": "error", "error": "no java"}), "offline"),
    (replace(UP, agent={"ready": "yes", "state": "running"}), "starting"),
    (replace(UP, edge={}), "not_published"),
    (replace(UP, edge={"state": "failed"}), "not_published"),
    (replace(UP, registered=False), "not_registered"),
    (replace(UP, registered=False, proxy={"status": "registered_with_proxy"}), "not_registered"),
    (replace(UP, registered=None), "connectable"),
    (replace(UP, registered=None, edge={"state": "published"}), "not_registered"),
    (
        replace(UP, registered=None, edge={"state": "published"}, proxy={"status": "registered_with_proxy"}),
        "connectable",
    ),
    (replace(UP, power="stopped"), "offline"),
]


@pytest.mark.seed("S40", "S41")
@pytest.mark.parametrize(("seen", "state"), CASES)
def test_the_rules_in_their_order(seen: Observed, state: str) -> None:
    assert merge_connection(seen)["state"] == state


def test_a_later_ping_wins_over_an_earlier_one() -> None:
    proxy = {"pingOkAt": "2026-01-01T00:00:02Z", "pingFailedAt": "2026-01-01T00:00:01Z"}
    found = merge_connection(replace(UP, proxy=proxy))
    assert found["connectable"]
    assert "ping ok" in (facts := [each["fact"] for each in found["evidence"]])
    assert "ping failed" not in facts


def test_every_verdict_names_its_evidence() -> None:
    sources = {e["source"] for e in merge_connection(UP)["evidence"]}
    assert sources == {"agent", "edge", "proxmox", "proxy"}


anything = st.sampled_from([None, True, False, "", "x", "2026-01-01", 1, {}, {"registered": True}])
words = st.sampled_from(
    [
        "ready",
        "state",
        "readySource",
        "error",
        "status",
        "pingOkAt",
        "pingFailedAt",
        "velocity",
        "registeredAt",
    ]
)
blob = st.dictionaries(words, anything, max_size=6)


@given(
    st.one_of(st.none(), blob),
    blob,
    blob,
    st.sampled_from([True, False, None]),
    st.sampled_from(["running", "stopped", None]),
)
def test_never_connectable_without_a_ready_agent(
    agent: dict[str, Any] | None,
    edge: dict[str, Any],
    proxy: dict[str, Any],
    registered: bool | None,
    power: str | None,
) -> None:
    verdict = merge_connection(
        Observed(agent=agent, edge=edge, proxy=proxy, registered=registered, power=power)
    )
    if verdict["connectable"]:
        assert agent is not None
        assert agent["ready"] is True
        assert registered is not False
        assert power != "stopped"


@pytest.mark.seed("S46")
@pytest.mark.parametrize(
    ("power", "operation", "status"),
    [
        ("running", None, "running"),
        ("stopped", None, "stopped"),
        (None, None, "stopped"),
        ("stopped", {"type": "start", "status": "running"}, "starting"),
        ("running", {"type": "stop", "status": "running"}, "stopping"),
        ("running", {"type": "restart", "status": "pending"}, "restarting"),
        ("running", {"type": "stop", "status": "failed"}, "running"),
    ],
)
def test_host_status(power: str | None, operation: dict[str, Any] | None, status: str) -> None:
    assert host_status(power, operation) == status
