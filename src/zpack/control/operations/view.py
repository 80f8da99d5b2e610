"""The operation as clients see it (design.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zpack.control.db.tables import Operation


def status_url(operation_id: str) -> str:
    """Return where a client follows an operation."""
    return f"/api/operations/{operation_id}"


def operation_view(operation: Operation) -> dict[str, Any]:
    """Return the public fields of an operation."""
    view: dict[str, Any] = {
        "id": operation.id,
        "kind": operation.kind,
        "status": operation.status,
        "phase": operation.phase,
        "progress": round(operation.progress, 3),
        "vmid": operation.vmid,
        "hostname": operation.hostname,
        "requestId": operation.request_id,
        "startedAt": operation.started_at.isoformat(),
        "updatedAt": operation.updated_at.isoformat(),
        "statusUrl": status_url(operation.id),
    }
    if operation.finished_at is not None:
        view["finishedAt"] = operation.finished_at.isoformat()
    if operation.error is not None:
        view["error"] = operation.error
    return view
