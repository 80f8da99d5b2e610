"""Owned by the room ``idle``: what is said about stopping a server that nobody uses, and what came of it."""

from __future__ import annotations

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class IdleServer(Base):
    """One server. ``enabled`` and ``minutes`` are the owner's word; null leaves it to the plan.

    ``active_at`` is when it was last seen in use; ``asleep_since`` stands from the stop to the next start,
    and ``woken_at`` from a wake until the server is ready.
    """

    __tablename__ = "idle_servers"

    vmid: Mapped[int] = mapped_column(
        ForeignKey("instances.vmid", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    enabled: Mapped[bool | None]
    minutes: Mapped[float | None]
    wake: Mapped[bool] = mapped_column(server_default=text("true"))
    keep_until: Mapped[Timestamp | None]
    active_at: Mapped[Timestamp | None]
    activity: Mapped[str | None]
    stops_at: Mapped[Timestamp | None]
    reason: Mapped[str | None]
    asleep_since: Mapped[Timestamp | None]
    woken_at: Mapped[Timestamp | None]
    wake_seconds: Mapped[float | None]
    operation_id: Mapped[str | None]
    """The last host operation that idleness began."""
    updated_at: Mapped[Now]
