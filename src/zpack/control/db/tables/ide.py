"""Owned by the room ``ide``."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class ForwardedPort(Base):
    """A port of a dev container about which its owner has said who may use it."""

    __tablename__ = "forwarded_ports"

    vmid: Mapped[int] = mapped_column(ForeignKey("instances.vmid", ondelete="CASCADE"), primary_key=True)
    port: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    public: Mapped[bool]
    created_at: Mapped[Now]
