"""All tables, one module per owning room, so that Alembic sees them together."""

from zpack.control.db.tables.accounts import User
from zpack.control.db.tables.audit import AuditEntry
from zpack.control.db.tables.base import Base
from zpack.control.db.tables.engine import PollingWorker, WorkerLease, WorkShard
from zpack.control.db.tables.instances import (
    ContainerInstance,
    DeletedInstance,
    VmidCounter,
    VmidReservation,
)
from zpack.control.db.tables.mail import OutboxMail
from zpack.control.db.tables.operations import IdempotencyKey, Operation
from zpack.control.db.tables.recovery import MailedToken, ResetRequest

__all__ = [
    "AuditEntry",
    "Base",
    "ContainerInstance",
    "DeletedInstance",
    "IdempotencyKey",
    "MailedToken",
    "Operation",
    "OutboxMail",
    "PollingWorker",
    "ResetRequest",
    "User",
    "VmidCounter",
    "VmidReservation",
    "WorkShard",
    "WorkerLease",
]
