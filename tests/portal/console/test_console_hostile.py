"""Every hostile text as a line of the console's page without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.data.hostile_texts import HOSTILE_TEXTS
from tests.portal.console.conftest import CONSOLE
from tests.support.hostile_pages import intrusions

if TYPE_CHECKING:
    from tests.portal.console.agent import TalkingAgent
    from tests.support.visitor import Visitor


async def test_hostile_lines_are_text(hers: Visitor, agent: TalkingAgent) -> None:
    agent.lines = list(HOSTILE_TEXTS)
    page = await hers.get(f"{CONSOLE}/log")
    assert intrusions(page) == []
    assert "<script>alert(1)</script>" in page.one("pre").get_text()
