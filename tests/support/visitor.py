"""A person with a browser that runs no scripts: keeps cookies, follows redirects, fills in forms as they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import aiohttp
from bs4 import BeautifulSoup

from tests.support.http import PASSWORD, Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bs4 import Tag


@dataclass(frozen=True)
class Shown:
    """A page as it came."""

    status: int
    url: str
    html: str
    headers: Mapping[str, str]

    @property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.html, "html.parser")

    @property
    def text(self) -> str:
        """Return what a person reads, without runs of blanks."""
        return " ".join(self.soup.get_text(" ").split())

    @property
    def path(self) -> str:
        return "/" + self.url.split("/", 3)[3]

    def one(self, selector: str) -> Tag:
        [found] = self.soup.select(selector)
        return found

    def all(self, selector: str) -> list[Tag]:
        return list(self.soup.select(selector))


class Visitor:
    """Visits the portal at ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.page: Shown | None = None
        self.api: Caller | None = None
        """The API as this person calls it, if they have an account."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def get(self, path: str, **more: Any) -> Shown:
        return await self.send("GET", path, **more)

    async def send(self, method: str, path: str, **more: Any) -> Shown:
        async with self.session.request(method, urljoin(self.base, path), **more) as answer:
            html = (await answer.read()).decode()
            self.page = Shown(answer.status, str(answer.url), html, answer.headers)
            return self.page

    async def submit(self, selector: str, /, **fields: str) -> Shown:
        """Fill in a form of the page last shown and send it; what is not named stays as it stands."""
        assert self.page is not None
        form = self.page.one(selector)
        told = _values(form) | fields
        where = urljoin(self.page.url, str(form.get("action", "")))
        if str(form.get("method", "get")).lower() == "get":
            return await self.send("GET", where, params=told)
        return await self.send("POST", where, data=told, headers={"Origin": self.base})

    async def logs_in(self, name: str, password: str = PASSWORD) -> Shown:
        await self.get("/login")
        return await self.submit('form[action="/login"]', identifier=name, password=password)


def _values(form: Tag) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in form.select("input[name], select[name], textarea[name]"):
        name = str(field["name"])
        if field.name == "textarea":
            found[name] = field.get_text()
        elif field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            found[name] = str(chosen.get("value", chosen.get_text())) if chosen else ""
        elif field.get("type") in {"checkbox", "radio"}:
            if field.has_attr("checked"):
                found[name] = str(field.get("value", "on"))
        else:
            found[name] = str(field.get("value", ""))
    return found
