"""``…/backups``, under both path families."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from zpack.control.accounts.access import OfBackups
from zpack.control.backups.actions import Backups
from zpack.control.backups.models import BACKUP_ID, CreateBody

router = APIRouter(tags=["backups"])
GAME, SERVERS = "/api/game/servers/{server_id}/backups", "/api/servers/{server_id}/backups"


async def backups(request: Request) -> Backups:
    """Return the room's actions."""
    return cast("Backups", request.app.state.backups)


Room = Annotated[Backups, Depends(backups)]
InPath = Annotated[str, Path(pattern=BACKUP_ID)]
InQuery = Annotated[str, Query(alias="id", pattern=BACKUP_ID)]


@router.get(GAME)
@router.get(SERVERS, include_in_schema=False)
async def list_all(server_id: str, user: OfBackups, room: Room) -> Any:
    """Return the server's backups, newest first, and its last backup operation."""
    return _passed_on(await room.list(user, server_id))


@router.post(GAME)
@router.post(SERVERS, include_in_schema=False)
async def create(server_id: str, user: OfBackups, room: Room, body: CreateBody | None = None) -> Any:
    """Back the server up as it is now: 201 with the backup, or 202 when it takes longer."""
    return _passed_on(await room.create(user, server_id, body.label if body else None))


@router.post(f"{GAME}/restore")
@router.post(f"{SERVERS}/restore", include_in_schema=False)
async def restore(server_id: str, user: OfBackups, room: Room, backup_id: InQuery) -> Any:
    """Begin to restore a backup; its progress is in the server's status."""
    return _passed_on(await room.restore(user, server_id, backup_id))


@router.get(f"{GAME}/{{backup_id}}")
@router.get(f"{SERVERS}/{{backup_id}}", include_in_schema=False)
async def get(server_id: str, backup_id: InPath, user: OfBackups, room: Room) -> Any:
    """Return one backup."""
    return _passed_on(await room.get(user, server_id, backup_id))


@router.delete(f"{GAME}/{{backup_id}}")
@router.delete(f"{SERVERS}/{{backup_id}}", include_in_schema=False)
async def delete(server_id: str, backup_id: InPath, user: OfBackups, room: Room) -> Any:
    """Delete a backup."""
    return _passed_on(await room.delete(user, server_id, backup_id))


def _passed_on(answer: tuple[int, Any]) -> JSONResponse:
    """Return the agent's body as it is, with its status (rows S62, S63)."""
    status, body = answer
    return JSONResponse(body, status_code=status)
