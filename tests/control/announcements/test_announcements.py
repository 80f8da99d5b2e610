"""What everybody is told: by administrators only, as text only, and no longer than it is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from zpack.control.announcements.models import html_of

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database

PUBLIC, ADMIN = "/api/announcements", "/api/admin/announcements"
NEWS = {"title": "Maintenance", "text": "Tonight at ten."}


async def shown(caller: Caller, path: str = PUBLIC) -> list[str]:
    return [one["title"] for one in (await caller.get(path)).body["announcements"]]


async def announce(root: Caller, **more: Any) -> dict[str, Any]:
    reply = await root.post(ADMIN, NEWS | more)
    assert reply.status == 201, reply
    return reply.body["announcement"]


async def test_everybody_sees_what_an_admin_announces(anyone: Caller, root: Caller) -> None:
    made = await announce(root, level="maintenance")
    (seen,) = (await anyone.get(PUBLIC)).body["announcements"]
    assert seen == made
    assert (seen["content"], seen["level"]) == ("<p>Tonight at ten.</p>", "maintenance")
    assert seen["created_at"] == seen["createdAt"]


async def test_the_newest_comes_first_and_the_expired_not_at_all(anyone: Caller, root: Caller) -> None:
    await announce(root, title="old", expiresAt="2001-01-01T00:00:00Z")
    for title in ("first", "second"):
        await announce(root, title=title, expiresAt="2999-01-01T00:00:00+00:00")
    assert await shown(anyone) == ["second", "first"]
    assert await shown(root, ADMIN) == ["second", "first", "old"]


async def test_what_comes_again_with_its_key_is_told_once(anyone: Caller, root: Caller) -> None:
    replies = [await root.post(ADMIN, NEWS, headers={"Idempotency-Key": "a form"}) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].body == replies[1].body
    assert await shown(anyone) == ["Maintenance"]


async def test_an_admin_changes_and_removes(anyone: Caller, root: Caller, database: Database) -> None:
    place = f"{ADMIN}/{(await announce(root))['id']}"
    changed = await root.put(place, NEWS | {"title": "Done", "level": "warning"})
    assert (changed.status, changed.body["announcement"]["level"]) == (200, "warning")
    assert await shown(anyone) == ["Done"]
    assert (await root.call("DELETE", place)).status == 200
    assert await shown(anyone) == []
    async with database.reading() as session:
        actions = text("select action from audit_log where action like 'announcement.%' order by id")
        rows = (await session.scalars(actions)).all()
    assert list(rows) == ["announcement.add", "announcement.change", "announcement.remove"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_there_is_none_of_that_name(root: Caller, method: str) -> None:
    reply = await root.call(method, f"{ADMIN}/ann_nothing", NEWS)
    assert (reply.status, reply.body["error"]) == (404, "announcement_not_found")


async def test_pages_have_every_one_once(root: Caller) -> None:
    for number in range(5):
        await announce(root, title=f"{number}")
    seen, query = [], "?limit=2"
    while query:
        page = (await root.get(ADMIN + query)).body
        seen += [one["title"] for one in page["announcements"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == ["4", "3", "2", "1", "0"]
    assert (await root.get(f"{ADMIN}?before=ann_nothing")).body["announcements"] == []


@pytest.mark.parametrize(
    "wrong",
    [{"title": " "}, {"title": "x" * 201}, {"text": ""}, {"text": "x" * 10_001}, {"level": "party"},
     {"expiresAt": "soon"}, {"expiresAt": "2999-01-01T00:00:00"}, {"title": None}, {"text": "a\x00b"}],
)  # fmt: skip
async def test_what_is_wrong_is_refused(root: Caller, wrong: dict[str, Any]) -> None:
    reply = await root.post(ADMIN, NEWS | wrong)
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("said", "html"),
    [
        ("a\nb\r\n\r\nc", "<p>a<br>b</p><p>c</p>"),
        ("<script>alert('x')</script>", "<p>&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;</p>"),
        ("&amp; &", "<p>&amp;amp; &amp;</p>"),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
        (
            "See https://a.example/b?c=d&e=f.",
            '<p>See <a href="https://a.example/b?c=d&amp;e=f" rel="noopener nofollow">https://a.example/b?c=d&amp;e=f</a>.</p>',
        ),
        (
            'https://a.example/"onmouseover="alert(1)',
            '<p><a href="https://a.example/" rel="noopener nofollow">https://a.example/</a>&quot;onmouseover=&quot;alert(1)</p>',
        ),
        ("http://", "<p>http://</p>"),
        ("https://...", "<p>https://...</p>"),
    ],
)
def test_text_stays_text(said: str, html: str) -> None:
    assert html_of(said) == html
