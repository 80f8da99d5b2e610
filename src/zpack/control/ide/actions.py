"""IDE tokens with the address to open, and what an owner says about ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.ide import store
from zpack.control.ide.cookies import our_cookies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.accounts.models import Session, User
    from zpack.control.db.session import Database
    from zpack.control.ide.admission import Admission
    from zpack.control.ide.places import Places
    from zpack.control.ide.starting import Wake
    from zpack.control.instances.actions import Instances

PORTS_MOST = 20


class PortMissing(Refusal):
    """Nothing was said about this port."""

    kind = "not_found"
    code = "port_not_found"


class TooManyPorts(Refusal):
    """The container has as many as it may."""

    kind = "conflict"
    code = "too_many_ports"


@dataclass(frozen=True)
class Addresses:
    """How places are called from outside. ``hosted`` says whether by host name."""

    hosted: bool
    suffix: str | None
    scheme: str
    secure: bool
    token_seconds: int

    def named(self, vmid: int, port: int | None) -> str:
        """Return the address of a place, ending in a slash."""
        if self.hosted:
            label = f"{port}-dev-{vmid}" if port else f"dev-{vmid}"
            return f"{self.scheme}://{label}.{self.suffix}/"
        return f"/__ide/{vmid}/port/{port}/" if port else f"/__ide/{vmid}/"

    def opened(self, vmid: int, port: int | None, token: str) -> str:
        """Return the address that lets a browser in."""
        if self.hosted:
            return f"{self.named(vmid, port)}?token={token}"
        return self.tunnelled(vmid, port, token)

    def tunnelled(self, vmid: int, port: int | None, token: str) -> str:
        """Return the path that lets a browser in which cannot resolve the host's name."""
        if port:
            return f"/__ide/{vmid}/port/{port}/?token={token}"
        return f"/__ide/{vmid}/?token={token}" if self.hosted else f"/api/dev/{vmid}/ide?token={token}"


class Ide:
    """The IDEs and ports of every dev container."""

    def __init__(
        self,
        *,
        database: Database,
        instances: Instances,
        admission: Admission,
        places: Places,
        addresses: Addresses,
        wake: Wake,
    ) -> None:
        self._database = database
        self._instances = instances
        self._admission = admission
        self._places = places
        self._addresses = addresses
        self._wake = wake

    async def token(self, session: Session, server_id: str, port: int | None) -> dict[str, Any]:
        """Return ``{token, url, tunnelUrl, expiresIn, state}``; a container that sleeps is woken.

        Raises ServerMissing, WrongType, NoAddress, NoPlace, AccountSuspended. Only the owner has a tunnel.
        """
        wanted = None if port is None else self._places.port(port)
        at, token = await self._admission.token(session, server_id)
        owns = at.owner == session.user.id
        return {
            "token": token,
            "url": self._addresses.opened(at.vmid, wanted, token),
            "tunnelUrl": self._addresses.tunnelled(at.vmid, wanted, token) if owns else None,
            "expiresIn": self._addresses.token_seconds,
            "state": "starting" if await self._wake(at.vmid) else "ready",
        }

    async def opened(
        self, session: Session, server_id: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> tuple[str, list[str]]:
        """Return where the browser goes, and the cookies it takes along. Raises as ``token`` does."""
        at, token = await self._admission.token(session, server_id)
        if self._addresses.hosted:
            return self._addresses.opened(at.vmid, None, token), []
        found = self._places.of(headers, f"/__ide/{at.vmid}/".encode())
        assert found is not None  # noqa: S101 - it is a tunnel's path
        cookie = await self._admission.enter(session, found.place)
        seconds = self._admission.cookie_seconds
        secure = self._addresses.secure
        return found.place.root, our_cookies(cookie, found.place, secure=secure, seconds=seconds)

    async def ports(self, user: User, server_id: str) -> dict[str, Any]:
        """Return what was said about a container's ports. Raises ServerMissing, WrongType, NoAddress."""
        at = await self._instances.reach(user, server_id, ctype="dev")
        async with self._database.reading() as rows:
            said = await store.list_ports(rows, at.vmid)
        return {"ports": [self._shown(at.vmid, row.port, public=row.public) for row in said]}

    async def set_port(self, user: User, server_id: str, port: int, *, public: bool) -> dict[str, Any]:
        """Say who may use a port. Raises NoPlace, TooManyPorts and as ``ports`` does."""
        self._places.port(port)
        at = await self._instances.reach(user, server_id, ctype="dev")
        async with self._database.transaction() as rows:
            if not await store.set_port(rows, at.vmid, port, public=public, most=PORTS_MOST):
                raise TooManyPorts(f"A container has at most {PORTS_MOST} ports of its own.")
            record(rows, "ide.port", actor=user.id, vmid=at.vmid, port=port, public=public)
        return self._shown(at.vmid, port, public=public)

    async def drop_port(self, user: User, server_id: str, port: int) -> None:
        """Forget a port: it is the owner's alone again. Raises PortMissing and as ``ports`` does."""
        at = await self._instances.reach(user, server_id, ctype="dev")
        async with self._database.transaction() as rows:
            if not await store.drop_port(rows, at.vmid, port):
                raise PortMissing("Nothing was said about this port.")
            record(rows, "ide.port", actor=user.id, vmid=at.vmid, port=port, public=None)

    def _shown(self, vmid: int, port: int, *, public: bool) -> dict[str, Any]:
        return {"port": port, "public": public, "url": self._addresses.named(vmid, port)}
