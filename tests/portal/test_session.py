"""Staying logged in: renewed behind the visitor's back, also from several tabs at once, and ended for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.visitor import Visitor


def drop(visitor: Visitor, name: str) -> None:
    """Lose one cookie, as a browser does when it is over."""
    visitor.session.cookie_jar.clear(lambda cookie: cookie.key == name)


async def test_who_comes_back_later_is_still_logged_in(ann: Visitor) -> None:
    drop(ann, "zpack_session")
    assert (await ann.get("/dashboard")).path == "/dashboard"
    assert "zpack_session" in {cookie.key for cookie in ann.session.cookie_jar}


async def test_several_tabs_at_once_end_no_session(ann: Visitor) -> None:
    drop(ann, "zpack_session")
    pages = await asyncio.gather(*(ann.session.get(ann.base + "/dashboard") for _ in range(5)))
    assert {page.url.path for page in pages} == {"/dashboard"}
    assert (await ann.get("/dashboard")).path == "/dashboard"


async def test_cookies_of_nobody_lead_to_the_login(visitor: Visitor) -> None:
    cookies = {"Cookie": "zpack_session=a.b.c; zpack_refresh=x"}
    page = await visitor.get("/dashboard", headers=cookies)
    assert page.path.startswith("/login")


async def test_a_session_ended_elsewhere_is_over_here(ann: Visitor) -> None:
    assert ann.api is not None
    mine = await ann.get("/session")
    assert mine.status == 204
    for session in (await ann.api.get("/api/auth/sessions")).body["sessions"]:
        await ann.api.call("DELETE", f"/api/auth/sessions/{session['id']}")
    assert (await ann.get("/session")).status == 401
    part = await ann.get("/dashboard/state", headers={"HX-Request": "true"})
    assert (part.status, part.text) == (204, "")  # nobody is led away from what they were typing


async def test_hints_are_for_who_is_logged_in(visitor: Visitor) -> None:
    assert (await visitor.get("/live")).status == 204


async def test_hints_end_with_the_session(ann: Visitor) -> None:
    assert ann.api is not None
    async with ann.session.get(ann.base + "/live") as stream:
        assert await stream.content.readline() == b"event: resumed\n"
        reading = asyncio.ensure_future(stream.content.read())
        await ann.api.post("/api/auth/logout-all")
        await eventually(reading.done, timeout=3, what="the end of the stream")
        assert b"event: ended" in reading.result()
