"""A visit: one request to one page, with what the page needs to answer it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from zpack.portal.fields import refusal_with, wrong_with
from zpack.portal.security import headers_of, mask, new_secret
from zpack.portal.session import cookie_name, set_cookie

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

    from zpack.portal.api import Api
    from zpack.portal.house import House
    from zpack.portal.session import Session
    from zpack.portal.texts import Texts

FORM_LIMIT = 256 << 10
FORM_FIELDS = 500
NOTICE_SECONDS, NOTICE_LIMIT = 60, 2000
THEMES = ("system", "light", "dark")


class TooLarge(Exception):
    """A form that no page of ours sends."""


@dataclass
class Visit:
    """What a page gets. ``user`` is the API's ``/api/auth/me``, or None for who is not logged in."""

    request: Request
    api: Api
    session: Session
    texts: Texts
    templates: Environment
    house: House
    csrf: str = field(default_factory=new_secret)
    user: dict[str, Any] | None = None
    account: dict[str, Any] = field(default_factory=dict[str, Any])
    """How the visitor's account stands: the rest of that answer."""
    form: dict[str, str] = field(default_factory=dict[str, str])
    many: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The form as it came, for fields that come more than once."""

    @property
    def path(self) -> dict[str, Any]:
        """Return the named parts of the address."""
        return self.request.path_params

    @property
    def query(self) -> dict[str, str]:
        """Return the query of the address."""
        return dict(self.request.query_params)

    @property
    def by_htmx(self) -> bool:
        """Whether a part of a page is asked for, not a whole one."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def is_admin(self) -> bool:
        """Whether an administrator is visiting."""
        return self.user is not None and self.user.get("role") == "admin"

    @cached_property
    def nonce(self) -> str:
        """Return what marks style sheets that our own scripts make."""
        return secrets.token_urlsafe(16)

    def page(self, template: str, /, status: int = 200, **values: Any) -> Response:
        """Answer with a whole page."""
        return self._rendered(template, status, values)

    def part(self, template: str, /, status: int = 200, **values: Any) -> Response:
        """Answer with a part of a page. ``template`` may end with ``#block``."""
        return self._rendered(template, status, values)

    def redirect(self, to: str, *, notice: str | None = None, tone: str = "ok") -> Response:
        """Send the browser on to another page of ours, which shows the notice once.

        htmx would follow a 303 by itself and swap the page in; it is told to go there instead.
        """
        if self.by_htmx:
            response = Response(status_code=204, headers={"hx-redirect": to})
        else:
            response = RedirectResponse(to, status_code=303)
        if notice is not None:
            kept = quote(f"{tone}:{notice}")[:NOTICE_LIMIT]
            set_cookie(self.request, response, "notice", kept, seconds=NOTICE_SECONDS)
        response.headers["cache-control"] = "no-store"
        return response

    def once(self, asked: object) -> str | None:
        """Return the key by which the API knows this form when it comes again, saying the same."""
        key = self.form.get("key")
        return sha256(json.dumps([key, asked]).encode()).hexdigest() if key else None

    def notify(self, response: Response, notice: str, *, tone: str = "ok") -> Response:
        """Have the page that htmx changed show a notice, too."""
        return self.tell(response, "notice", text=notice, tone=tone)

    def tell(self, response: Response, event: str, **detail: Any) -> Response:
        """Have the page that asked by htmx hear of something, even when what asked is not on it any more."""
        response.headers["hx-trigger"] = _trigger({event: detail | {"target": "body"}})
        return response

    def _rendered(self, template: str, status: int, values: dict[str, Any]) -> Response:
        name, _, block = template.partition("#")
        loaded = self.templates.get_template(name)
        context = self._context() | values
        if block:
            made = loaded.new_context(context)
            text = "".join(loaded.blocks[block](made))
        else:
            text = loaded.render(context)
        response = HTMLResponse(text, status_code=status, headers=headers_of(self.nonce))
        if self._notice is not None and not block:
            set_cookie(self.request, response, "notice", None)
        return response

    def _context(self) -> dict[str, Any]:
        texts = self.texts
        return {
            "visit": self,
            "user": self.user,
            "is_admin": self.is_admin,
            "account": self.account,
            "csrf_token": mask(self.csrf),
            "nonce": self.nonce,
            "language": texts.language,
            "theme": self._theme,
            "here": self.request.url.path,
            "again": self.request.url.path + (f"?{self.request.url.query}" if self.request.url.query else ""),
            "notice": self._notice,
            "form_key": self.form.get("key") or secrets.token_urlsafe(16),
            "size": texts.size,
            "when": texts.when,
            "day": texts.day,
            "ago": texts.ago,
            "span": texts.span,
            "money": texts.money,
            "number": texts.number,
            "percent": texts.percent,
            "refusal_with": partial(refusal_with, texts),
            "wrong_with": partial(wrong_with, texts),
        }

    @property
    def _theme(self) -> str:
        chosen = self.request.cookies.get("zpack_theme", THEMES[0])
        return chosen if chosen in THEMES else THEMES[0]

    @cached_property
    def _notice(self) -> tuple[str, str] | None:
        kept = self.request.cookies.get(cookie_name(self.request, "notice"))
        if not kept:
            return None
        tone, _, text = unquote(kept).partition(":")
        return (tone if tone in {"ok", "warn", "bad"} else "ok"), text


async def read_form(request: Request) -> list[tuple[str, str]]:
    """Return a form's fields. Other bodies are for who asks for them. Raises TooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        return []
    if int(request.headers.get("content-length", "0") or 0) > FORM_LIMIT:
        raise TooLarge
    body = await request.body()
    if len(body) > FORM_LIMIT:
        raise TooLarge
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except ValueError:
        raise TooLarge from None


def local(address: str | None, default: str) -> str:
    """Return an address of ours to go on to, or the default when it is anybody else's."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or "\\" in address:
        return default
    parts = urlsplit(address)
    return default if parts.scheme or parts.netloc or any(ord(c) < 32 for c in address) else address  # noqa: PLR2004


def _trigger(events: dict[str, Any]) -> str:
    return json.dumps(events)  # headers are ASCII; orjson writes UTF-8
