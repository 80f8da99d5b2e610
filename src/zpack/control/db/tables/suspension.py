"""Owned by the room ``suspension``: what is to be undone once an account is good again."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class SuspendedServer(Base):
    """A server that suspension keeps down. ``operation_id`` is the last host operation begun for it."""

    __tablename__ = "suspended_servers"

    vmid: Mapped[int] = mapped_column(
        ForeignKey("instances.vmid", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    was_running: Mapped[bool]
    operation_id: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    """How many of our host operations failed one after the other."""
    since: Mapped[Now]
