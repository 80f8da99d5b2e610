"""The answers of create and delete (contract §2.3, §2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.operations.models import status_url
from zpack.control.operations.store import operation_view

if TYPE_CHECKING:
    from zpack.control.db.tables import Operation
    from zpack.control.provisioning.actions import Removal


def accepted(operation: Operation) -> dict[str, Any]:
    """Return the 202 body of a create."""
    return {
        "ok": True,
        "operationId": operation.id,
        "requestId": operation.request_id,
        "statusUrl": status_url(operation.id),
        "status": operation.status,
        "phase": operation.phase,
        "vmid": operation.vmid,
        "hostname": operation.hostname,
    }


def created(operation: Operation) -> dict[str, Any]:
    """Return the 200 body of a create that finished while the caller waited."""
    ip = (operation.result or {}).get("ip")
    return {"ok": True, "vmid": operation.vmid, "hostname": operation.hostname, "ip": ip}


def removed(removal: Removal, operation: Operation | None) -> dict[str, Any]:
    """Return the 200 body of a delete."""
    body: dict[str, Any] = {"ok": True, "vmid": removal.vmid}
    if operation is not None and (operation.result or {}).get("archived"):
        return {**body, "archived": (operation.result or {})["archived"]}
    if operation is not None:
        return {**body, "warning": "This container had no record; it was removed."}
    if removal.archived:
        return {**body, "used": "DeletedInstance", "note": removal.note}
    return {**body, "warning": removal.note}


def pending(operation: Operation) -> dict[str, Any]:
    """Return the 202 body of a delete that takes longer."""
    return {"ok": True, "operation": operation_view(operation), "statusUrl": status_url(operation.id)}
