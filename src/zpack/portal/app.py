"""The portal as an ASGI application: every page, the built files, and a door for the API to be attached."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from zpack.portal import live
from zpack.portal.assets import Assets
from zpack.portal.house import House
from zpack.portal.pages import WORDS
from zpack.portal.rendering import Templates
from zpack.portal.routes import Reception, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("zpack.portal")
PACKED_FROM = 2048
PACKED_LEVEL = 4
"""Of zlib: a list of 1,000 servers takes milliseconds; at the usual 9 the event loop stands for 0.2 s."""
GIB = 1 << 30
STREAMED: Mapping[re.Pattern[str], int] = {re.compile(r"POST /(?:servers|dev)/[^/]+/files/upload"): 64 * GIB}
"""Requests that the portal passes on as they come; the API's own limit holds behind it."""

STEEL = "#13161c"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
FOUND = (
    "/", "/features", "/pricing", "/faq", "/about", "/privacy-policy", "/terms-of-service",
    "/minecraft-hosting", "/modded-minecraft-hosting", "/browser-dev-environments",
)  # fmt: skip
PRIVATE = ("/api", "/admin", "/billing", "/dashboard", "/profile", "/servers")


class Portal:
    """The pages under one address, and nowhere else.

    ``url`` is that address (``PORTAL_URL``). A tunnel of the IDE serves customers' own pages, which may not
    share an origin with ours: so whoever comes by another name is sent to this one.
    """

    streamed = STREAMED

    def __init__(self, *, url: str, assets: Assets, house: House) -> None:
        self._url = url.rstrip("/")
        self._host = urlsplit(url).netloc.lower()
        self._assets, self._house = assets, house
        self._reception = Reception(Templates(assets, house), house)
        routes = [
            Route("/static/{name}", assets.serve),
            Route("/favicon.ico", self._icon),
            Route("/manifest.webmanifest", self._manifest),
            Route("/robots.txt", self._robots),
            Route("/sitemap.xml", self._sitemap),
            Route("/live", live.endpoint(self._reception)),
        ]
        for pages in WORDS:
            routes += self._reception.routes_of(pages)
        self._app = Starlette(
            routes=routes,
            exception_handlers={404: self._missing, 405: self._missing, Exception: self._failed},
        )
        self._app.add_middleware(GZipMiddleware, minimum_size=PACKED_FROM, compresslevel=PACKED_LEVEL)

    def attach(self, api: ASGIApp) -> None:
        """Tell the portal which API it is of."""
        self._reception.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        if host == self._host:
            await self._app(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            query = scope["query_string"].decode("latin-1")
            to = self._url + scope["path"] + (f"?{query}" if query else "")
            await RedirectResponse(to, status_code=307)(scope, receive, send)
        else:
            await PlainTextResponse("The portal is elsewhere.\n", status_code=421)(scope, receive, send)

    async def _icon(self, _request: Request) -> Response:
        """Lead whoever asks for an icon without having read a page to the one there is."""
        return RedirectResponse(self._assets.url("favicon.svg"), status_code=307)

    async def _manifest(self, _request: Request) -> Response:
        """Say how the portal looks on a phone's first screen (W3C Web Application Manifest)."""
        icon = {"src": self._assets.url("favicon.svg"), "sizes": "any", "type": "image/svg+xml"}
        words = {
            "name": self._house.name,
            "short_name": self._house.name,
            "start_url": "/dashboard",
            "display": "minimal-ui",
            "background_color": STEEL,
            "theme_color": STEEL,
            "icons": [icon],
        }
        return JSONResponse(words, media_type="application/manifest+json")

    async def _robots(self, _request: Request) -> Response:
        """Keep search engines to the public pages."""
        kept = "".join(f"Disallow: {path}\n" for path in PRIVATE)
        return PlainTextResponse(f"User-agent: *\n{kept}Sitemap: {self._url}/sitemap.xml\n")

    async def _sitemap(self, _request: Request) -> Response:
        """Name the pages that are worth finding (sitemaps.org)."""
        found = (*FOUND, "/imprint") if "imprint" in self._house.legal else FOUND
        pages = "".join(f"<url><loc>{escape(self._url + path)}</loc></url>" for path in found)
        text = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{SITEMAP}">{pages}</urlset>'
        return Response(text, media_type="application/xml")

    async def _missing(self, request: Request, _failure: Exception) -> Response:
        return await self._reception.missing(request)

    async def _failed(self, request: Request, _failure: Exception) -> Response:
        visit = await self._reception.visit(request)
        return refused(
            visit, 500, visit.texts("Something went wrong on our side. Nothing was changed halfway.")
        )


def build_portal(url: str, house: House | None = None) -> Portal:
    """Construct the portal. Raises AssetsMissing."""
    return Portal(url=url, assets=Assets(), house=house or House())
