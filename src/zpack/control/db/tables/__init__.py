"""All tables, one module per owning room, so that Alembic sees them together."""

from zpack.control.db.tables.accounts import LoginSession, RefreshToken, User
from zpack.control.db.tables.announcements import Announcement
from zpack.control.db.tables.apikeys import ApiKey
from zpack.control.db.tables.audit import AuditEntry
from zpack.control.db.tables.base import Base
from zpack.control.db.tables.billing import (
    BillingAccount,
    BillingEvent,
    BillingRequest,
    BillingSubscription,
)
from zpack.control.db.tables.engine import PollingWorker, WorkerLease, WorkShard
from zpack.control.db.tables.entitlements import Plan, Standing
from zpack.control.db.tables.ide import ForwardedPort
from zpack.control.db.tables.idle import IdleServer
from zpack.control.db.tables.instances import (
    ContainerInstance,
    DeletedInstance,
    VmidCounter,
    VmidReservation,
)
from zpack.control.db.tables.mail import OutboxMail
from zpack.control.db.tables.monitoring import PlayerHour
from zpack.control.db.tables.operations import IdempotencyKey, Operation
from zpack.control.db.tables.recovery import MailedToken, ResetRequest
from zpack.control.db.tables.repair import RepairEvent, RepairFinding
from zpack.control.db.tables.replays import AnsweredKey
from zpack.control.db.tables.routing import PublicPort
from zpack.control.db.tables.secondfactor import RecoveryCode, SecondFactor
from zpack.control.db.tables.support import SupportMessage, SupportTicket
from zpack.control.db.tables.suspension import SuspendedServer

__all__ = [
    "Announcement",
    "AnsweredKey",
    "ApiKey",
    "AuditEntry",
    "Base",
    "BillingAccount",
    "BillingEvent",
    "BillingRequest",
    "BillingSubscription",
    "ContainerInstance",
    "DeletedInstance",
    "ForwardedPort",
    "IdempotencyKey",
    "IdleServer",
    "LoginSession",
    "MailedToken",
    "Operation",
    "OutboxMail",
    "Plan",
    "PlayerHour",
    "PollingWorker",
    "PublicPort",
    "RecoveryCode",
    "RefreshToken",
    "RepairEvent",
    "RepairFinding",
    "ResetRequest",
    "SecondFactor",
    "Standing",
    "SupportMessage",
    "SupportTicket",
    "SuspendedServer",
    "User",
    "VmidCounter",
    "VmidReservation",
    "WorkShard",
    "WorkerLease",
]
