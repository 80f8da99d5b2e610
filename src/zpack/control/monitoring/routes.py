"""``/metrics``, Prometheus' discovery, and the charts of one server (contract §2.11, §11)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response

from zpack.control.accounts.access import DISCOVERER, SCRAPER, ServersRead
from zpack.control.monitoring.actions import Discovery, History
from zpack.control.monitoring.page import CONTENT_TYPE, Page

router = APIRouter(tags=["monitoring"])
JSON = "application/json"


async def discovery(request: Request) -> Discovery:
    """Return the lists."""
    return cast("Discovery", request.app.state.discovery)


async def history(request: Request) -> History:
    """Return the charts."""
    return cast("History", request.app.state.history)


Lists = Annotated[Discovery, Depends(discovery)]
Charts = Annotated[History, Depends(history)]


@router.get("/metrics", dependencies=SCRAPER, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return this process's figures as Prometheus reads them."""
    page = cast("Page", request.app.state.metrics_page)
    return Response(await page.render(), media_type=CONTENT_TYPE)


@router.get("/sd/containers", dependencies=DISCOVERER)
async def containers(lists: Lists) -> Response:
    """List the collectors in the containers, for Prometheus' HTTP discovery."""
    return Response(await lists.containers(), media_type=JSON)


@router.get("/sd/exporters", dependencies=DISCOVERER)
async def exporters(lists: Lists) -> Response:
    """List the containers in the older shape."""
    return Response(await lists.exporters(), media_type=JSON)


@router.get("/api/servers/{server_id}/metrics")
@router.get("/api/game/servers/{server_id}/metrics", include_in_schema=False)
async def server_metrics(
    server_id: str,
    user: ServersRead,
    charts: Charts,
    length: Annotated[str, Query(alias="range")] = "1h",
    step: str | None = None,
) -> dict[str, Any]:
    """Return what a server used over time."""
    return await charts.of(user, server_id, length, step)
