"""Whether each system works, in bounded time and without a secret."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.fleet.health import Health
from zpack.control.publishing.links import KNOWN

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller


class Asked:
    """A check that is counted and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.times = 0
        self._failure = failure

    async def __call__(self) -> None:
        self.times += 1
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure


async def found(**checks: Any) -> dict[str, Any]:
    body = await Health(checks=checks, seconds=0.05).systems()
    return {one["name"]: one for one in body["systems"]}


async def test_every_system_is_named(world: World, root: Caller) -> None:
    systems = {one["name"]: one["status"] for one in (await root.get("/api/admin/health")).body["systems"]}
    wanted = {"database", "redis", "proxmox", "stripe", "mail", "prometheus", "modrinth", *KNOWN}
    assert wanted <= systems.keys()
    assert (systems["database"], systems["proxmox"], systems["velocity"]) == ("up", "up", "up")
    assert (systems["stripe"], systems["mail"], systems["technitium"]) == ("not_configured",) * 3


async def test_what_fails_says_why_and_tells_no_secret() -> None:
    told = await found(
        a=Asked(ForeignError("said 403", transient=False)), b=Asked(OSError("password=x")), c=None
    )
    assert [(one["status"], one["detail"]) for one in told.values()] == [
        ("down", "said 403"),
        ("down", "OSError"),
        ("not_configured", None),
    ]
    assert told["c"]["latencyMs"] is None


async def test_what_hangs_is_not_waited_for() -> None:
    never = asyncio.Event()
    told = await found(slow=never.wait, quick=Asked())
    assert (told["slow"]["status"], told["slow"]["detail"]) == ("down", "did not answer within 0.05 s")
    assert told["quick"]["status"] == "up"


async def test_many_who_ask_at_once_cost_one_look() -> None:
    asked = Asked()
    health = Health(checks={"a": asked}, seconds=1.0)
    await asyncio.gather(*(health.systems() for _ in range(10)))
    assert asked.times == 1


async def test_it_is_forgotten_after_a_while() -> None:
    asked = Asked()
    health = Health(checks={"a": asked}, seconds=1.0, kept_seconds=0.0)
    for _ in range(2):
        await health.systems()
    assert asked.times == 2
