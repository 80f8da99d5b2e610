"""Who is visiting: two cookies that no script can read, and their renewal (docs/decisions/0013).

``session`` holds the access token, ``refresh`` its successor's voucher. When the first is about to expire the
second is exchanged, in whatever request comes next; several that come at once may each exchange it, since
the API takes the last one twice within its grace.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from zpack.portal.api import Api

EARLY_SECONDS = 30
"""So long before its end an access token is not used any more."""
REFRESH_SECONDS = 30 * 86400


@dataclass
class Session:
    """The tokens of one visitor. ``changed`` says that the browser must be told."""

    access: str | None
    refresh: str | None
    changed: bool = False

    @property
    def known(self) -> bool:
        """Whether somebody is logged in."""
        return self.access is not None

    def begin(self, answer: Mapping[str, Any]) -> None:
        """Keep what a login or a refresh answered: ``{token, refreshToken, …}``."""
        self.access, self.refresh, self.changed = answer["token"], answer.get("refreshToken"), True

    def end(self) -> None:
        """Forget who it was."""
        self.changed = self.changed or bool(self.access or self.refresh)
        self.access = self.refresh = None


def cookie_name(request: Request, name: str) -> str:
    """Return a cookie's whole name; over TLS one that no other host can set (RFC 6265bis §4.1.3)."""
    return f"__Host-zpack_{name}" if request.url.scheme == "https" else f"zpack_{name}"


async def read_session(request: Request, api: Api) -> Session:
    """Return who is visiting, renewed if need be."""
    access = request.cookies.get(cookie_name(request, "session"))
    refresh = request.cookies.get(cookie_name(request, "refresh"))
    session = Session(access if access and _lasts(access) else None, refresh)
    if session.access is None and refresh:
        try:
            session.begin(await api.as_(None).post("/api/auth/refresh", {"refreshToken": refresh}))
        except Problem:
            session.end()
    session.changed = session.changed or (session.access is None and access is not None)
    return session


def write_session(request: Request, response: Response, session: Session) -> None:
    """Tell the browser, if there is something new."""
    if not session.changed:
        return
    for name, value in (("session", session.access), ("refresh", session.refresh)):
        set_cookie(request, response, name, value)


def set_cookie(
    request: Request, response: Response, name: str, value: str | None, *, seconds: int = REFRESH_SECONDS
) -> None:
    """Set one of our cookies, out of scripts' reach, or delete it."""
    response.set_cookie(
        cookie_name(request, name),
        value or "",
        max_age=seconds if value else 0,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _lasts(token: str) -> bool:
    """Say whether an access token is good for a while; that it is genuine is for the API to say."""
    try:
        middle = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return float(claims["exp"]) - EARLY_SECONDS > time.time()
    except (ValueError, KeyError, IndexError, TypeError):
        return False
