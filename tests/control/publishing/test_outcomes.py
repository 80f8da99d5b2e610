"""What follows from the links' entries, and the places of servers that are gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from zpack.control.db.tables import DeletedInstance
from zpack.control.engine.errors import ForeignError
from zpack.control.instances.models import EdgeIntent
from zpack.control.publishing.models import Endpoint, endpoints_of, service_of
from zpack.control.publishing.outcomes import code_of, failed, settled, verdict
from zpack.control.publishing.places import Places, vmid_in
from zpack.control.status.merge import Observed, merge_connection

PLACES = Places(domain="zl.test")
ON, OFF, BROKEN = {"state": "published"}, {"state": "unpublished"}, {"state": "failed", "message": "no"}
IDLE = {"state": "not_configured"}


@pytest.mark.parametrize(
    ("entries", "held", "said"),
    [
        ({"velocity": ON, "cloudflare": ON, "traefik": IDLE}, False, ("published", None)),
        ({"velocity": ON, "cloudflare": BROKEN}, False, ("partial", "cloudflare: no")),
        ({"velocity": BROKEN, "cloudflare": ON}, False, ("failed", "velocity: no")),
        ({"technitium": BROKEN, "cloudflare": BROKEN}, False, ("failed", "cloudflare: no; technitium: no")),
        ({"velocity": IDLE}, False, ("failed", "No link of the edge serves this game.")),
        ({"velocity": OFF, "cloudflare": ON}, True, ("published", None)),
        ({"velocity": OFF, "cloudflare": ON}, False, ("failed", "velocity: unpublished")),
    ],
)
def test_published_is_said_only_when_all_say_so(entries: Any, held: bool, said: Any) -> None:
    assert verdict(entries, held=held) == said


def test_a_name_that_fails_later_loses_no_other_name() -> None:
    edge = {"state": "published", "dns": {"technitium": ON, "cloudflare": ON}, "velocity": ON}
    patch = settled(edge, {"cloudflare": BROKEN}, on=True)
    assert patch == {
        "dns": {"technitium": ON, "cloudflare": BROKEN},
        "state": "partial",
        "error": "cloudflare: no",
    }


def test_failures_in_a_row_are_counted_since_the_first() -> None:
    away = ForeignError("away", transient=True)
    first = failed(away, None, now="1")
    second = failed(away, first, now="2")
    assert (second["attempts"], second["since"], second["at"]) == (2, "1", "2")
    assert failed(away, ON, now="3")["attempts"] == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ForeignError("", transient=True, timed_out=True), "link_timed_out"),
        (ForeignError("", transient=True), "link_unreachable"),
        (ForeignError("", transient=False, status=403), "link_refused"),
        (ForeignError("", transient=True, status=503), "link_error"),
        (ForeignError("", transient=False), "link_answer_unexpected"),
    ],
)
def test_every_failure_has_a_stable_word(failure: ForeignError, code: str) -> None:
    assert code_of(failure) == code


def test_a_server_that_is_gone_keeps_its_game_and_ports() -> None:
    """The Node service removed ``_minecraft._tcp`` whatever the game had been (contract §6.4d)."""
    archived = DeletedInstance(
        vmid=5001, hostname="rust-5001", game="rust", ports={"game": [28015]}, ip="10.0.0.5",
        deleted_at=datetime.now(UTC),
    )  # fmt: skip
    place = PLACES.of_gone("rust-5001", archived)
    assert (place.game, place.endpoints) == ("rust", (Endpoint("rust", "udp", 28015, 28015),))
    assert PLACES.of_gone("valheim-5001", archived).endpoints == (), "another's archive says nothing"


@pytest.mark.parametrize(
    ("name", "vmid"),
    [
        ("mc-5000", 5000),
        ("mc-7000", None),
        ("lobby", None),
        ("a-05000", None),
        ("a-\u0665\u0660\u0660\u0660", None),
    ],
)
def test_only_names_with_a_vmid_of_ours_are_ours(name: str, vmid: int | None) -> None:
    assert vmid_in(name) == vmid


def test_ports_may_be_others_outside() -> None:
    ports = {"game": [7777, "x", 70000], "public": {"7777": 40001}}
    assert endpoints_of("terraria", ports) == (Endpoint("terraria", "tcp", 40001, 7777),)
    assert (
        endpoints_of("mc", [])
        == endpoints_of("mc", {"game": 5})
        == (Endpoint("minecraft", "tcp", 25565, 25565),)
    )
    assert service_of("unheard of").name == "game"


@pytest.mark.parametrize(
    ("intent", "doors", "names"),
    [
        ({"state": "published"}, True, True),
        ({"state": "partial"}, True, True),
        ({"state": "failed"}, True, True),
        ({"state": "published", "suspended": True}, False, True),
        ({"state": "unpublished"}, False, False),
        ({"state": "pending"}, False, False),
        ({"state": "pending", "abandoned": True}, True, True),
        ({"state": None}, False, False),
    ],
)
def test_an_intent_is_for_doors_or_for_names(intent: dict[str, Any], doors: bool, names: bool) -> None:
    row = EdgeIntent(vmid=5000, owner=None, hostname="mc-5000", ip="10.0.0.5", **intent)
    assert (row.published, row.named) == (doors, names)


def test_the_person_sees_which_link_is_broken() -> None:
    edge = {
        "state": "failed", "error": "traefik: no", "velocity": {"state": "not_wanted"},
        "traefik": {**BROKEN, "since": "1", "attempts": 3, "at": "2"},
    }  # fmt: skip
    agent = {"ready": True, "hostOnline": True, "state": "running"}
    found = merge_connection(Observed(agent=agent, power="running", edge=edge))
    assert (found["state"], "traefik: no" in found["reason"]) == ("not_published", True)
    assert {"source": "traefik", "fact": "failed: no (since 1, 3 times)", "at": "2"} in found["evidence"]


def test_a_game_without_the_proxy_is_connectable_when_its_doors_are_open() -> None:
    edge = {"state": "published", "velocity": {"state": "not_wanted"}, "traefik": ON}
    agent = {"ready": True, "hostOnline": True, "state": "running"}
    seen = Observed(agent=agent, power="running", edge=edge, registered=False)
    assert merge_connection(seen)["connectable"]
