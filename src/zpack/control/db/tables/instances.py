"""Owned by the room ``instances`` (contract §3.2, §3.3)."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now, Timestamp


class ContainerInstance(Base):
    """A server that exists. ``payload`` holds what the agent was sent, plus ``edge`` and ``proxy``."""

    __tablename__ = "instances"

    vmid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[str | None] = mapped_column(index=True)
    ctype: Mapped[str]
    hostname: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    ip: Mapped[str | None]
    allocated_ports: Mapped[Json]
    payload: Mapped[Json]
    agent_state: Mapped[str]
    agent_last_seen: Mapped[Timestamp | None]
    crash_count: Mapped[int] = mapped_column(server_default="0")
    last_crash_at: Mapped[Timestamp | None]
    engine_type: Mapped[str | None]
    engine_version: Mapped[str | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class DeletedInstance(Base):
    """The archive row of a deleted server; ``operation_id`` makes a repeated delete write it once."""

    __tablename__ = "deleted_instances"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    vmid: Mapped[int] = mapped_column(index=True)
    customer_id: Mapped[str | None]
    hostname: Mapped[str]
    display_name: Mapped[str | None]
    game: Mapped[str | None]
    variant: Mapped[str | None]
    ports: Mapped[Json]
    ip: Mapped[str | None]
    reason: Mapped[str | None]
    notes: Mapped[str | None]
    operation_id: Mapped[str | None] = mapped_column(unique=True)
    deleted_at: Mapped[Now]


class VmidCounter(Base):
    """Where the search for the next VMID of a kind begins; its row is also the lock of the search."""

    __tablename__ = "vmid_counters"

    key: Mapped[str] = mapped_column(primary_key=True)
    current: Mapped[int]


class VmidReservation(Base):
    """A VMID taken by an operation that has not finished, and what its container will need on its node."""

    __tablename__ = "vmid_reservations"

    vmid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    operation_id: Mapped[str] = mapped_column(unique=True)
    node: Mapped[str | None]
    memory_mb: Mapped[int] = mapped_column(server_default="0")
    cores: Mapped[int] = mapped_column(server_default="0")
    disk_mb: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Now]
