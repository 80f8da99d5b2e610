"""axe finds nothing on any page and in any state, dark on a phone and light on a desk; none scrolls sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.gallery import PICTURES, looked_at
from tests.portal.operator_states import OPERATOR_STATES
from tests.portal.states import STATES
from tests.support.axe import comes_along, judged
from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.portal.gallery import Stage
    from tests.portal.scene import Scene

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.parametrize("who", ["nobody", "new", "ann", "admin"])
async def test_axe_finds_nothing(who: str, browser: Browser, portal: str, stage: Stage) -> None:
    found: dict[str, list[str]] = {}
    async with person(browser, portal, who, reduced_motion="reduce") as visitor:
        await comes_along(visitor.context)
        async for name in looked_at(PICTURES, visitor, stage):
            found[name] = await judged(visitor.page)
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("who", ["nobody", "new", "ann", "payer", "admin"])
async def test_axe_finds_nothing_in_any_state(who: str, browser: Browser, scene: Scene) -> None:
    found: dict[str, list[str]] = {}
    async with person(browser, scene.base, who, reduced_motion="reduce") as visitor:
        await comes_along(visitor.context)
        async for name in looked_at(STATES + OPERATOR_STATES, visitor, scene):
            found[name] = await judged(visitor.page)
    assert {name: lines for name, lines in found.items() if lines} == {}
