"""Everybody of the matrix, with their things, put into the database without logging in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tests.control.access.matrix import Who
from tests.control.provisioning.counterparts import address_of
from tests.support.tokens import key_of, parts_of, shortened, signed
from zpack.control.accounts import store as accounts
from zpack.control.entitlements import store as entitlements
from zpack.control.instances import store as instances

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.settings import Settings
    from zpack.control.wiring import Api, Clients

PASSWORD = "a password that nobody has"
OWNER, ANOTHER, ADMIN, SUSPENDED = "usr_owner", "usr_another", "usr_admin", "usr_suspended"
IDENTITY = dict.fromkeys(Who, OWNER) | {
    Who.ANOTHER: ANOTHER,
    Who.ADMIN: ADMIN,
    Who.SUSPENDED: SUSPENDED,
}
"""Whose account a caller uses; who is not named here shows the owner's."""
OPERATION = text(
    "insert into operations (id, kind, status, customer_id, vmid, request_id, input, deadline)"
    " values (:id, 'instance-create', 'failed', :owner, :vmid, 'req_x', '{\"request\": {}}',"
    " now() + interval '1 hour')"
)
FINDING = text(
    "insert into repair_findings (id, kind, vmid, state, evidence, looks)"
    " values (:id, 'host_key_stale', 5900, 'open', '{\"operation\": \"op_gone\"}', 1)"
)
TICKET = text(
    "insert into support_tickets (id, user_id, name, email, subject, status)"
    " values (:id, :owner, 'Ann', 'ann@example.org', 'Help', 'open')"
)
NEWS = text(
    "insert into announcements (id, title, text, level) values (:id, 'Maintenance', 'Tonight.', 'info')"
)
KEY = text(
    "insert into api_keys (id, user_id, name, prefix, digest, scopes)"
    " values (:id, :owner, 'a key', 'zpk_', :id, '{}')"
)
SESSION = text(
    "insert into login_sessions (id, user_id, address, user_agent, expires_at)"
    " values (:id, :owner, '127.0.0.1', 'a browser', now() + interval '1 hour')"
)


@dataclass(frozen=True)
class Badge:
    """What a caller shows, and a refresh token that is good whatever the access token is."""

    refresh: str
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass(frozen=True)
class People:
    """Makes the callers, and knows their things."""

    api: Api
    clients: Clients
    settings: Settings

    async def settle(self) -> None:
        """Give everybody an account, and the two owners their things."""
        async with self.clients.database.transaction() as session:
            for user in (OWNER, ANOTHER, ADMIN, SUSPENDED):
                await accounts.insert_user(
                    session,
                    id=user,
                    email=f"{user}@example.org",
                    username=user,
                    password_hash="$argon2id$v=19$m=8,t=1,p=1$bm90aGluZzAxMjM0NTY3$bm90aGluZ2lzdGhpc3Bhc3N3b3Jk",
                    role="admin" if user == ADMIN else "user",
                )
            for owner, number in ((OWNER, 0), (SUSPENDED, 1)):
                for ctype, vmid in (("game", 5000 + number), ("dev", 6000 + number)):
                    await self._server(session, owner, ctype, vmid)
                for statement, kind in ((OPERATION, "op"), (KEY, "key"), (SESSION, "ses"), (TICKET, "tkt")):
                    facts = {"id": f"{kind}_{owner}", "owner": owner}
                    await session.execute(statement, facts | ({"vmid": 5900} if kind == "op" else {}))
            await session.execute(FINDING, {"id": f"find_{OWNER}"})
            await session.execute(NEWS, {"id": f"ann_{OWNER}"})
            await entitlements.grant(
                session, SUSPENDED, billing_status="suspended", server_state="suspended_shutdown"
            )

    async def _server(self, session: Any, owner: str, ctype: str, vmid: int) -> None:
        payload = {"game": "minecraft", "variant": "fabric", "version": "1.21.4"} if ctype == "game" else {}
        await instances.insert_instance(
            session,
            vmid=vmid,
            customer_id=owner,
            ctype=ctype,
            hostname=f"{ctype}-{vmid}",
            ip=address_of(vmid),
            allocated_ports={},
            agent_state="running",
            payload=payload,
        )

    async def badge(self, who: Who) -> Badge:
        """Return what a caller shows, of a session of its own: the row before may have ended the last one."""
        refresh: str = (await self._login(IDENTITY[who]))["refreshToken"]
        if who is Who.ANONYMOUS:
            return Badge(refresh=refresh)
        token: str = (await self._login(IDENTITY[who]))["token"]
        header, claims = parts_of(token)
        secret = self.settings.auth_secret.get_secret_value()
        if who is Who.EXPIRED:
            token = shortened(token, secret, -60)
        elif who is Who.WRONG_AUDIENCE:
            token = signed(header, claims | {"aud": "zpack:ide"}, key_of(secret))
        elif who is Who.REVOKED:
            async with self.clients.database.transaction() as session:
                await accounts.revoke_sessions(session, OWNER, only=[claims["sid"]])
        return Badge(refresh, token)

    async def _login(self, user_id: str) -> dict[str, Any]:
        async with self.clients.database.transaction() as session:
            row = await accounts.find_by_id(session, user_id)
            assert row is not None
            return await self.api.sessions.begin(session, accounts.seen(row))


def things_of(who: Who) -> Mapping[str, str]:
    """Return what the names in a row stand for: everybody asks for the owner's, but the suspended owner."""
    owner, number = (SUSPENDED, 1) if who is Who.SUSPENDED else (OWNER, 0)
    return _things(owner, f"500{number}", f"600{number}")


def nothing() -> Mapping[str, str]:
    """Return what they stand for where there is nothing."""
    return _things("usr_nobody", "5999", "6999")


def _things(owner: str, server: str, dev: str) -> Mapping[str, str]:
    return {
        "announcement_id": f"ann_{owner}",
        "backup_id": "20261125T200000Z-0a1b2c3d",
        "dev_id": dev,
        "finding_id": f"find_{owner}",
        "key_id": f"key_{owner}",
        "mod_id": "a.jar",
        "operation_id": f"op_{owner}",
        "password": PASSWORD,
        "plan_id": "starter",
        "server_id": server,
        "session_id": f"ses_{owner}",
        "ticket_id": f"tkt_{owner}",
        "user_id": ANOTHER,
        "vmid": server,
    }
