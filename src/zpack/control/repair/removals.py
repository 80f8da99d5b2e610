"""Writes down what reconcilers of the edge remove, as every other repair is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.repair import store
from zpack.control.repair.models import Finding

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.publishing.removals import Removal, Step


class Removals:
    """The ledger of publishing's reconcilers."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def note(self, removal: Removal, step: Step, **details: Any) -> None:
        """Write down one step of a removal, with what was removed and why."""
        subject = f"{removal.link}:{removal.hostname}"
        finding = Finding("name_without_server", subject, removal.vmid or None, removal.evidence)
        said = {"evidence": finding.evidence, **details}
        async with self._database.transaction() as session:
            store.add_event(session, finding, step, actor=removal.actor, details=said)
            record(session, f"repair.{step}", actor=removal.actor, finding=finding.id, vmid=finding.vmid)
