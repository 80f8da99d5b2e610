"""Who is no administrator finds none of the operator's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from zpack.portal.pages import WORDS
from zpack.portal.routes import Who

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

DOORS = sorted(
    {(method, path) for word in WORDS for method, path, who, _, _ in word.declared if who is Who.ADMIN}
)
OPERATOR = [path for word in WORDS for _, path, who, _, _ in word.declared if path.startswith("/admin/")]


def test_every_page_of_operators_is_for_administrators() -> None:
    assert {path for _, path in DOORS} >= set(OPERATOR) != set()


async def test_nobody_else_finds_them(ann: Visitor, visitor: Visitor) -> None:
    token = (await ann.get("/dashboard")).one('form[action="/logout"] input[name=csrf]')["value"]
    for method, path in DOORS:
        where = re.sub(r"\{[^}]*\}", "5000", path)
        page = await ann.send(method, where, data={"csrf": token}, headers={"Origin": ann.base})
        assert (page.status, "There is no such page." in page.text) == (404, True), where
        if method == "GET":
            assert (await visitor.get(where)).path.startswith("/login"), where


@pytest.mark.parametrize(
    "path",
    [
        "/admin/users/usr_no", "/admin/users/usr_no/suspend", "/admin/users/a%2Fb", "/admin/drift/no/repair",
        "/admin/drift/no/dance", "/admin/plans/no", "/admin/fleet/x", "/admin/operations/op_no/cancel", "/admin/operations/op_no/dance",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(root: Visitor, path: str) -> None:
    assert (await root.get(path)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/admin/audit?since=x", "/admin/audit?vmid=x", "/admin/audit?before=-1", "/admin/operations?status=x",
        "/admin/operations?vmid=99999999999", "/admin/fleet/99999999999", "/admin/drift/history?before=x",
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(root: Visitor, path: str) -> None:
    assert (await root.get(path)).status == 400
