"""Serves the artifact folder to agents: files only, nothing hidden, nothing outside, ranges too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from zpack.artifacts import layout
from zpack.artifacts.lifetime import until_signal
from zpack.lifetime import say_ready
from zpack.wire.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

_TYPES = {".json": "application/json", "": "text/plain; charset=utf-8"}
_OCTETS = "application/octet-stream"


def build_app(root: Path) -> web.Application:
    """Make the web application that serves one folder."""
    real_root = root.resolve()

    async def serve_file(request: web.Request) -> web.StreamResponse:
        path = _inside(real_root, request.match_info["path"])
        if path is None:
            body = Problem(error="not_found", message="there is no such artifact")
            return web.json_response(body, status=404)
        # Named here: a guessed type may bring a content encoding for archives, and clients would unpack.
        headers = {
            "Content-Type": _TYPES.get(path.suffix, _OCTETS),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
        return web.FileResponse(path, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", serve_file)
    return app


async def serve(root: Path, *, host: str, port: int) -> None:
    """Serve a folder until a signal comes; raises OSError if the address cannot be bound."""
    runner = web.AppRunner(build_app(root), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, shutdown_timeout=5)
        await site.start()
        bound = runner.addresses[0]
        say_ready("artifacts", listen=f"{bound[0]}:{bound[1]}")
        await until_signal()
    finally:
        await runner.cleanup()


def _inside(root: Path, wanted: str) -> Path | None:
    """Find a public file; a link may point anywhere, so the place it leads to is what counts."""
    if not layout.is_public(wanted):
        return None
    path = (root / wanted).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None
