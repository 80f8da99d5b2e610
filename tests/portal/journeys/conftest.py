"""The whole platform with its portal, a mailbox, and a real Chromium: once for all journeys through pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.portal.furniture import furnish
from tests.portal.gallery import Stage, set_stage
from tests.portal.operator_states import furnish_operators
from tests.portal.scene import standing
from tests.support.chromium import chromium, driven
from tests.support.platform import Platform
from tests.support.smtp import MailServer, mail_server
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.portal.scene import Scene

SUBNET = "127.98.0.0/16"


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def box() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def platform(box: MailServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """As ``zpack up --billing`` makes it, with mail."""
    home = tmp_path_factory.mktemp("portal") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTP_HOST", "127.0.0.1")
        patch.setenv("SMTP_PORT", str(box.port))
        made = Platform(home, subnet=SUBNET, words=("--billing", "--stripe-port", "0"))
        async with made:
            yield made
    await eventually(lambda: not made.leftovers(), timeout=20, what="an end without leftovers")


@pytest.fixture(scope="package")
def portal(platform: Platform) -> str:
    return platform.said["portal"]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stage(platform: Platform) -> Stage:
    return await set_stage(platform)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        async with driven(address) as running:
            yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A portal in front of everything that can be shown, standing still."""
    async with standing(tmp_path_factory.mktemp("scene")) as made:
        await furnish(made)
        await furnish_operators(made)
        yield made
