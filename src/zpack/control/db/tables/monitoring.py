"""Owned by the room ``monitoring``: how many played, which neither Prometheus nor Proxmox records."""

from __future__ import annotations

from sqlalchemy import ForeignKey, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Timestamp


class PlayerHour(Base):
    """One hour of one server, minute by minute; null is a minute in which nobody knew."""

    __tablename__ = "player_hours"

    vmid: Mapped[int] = mapped_column(
        ForeignKey("instances.vmid", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    hour: Mapped[Timestamp] = mapped_column(primary_key=True, index=True)
    counts: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
