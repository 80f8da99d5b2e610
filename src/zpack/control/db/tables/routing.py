"""Owned by the room ``routing``."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class PublicPort(Base):
    """A port of the edge that leads to one server; its key is what keeps two servers apart.

    It is taken with the VMID, before the server has a row, and belongs to the operation that made the server.
    """

    __tablename__ = "public_ports"
    __table_args__ = (UniqueConstraint("operation_id", "protocol", "target"),)

    protocol: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vmid: Mapped[int] = mapped_column(index=True)
    target: Mapped[int]
    """The port inside the container."""
    operation_id: Mapped[str]
    created_at: Mapped[Now]
