"""Every page a person can come to, and a stage on which each has something to show."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tests.journeys.stack import finished
from tests.support.http import PASSWORD, Caller

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping

    from tests.support.person import Person
    from tests.support.platform import Platform

LIMITS = ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer")
GAME = {
    "container_type": "game",
    "game": "minecraft",
    "variant": "flying-squid",
    "version": "1.21.4",
    "memoryMiB": 512,
}
WORDS = (
    "Maintenance on Sunday\n\nNode one is updated at 03:00 UTC. Running servers move; nobody is disconnected."
)


@dataclass(frozen=True)
class Picture:
    """One page. ``who`` is "nobody", "ann" (who has servers), "new" (who has none) or "admin".

    ``before`` prepares what stands behind the page, and ``after`` puts it back: the next look begins as this one
    did. ``act`` is what the person does when it is there.
    """

    name: str
    path: str
    who: str = "ann"
    act: Callable[[Person], Awaitable[None]] | None = None
    before: Callable[[Any], Awaitable[None]] | None = None
    after: Callable[[Any], Awaitable[None]] | None = None


PICTURES = (
    Picture("landing", "/", "nobody"),
    Picture("pricing", "/pricing", "nobody"),
    Picture("features", "/features", "nobody"),
    Picture("faq", "/faq", "nobody"),
    Picture("minecraft-hosting", "/minecraft-hosting", "nobody"),
    Picture("modded-minecraft-hosting", "/modded-minecraft-hosting", "nobody"),
    Picture("browser-dev-environments", "/browser-dev-environments", "nobody"),
    Picture("about", "/about", "nobody"),
    Picture("privacy", "/privacy-policy", "nobody"),
    Picture("terms", "/terms-of-service", "nobody"),
    Picture("login", "/login", "nobody"),
    Picture("register", "/register", "nobody"),
    Picture("forgot-password", "/forgot-password", "nobody"),
    Picture("reset-password", "/reset-password?token=x", "nobody"),
    Picture("support", "/support", "nobody"),
    Picture("components", "/components", "nobody"),
    Picture("nowhere", "/nowhere", "nobody"),
    Picture("dashboard-empty", "/dashboard", "new"),
    Picture("servers-empty", "/servers", "new"),
    Picture("dashboard", "/dashboard"),
    Picture("servers", "/servers"),
    Picture("create", "/servers/create"),
    Picture("server", "/servers/{game}"),
    Picture("console", "/servers/{game}/console"),
    Picture("files", "/servers/{game}/files"),
    Picture("backups", "/servers/{game}/backups"),
    Picture("mods", "/servers/{game}/mods"),
    Picture("activity", "/servers/{game}/activity"),
    Picture("settings", "/servers/{game}/settings"),
    Picture("server-stopped", "/servers/{stopped}"),
    Picture("billing", "/billing"),
    Picture("profile", "/profile"),
    Picture("tickets", "/support/tickets"),
    Picture("ticket", "/support/tickets/{ticket}"),
    Picture("suspended", "/account-suspended"),
    Picture("admin-fleet", "/admin/fleet", "admin"),
    Picture("admin-drift", "/admin/drift", "admin"),
    Picture("admin-operations", "/admin/operations", "admin"),
    Picture("admin-users", "/admin/users", "admin"),
    Picture("admin-plans", "/admin/plans", "admin"),
    Picture("admin-announcements", "/admin/announcements", "admin"),
    Picture("admin-support", "/admin/support", "admin"),
    Picture("admin-audit", "/admin/audit", "admin"),
    Picture("admin-health", "/admin/health", "admin"),
)


class Place(Protocol):
    """Where pictures are taken: who can log in with which name and password, and what stands in addresses."""

    @property
    def people(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def names(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Stage:
    """What was prepared: passwords by person, and what stands for the names in addresses."""

    people: Mapping[str, tuple[str, str]]
    names: Mapping[str, str]


async def looked_at(pictures: Iterable[Picture], visitor: Person, place: Place) -> AsyncGenerator[str]:
    """Let somebody who has just come look at all pictures that are theirs; yield each one's name at it."""
    if visitor.name in place.people:
        await visitor.logs_in(*place.people[visitor.name])
        await visitor.arrives("/dashboard")
    for picture in pictures:
        if picture.who == visitor.name:
            async with _prepared(picture, place):
                await visitor.goes(picture.path.format(**place.names))
                if picture.act:
                    await picture.act(visitor)
                yield picture.name


@asynccontextmanager
async def _prepared(picture: Picture, place: Place) -> AsyncGenerator[None]:
    """Have what stands behind a page be as its picture wants it."""
    try:
        if picture.before:
            await picture.before(place)
        yield
    finally:
        if picture.after:
            await picture.after(place)


async def set_stage(platform: Platform) -> Stage:
    """Prepare a platform that sells plans: two servers of Ann's, one of them stopped, and something of each kind."""
    admin = platform.admin
    async with (
        Caller(platform.api) as anyone,
        await anyone.logged_in("admin", admin["password"]) as root,
        await anyone.registered("ann") as ann,
        await anyone.registered("newcomer"),
    ):
        limits = dict.fromkeys(LIMITS)
        assert (
            await root.put("/api/admin/plans/free", {"name": "Free", "priceCents": 0, "limits": limits})
        ).status == 200
        begun = [
            await ann.post("/api/instances", GAME | each) for each in ({"displayName": "Friday night"}, {})
        ]
        assert {reply.status for reply in begun} == {202}, begun
        game, stopped = [
            str((await finished(ann, reply.body["statusUrl"], seconds=120))["vmid"]) for reply in begun
        ]
        await ann.post(f"/api/servers/{stopped}/host/stop")
        await root.post(
            "/api/admin/announcements", {"title": "Maintenance", "text": WORDS, "level": "maintenance"}
        )
        asked = {
            "name": "Ann",
            "email": "ann@example.org",
            "subject": "How do I add mods?",
            "message": "I run Fabric.",
        }
        ticket = (await ann.post("/api/support/create", asked)).body["ticket"]["id"]
        await root.post(
            f"/api/support/tickets/{ticket}/messages", {"message": "Open the Mods tab of your server."}
        )
        await ann.post(f"/api/servers/{game}/backups", {"label": "before the party"})
    people = {"ann": ("ann", PASSWORD), "new": ("newcomer", PASSWORD), "admin": ("admin", admin["password"])}
    return Stage(people, {"game": game, "stopped": stopped, "ticket": ticket})
