"""Every link of every page leads to a page, for each kind of visitor; and none of them fails."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest

from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.portal.gallery import Stage

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="package")]
ELSEWHERE = ("/api/", "/docs", "/openapi.json", "/static/", "/live")
ENOUGH = 250
"""Pages to look at; lists have an "older" for ever."""


async def links(visitor: Visitor, start: str) -> AsyncIterator[tuple[str, int, str]]:
    """Walk from page to page; yield each address with its status and where it was found."""
    waiting, seen = {start: ""}, {start}
    while waiting and len(seen) < ENOUGH:
        path, source = waiting.popitem()
        async with visitor.session.get(visitor.base + path) as answer:
            kind, ours = answer.content_type, str(answer.url).startswith(visitor.base)
            if kind != "text/html" or not ours:
                yield path, answer.status, source
                continue
        page = await visitor.get(path)
        yield path, page.status, source
        for link in page.all("a[href]"):
            found = urlsplit(urljoin(page.url, str(link["href"])))
            target = found.path + (f"?{found.query}" if found.query else "")
            if (
                found.netloc == urlsplit(visitor.base).netloc
                and not found.path.startswith(ELSEWHERE)
                and target not in seen
            ):
                seen.add(target)
                waiting[target] = path


@pytest.mark.parametrize("who", ["nobody", "new", "ann", "admin"])
async def test_every_link_leads_somewhere(who: str, portal: str, stage: Stage) -> None:
    async with Visitor(portal) as visitor:
        if who in stage.people:
            await visitor.logs_in(*stage.people[who])
        start = "/" if who == "nobody" else "/dashboard"
        walked = [step async for step in links(visitor, start)]
    assert [step for step in walked if step[1] >= 400] == []
    assert len(walked) > 8
