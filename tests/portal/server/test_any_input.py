"""Every page and form of the portal, with names, queries and fields that none of our pages sends: refused in words for people, never a fault."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import zpack.portal
from zpack.portal.pages import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.server.conftest import Hers
    from tests.support.visitor import Visitor

TEMPLATES = Path(zpack.portal.__file__).parent
NAMED = re.compile(r'(?: name=|\b(?:field|secret)\()"(\w+)"')
FIELDS = sorted(
    {name for page in TEMPLATES.rglob("*.html") for name in NAMED.findall(page.read_text())} - {"csrf"}
)
VALUES = [
    "", "-1", "1e400", "nan", "9" * 30, "null", "[]", "<b>", "\x00", "\u202e", "é", "\U0001f4a9", "../../etc",
    "//evil.example", "http://[", "x" * 300, "2026-13-45", "true", "5000", "start", "%00", "a,b,,-1",
]  # fmt: skip
NAMES = ["5000", "6000", "0", "-1", "9" * 30, "x", "%00", "..%2f", "%E2%80%AE", "%ff", "1e5"]
ENDS_THE_SESSION = re.compile(r"/logout|/profile/(password|sessions)|second-factor|/users/")
SEEDS = range(1)
"""More of them find more, and take seconds each."""
VALIDATOR = re.compile(
    r"(Input|String|List|Dictionary|Value|Number) should|unable to parse|Value error|Field required"
)
"""How the API's validator speaks to programmers."""
LIVE = re.compile(r"/live|/console/log")


def requests(chance: random.Random) -> Iterator[tuple[str, str, dict[str, str], dict[str, str]]]:
    """Yield method, path, query and form of a request to every route."""
    for pages in WORDS:
        for method, path, *_ in pages.declared:
            if ENDS_THE_SESSION.search(path) or LIVE.search(path):
                continue
            where = re.sub(r"{[^}]+}", lambda _: chance.choice([*NAMES, "5000", "6000", "5000"]), path)
            query, form = ({name: chance.choice(VALUES) for name in FIELDS} for _ in range(2))
            yield method, where, query if chance.random() < 0.5 else {}, {} if method == "GET" else form


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_input_is_a_fault(hers: Hers, ann: Visitor, root: Visitor, seed: int) -> None:
    del hers
    chance = random.Random(seed)
    faults: list[object] = []
    raw: list[object] = []
    for who in (ann, root):
        await who.get("/profile")
        assert who.page is not None
        token = str(who.page.all("input[name=csrf]")[0]["value"])
        for method, path, query, form in requests(chance):
            by_htmx = {"HX-Request": "true", "HX-Current-URL": "http://["} if chance.random() < 0.5 else {}
            headers = {"Origin": who.base, **by_htmx}
            async with who.session.request(
                method, f"{who.base}{path}", params=query, data=form | {"csrf": token} if form else None,
                headers=headers, allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status == 500:
                    faults.append((method, path, query, form))
                if VALIDATOR.search((await answer.read()).decode(errors="replace")):
                    raw.append((method, path, form))
    assert (faults, raw) == ([], [])
