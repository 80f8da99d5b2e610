"""The page of parts shows each part that there is, in both looks."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import zpack.portal

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

HERE = Path(zpack.portal.__file__).parent
ELSEWHERE = {"csrf", "once"}
"""Of parts.html, what nobody sees."""


def macros() -> set[str]:
    return set(re.findall(r"{% macro (\w+)\(", (HERE / "templates/parts.html").read_text()))


def test_every_macro_is_shown() -> None:
    shown = "".join(path.read_text() for path in (HERE / "pages/components").glob("*.html"))
    assert {name for name in macros() - ELSEWHERE if not re.search(rf"\b{name}\(", shown)} == set()


async def test_every_icon_is_shown_in_both_looks(visitor: Visitor) -> None:
    page = await visitor.get("/components")
    for look in ("light", "dark"):
        shown = {each["title"] for each in page.all(f'[data-look="{look}"] .icon-list li')}
        assert shown == set(json.loads((HERE / "assets/icons.json").read_text()))


async def test_every_section_can_be_linked_and_no_id_comes_twice(visitor: Visitor) -> None:
    page = await visitor.get("/components")
    ids = Counter(each["id"] for each in page.all("[id]"))
    assert [name for name, times in ids.items() if times > 1] == []
    assert all(str(link["href"])[1:] in ids for link in page.all(".specimen-index a"))
    assert len(page.all(".look")) == 2 * len(page.all(".specimens section[aria-labelledby$=-name]"))
