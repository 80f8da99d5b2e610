"""Announcements as an administrator writes them, and the board that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.portal.assets import Assets
from zpack.portal.house import House
from zpack.portal.rendering import Templates
from zpack.portal.texts import texts_in

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

HOME = "/admin/announcements"
NEW = f'main form[action="{HOME}"]'
HOSTILE = '<script>x</script> javascript:alert(1) https://evil.example/"onmouseover=x'


async def told(root: Visitor, **fields: str) -> str:
    await root.get(HOME)
    page = await root.submit(NEW, **({"title": "Tonight", "text": "We restart."} | fields))
    return str(page.all(".actions-of-line a")[0]["href"])


async def test_one_is_written_changed_and_taken_back(root: Visitor) -> None:
    assert root.api is not None
    where = await told(root, level="maintenance", expiresAt="2099-01-02T03:04")
    page = await root.get(where)
    assert page.one("#expiresAt")["value"] == "2099-01-02T03:04"
    assert "Tomorrow" in (await root.submit(f'form[action="{where}"]', title="Tomorrow")).text
    [shown] = (await root.api.get("/api/announcements")).body["announcements"]
    assert (shown["title"], shown["level"]) == ("Tomorrow", "maintenance")
    await root.get(f"{where}/delete")
    assert "Nothing announced" in (await root.submit('main form[action$="/delete"]')).text


async def test_a_form_that_comes_twice_tells_it_once(root: Visitor) -> None:
    page = await root.get(HOME)
    for title in ("Tonight", "Tonight", "Tomorrow"):
        root.page = page
        assert (await root.submit(NEW, title=title, text="We restart.")).status == 200
    assert root.api is not None
    shown = (await root.api.get("/api/announcements")).body["announcements"]
    assert [one["title"] for one in shown] == ["Tomorrow", "Tonight"]


async def test_one_that_is_over_says_so(root: Visitor) -> None:
    await told(root, expiresAt="2001-01-01T00:00")
    assert root.page is not None
    assert "Over" in [badge.get_text() for badge in root.page.all(".badge")]


async def test_a_refusal_loses_nothing_that_was_typed(root: Visitor) -> None:
    await root.get(HOME)
    page = await root.submit(NEW, title="Tonight", text=" ", expiresAt="never")
    assert page.status == 400
    assert page.one("#title")["value"] == "Tonight"
    assert "Enter a day and a time." in page.one("#expiresAt-about").text


async def test_only_administrators_write(ann: Visitor) -> None:
    for path in (HOME, f"{HOME}/x", f"{HOME}/x/delete"):
        assert (await ann.get(path)).status == 404


async def test_what_is_not_there_is_not_found(root: Visitor) -> None:
    assert (await root.get(f"{HOME}/ann_nothing")).status == 404


async def test_hostile_words_are_only_shown(root: Visitor) -> None:
    where = await told(root, title=HOSTILE, text=HOSTILE)
    assert root.page is not None
    assert "<script>x" not in root.page.html
    assert (await root.get(where)).one("#text").get_text() == HOSTILE


@pytest.mark.parametrize("level", ["info", "maintenance", "unheard of"])
def test_the_board_shows_text_and_never_markup(level: str) -> None:
    texts = texts_in("en")
    board = Templates(Assets(), House()).of(texts).get_template("announcements/board.html")
    shown = {"title": HOSTILE, "text": HOSTILE, "content": HOSTILE, "level": level, "createdAt": "2026-01-01"}
    html = board.render(announcements=[shown], when=texts.when, ago=texts.ago)
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert 'rel="nofollow noopener noreferrer"' in html


def test_the_board_is_nothing_where_nothing_is_told() -> None:
    board = Templates(Assets(), House()).of(texts_in("en")).get_template("announcements/board.html")
    assert not board.render(announcements=[]).strip()
