"""All tables, one module per owning room, so that Alembic sees them together."""

from zpack.control.db.tables.accounts import User
from zpack.control.db.tables.audit import AuditEntry
from zpack.control.db.tables.base import Base
from zpack.control.db.tables.engine import PollingWorker, WorkerLease, WorkShard
from zpack.control.db.tables.entitlements import Plan, Standing
from zpack.control.db.tables.instances import (
    ContainerInstance,
    DeletedInstance,
    VmidCounter,
    VmidReservation,
)
from zpack.control.db.tables.operations import IdempotencyKey, Operation
from zpack.control.db.tables.suspension import SuspendedServer

__all__ = [
    "AuditEntry",
    "Base",
    "ContainerInstance",
    "DeletedInstance",
    "IdempotencyKey",
    "Operation",
    "Plan",
    "PollingWorker",
    "Standing",
    "SuspendedServer",
    "User",
    "VmidCounter",
    "VmidReservation",
    "WorkShard",
    "WorkerLease",
]
