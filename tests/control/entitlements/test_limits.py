"""What plans allow, and who wins the last place: on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from zpack.control.accounts.models import User
from zpack.control.entitlements import store
from zpack.control.entitlements.actions import AccountSuspended, BackupBlocked, Entitlements, PlanLimitReached
from zpack.control.entitlements.fits import Misfit, misfits
from zpack.control.entitlements.models import EXEMPT, Limits, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database

ADA = User("u-ada", "ada@example.net", "ada", None, None, None, "user")
ROOT = User("u-root", "root@example.net", "root", None, None, None, "admin")


@pytest.fixture
async def room(database: Database) -> Entitlements:
    async with database.transaction() as session:
        for user in (ADA, ROOT):
            await session.execute(
                text(
                    "insert into users (id, email, username, role, password_hash) values (:id, :e, :u, :r, '')"
                ),
                {"id": user.id, "e": user.email, "u": user.username, "r": user.role},
            )
    return Entitlements(database=database, billing=True, default_plan="free")


async def granted(database: Database, **what: Any) -> bool:
    async with database.transaction() as session:
        return (await store.grant(session, ADA.id, **what)).changed


def raised(limit: str, details: Any) -> Callable[[PlanLimitReached], bool]:
    return lambda refused: refused.details == {"limit": limit, **details}


async def checked(room: Entitlements, database: Database, **more: Any) -> None:
    wanted = {"ctype": "game", "memory_mb": 512, "cpus": 1, "disk_mb": 0} | more
    async with database.transaction() as session:
        await room.check_create(session, ADA, **wanted)


async def test_everybody_begins_with_the_default_plan(room: Entitlements) -> None:
    found = await room.of(ADA)
    assert (found.plan, found.billing_status, found.server_state) == ("free", "none", "allowed")


async def test_without_billing_everybody_has_the_default_plan(room: Entitlements, database: Database) -> None:
    await granted(database, plan="pro")
    off = Entitlements(database=database, billing=False, default_plan="unlimited")
    assert (await room.of(ADA)).plan == "pro"
    assert (await off.of(ADA)).limits.of_name("gameServers") is None


@pytest.mark.seed("S89")
async def test_an_administrator_is_exempt(room: Entitlements) -> None:
    assert await room.of(ROOT) == await room.of_owner(ROOT.id) == EXEMPT


async def test_the_same_grant_twice_is_one(room: Entitlements, database: Database) -> None:
    assert await granted(database, plan="pro", billing_status="active")
    assert not await granted(database, plan="pro", billing_status="active")


@pytest.mark.parametrize(
    ("wanted", "limit", "allowed"),
    [
        ({"memory_mb": 2048}, "memoryMb", 1024),
        ({"cpus": 3}, "cpus", 2),
        ({"disk_mb": 10_241}, "diskMb", 10_240),
        ({"ctype": "dev"}, "devContainers", 0),
    ],
)
async def test_a_server_over_a_limit_is_refused_by_name(
    room: Entitlements, database: Database, wanted: dict[str, Any], limit: str, allowed: int
) -> None:
    with pytest.raises(
        PlanLimitReached, check=raised(limit, {"allowed": allowed, "used": 0, "plan": "free"})
    ):
        await checked(room, database, **wanted)


async def test_a_suspended_account_creates_and_starts_nothing(room: Entitlements, database: Database) -> None:
    await granted(database, billing_status="suspended", server_state="suspended_shutdown")
    with pytest.raises(AccountSuspended):
        await checked(room, database)
    with pytest.raises(AccountSuspended):
        await room.check_start(ADA)


async def test_the_moment_of_suspension_stays_until_it_ends(room: Entitlements, database: Database) -> None:
    await granted(database, server_state="suspended_shutdown")
    since = (await room.of(ADA)).since
    await granted(database, server_state="retained")
    assert (await room.of(ADA)).since == since is not None
    await granted(database, server_state="allowed")
    assert (await room.of(ADA)).since is None


async def test_blocked_backups_stop_no_server(room: Entitlements, database: Database) -> None:
    await granted(database, server_state="backup_blocked")
    await room.check_start(ADA)
    with pytest.raises(BackupBlocked):
        await room.check_backup(ADA, 0)


async def test_one_backup_too_many_is_refused(room: Entitlements) -> None:
    await room.check_backup(ADA, 0)
    details = {"allowed": 1, "used": 1, "plan": "free"}
    with pytest.raises(PlanLimitReached, check=raised("backupsPerServer", details)):
        await room.check_backup(ADA, 1)


async def test_decisions_about_one_account_go_one_after_the_other(
    room: Entitlements, database: Database
) -> None:
    async with database.transaction() as session:
        await store.lock(session, ADA.id)
        other = asyncio.create_task(checked(room, database))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(other), 0.1)
    await other


def test_misfits_name_what_no_longer_fits() -> None:
    small = Limits.of({"gameServers": 1, "memoryMb": None})
    usage = Usage(game_servers=2, memory_mb=9999, cpus=0)
    assert misfits(small, usage) == [Misfit("gameServers", allowed=1, used=2)]
