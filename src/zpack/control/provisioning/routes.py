"""``POST /api/instances`` and ``DELETE /api/containers/{vmid}`` (contract §2.3, §2.6)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from zpack.control.accounts.access import ServersWrite
from zpack.control.engine.errors import Refusal
from zpack.control.operations.actions import FINISHED, Operations
from zpack.control.operations.routes import operations
from zpack.control.provisioning.actions import Provisioning
from zpack.control.provisioning.models import CreateBody
from zpack.control.provisioning.view import accepted, created, pending, removed
from zpack.control.replays.header import Key

router = APIRouter(prefix="/api", tags=["instances"])
DELETE_SECONDS = 30.0


class OperationFailed(Refusal):
    """The operation the caller waited for failed; ``details`` is its error."""

    kind = "upstream"
    code = "operation_failed"
    envelope = {"ok": False}  # noqa: RUF012 - read only


async def provisioning(request: Request) -> Provisioning:
    """Return the room's actions."""
    return cast("Provisioning", request.app.state.provisioning)


Room = Annotated[Provisioning, Depends(provisioning)]
Ops = Annotated[Operations, Depends(operations)]
Wait = Annotated[float, Query(ge=0, le=900, allow_inf_nan=False)]


@router.post("/instances", status_code=202)
async def create(
    *,
    body: CreateBody,
    request: Request,
    user: ServersWrite,
    room: Room,
    ops: Ops,
    key: Key = None,
    wait: Wait = 0,
) -> Any:
    """Create a server: 202 with an operation, or with ``?wait=`` 200 once it is ready."""
    operation = await room.create(user, body, key=key, request_id=request.state.request_id)
    if wait:
        operation = await ops.wait(user, operation.id, wait)
    if operation.status in {"failed", "cancelled"} and wait:
        _raise_failed(operation.error)
    if operation.status == "succeeded" and wait:
        return JSONResponse(created(operation), status_code=200)
    return accepted(operation)


@router.delete("/containers/{vmid}")
async def delete(vmid: str, request: Request, user: ServersWrite, room: Room, ops: Ops) -> Any:
    """Delete a stopped server, or the leftover of one."""
    removal = await room.delete(user, vmid, request_id=request.state.request_id)
    operation = removal.operation
    if operation is not None:
        operation = await ops.wait(user, operation.id, DELETE_SECONDS)
        if operation.status not in FINISHED:
            return JSONResponse(pending(operation), status_code=202)
        if operation.status != "succeeded":
            _raise_failed(operation.error)
    return removed(removal, operation)


def _raise_failed(error: dict[str, Any] | None) -> None:
    found = error or {}
    raise OperationFailed(str(found.get("message", "The operation failed.")), details=found)
