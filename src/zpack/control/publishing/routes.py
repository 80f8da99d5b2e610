"""``/internal/velocity`` (contract §2.10) for the proxy; ``/api/edge`` (§2.9) for administrators."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response

from zpack.control.accounts.access import EDGE, Admin
from zpack.control.publishing.actions import Publishing
from zpack.control.publishing.drift import Drift
from zpack.control.publishing.looking import Looking
from zpack.control.publishing.operators import Operators
from zpack.control.publishing.requests import DriftBody, DriftQuery, EdgeBody, PublishBody

velocity = APIRouter(prefix="/internal/velocity", tags=["edge"], dependencies=EDGE)
edge = APIRouter(prefix="/api/edge", tags=["edge"])
rehearsal = APIRouter(prefix="/api/test/edge", tags=["edge"])


async def publishing(request: Request) -> Publishing:
    """Return the room's actions."""
    return cast("Publishing", request.app.state.publishing)


async def operators(request: Request) -> Operators:
    """Return what administrators do with the edge."""
    return cast("Operators", request.app.state.edge_operators)


async def drift(request: Request) -> Drift:
    """Return the comparison."""
    return cast("Drift", request.app.state.edge_drift)


async def looks(request: Request) -> Looking:
    """Return the comparison that does not keep people waiting."""
    return cast("Looking", request.app.state.edge_looking)


Room = Annotated[Publishing, Depends(publishing)]
Desk = Annotated[Operators, Depends(operators)]


@velocity.post("/proxy-status")
async def proxy_status(request: Request, room: Room) -> dict[str, Any]:
    """Take in one callback of the proxy."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    report = await room.accept(body)
    return {"ok": True, "status": report.status}


@velocity.get("/servers")
async def servers(room: Room) -> dict[str, Any]:
    """List the backends a restarted proxy should know."""
    return {"servers": await room.rehydration()}


@edge.get("/health")
async def health(admin: Admin, desk: Desk) -> dict[str, Any]:
    """Ask every link whether it answers."""
    _ = admin
    return await desk.health()


@rehearsal.get("/health")
async def health_by_status(admin: Admin, desk: Desk, response: Response) -> dict[str, Any]:
    """Ask every link; the status says it too."""
    _ = admin
    found = await desk.health()
    response.status_code = 200 if found["ok"] else 503
    return found


@edge.post("/publish")
@rehearsal.post("/publish")
async def publish(body: PublishBody, admin: Admin, desk: Desk) -> dict[str, Any]:
    """Put a server on the edge again."""
    return await desk.publish(admin, body)


@edge.post("/unpublish")
@rehearsal.post("/unpublish")
async def unpublish(body: EdgeBody, admin: Admin, desk: Desk) -> dict[str, Any]:
    """Take a server, or what is left of one, off the edge."""
    return await desk.unpublish(admin, body)


@edge.get("/drift")
async def compare(
    query: Annotated[DriftQuery, Query()],
    admin: Admin,
    found: Annotated[Drift, Depends(drift)],
    looking: Annotated[Looking, Depends(looks)],
    response: Response,
) -> dict[str, Any]:
    """Compare rows, cluster and links; change nothing. After ``wait`` seconds say that it goes on."""
    _ = admin
    if query.wait is None:
        return await found.look()
    known = await looking.within(query.wait)
    if known is None:
        response.status_code = 202
        return {"ok": False, "looking": True, "since": looking.since}
    return known


@edge.post("/drift")
async def mend(
    body: DriftBody,
    admin: Admin,
    found: Annotated[Drift, Depends(drift)],
    looking: Annotated[Looking, Depends(looks)],
) -> dict[str, Any]:
    """Compare, and with ``apply`` make it one again."""
    looking.forget()
    return await found.apply(admin, orphans=body.orphans) if body.apply else await found.look()


router = APIRouter()
for part in (velocity, edge, rehearsal):
    router.include_router(part)
