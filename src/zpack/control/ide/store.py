"""SQL of ``forwarded_ports``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import ContainerInstance, ForwardedPort

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession


async def list_ports(session: AsyncSession, vmid: int) -> Sequence[ForwardedPort]:
    """Return what was said about a container's ports."""
    query = select(ForwardedPort).where(ForwardedPort.vmid == vmid).order_by(ForwardedPort.port)
    return (await session.scalars(query)).all()


async def set_port(session: AsyncSession, vmid: int, port: int, *, public: bool, most: int) -> bool:
    """Say who may use a port; False when there are ``most`` already. One at a time for each container."""
    await session.execute(text("select pg_advisory_xact_lock(6001, :vmid)"), {"vmid": vmid})
    others = select(func.count()).where(ForwardedPort.vmid == vmid, ForwardedPort.port != port)
    if (await session.scalar(others) or 0) >= most:
        return False
    row = insert(ForwardedPort).values(vmid=vmid, port=port, public=public)
    await session.execute(row.on_conflict_do_update(index_elements=["vmid", "port"], set_={"public": public}))
    return True


async def drop_port(session: AsyncSession, vmid: int, port: int) -> bool:
    """Forget a port; False when nothing was said about it."""
    query = delete(ForwardedPort).where(ForwardedPort.vmid == vmid, ForwardedPort.port == port)
    return await session.scalar(query.returning(ForwardedPort.port)) is not None


async def public_address(session: AsyncSession, vmid: int, port: int) -> str | None:
    """Return the address of a container one of whose ports is for everybody."""
    return await session.scalar(
        select(ContainerInstance.ip)
        .join(ForwardedPort, ForwardedPort.vmid == ContainerInstance.vmid)
        .where(ForwardedPort.vmid == vmid, ForwardedPort.port == port, ForwardedPort.public.is_(True))
        .where(ContainerInstance.ctype == "dev")
    )


async def list_public(session: AsyncSession, of: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return those of these ports that are for everybody."""
    rows = await session.execute(
        select(ForwardedPort.vmid, ForwardedPort.port)
        .where(tuple_(ForwardedPort.vmid, ForwardedPort.port).in_(list(of)))
        .where(ForwardedPort.public.is_(True))
    )
    return {(row[0], row[1]) for row in rows}
